"""Sending a message, once. The rules for changing this file:

1. That a message is about to be sent, and its words, are committed before the gateway is asked.
2. Only an answer that says that nothing was sent lets it be sent again.
3. Everything else is unknown, and what is unknown is never sent again: a notice about money that comes
   twice is read as money that moved twice.

    queued ─ sending ─ accepted | refused | unknown,  or queued again: it certainly was not sent
"""

from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from services import clock, failpoints, runtime_settings
from services.borrowers import names
from services.sms import queries
from services.sms.client import OPTED_OUT, Accepted, AfricasTalking, Outcome, Refused
from services.sms.texts import Quiet, Texts, parts

MOST_TRIES = 6
FIRST_AGAIN = timedelta(minutes=1)  # then four times as long, and so on
# Nobody asks the gateway for so long. Whoever was asking is dead.
LOST_AFTER = timedelta(minutes=5)
# A reminder of yesterday is not for today.
STALE_AFTER = timedelta(hours=24)

log = structlog.get_logger("umoja.sms")


async def send(
    pool: Any,
    gateway: AfricasTalking,
    texts: Texts,
    paybill: str,
    sms_id: int,
    now: datetime | None = None,
) -> datetime | None:
    """Send a message if it waits to be sent. Call it as often as you like: it is sent once.

    Gives when to come again; None when nothing is left to do.
    """
    now = now or clock.now()
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(queries.LOCK, sms_id)
        if row is None:
            return None
        if row["state"] != "queued":
            return await _found(connection, row, now)
        why, later = _held_back(row, await _quiet(connection, texts), now)
        if why:
            await connection.execute(queries.REFUSE, sms_id, None, why)
            return None
        if later is not None:
            return later
        values = {**orjson.loads(row["details"]), "name": names.shown(row["name"]), "paybill": paybill}
        words, language = _said(row, texts, values)
        await connection.execute(queries.BEGIN, sms_id, language, words, parts(words), now)
    failpoints.here("sms.sending")
    outcome = await gateway.send(row["msisdn"], words)
    failpoints.here("sms.sent")
    async with pool.acquire() as connection, connection.transaction():
        return await _settle(connection, row, outcome, now)


def _said(row: Any, texts: Texts, values: dict[str, Any]) -> tuple[str, str]:
    """The words, and their language: those of sms.yaml, or a bulk message's own."""
    if row["own_words"] is None:
        return texts.say(row["notice"], row["speaks"], values)
    return texts.say_own(orjson.loads(row["own_words"]), row["speaks"], values)


async def _quiet(connection: Any, texts: Texts) -> Quiet:
    """The quiet hours: those that staff have set, else those of sms.yaml."""
    set_ = await runtime_settings.read(connection, runtime_settings.QUIET)
    return texts.quiet if set_ is None else Quiet(*runtime_settings.hours(set_))


def _held_back(row: Any, quiet: Quiet, now: datetime) -> tuple[str, datetime | None]:
    """Why it must not be sent, or until when it has to wait."""
    if row["kind"] == "marketing" and row["unwanted"]:
        return "not_wanted", None
    if row["kind"] != "money":
        if row["spent"]:
            return "no_longer_so", None
        if now - row["created_at"] > STALE_AFTER:
            return "too_late", None
        if row["stopped"]:
            return "stopped", None
        return "", quiet.over_at(now)
    return "", None


async def _found(connection: Any, row: Any, now: datetime) -> datetime | None:
    """It was begun before: by somebody who is at it, or who died."""
    if row["state"] != "sending":
        return None
    lost_at: datetime = row["sending_at"] + LOST_AFTER
    if now < lost_at:
        return lost_at
    log.warning("sms_unknown", sms=row["id"], notice=row["notice"], why="lost")
    await connection.execute(queries.UNKNOWN, row["id"], "lost")
    return None


async def _settle(connection: Any, row: Any, outcome: Outcome, now: datetime) -> datetime | None:
    """Keep what came of it."""
    number = row["id"]
    if isinstance(outcome, Accepted):
        kept = outcome.provider_id, outcome.code, outcome.cost_cents
        await connection.execute(queries.ACCEPT, number, *kept)
        return None
    if not isinstance(outcome, Refused):
        log.warning("sms_unknown", sms=number, notice=row["notice"], why=outcome.reason)
        await connection.execute(queries.UNKNOWN, number, outcome.reason)
        return None
    if outcome.code == OPTED_OUT:
        await connection.execute(queries.OPT_OUT, row["borrower_id"], "gateway")
    tries = row["attempts"] + 1
    if outcome.again and tries < MOST_TRIES:
        log.warning("sms_not_taken", sms=number, notice=row["notice"], why=outcome.reason, tries=tries)
        await connection.execute(queries.BACK, number, outcome.code, outcome.reason)
        wait: timedelta = FIRST_AGAIN * 4 ** (tries - 1)
        return now + wait
    log.error("sms_refused", sms=number, notice=row["notice"], code=outcome.code, why=outcome.reason)
    await connection.execute(queries.REFUSE, number, outcome.code, outcome.reason)
    return None
