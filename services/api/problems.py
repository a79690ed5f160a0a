"""What can be wrong with a request, as RFC 9457 problem JSON: a stable `type`, a status, a sentence.

    {"type": "/problems/not-found", "title": "Not found", "status": 404,
     "detail": "There is no loan ABC123.", "request_id": "…",
     "errors": [{"where": "body.amount", "what": "…"}]}

A handler raises `KIND.of("sentence")`. Programs go by `type`, people read `detail`. A type is never given
another meaning. /problems/<name> is a page that says what it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Kind:
    """A kind of problem. `meaning` is its documentation."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The URI reference that names it."""
        return f"/problems/{self.name}"

    def of(
        self,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> "Problem":
        """One such problem. errors: what is wrong where, for a form with several faults."""
        return Problem(self, detail, errors, headers or {})


class Problem(Exception):
    """A request that is not done. Nothing of it happened: its transaction is rolled back."""

    def __init__(
        self, kind: Kind, detail: str, errors: Sequence[Mapping[str, str]], headers: Mapping[str, str]
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers


MALFORMED = Kind("malformed", 400, "Malformed request", "The body is no JSON, or not of the stated type.")
UNKNOWN_CALLER = Kind("unknown-caller", 401, "Who are you?", "No valid token or API key came with it.")
FORBIDDEN = Kind("forbidden", 403, "Not allowed", "The caller's role or key does not allow this.")
NEW_PASSWORD = Kind("new-password", 403, "Choose a password", "Somebody else set it; change it first.")
NOT_FROM_HERE = Kind("not-from-here", 403, "Not from this page", "A cookie came without its CSRF token.")
NOT_FOUND = Kind("not-found", 404, "Not found", "There is no such thing.")
WRONG_METHOD = Kind("wrong-method", 405, "Wrong method", "Allow says what may be asked here.")
SLOW = Kind("slow", 408, "Too slow", "The body did not arrive in time.")
CONFLICT = Kind("conflict", 409, "Not now", "The state of the thing does not allow this now.")
SAME_PERSON = Kind("same-person", 409, "Somebody else must", "Who proposed something may not decide it.")
IN_PROGRESS = Kind("in-progress", 409, "Being done", "A request with this Idempotency-Key is being done.")
TOO_LARGE = Kind("too-large", 413, "Too large", "The body is larger than the server reads.")
WRONG_TYPE = Kind("wrong-type", 415, "Wrong content type", "The body must be application/json.")
INVALID = Kind("invalid", 422, "Not valid", "The request was read, and a value in it is not allowed.")
KEY_REUSED = Kind("key-reused", 422, "Key used before", "The Idempotency-Key came with another request.")
TOO_MANY = Kind("too-many", 429, "Too many requests", "Wait as long as Retry-After says.")
BROKEN = Kind("broken", 500, "Our fault", "Something went wrong on our side; ask with the request id.")
AWAY = Kind("away", 503, "Away", "A part the answer needs does not answer just now. Try again.")

KINDS = (
    MALFORMED, UNKNOWN_CALLER, FORBIDDEN, NEW_PASSWORD, NOT_FROM_HERE, NOT_FOUND, WRONG_METHOD, SLOW,
    CONFLICT, SAME_PERSON, IN_PROGRESS, TOO_LARGE, WRONG_TYPE, INVALID, KEY_REUSED, TOO_MANY, BROKEN, AWAY,
)  # fmt: skip
