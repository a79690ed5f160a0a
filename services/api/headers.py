"""What every answer under /api/v1 carries, and which other sites' pages may read it (CORS): none, unless
API_CORS_ORIGINS names them. Such a page comes with a token or a key; our cookie is for our own page only.
"""

from collections.abc import Mapping

from services.api.settings import ApiSettings

COMMON = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}

METHODS = "GET, POST, PUT, PATCH, DELETE"
TAKEN = "Authorization, X-API-Key, Content-Type, Idempotency-Key, X-Request-Id"
SHOWN = "X-Request-Id, Idempotency-Replayed, Retry-After, RateLimit, RateLimit-Policy, Content-Disposition"
PREFLIGHT_S = 600


def common(env: str) -> Mapping[str, str]:
    """The headers of every answer."""
    return COMMON if env == "development" else COMMON | HSTS


def cors(settings: ApiSettings, origin: str | None) -> dict[str, str]:
    """The headers that let a page of that origin read the answer, if it may."""
    if not settings.cors_origins:
        return {}
    if origin not in settings.cors_origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": SHOWN,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def preflight(settings: ApiSettings, origin: str | None) -> dict[str, str]:
    """The answer to a browser that asks first; nothing of use for an origin that is not named."""
    allowed = cors(settings, origin)
    if "Access-Control-Allow-Origin" not in allowed:
        return allowed
    return allowed | {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": TAKEN,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
