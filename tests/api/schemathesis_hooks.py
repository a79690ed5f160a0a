"""What schemathesis cannot know by itself: who is let in to what. Loaded by its configuration.

STAFF_MAY  the permissions of whoever asks in this run, by commas; nobody has none
"""

import os
import re
from urllib.parse import urlsplit

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.openapi.checks import AllowHeaderMismatch

MAY = frozenset(filter(None, os.environ["STAFF_MAY"].split(",")))


@schemathesis.check
def nobody_gets_what_they_may_not(ctx: CheckContext, response: Response, case: Case) -> None:
    """Whoever lacks the operation's permission is not answered, whatever they send along."""
    permission = case.operation.definition.raw.get("x-permission")
    if permission is not None and permission not in MAY:
        assert response.status_code >= 400, f"{permission} is not among what they may"
    if response.status_code == 403 and permission in MAY:
        kind = response.json()["type"]
        assert kind != "/problems/new-password", kind


@schemathesis.check
def a_refusal_says_nothing_of_the_inside(ctx: CheckContext, response: Response, case: Case) -> None:
    """No traceback, no SQL, no path of ours in what a refusal says."""
    if response.status_code >= 400:
        said = response.text
        for word in ("Traceback", "asyncpg", "site-packages", "select ", "insert into", "/services/"):
            assert word not in said, word


@schemathesis.hook
def filter_failure(context: HookContext, failure: Exception, case: Case, response: Response) -> bool:
    """Two things that schemathesis cannot know.

    A request line or header of more than 8 KB is no request of the API yet: aiohttp answers it with 400 and
    words, before anything of ours has seen it. And `/menus/check` is also a `/menus/{version}`: so Allow has
    the methods of both."""
    if isinstance(failure, AllowHeaderMismatch):
        there = {method.strip() for method in response.headers["allow"][0].split(",")}
        return there != _methods_at(case)
    unread = response.status_code == 400 and "x-request-id" not in response.headers
    return not (unread and len(response.request.url or "") + len(str(response.request.headers)) > 8000)


def _methods_at(case: Case) -> set[str]:
    """Of every path of the document that this path fits."""
    found: set[str] = set()
    path = urlsplit(case.as_transport_kwargs(base_url="http://here")["url"]).path
    for template, methods in case.operation.schema.raw_schema["paths"].items():
        if re.fullmatch(re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(template)), path):
            found |= {method.upper() for method in methods}
    return found
