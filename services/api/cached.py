"""For handlers: an answer that is read often, kept for a minute (services/api/cache.py).

    @routes.get("/loans/{loan_id}", may=Permission.LOANS_READ, problems=(NOT_FOUND,))
    async def loan(call: Read, loan_id: int) -> LoanOut:
        tags = [f"loan:{loan_id}"]
        return await cached(call, ("loan", loan_id), tags, LoanOut, lambda: _read(call, loan_id))

What is kept is the same for everybody who may ask. If it is not (a number that only some may see whole),
what makes the difference belongs in the key. Only reads are kept: inside a Change, read from its connection.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

from pydantic import BaseModel

from services.api.cache import TTL_S
from services.api.calls import Change, Read

M = TypeVar("M", bound=BaseModel)
KeyPart = str | int | bool | date | datetime | BaseModel | None


async def cached(
    call: Read,
    key: Sequence[KeyPart],
    tags: Sequence[str],
    model: type[M],
    make: Callable[[], Awaitable[M]],
    ttl_s: int = TTL_S,
) -> M:
    """The answer that is kept, or the one that `make` makes. key: the operation's name and all that its
    answer depends on, such as its `query`. tags: of all that it tells. Raises what `make` raises."""
    assert not isinstance(call, Change), "a change reads what it is about to change"
    if call.desk.cache is None:
        return await make()
    found: M = await call.desk.cache.get_or_make(named(key), tags, make, ttl_s, model)
    return found


def named(key: Sequence[KeyPart]) -> str:
    """The parts in one line, unlike for unlike parts."""
    return "\x1f".join(_part(part) for part in key)


def _part(part: KeyPart) -> str:
    return part.model_dump_json() if isinstance(part, BaseModel) else f"{type(part).__name__}:{part}"
