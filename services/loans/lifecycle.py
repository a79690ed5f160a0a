"""The life of a loan: which moves there are, from where to where.

    applied ─approve→ approved ─send→ disbursing ─pay_out→ active ─repay→ repaid
       │                 │                │                 │  ↑
     reject            cancel            fail         fall_due roll_over      (active rolls over too)
       ↓                 ↓                ↓                 ↓  │
    rejected         cancelled          failed             overdue ─repay→ repaid
                                          │                 │   └─write_off→ written_off
                                     pay_out_late    stop_performing
                                          ↓                 ↓
                                        active      non_performing ─repay→ repaid
                                                            │
                                                        write_off
                                                            ↓
                                                       written_off ─recover→ recovered

    A payment that is taken off again reopens: repaid → active, recovered → written_off

One Machine serves all loans: a loan is a row, and its state is the row's. MOVES is the only place to
change; the table loan_move in the database holds the same and refuses the rest by a trigger.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transitions import Machine, MachineError

from services import clock

MOVES: tuple[tuple[str, str, str], ...] = (
    ("applied", "approve", "approved"),
    ("applied", "reject", "rejected"),
    ("approved", "cancel", "cancelled"),
    ("approved", "send", "disbursing"),
    ("disbursing", "pay_out", "active"),
    ("disbursing", "fail", "failed"),
    ("failed", "pay_out_late", "active"),
    ("active", "fall_due", "overdue"),
    ("active", "repay", "repaid"),
    ("active", "roll_over", "active"),
    ("overdue", "repay", "repaid"),
    ("overdue", "roll_over", "active"),
    ("overdue", "stop_performing", "non_performing"),
    ("overdue", "write_off", "written_off"),
    ("non_performing", "repay", "repaid"),
    ("non_performing", "write_off", "written_off"),
    ("written_off", "recover", "recovered"),
    ("repaid", "reopen", "active"),  # a payment was taken off it again: services/loans/undoing.py
    ("recovered", "reopen", "written_off"),
)
STATES = tuple(dict.fromkeys(state for source, _, target in MOVES for state in (source, target)))

OPEN = ("applied", "approved", "disbursing", "active", "overdue", "non_performing")  # one a borrower
LENT = ("active", "overdue", "non_performing")  # the money is with the borrower: the portfolio
PAYABLE = (*LENT, "written_off")  # may be paid back

UPDATE_STATE = """
update loan
set state = $3,
    closed_at = case when $3 = any($4::text[]) then null else coalesce(closed_at, $5) end
where id = $1
and state = $2
returning id
"""

WRITE_EVENT = """
insert into loan_event (loan_id, move, from_state, to_state, actor)
values ($1, $2, $3, $4, $5)
"""

# It logs every callback of every move at INFO; what a loan did is in loan_event.
logging.getLogger("transitions").setLevel(logging.WARNING)


class ForbiddenMoveError(Exception):
    """The loan is not in a state from which it may do this."""


@dataclass(slots=True)
class _Row:
    state: str


_MACHINE = Machine(
    model=None,
    states=list(STATES),
    initial="applied",
    transitions=[{"source": source, "trigger": move, "dest": target} for source, move, target in MOVES],
    auto_transitions=False,
)


def after(state: str, move: str) -> str:
    """The state that a loan in `state` comes to by `move`. Raises ForbiddenMoveError."""
    event = _MACHINE.events.get(move)
    row = _Row(state)
    try:
        if event is None or not event.trigger(row):
            raise ForbiddenMoveError(f"a loan cannot {move}")
    except MachineError as error:
        raise ForbiddenMoveError(f"a loan that is {state} cannot {move}") from error
    return row.state


async def make(
    connection: Any, loan_id: int, state: str, move: str, actor: str, at: datetime | None = None
) -> str:
    """Move a loan, and write the event, inside the caller's transaction. Gives the new state.

    `state` is where the caller saw it; should it have moved on since, ForbiddenMoveError. `at` is when
    it happened, if not now: a loan counts as paid back when the money came.
    """
    new_state = after(state, move)
    still_open = [*OPEN, "written_off"]
    moved = await connection.fetchval(UPDATE_STATE, loan_id, state, new_state, still_open, at or clock.now())
    if moved is None:
        raise ForbiddenMoveError(f"loan {loan_id} is no longer {state} and cannot {move}")
    await connection.execute(WRITE_EVENT, loan_id, move, state, new_state, actor)
    return new_state
