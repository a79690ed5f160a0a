"""Settings that staff change while the server runs; two people, where one moves money or opens a door."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services import runtime_settings, setting_changes
from services.api.calls import Change, Read
from services.api.changing import proposal
from services.api.loan_models import Asked, Reason
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT, INVALID, NOT_FOUND
from services.runtime_settings import SETTINGS, SettingError

routes = Routes("Settings")

Name = Literal[
    "applications_paused", "daily_disbursement_cents", "low_float_cents", "bulk_sms_alone", "bulk_sms_most",
    "quiet_hours",
]  # fmt: skip
assert set(Name.__args__) == set(SETTINGS), "the documentation names every setting"  # type: ignore[attr-defined]


class Hours(Asked):
    """From one time of day until another, in Nairobi; over midnight when `from` is the later."""

    from_: Annotated[str, Field(alias="from", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["20:00"])]
    until: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]


class StaffSetting(BaseModel):
    """A setting: what it is, what counts now, and its bounds."""

    name: Name
    kind: Literal["flag", "cents", "count", "hours"]
    says: str
    value: bool | int | Hours | None
    least: int | None
    most: int | None
    two_people: bool
    changed_by: Annotated[str | None, Field(description="Nobody: it has its default.")]
    changed_at: datetime | None


class StaffSettings(BaseModel):
    """All of them."""

    items: list[StaffSetting]


class NewValue(Asked):
    """What it is to be, and why. null, where it may be: as the environment or sms.yaml says, or no bound."""

    value: bool | int | Hours | None
    reason: Reason


class SettingChanged(BaseModel):
    """The setting as it is now. approval_id: the change waits for somebody else's decision."""

    setting: StaffSetting
    approval_id: int | None


@routes.get("/admin/settings", may=Permission.MONEY_READ)
async def list_settings(call: Read) -> StaffSettings:
    """The settings that may be changed while the server runs."""
    async with call.pool.acquire() as connection:
        return StaffSettings(items=await _all(connection))


@routes.put("/admin/settings/{name}", may=Permission.SETTINGS_CHANGE, problems=(NOT_FOUND, CONFLICT, INVALID))
async def change_setting(call: Change, name: str, body: NewValue) -> SettingChanged:
    """Change a setting. It counts in every process at once.

    Some need a second person: then it is as before until POST /admin/approvals/{approval_id}/approve."""
    if name not in SETTINGS:
        raise NOT_FOUND.of(f"There is no setting {name[:40]}. There are {', '.join(SETTINGS)}.")
    value: Any = body.value.model_dump(by_alias=True) if isinstance(body.value, Hours) else body.value
    before = await runtime_settings.read(call.connection, name)
    try:
        number = await setting_changes.change(call.connection, name, value, call.who.name, body.reason)
    except SettingError as error:
        raise INVALID.of(str(error), [{"where": "body.value", "what": str(error)}]) from None
    if number is None:
        call.audit(f"setting:{name}", {"value": before}, {"value": value, "why": body.reason})
    else:
        await proposal(call, number)
    (now,) = [each for each in await _all(call.connection) if each.name == name]
    return SettingChanged(setting=now, approval_id=number)


async def _all(connection: Any) -> list[StaffSetting]:
    found = await runtime_settings.read_all(connection)
    return [_said(name, held) for name, held in found.items()]


def _said(name: str, held: dict[str, Any]) -> StaffSetting:
    known = SETTINGS[name]
    counted = known.kind in ("cents", "count")
    return StaffSetting.model_validate({
        "name": name, "kind": known.kind, "says": known.says, "two_people": known.two_people,
        "least": known.least if counted else None, "most": known.most if counted else None, **held,
    })  # fmt: skip
