"""A browser sends our cookie with whatever any page makes it send. So a change that comes by cookie has to
show that it comes from our page: by a token of its login, in X-CSRF-Token, and by where it says it is from.

The token is made from the login and the service's secret, so it needs no storage and ends with the login.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from services.api.problems import NOT_FROM_HERE

HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token(secret: bytes, login_id: int) -> str:
    """What a page of this login sends along."""
    return hmac.digest(secret, f"csrf of login {login_id}".encode(), hashlib.sha256).hex()


def require(secret: bytes, login_id: int, offered: str, headers: Mapping[str, str]) -> None:
    """Raise NOT_FROM_HERE unless a change by cookie comes from a page of ours. offered: the token, from the
    header or a form. headers: of the request."""
    if not from_here(headers):
        raise NOT_FROM_HERE.of("This came from another site's page.")
    shown = offered.encode(errors="replace")  # a header may hold what is no text
    if not hmac.compare_digest(shown, token(secret, login_id).encode()):
        raise NOT_FROM_HERE.of(f"A change by cookie needs this login's token in {HEADER}.")


def from_here(headers: Mapping[str, str]) -> bool:
    """Whether a page of ours sent this: Origin, when it is there, is the host that was asked. A proxy may
    have taken TLS off."""
    origin = headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == headers.get("Host", "").lower() != ""
    return headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
