"""One version of one service's menus: a folder's content, checked and compiled."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core_ext.program import Program
from ussd_engine.errors import MenuError
from ussd_engine.menu import check_sources, compile_expression, compile_model, render
from ussd_engine.numbers import msisdn_of
from ussd_engine.plugin import Service, service_named

_COUNTRY = "KE"  # where a number typed without a country code is from


@dataclass(slots=True, frozen=True)
class Bundle:
    """One version of one service's menus, compiled. ttl_s: how long Redis keeps a session of it."""

    name: str
    service: str
    codes: tuple[str, ...]
    sources: Mapping[str, str]
    program: Program
    plugin: Service
    data: Any
    resume: str
    resume_for_s: int
    ttl_s: int


@dataclass(slots=True, frozen=True)
class Version:
    """A row of `ussd versions`: a bundle, when it was published, and sessions still on it."""

    name: str
    published_at: str
    published_by: str
    note: str
    live: bool
    sessions: int


@dataclass(slots=True, frozen=True)
class Change:
    """A publication that was decided elsewhere: its number, in the order of deciding, and when that was."""

    number: int
    decided_at: datetime


def bundle_name(sources: Mapping[str, str]) -> str:
    """The name of a folder's content: 12 hex digits of its SHA-256."""
    readable = {path: text.encode(errors="backslashreplace").decode() for path, text in sources.items()}
    return hashlib.sha256(orjson.dumps(readable, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def sources_of(stored: bytes | str | None, name: str) -> dict[str, str] | None:
    """What was stored under a name, unless it is not what the name says."""
    try:
        sources = orjson.loads(stored or b"null")
    except orjson.JSONDecodeError:
        return None
    texts = isinstance(sources, dict) and all(isinstance(text, str) for text in sources.values())
    return sources if texts and bundle_name(sources) == name else None


def build(sources: Mapping[str, str], plugin: Service | None = None) -> Bundle:
    """Check and compile a folder's content. plugin: its service; None: the installed one of its name.

    Raises MenuError with the rendered findings.
    """
    checked = check_sources(sources, plugin)
    if checked.model is None or not checked.ok:
        errors = [finding for finding in checked.findings if finding.severity == "error"]
        raise MenuError("\n\n".join(render(finding, sources) for finding in errors))
    plugin = plugin or service_named(checked.model.service)
    tables = compile_model(checked.model, plugin)
    keep_s = tables["resume_for_s"] if tables["resume"] != "start" else 0
    return Bundle(
        bundle_name(sources),
        tables["service"],
        tuple(tables["codes"]),
        dict(sources),
        Program(tables, compile_expression, _typed_phone),
        plugin,
        checked.data,
        tables["resume"],
        tables["resume_for_s"],
        max(tables["timeout_s"], keep_s),
    )


def _typed_phone(text: str) -> str | None:
    return msisdn_of(text, _COUNTRY)
