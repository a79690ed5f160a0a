"""Taking in a borrower's mobile-money statement: with their consent, once a file, and only its sums."""

from dataclasses import dataclass
from typing import Any

import asyncpg

from services.scoring import queries
from services.scoring.statement import Sums
from ussd_engine.errors import UssdError
from ussd_engine.observe.logs import mask
from ussd_engine.pool import connect

MOST_TEXT = 40


class ConsentError(UssdError):
    """They did not agree that their statement is read."""


@dataclass(slots=True, frozen=True)
class Form:
    """A consent on paper: its number, which words it has, and in which language."""

    number: str
    version: str
    language: str = "en"


async def give_consent(connection: Any, msisdn: str, form: Form) -> None:
    """Keep a consent that was signed. The same form twice is one consent; another person's is refused."""
    borrower_id = await _borrower(connection, msisdn)
    key = f"form:{form.number}"
    owner = await connection.fetchval(queries.CONSENT_BY_FORM, borrower_id, form.version, form.language, key)
    if owner != borrower_id:
        raise ConsentError(f"Form {form.number} is another borrower's.")


async def take_in(connection: Any, msisdn: str, sums: Sums, actor: str) -> bool:
    """Keep the sums of a statement. False when that file was taken before. Raises ConsentError."""
    borrower_id = await _borrower(connection, msisdn)
    consent_id = await connection.fetchval(queries.STATEMENT_CONSENT, borrower_id)
    if consent_id is None:
        raise ConsentError(
            f"{mask(msisdn)} did not agree that a statement is read. With a signed form: --form NUMBER"
        )
    kept = await connection.fetchval(
        queries.KEEP_STATEMENT,
        borrower_id,
        consent_id,
        sums.file_sha256,
        sums.from_on,
        sums.to_on,
        sums.moves,
        sums.in_cents,
        sums.out_cents,
        sums.weeks,
        sums.weeks_with_income,
        sums.spread_percent,
        actor,
    )
    return kept is not None


async def take_once(database_url: str, sums: Sums, msisdn: str, form: Form | None, actor: str) -> str:
    """From the command line, with the consent beside it if there is one; gives what to print."""
    if form is not None and not (1 <= len(form.number) <= MOST_TEXT and 1 <= len(form.version) <= MOST_TEXT):
        raise UssdError(f"A form's number, and the version of its words, have 1 to {MOST_TEXT} characters.")
    if not 1 <= len(actor) <= MOST_TEXT:
        raise UssdError(f"--by is a name of 1 to {MOST_TEXT} characters.")
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            if form is not None:
                await give_consent(connection, msisdn, form)
            new = await take_in(connection, msisdn, sums, actor)
    except asyncpg.UndefinedTableError:
        raise UssdError("The database lacks tables of the lender. Run: ussd migrate") from None
    finally:
        await connection.close()
    if not new:
        return f"That statement of {mask(msisdn)} was taken in before."
    return (
        f"{mask(msisdn)}: {sums.moves:,} moves from {sums.from_on} to {sums.to_on}, "
        f"in KES {sums.in_cents / 100:,.2f}, out KES {sums.out_cents / 100:,.2f}, "
        f"money in in {sums.weeks_with_income} of {sums.weeks} weeks."
    )


async def _borrower(connection: Any, msisdn: str) -> int:
    borrower_id: int | None = await connection.fetchval(queries.REGISTERED, msisdn)
    if borrower_id is None:
        raise UssdError(f"{mask(msisdn)} is no borrower here. Write the number like 254712345678.")
    return borrower_id
