"""Logs: one JSON object a line, and nothing in it that a log must not hold.

Whatever is logged passes `redact`: values under a sensitive name are dropped, phone numbers inside any
text are masked, long texts are cut. So a line that is careless is still harmless. A PIN has no shape to
be recognised by: what a phone typed is therefore never logged at all, under any name (`text`, `input`).
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from ussd_engine.settings import Settings

# What a phone typed, what we told it, and what proves who somebody is.
SENSITIVE = frozenset({
    "pin", "pins", "password", "secret", "secrets", "token", "authorization", "cookie", "api_key",
    "apikey", "consumer_key", "consumer_secret", "passkey", "security_credential",
    "text", "input", "inputs", "body", "query", "query_string", "lastappresponse", "reply", "screen",
    "headers", "form", "national_id", "args", "arguments", "secret_values",
})  # fmt: skip
DROPPED = "[dropped]"
MAX_TEXT = 4000
MAX_DEPTH = 4

# Nine to fifteen digits in a row, with or without a plus: an MSISDN or something as private.
_NUMBER = re.compile(r"(?<![\dA-Za-z_])\+?\d{9,15}(?![\dA-Za-z_])")
# PostgreSQL quotes the row it refused in an error's detail: names, national ids, hashes.
_DETAIL = re.compile(r"DETAIL:.*")


_shown = [4, 3]  # digits of a number that stay, at its beginning and at its end: MASK_FIRST, MASK_LAST


def mask(msisdn: str) -> str:
    """An MSISDN for people to recognise and nobody to dial: 2547***126."""
    digits = msisdn.lstrip("+")
    if len(digits) < 9:
        return "***"
    first, last = _shown
    return f"{digits[:first]}***{digits[len(digits) - last :]}"


def show_of_numbers(first: int, last: int) -> None:
    """How much of a phone number people may see in this process: so many digits at each end."""
    _shown[:] = first, last


def redact(_logger: Any, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Drop sensitive values and mask numbers in a log line; a structlog processor."""
    return {name: DROPPED if name.lower() in SENSITIVE else _clean(value, 0) for name, value in event.items()}


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _clean_text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**9 else mask(str(value))
    if depth >= MAX_DEPTH:
        return DROPPED
    if isinstance(value, Mapping):
        return {
            str(name): DROPPED if str(name).lower() in SENSITIVE else _clean(held, depth + 1)
            for name, held in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        value = [_clean(held, depth + 1) for held in value]
    return value if isinstance(value, list) else _clean_text(str(value))


def _clean_text(text: str) -> str:
    if len(text) > MAX_TEXT:  # a traceback says what happened at its end
        text = f"{text[: MAX_TEXT // 4]} … {text[-3 * MAX_TEXT // 4 :]}"
    return _NUMBER.sub(_masked, _DETAIL.sub(f"DETAIL: {DROPPED}", text))


def _masked(found: re.Match[str]) -> str:
    return mask(found[0])


def _render(_logger: Any, _method: str, event: Mapping[str, Any]) -> str:
    return orjson.dumps(event, default=str).decode()


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
]


class _OurHandler(logging.StreamHandler[Any]):
    """This module's: a second call replaces it. It writes to what is standard error at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def setup_logging(settings: "Settings") -> None:
    """As `write_as_json`, from the level that is set on; numbers are masked as they are set to be."""
    show_of_numbers(settings.mask_first, settings.mask_last)
    write_as_json(settings.log_level)


def write_as_json(level: str = "warning") -> None:
    """Send structlog and the standard library's logging to standard error, as JSON, redacted."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _OurHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _OurHandler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module. Bind ids to it; never what a phone typed."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
