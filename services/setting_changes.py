"""Changing a setting: at once, or, where it moves money or opens a door, when a second person agrees."""

from typing import Any

import orjson

from services import runtime_settings
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.runtime_settings import SETTINGS, SettingError

SETTING = "setting"


async def change(connection: Any, name: str, value: Any, who: str, reason: str) -> int | None:
    """Set it, inside the caller's transaction. None: it is set; else the number of the approval it waits
    for. Raises SettingError and ApprovalError."""
    value = runtime_settings.checked(name, value)
    if not SETTINGS[name].two_people:
        await runtime_settings.write(connection, name, value, approvals.person(who))
        return None
    before = await runtime_settings.read(connection, name)
    if value == before:
        raise SettingError(f"{name} has this value already.")
    details = {"value": value, "before": before}
    return await approvals.propose(connection, Request(SETTING, name, 0, reason, details=details), who)


async def _set(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    details = orjson.loads(row["details"])
    if await runtime_settings.read(connection, row["subject"]) != details["before"]:
        raise ApprovalError(f"{row['subject']} was changed since this was proposed. Propose it again.")
    # Who asked for it set it; who agreed to it is in the approval.
    await runtime_settings.write(connection, row["subject"], details["value"], row["proposed_by"])


approvals.EFFECTS[SETTING] = Effect(_set)
