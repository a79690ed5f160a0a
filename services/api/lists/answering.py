"""The answer to a list: a page, or a file with all of it."""

from typing import Any, TypeVar

from pydantic import BaseModel

from services.api.calls import Read, Stream
from services.api.lists import export
from services.api.lists.listing import Listing
from services.api.lists.pages import Finder, page
from services.api.lists.query import ListQuery
from services.api.operation import Limit
from services.api.problems import AWAY, INVALID

# How every list is declared.
LISTED: dict[str, Any] = {
    "limit": Limit.LIST,
    "problems": (INVALID, AWAY),
    "streams": (export.CSV, export.XLSX),
}

P = TypeVar("P", bound=BaseModel)


async def answer(
    call: Read, listing: Listing, query: ListQuery, model: type[P], finder: Finder | None = None
) -> P | Stream:
    """What `format` asks for."""
    if query.format == "json":
        return await page(call, listing, query, model, finder)
    return await export.file(call, listing, query, finder)
