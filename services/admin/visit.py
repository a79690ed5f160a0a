"""One request of a page: who asks, what they may, and running operations for them.

A page has nothing of its own to read or change with: it runs the operations of the API in this process
(services/api/performing.py), with the same permissions, audit, limits and replies.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel

from services.api import csrf, performing, reading
from services.api.app import operations
from services.api.calls import NOBODY, Identity
from services.api.desk import Desk
from services.api.operation import Limit, Operation
from services.api.performing import Done
from services.api.problems import FORBIDDEN


@cache
def named() -> dict[str, Operation]:
    """Every operation by its name."""
    return {operation.name: operation for operation in operations()}


@dataclass(slots=True)
class Visit:
    """A request on its way."""

    desk: Desk
    request: web.Request
    caller: str
    request_id: str
    who: Identity = NOBODY
    headers: list[tuple[str, str]] = field(default_factory=list)
    login_csrf: str = ""  # of a login that this very request began

    @property
    def csrf(self) -> str:
        """What the forms of this login send along."""
        return self.login_csrf or csrf.token(self.desk.secret, self.who.session_id or 0)

    def may(self, name: str) -> bool:
        """Whether they may run the operation of this name."""
        permission = named()[name].may
        return permission is None or self.who.may(permission)

    def require(self, name: str) -> None:
        """Raise FORBIDDEN unless they may run it."""
        if not self.may(name):
            raise FORBIDDEN.of("Your role does not include this page.")

    async def ask(
        self,
        name: str,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Any:
        """The answer of an operation that reads. query: as a query string would say it. Raises Problem."""
        texts = {key: [held] if isinstance(held, str) else list(held) for key, held in (query or {}).items()}
        operation = named()[name]
        asked = reading.query_of(operation, texts)
        done = await self._perform(operation, path, asked, None, "", Limit.PAGE)
        return done.answer if done.stream is None else done.stream

    async def change(
        self, name: str, path: Mapping[str, Any], body: Mapping[str, Any] | BaseModel | None, key: str
    ) -> Any:
        """Run an operation that changes something, once for a key. Raises Problem."""
        done = await self._perform(named()[name], path, None, body, key, None)
        self.headers += [pair for pair in done.headers if pair[0] == "Set-Cookie"]
        return done.answer

    async def _perform(
        self, operation: Operation, path: Any, query: Any, body: Any, key: str, limit: Limit | None
    ) -> Done:
        return await performing.perform(
            self.desk,
            operation,
            self.who,
            caller=self.caller,
            request_id=self.request_id,
            path=path,
            query=query,
            body=body,
            key=key,
            limit=limit,
        )


def new_key() -> str:
    """An Idempotency-Key for a form: sent twice, it is done once."""
    return secrets.token_hex(16)


def address(path: str, given: Mapping[str, Any]) -> str:
    """A path with a query string of what is given."""
    held = {name: value for name, value in given.items() if value not in (None, "", [])}
    return f"{path}?{urlencode(held, doseq=True)}" if held else path
