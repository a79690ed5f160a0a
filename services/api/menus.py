"""Menu versions: what is live, what is in each, checking new content, and having it published by two people.

Who approves publishes nothing by hand: a worker does within moments of the decision, and all servers follow
(services/menu_changes.py). When a version has to go back at once and nobody is there to agree, whoever is on
the server does it alone with `ussd rollback`; the publication says so.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from services import menu_changes
from services.api.calls import Change, Read, Stream
from services.api.changing import proposal
from services.api.deciding import PROBLEMS, decide
from services.api.lists import export
from services.api.lists.answering import LISTED
from services.api.lists.listing import Column
from services.api.lists.query import Format
from services.api.loan_models import Asked, Decided, Decision, Reason
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, INVALID, NOT_FOUND
from services.published import SERVICE
from ussd_engine.bundle import bundle_name
from ussd_engine.menu import check_sources
from ussd_engine.menu.findings import Finding

routes = Routes("Menus")

MOST_FILES = 100
MOST_CHARACTERS = 500_000
MOST_FINDINGS = 200

WAITING = """
select approval.id, approval.kind, approval.details ->> 'bundle' as bundle, approval.reason,
    approval.proposed_by, approval.proposed_at
from approval
where state = 'proposed'
and kind = any($1)
and details ->> 'service' = $2
order by id
limit 50
"""

CHANGE_OF = """
select state, problem
from menu_change
where approval_id = $1
"""

Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")]
Version = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$", examples=["3f0a1b2c4d5e"])]


class Of(Asked):
    """Of which service."""

    service: Annotated[str, Field(max_length=40, pattern=r"^\w+$", examples=["umoja"])] = SERVICE


class Which(Of):
    """Of which service, and how."""

    format: Annotated[Format, Field(description="`csv` or `xlsx`: a file of its versions.")] = "json"


class MenuVersion(BaseModel):
    """A publication. A version that was live twice is here twice."""

    version: str
    published_at: str
    published_by: str
    note: str
    live: bool
    sessions: Annotated[int, Field(description="Dialogs still on it.")]


class MenuWaiting(BaseModel):
    """A proposal that waits for a decision."""

    approval_id: int
    kind: Literal["menu_publish", "menu_rollback"]
    version: str
    reason: str
    proposed_by: str
    proposed_at: datetime


class Menus(BaseModel):
    """The versions of a service, the newest first, and what is proposed."""

    service: str
    live: str | None
    versions: list[MenuVersion]
    waiting: list[MenuWaiting]


class MenuFile(BaseModel):
    """One file of a version."""

    path: str
    text: str


class MenuFiles(BaseModel):
    """A version in full, as it was written."""

    version: str
    live: bool
    files: list[MenuFile]


class MenuSources(Asked):
    """The files of a menu folder: path in the folder → text. service.yaml is one of them."""

    sources: Annotated[
        dict[Path, str],
        Field(min_length=1, max_length=MOST_FILES, examples=[{"service.yaml": "service: umoja\n"}]),
    ]

    @model_validator(mode="after")
    def fits(self) -> "MenuSources":
        """All files together are not too long, and no path leads elsewhere."""
        if sum(map(len, self.sources.values())) > MOST_CHARACTERS:
            raise ValueError(f"all files together have at most {MOST_CHARACTERS:,} characters")
        if any(part in ("", ".", "..") for path in self.sources for part in path.split("/")):
            raise ValueError("a path names a file inside the folder")
        return self


class MenuProposal(MenuSources):
    """Content to publish, and what it changes."""

    note: Reason


class MenuRollback(Of):
    """An older version to go back to, and why."""

    version: Version
    note: Reason


class MenuFinding(BaseModel):
    """One fault. line and column count from 1."""

    file: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    message: str
    hint: str
    code: str


class MenuChecked(BaseModel):
    """What `ussd check` says of the content. ok: it may be published."""

    ok: bool
    version: Annotated[str, Field(description="The name it would have.")]
    service: str | None
    findings: list[MenuFinding]


class MenuProposed(BaseModel):
    """It waits for somebody else's decision. live: what is live now, and must be when it is decided."""

    approval_id: int
    service: str
    version: str
    live: str | None


class MenuDecided(BaseModel):
    """The decision, and how far its publication has come."""

    decision: Decided
    state: Annotated[
        Literal["waiting", "published", "superseded", "failed", "rejected"],
        Field(description="waiting: a worker publishes it in a moment. GET /admin/menus shows it then."),
    ]
    problem: str


SHEET = export.Sheet(
    "menus",
    (
        Column("version", "version"),
        Column("published", "published_at"),
        Column("published_by", "published_by"),
        Column("note", "note"),
        Column("live", "live"),
        Column("sessions", "sessions", "number"),
    ),
)


@routes.get("/admin/menus", may=Permission.MENUS_READ, **LISTED)
async def list_menus(call: Read, query: Which) -> Menus | Stream:
    """The versions of a service, which one is live, how many dialogs are on each, and what is proposed.

    A dialog ends on the version it began with."""
    if query.format != "json":
        return await export.file_of(call, SHEET, query, query.format, _rows(call, query.service))
    async with call.pool.acquire() as connection:
        live = await menu_changes.live_of(connection, query.service)
        waiting = await connection.fetch(WAITING, list(menu_changes.KINDS), query.service)
    return Menus(
        service=query.service,
        live=live,
        versions=await _versions(call, query.service),
        waiting=[MenuWaiting(approval_id=row["id"], version=row["bundle"], **_kept(row)) for row in waiting],
    )


async def _versions(call: Read, service: str) -> list[MenuVersion]:
    return [
        MenuVersion(
            version=each.name,
            published_at=each.published_at,
            published_by=each.published_by,
            note=each.note,
            live=each.live,
            sessions=each.sessions,
        )
        for each in await call.desk.bundles.versions(service)
    ]


async def _rows(call: Read, service: str) -> export.Rows:
    yield [version.model_dump() for version in await _versions(call, service)]


@routes.get("/admin/menus/{version}", may=Permission.MENUS_READ, problems=(NOT_FOUND,))
async def read_menus(call: Read, version: str) -> MenuFiles:
    """The files of a version: one that was published, or one that is proposed."""
    async with call.pool.acquire() as connection:
        sources = await menu_changes.sources(connection, version)
        if sources is None:
            raise NOT_FOUND.of(f"There is no version {version}.")
        service = await connection.fetchval("select service from bundle where name = $1", version)
        is_live = await menu_changes.live_of(connection, service) == version
    files = [MenuFile(path=path, text=text) for path, text in sorted(sources.items())]
    return MenuFiles(version=version, live=is_live, files=files)


@routes.post("/admin/menus/check", may=Permission.MENUS_READ, changes=False)
async def check_menus(call: Read, body: MenuSources) -> MenuChecked:  # noqa: ARG001
    """Check content, and keep nothing of it: every fault with its file, line and column."""
    return await _checked(body)


@routes.post("/admin/menus", may=Permission.MENUS_PROPOSE, problems=(CONFLICT, INVALID))
async def propose_menus(call: Change, body: MenuProposal) -> MenuProposed:
    """Propose content to be published. It is checked first, and refused with what is wrong.

    It is for the menus that are live now: when others are published before it is decided, propose it
    again."""
    checked = await _checked(body)
    if not checked.ok or checked.service is None:
        faults = [_fault(each) for each in checked.findings if each.severity == "error"]
        raise INVALID.of("These menus cannot be published as they are.", faults[:MOST_FINDINGS])
    made = await menu_changes.propose(
        call.connection, checked.service, body.sources, call.who.name, body.note
    )
    await proposal(call, made.approval_id)
    return _proposed(made)


@routes.post("/admin/menus/rollback", may=Permission.MENUS_PROPOSE, problems=(CONFLICT,))
async def propose_rollback(call: Change, body: MenuRollback) -> MenuProposed:
    """Propose to make an older version live again.

    In an emergency, whoever is on the server does it at once: `ussd rollback umoja VERSION`."""
    made = await menu_changes.propose_rollback(
        call.connection, body.service, body.version, call.who.name, body.note
    )
    await proposal(call, made.approval_id)
    return _proposed(made)


@routes.post("/admin/menus/changes/{approval_id}/approve", may=Permission.MENUS_DECIDE, problems=PROBLEMS)
async def approve_menus(call: Change, approval_id: int, body: Decision) -> MenuDecided:
    """Approve menus that somebody else proposed. A worker publishes them in a moment."""
    return await _decided(call, approval_id, "approved", body.note)


@routes.post("/admin/menus/changes/{approval_id}/reject", may=Permission.MENUS_DECIDE, problems=PROBLEMS)
async def reject_menus(call: Change, approval_id: int, body: Decision) -> MenuDecided:
    """Reject menus that somebody else proposed."""
    return await _decided(call, approval_id, "rejected", body.note)


async def _decided(
    call: Change, approval_id: int, state: Literal["approved", "rejected"], note: str
) -> MenuDecided:
    decision = await decide(call, approval_id, state, note, menu_changes.KINDS)
    call.forget("menus")
    row = await call.connection.fetchrow(CHANGE_OF, approval_id)
    if row is None:
        return MenuDecided(decision=decision, state="rejected", problem="")
    return MenuDecided(decision=decision, state=row["state"], problem=row["problem"])


async def _checked(body: MenuSources) -> MenuChecked:
    """Beside the event loop: it takes tens of milliseconds."""
    checked = await asyncio.to_thread(check_sources, body.sources)
    return MenuChecked(
        ok=checked.ok,
        version=bundle_name(body.sources),
        service=checked.model.service if checked.model else None,
        findings=[_finding(each) for each in checked.findings[:MOST_FINDINGS]],
    )


def _finding(each: Finding) -> MenuFinding:
    return MenuFinding(
        file=each.file,
        line=each.line,
        column=each.column,
        severity=each.severity,
        message=each.message,
        hint=each.hint,
        code=each.code,
    )


def _fault(each: MenuFinding) -> dict[str, str]:
    place = f"{each.file}:{each.line}:{each.column}"
    return {"where": place, "what": f"{each.message} {each.hint}".strip()}


def _proposed(made: menu_changes.Proposed) -> MenuProposed:
    return MenuProposed(
        approval_id=made.approval_id, service=made.service, version=made.bundle, live=made.live
    )


def _kept(row: object) -> dict[str, object]:
    names = ("kind", "reason", "proposed_by", "proposed_at")
    return {name: row[name] for name in names}  # type: ignore[index]
