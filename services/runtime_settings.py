"""What staff may set while the server runs: a table of names, each with its kind, its bounds, and whether
two people must agree. Whoever acts by one reads it in the transaction it acts in, so that a change counts
from its commit on, in every process.

A name that was never set has its default: None means that something else says it (the environment, or
sms.yaml), or that there is no bound.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Literal

import orjson

Kind = Literal["flag", "cents", "count", "hours"]

PAUSED = "applications_paused"
DAILY_CAP = "daily_disbursement_cents"
LOW_FLOAT = "low_float_cents"
BULK_ALONE = "bulk_sms_alone"
BULK_MOST = "bulk_sms_most"
QUIET = "quiet_hours"

_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

READ = """
select value::text
from setting
where name = $1
"""

READ_ALL = """
select name, value::text as value, changed_by, changed_at
from setting
"""

WRITE = """
insert into setting (name, value, changed_by)
values ($1, $2, $3)
on conflict (name) do update
set value = excluded.value,
    changed_by = excluded.changed_by,
    changed_at = now()
"""


class SettingError(Exception):
    """This cannot be set so. The message says what may be."""


@dataclass(slots=True, frozen=True)
class Setting:
    """One of them. least and most bound a number; optional: it may be set to None, as a default may be."""

    kind: Kind
    says: str
    default: Any = None
    least: int = 0
    most: int = 0
    optional: bool = False
    two_people: bool = False


SETTINGS: Mapping[str, Setting] = {
    PAUSED: Setting("flag", "Nobody can apply for a loan, by phone or through staff.", default=False),
    DAILY_CAP: Setting(
        "cents",
        "The most that is asked of M-Pesa to pay out on one day (Nairobi's). What is above it waits for the "
        "next day. Nothing set: no bound.",
        most=100_000_000_000_00,
        optional=True,
        two_people=True,
    ),
    LOW_FLOAT: Setting(
        "cents",
        "Below this, payouts wait for more float. Nothing set: as the server was set up "
        "(MPESA_LOW_FLOAT_CENTS).",
        most=100_000_000_000_00,
        optional=True,
        two_people=True,
    ),
    BULK_ALONE: Setting(
        "count",
        "A message to more people than this needs a second person.",
        default=100,
        most=10_000,
        two_people=True,
    ),
    BULK_MOST: Setting(
        "count",
        "A message to more people than this is refused.",
        default=50_000,
        least=1,
        most=200_000,
        two_people=True,
    ),
    QUIET: Setting(
        "hours",
        "Nairobi's hours in which people hear of their money only, such as 20:00 to 08:00. "
        "Nothing set: as the menus say (sms.yaml).",
        optional=True,
    ),
}


async def read(connection: Any, name: str) -> Any:
    """The value that counts now."""
    held = await connection.fetchval(READ, name)
    return SETTINGS[name].default if held is None else orjson.loads(held)


async def read_all(connection: Any) -> dict[str, dict[str, Any]]:
    """Every setting by name: its value, and who set it when; by nobody: the default."""
    rows = {row["name"]: row for row in await connection.fetch(READ_ALL)}
    found = {}
    for name, known in SETTINGS.items():
        row = rows.get(name)
        found[name] = {
            "value": known.default if row is None else orjson.loads(row["value"]),
            "changed_by": row["changed_by"] if row else None,
            "changed_at": row["changed_at"] if row else None,
        }
    return found


async def write(connection: Any, name: str, value: Any, who: str) -> None:
    """Set it, inside the caller's transaction. Raises SettingError."""
    await connection.execute(WRITE, name, orjson.dumps(checked(name, value)).decode(), who)


def checked(name: str, value: Any) -> Any:
    """The value, if it may be set. Raises SettingError."""
    known = SETTINGS.get(name)
    if known is None:
        raise SettingError(f"There is no setting {name}. There are {', '.join(SETTINGS)}.")
    if value is None:
        if not known.optional:
            raise SettingError(f"{name} must have a value.")
        return None
    if known.kind == "flag":
        if type(value) is not bool:
            raise SettingError(f"{name} must be true or false.")
        return value
    if known.kind == "hours":
        return _hours(name, value)
    if type(value) is not int or not known.least <= value <= known.most:
        raise SettingError(f"{name} must be a whole number from {known.least} to {known.most}.")
    return value


def hours(value: Mapping[str, str]) -> tuple[time, time]:
    """The two times of `hours`: from and until."""
    return time.fromisoformat(value["from"]), time.fromisoformat(value["until"])


def _hours(name: str, value: Any) -> dict[str, str]:
    whole = isinstance(value, dict) and set(value) == {"from", "until"}
    if not whole or not all(isinstance(each, str) and _HOUR.fullmatch(each) for each in value.values()):
        raise SettingError(f'{name} must be written like {{"from": "20:00", "until": "08:00"}}.')
    if value["from"] == value["until"]:
        raise SettingError(f"{name} must begin and end at different times.")
    return dict(value)
