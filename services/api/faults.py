"""What the rooms below and PostgreSQL raise, as problems. What is not here is our fault: a 500."""

import asyncpg
import structlog

from services.api.keys import ScopeError
from services.api.people import StaffError
from services.api.problems import AWAY, BROKEN, CONFLICT, INVALID, SAME_PERSON, Kind, Problem
from services.ledger.journals import LedgerError
from services.loans.approvals import ApprovalError, SamePersonError
from services.loans.dayend import BusyError
from services.loans.lifecycle import ForbiddenMoveError
from services.published import NotPublishedError
from ussd_engine.errors import BundleError, MenuError, StoreError
from ussd_engine.pool import FAILURES

log = structlog.get_logger("umoja.api")

AGAIN_S = "2"
# Somebody else was quicker; asking again is safe, for the transaction was rolled back.
RACES = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)

_OUR_FAULT = "Something went wrong on our side. Ask about it with the request id."
_TWO_PEOPLE = "approval_two_people"
# In this order: the first that fits. Their messages are for people.
_SAID: tuple[tuple[type[Exception], Kind], ...] = (
    (SamePersonError, SAME_PERSON),
    (ApprovalError, CONFLICT),
    (ForbiddenMoveError, CONFLICT),
    (LedgerError, CONFLICT),
    (BusyError, CONFLICT),
    (StaffError, CONFLICT),
    (ScopeError, INVALID),
    (MenuError, INVALID),
    (BundleError, CONFLICT),
    (NotPublishedError, AWAY),
)
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    StoreError,
    OSError,
)


def problem_of(error: Exception) -> Problem:
    """The problem to answer with. What is not the caller's doing is logged here."""
    if isinstance(error, Problem):
        return error
    for kind_of_error, kind in _SAID:
        if isinstance(error, kind_of_error):
            return kind.of(str(error) or (type(error).__doc__ or "").strip())
    if isinstance(error, (StoreError, *FAILURES)):
        return _of_a_store(error)
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return BROKEN.of(_OUR_FAULT)


def _of_a_store(error: Exception) -> Problem:
    if isinstance(error, asyncpg.CheckViolationError) and error.constraint_name == _TWO_PEOPLE:
        return SAME_PERSON.of("Whoever proposed this, or made the key that did, may not decide it.")
    if isinstance(error, RACES):
        return AWAY.of("Others are at work on the same thing. Try again.", headers={"Retry-After": AGAIN_S})
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        log.warning("refused_by_the_database", error=type(error).__name__, rule=error.constraint_name,
                    said=str(error))  # fmt: skip
        return CONFLICT.of("What is stored does not allow this now.")
    if isinstance(error, asyncpg.DataError):
        log.error("not_stored", error=type(error).__name__, exc_info=error)
        return INVALID.of("A value in the request cannot be stored.")
    if isinstance(error, _AWAY):
        log.error("away", error=type(error).__name__, exc_info=error)
        return AWAY.of("A part that the answer needs is away. Try again.", headers={"Retry-After": AGAIN_S})
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return BROKEN.of(_OUR_FAULT)
