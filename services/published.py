"""What is published now, for those who work beside the dialogs: terms and the words of messages.

A dialog is handed the terms of its own bundle; a message or a day's end takes those on sale.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from services import documents
from services.loans import terms as terms_files
from services.loans.terms import Terms
from services.sms import texts as texts_files
from services.sms.texts import Texts

SERVICE = "umoja"

NAME = """
select bundle
from bundle_publication
where service = $1
order by id desc
limit 1
"""

SOURCES = """
select sources::text
from bundle
where name = $1
"""


class NotPublishedError(Exception):
    """Nothing is published that could be used, or it has no sms.yaml. Run: ussd publish"""


@dataclass(slots=True, frozen=True)
class Live:
    """The published bundle's name, its terms and its texts."""

    bundle: str
    terms: Terms
    texts: Texts


_read: dict[str, Live] = {}  # the one read last; a process works with one at a time


async def live(connection: Any) -> Live:
    """What is live. Raises NotPublishedError."""
    name = await connection.fetchval(NAME, SERVICE)
    if name not in _read:
        found = _understood(name, await connection.fetchval(SOURCES, name))
        _read.clear()
        _read[name] = found
    return _read[name]


def _understood(name: str | None, stored: str | None) -> Live:
    if name is None or stored is None:
        raise NotPublishedError(NotPublishedError.__doc__)
    sources = orjson.loads(stored)
    terms, _ = terms_files.read(sources)
    texts, _ = texts_files.read(sources, documents.menus(sources))
    if terms is None or texts is None:
        raise NotPublishedError(NotPublishedError.__doc__)
    return Live(name, terms, texts)
