"""Menus that two people publish. One proposes new content or an older version, another agrees; the content
is checked before it is kept, and can be read in full before it is decided on.

Deciding writes a row of `menu_change` and of the outbox, and publishes nothing itself: a worker does, by
the change's number, so that a crash at any point is caught up and nothing is published twice. What was
published meanwhile by others wins over a change that comes late, and a proposal is for the menus that were
live when it was made: when those changed, it has to be made again.

In an emergency, who is on the server's command line goes back to an older version alone: `ussd rollback`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from services import outbox
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from ussd_engine import bundle_queries
from ussd_engine.bundle import Change, bundle_name, sources_of
from ussd_engine.bundles import Bundles
from ussd_engine.errors import BundleError, MenuError

PUBLISH, ROLLBACK = "menu_publish", "menu_rollback"
KINDS = (PUBLISH, ROLLBACK)

LIVE = """
select bundle
from bundle_publication
where service = $1
order by id desc
limit 1
"""

WAS_PUBLISHED = """
select exists (
    select 1
    from bundle_publication
    where service = $1
    and bundle = $2
)
"""

WRITE = """
insert into menu_change (approval_id, service, bundle)
values ($1, $2, $3)
returning id
"""

READ = """
select
    menu_change.*,
    approval.kind,
    approval.proposed_by,
    approval.decided_by,
    approval.reason
from menu_change
join approval on approval.id = menu_change.approval_id
where menu_change.id = $1
"""

END = """
update menu_change
set state = $2,
    problem = $3,
    done_at = now()
where id = $1
and state = 'waiting'
"""

# Whether a change that was not published now had been published before, by somebody who died then.
IS_PUBLISHED = """
select exists (
    select 1
    from bundle_publication
    where change_id = $1
)
"""


@dataclass(slots=True, frozen=True)
class Proposed:
    """A proposal that waits for a decision."""

    approval_id: int
    service: str
    bundle: str
    live: str | None


async def live_of(connection: Any, service: str) -> str | None:
    """The name of the version that is live."""
    name: str | None = await connection.fetchval(LIVE, service)
    return name


async def propose(connection: Any, service: str, sources: Mapping[str, str], who: str, note: str) -> Proposed:
    """Ask for content to be published. The caller has checked it. Raises ApprovalError."""
    name = bundle_name(sources)
    live = await live_of(connection, service)
    if name == live:
        raise ApprovalError(f"This is version {name}, which is live.")
    kept = orjson.dumps(dict(sources)).decode()
    await connection.execute(bundle_queries.KEEP, name, service, kept, approvals.person(who), note)
    return await _propose(connection, PUBLISH, Proposed(0, service, name, live), who, note)


async def propose_rollback(connection: Any, service: str, name: str, who: str, note: str) -> Proposed:
    """Ask for an older version to be live again. Raises ApprovalError."""
    live = await live_of(connection, service)
    if name == live:
        raise ApprovalError(f"Version {name} is live.")
    if not await connection.fetchval(WAS_PUBLISHED, service, name):
        raise ApprovalError(f"Version {name} of {service} was never live.")
    return await _propose(connection, ROLLBACK, Proposed(0, service, name, live), who, note)


async def sources(connection: Any, name: str) -> dict[str, str] | None:
    """The files of a version that is kept: published, or proposed."""
    return sources_of(await connection.fetchval(bundle_queries.SOURCES, name), name)


async def publish(pool: Any, bundles: Bundles, change_id: int) -> str:
    """Do what was decided, once. Call it as often as you like. Gives the change's state."""
    row = await pool.fetchrow(READ, change_id)
    if row is None or row["state"] != "waiting":
        return "none" if row is None else str(row["state"])
    decided_at: datetime = row["decided_at"]
    note = row["reason"] if row["kind"] == PUBLISH else f"rollback: {row['reason']}"
    by = f"{row['proposed_by']}, {row['decided_by']}"
    problem, state = "", "published"
    try:
        change = Change(change_id, decided_at)
        if not await bundles.publish_change(row["service"], row["bundle"], by, note, change):
            state = "published" if await pool.fetchval(IS_PUBLISHED, change_id) else "superseded"
    except (MenuError, BundleError) as error:  # it was checked: by other rules than ours, or a code is taken
        state, problem = "failed", str(error)[:2000]
    await pool.execute(END, change_id, state, problem)
    return state


async def _propose(connection: Any, kind: str, asked: Proposed, who: str, note: str) -> Proposed:
    details = {"service": asked.service, "bundle": asked.bundle, "live": asked.live}
    request = Request(kind, f"{asked.service}:{asked.bundle}", 0, note, details=details)
    number = await approvals.propose(connection, request, who)
    return Proposed(number, asked.service, asked.bundle, asked.live)


async def _decided(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    details = orjson.loads(row["details"])
    if await live_of(connection, details["service"]) != details["live"]:
        raise ApprovalError("Other menus were published since this was proposed. Propose it again.")
    change_id = await connection.fetchval(WRITE, row["id"], details["service"], details["bundle"])
    await outbox.put(connection, f"menus:{change_id}", outbox.MENUS, {"change_id": change_id})


approvals.EFFECTS[PUBLISH] = Effect(_decided)
approvals.EFFECTS[ROLLBACK] = Effect(_decided)
