"""One caller of the API: who asks, asking again when that is safe, and what comes back as models.

Asked again, with a growing pause: whatever changes nothing; and a change, under the Idempotency-Key it had
the first time, so that it happens once. So an answer that got lost costs a pause and nothing else. Asked
again are requests that got no answer, 429 and 503 (as long as Retry-After says, up to `patience_s`), and 409
of a request that is under way under the same key.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from services.client.errors import (
    ClientError,
    NotNow,
    Refused,
    ServerFault,
    TooOften,
    Unknown,
    Unreachable,
    refusal,
)

M = TypeVar("M", bound=BaseModel)

BASE = "/api/v1"
TRIES = 4
PATIENCE_S = 30.0  # a longer Retry-After is the caller's to wait for
FIRST_PAUSE_S = 0.2
IN_PROGRESS = "/problems/in-progress"


class Caller:
    """Asks as a machine (`key`), as a person (after `log_in`), or as nobody. Use it with `async with`."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        tries: int = TRIES,
        patience_s: float = PATIENCE_S,
        timeout_s: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """url: of the server, without /api/v1. http: another client of httpx, which stays the caller's."""
        self._http = http or httpx.AsyncClient(timeout=timeout_s)
        self._ours = http is None
        self._url = url.rstrip("/")
        self._headers = {"X-API-Key": key} if key else {}
        self._refresh_token = ""
        self._refreshing = asyncio.Lock()
        self._tries = tries
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ours:
            await self._http.aclose()

    # ---- who asks

    async def log_in(self, email: str, password: str) -> None:
        """Be this person from now on, for as long as the login lasts. Raises Unknown."""
        self._headers.pop("Authorization", None)
        await self._take_tokens("/auth/login", {"email": email, "password": password})

    async def _take_tokens(self, path: str, body: Mapping[str, str]) -> None:
        found = (await self._asked("POST", path, json=body, may_repeat=False)).json()
        self._headers["Authorization"] = f"Bearer {found['access_token']}"
        self._refresh_token = found["refresh_token"]

    async def _refreshed(self, used: str | None) -> bool:
        """Have new tokens, unless another call has got some meanwhile; whether there is one to try."""
        async with self._refreshing:
            if self._headers.get("Authorization") != used:
                return True
            if not self._refresh_token:
                return False
            token, self._refresh_token = self._refresh_token, ""  # it is good once
            try:
                await self._take_tokens("/auth/refresh", {"refresh_token": token})
            except Unknown:
                return False
            return True

    # ---- what the generated methods call

    def _key(self, given: str | None) -> str:
        """The caller's own Idempotency-Key, or a new one."""
        return given or str(uuid.uuid4())

    async def _stream(self, path: str, query: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """The bytes of a file, as they come. It is not asked again once the first are here."""
        request = self._http.build_request(
            "GET", self._url + BASE + path, params=_in_query(query), headers=self._headers
        )
        response = await self._sent(lambda: self._http.send(request, stream=True))
        try:
            if response.status_code >= 400:
                await response.aread()
                raise _refusal(response)
            async for chunk in response.aiter_bytes():
                yield chunk
        except httpx.TransportError as error:
            raise Unreachable(f"the file broke off: {error}") from error
        finally:
            await response.aclose()

    # ---- asking

    async def _for(
        self,
        answer: type[M],
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: BaseModel | None = None,
        key: str | None = None,
    ) -> M:
        """Ask, and read the answer."""
        return answer.model_validate_json((await self._ask(method, path, query, body, key)).content)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: BaseModel | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """key: the Idempotency-Key; None for an operation that takes none."""
        content = None if body is None else body.model_dump_json(by_alias=True, exclude_unset=True)
        asked: dict[str, Any] = {"params": _in_query(query), "content": content, "key": key}
        asked["may_repeat"] = method in ("GET", "PUT") or key is not None
        used = self._headers.get("Authorization")
        try:
            return await self._asked(method, path, **asked)
        except Unknown:
            if used is None or not await self._refreshed(used):
                raise
        return await self._asked(method, path, **asked)

    async def _asked(
        self, method: str, path: str, *, may_repeat: bool, key: str | None = None, **parts: Any
    ) -> httpx.Response:
        headers = dict(self._headers)
        if parts.get("content") is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries or not may_repeat
            try:
                response = await self._sent(
                    lambda: self._http.request(method, self._url + BASE + path, headers=headers, **parts)
                )
                if response.status_code < 400:
                    return response
                raise _refusal(response)
            except ClientError as error:
                pause_s = self._pause_s(error, attempt)
                if last or pause_s is None:
                    raise
            await asyncio.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    async def _sent(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        try:
            return await send()
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _pause_s(self, error: ClientError, attempt: int) -> float | None:
        """How long to wait before asking again; None: asking again is no use."""
        pause_s: float = FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
        if isinstance(error, Unreachable):
            return pause_s
        assert isinstance(error, Refused)
        under_way = isinstance(error, NotNow) and error.type == IN_PROGRESS
        away = isinstance(error, ServerFault) and error.status in (502, 503, 504)
        if not (under_way or away or isinstance(error, TooOften)):
            return None
        wanted_s = max(pause_s, error.retry_after_s or 0.0)
        return wanted_s if wanted_s <= self._patience_s else None


def in_path(value: object) -> str:
    """As one part of a path, whatever it holds."""
    return quote(_text(value), safe="")


def _in_query(query: Mapping[str, Any]) -> httpx.QueryParams:
    """What is None is left out; a list is the parameter once for each value."""
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        values = value if isinstance(value, list | tuple) else [value]
        found += [(name, _text(one)) for one in values if one is not None]
    return httpx.QueryParams(tuple(found))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:  # not from the API: something between
        problem = {"detail": response.text[:200]}
    after = response.headers.get("Retry-After", "")
    held = problem if isinstance(problem, dict) else {}
    return refusal(response.status_code, held, float(after) if after.isdecimal() else None)
