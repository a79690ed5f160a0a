"""What can go wrong with a request, as exceptions.

ClientError
├── Unreachable       no answer came, however often it was tried: what was asked may have been done
└── Refused           the API said no: `type`, `detail`, `errors`, `request_id`
    ├── Unknown       401: no token or key, or not a good one (any more)
    ├── NotAllowed    403
    ├── NotThere      404
    ├── NotNow        409: the state of the thing, a second person, a request with that key under way
    ├── NotValid      422
    ├── TooOften      429: `retry_after_s` says how long to wait
    └── ServerFault   5xx
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ClientError(Exception):
    """Anything of this client's."""


class Unreachable(ClientError):
    """The API does not answer. A change may have been done: ask again under the same Idempotency-Key."""


class Refused(ClientError):
    """A problem (RFC 9457). Programs go by `type`, such as `/problems/not-found`."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_s: float | None) -> None:
        self.status = status
        self.type: str = problem.get("type", "about:blank")
        self.title: str = problem.get("title", "")
        self.detail: str = problem.get("detail", "")
        self.request_id: str = problem.get("request_id", "")
        self.errors: Sequence[Mapping[str, str]] = problem.get("errors", ())
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.type}: {self.detail}")


class Unknown(Refused):
    """Nothing proves who asks."""


class NotAllowed(Refused):
    """The caller's role or key does not allow this."""


class NotThere(Refused):
    """There is no such thing."""


class NotNow(Refused):
    """What is there does not allow this now."""


class NotValid(Refused):
    """A value in the request is not allowed: `errors` says which."""


class TooOften(Refused):
    """Wait as long as `retry_after_s` says."""


class ServerFault(Refused):
    """Not the caller's fault."""


_BY_STATUS: dict[int, type[Refused]] = {
    401: Unknown,
    403: NotAllowed,
    404: NotThere,
    409: NotNow,
    422: NotValid,
    429: TooOften,
}


def refusal(status: int, problem: Mapping[str, Any], retry_after_s: float | None) -> Refused:
    """The exception for an answer."""
    kind = ServerFault if status >= 500 else _BY_STATUS.get(status, Refused)
    return kind(status, problem, retry_after_s)
