"""Operations: what the API can be asked, as data. The router, the OpenAPI document, the authorisation
matrix, the rate limits and the client are all made from this table, so that none can forget one.

    routes = Routes("Loans")

    @routes.post("/loans/{loan_id}/approve", may=Permission.LOANS_DECIDE, problems=(NOT_FOUND, CONFLICT))
    async def approve_loan(call: Change, loan_id: int, body: Decision) -> LoanOut:
        '''Approve a loan that waits for a decision.

        The rest of the docstring is the description.'''

A handler's parameters, by name: `call`, then those of the path (int, str or date), `query` (a pydantic
model of the query string), `body` (a pydantic model of the JSON body). It returns a pydantic model, a
`Stream`, or None (204). What may go wrong beyond the usual is named in `problems`; the usual (401, 403, 422,
429, 500 …) is added where it can happen.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel

from services.api.permissions import Permission
from services.api.problems import Kind

BASE = "/api/v1"

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)


class Limit(StrEnum):
    """Classes of rate limits; how many a minute is a setting each."""

    READ = "read"
    LIST = "list"  # the lists of the admin
    EXPORT = "export"
    CHANGE = "change"
    LOGIN = "login"
    PAGE = "page"  # what the admin page reads, several for each page


@dataclass(slots=True, frozen=True)
class Operation:
    """One thing that can be asked. path is below BASE."""

    method: Method
    path: str
    name: str
    tag: str
    summary: str
    description: str
    handler: Handler
    may: Permission | None  # None: everybody, without saying who they are
    limit: Limit
    status: int
    path_types: dict[str, type]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    problems: tuple[Kind, ...]
    streams: tuple[str, ...]  # content types it may answer beside JSON
    changes: bool  # runs in a transaction with audit and Idempotency-Key

    @property
    def url(self) -> str:
        """The whole path, with its parameters in braces."""
        return BASE + self.path


@dataclass(slots=True)
class Routes:
    """The operations of one room, under one heading of the documentation."""

    tag: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, **declared: Any) -> Callable[[H], H]:
        """An operation that changes nothing."""
        return self._declare("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[H], H]:
        """An operation that changes something, once for an Idempotency-Key."""
        return self._declare("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Sets something; twice is as once."""
        return self._declare("PUT", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Changes part of something."""
        return self._declare("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Ends something."""
        return self._declare("DELETE", path, **declared)

    def _declare(
        self,
        method: Method,
        path: str,
        *,
        may: Permission | None,
        limit: Limit | None = None,
        status: int | None = None,
        problems: Sequence[Kind] = (),
        streams: Sequence[str] = (),
        changes: bool | None = None,
    ) -> Callable[[H], H]:
        def take(handler: H) -> H:
            hints = get_type_hints(handler)
            answer = hints["return"]
            answer = next((held for held in getattr(answer, "__args__", (answer,)) if _is_model(held)), None)
            summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
            changing = method != "GET" if changes is None else changes
            in_path = [part[1:-1] for part in path.split("/") if part.startswith("{")]
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    name=handler.__name__,
                    tag=self.tag,
                    summary=summary.rstrip("."),
                    description=description.strip(),
                    handler=handler,
                    may=may,
                    limit=limit or (Limit.CHANGE if changing else Limit.READ),
                    status=status or (204 if answer is None and not streams else 200),
                    path_types={name: hints[name] for name in in_path},
                    query=hints.get("query"),
                    body=hints.get("body"),
                    answer=answer,
                    problems=tuple(problems),
                    streams=tuple(streams),
                    changes=changing,
                )
            )
            return handler

        return take


def _is_model(held: Any) -> bool:
    return isinstance(held, type) and issubclass(held, BaseModel)
