"""Somebody at the admin page, without a browser: their cookie, the forms they see, and sending one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.api.conftest import PASSWORD, Api


@dataclass
class Form:
    """A form: where it goes, and its fields as they stand."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Seen:
    """A page: its status, its HTML, its text without tags, its forms."""

    status: int
    html: str
    url: str
    text: str = ""
    forms: list[Form] = field(default_factory=list)

    def form(self, action: str, **held: str) -> Form:
        """The one form that goes there and holds these fields."""
        (found,) = [
            each
            for each in self.forms
            if each.action == action
            and all(each.fields.get(name.replace("__", ".")) == [text] for name, text in held.items())
        ]
        return found

    def goes_to(self, action: str) -> bool:
        """Whether any form goes there."""
        return any(each.action == action for each in self.forms)


class _Reader(HTMLParser):
    """Reads forms as a browser does: what is not ticked is not sent."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._select = ""
        self._area: str | None = None
        self._inside = False

    def _put(self, name: str, text: str) -> None:
        if name and self._inside:
            self.forms[-1].fields.setdefault(name, []).append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: text or "" for name, text in attrs}
        name = held.get("name", "")
        if tag == "form":
            self.forms.append(Form(held.get("action", ""), held.get("method", "get")))
            self._inside = True
        elif tag == "input" and (held.get("type") != "checkbox" or "checked" in held):
            self._put(name, held.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self._put(name, "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and self._inside:
            chosen = self.forms[-1].fields
            if self._select not in chosen or "selected" in held:
                chosen[self._select] = [held.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._area is not None:
            if self._inside:  # a browser drops the first line break, and sends CR LF
                held = self.forms[-1].fields[self._area]
                held[-1] = held[-1].removeprefix("\n").replace("\n", "\r\n")
            self._area = None
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._inside:
            self.forms[-1].fields[self._area][-1] += data
        self.words.append(data)


@dataclass
class Visitor:
    """One of the staff, logged in."""

    http: httpx.AsyncClient

    async def get(self, path: str) -> Seen:
        """A page below /admin."""
        return _seen(await self.http.get(f"/admin{path}"))

    async def send(self, form: Form, to: str = "", **typed: str) -> Seen:
        """Fill in a form (`__` for a dot in a field's name), send it, and follow where it leads. to: of the
        button that was pressed."""
        changed = {name.replace("__", "."): text for name, text in typed.items()}
        return await self.post(to or form.action, {**form.fields, **changed})

    async def post(self, path: str, fields: Mapping[str, Any]) -> Seen:
        """Send fields to a path."""
        return _seen(await self.http.post(path, data=dict(fields)))


async def visitor(api: Api, role: str, name: str = "") -> Visitor:
    """Log in at the page as somebody new of that role; the API's fixture closes what they use."""
    email = f"{name or role}@page.example"
    await api.person(email, role)
    http = httpx.AsyncClient(base_url=api.url, timeout=30, follow_redirects=True, verify=False)
    api.clients[email] = http
    answer = await http.post("/admin/login", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    cookies = {cookie.name: cookie.value or "" for cookie in http.cookies.jar}
    assert cookies, answer.text
    return Visitor(http)


def _seen(answer: httpx.Response) -> Seen:
    reader = _Reader()
    reader.feed(answer.text)
    text = " ".join(" ".join(reader.words).split())
    return Seen(answer.status_code, answer.text, str(answer.url), text, reader.forms)
