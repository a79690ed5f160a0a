"""`ussd admin`, and the account that `ussd dev` begins with."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from services.api import terminal
from ussd_engine import cli
from ussd_engine.errors import UssdError
from ussd_engine.settings import Settings, settings

STRONG = "correct horse battery"
Ussd = Callable[..., Result]


@pytest.fixture
def ussd(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> Ussd:
    monkeypatch.setenv("DATABASE_URL", pg_url)
    monkeypatch.setenv("API_ARGON2_KIB", "8")
    settings.cache_clear()

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli.app, ["admin", *arguments], input=input)

    yield run
    settings.cache_clear()


def rows(url: str, query: str) -> list[dict[str, Any]]:
    async def fetch() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Off the event loop of the tests: commands begin one of their own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()


def test_people_are_let_in_changed_and_disabled(ussd: Ussd, pg_url: str) -> None:
    def story() -> None:
        assert "Nobody yet" in ussd("list").output
        own = ussd("create", "Boss@example.org", "--role", "admin", "--own", input=f"{STRONG}\n{STRONG}\n")
        assert own.output.endswith("boss@example.org is admin now.\n")
        assert STRONG not in own.output
        other = ussd("create", "new@example.org", "--role", "viewer", "--password-stdin", input=STRONG + "\n")
        assert other.output == "new@example.org is viewer now.\n"
        assert ussd("role", "new@example.org", "approver").output == "new@example.org is approver now.\n"
        assert ussd("disable", "new@example.org").output == "new@example.org is approver, and disabled now.\n"
        listed = ussd("list").output.splitlines()
        assert [line.split()[:2] for line in listed] == [
            ["boss@example.org", "admin"],
            ["new@example.org", "approver"],
        ]
        assert "disabled" in listed[1]
        assert ussd("enable", "new@example.org").exit_code == 0
        reset = ussd("reset", "boss@example.org", "--password-stdin", input="another phrase\n")
        assert "has to choose a password" in reset.output

    in_a_thread(story)
    people = in_a_thread(
        lambda: rows(pg_url, "select email, role, active, must_change from staff order by id")
    )
    assert people == [
        {"email": "boss@example.org", "role": "admin", "active": True, "must_change": True},
        {"email": "new@example.org", "role": "approver", "active": True, "must_change": True},
    ]
    audit = in_a_thread(
        lambda: rows(pg_url, "select who, kind, operation, before, after from audit order by id")
    )
    assert {(row["who"], row["kind"]) for row in audit} == {("terminal", "terminal")}
    assert [row["operation"] for row in audit] == [
        "admin create", "admin create", "admin change", "admin change", "admin change", "admin reset",
    ]  # fmt: skip
    assert json.loads(audit[2]["before"]) == {"role": "viewer"}


@pytest.mark.parametrize(
    ("arguments", "words", "said"),
    [
        (["create", "nobody", "--role", "viewer", "--password-stdin"], STRONG, "is not an e-mail address"),
        (
            ["create", "a@example.org", "--role", "viewer", "--password-stdin"],
            "short",
            "12 characters or more",
        ),
        (
            ["create", "only@example.org", "--role", "viewer", "--password-stdin"],
            STRONG,
            "somebody with this",
        ),
        (["disable", "only@example.org"], "", "the last admin"),
        (["role", "only@example.org", "viewer"], "", "the last admin"),
        (["role", "none@example.org", "viewer"], "", "nobody with the address"),
        (["key", "create", "x", "--scope", "loans:decide"], "", "that is for people"),
        (["key", "revoke", "abcdefghij"], "", "no key abcdefghij"),
    ],
)
def test_what_cannot_be_is_a_sentence(ussd: Ussd, arguments: list[str], words: str, said: str) -> None:
    def story() -> Result:
        ussd("create", "only@example.org", "--role", "admin", "--password-stdin", input=STRONG + "\n")
        return ussd(*arguments, input=words + "\n")

    refused = in_a_thread(story)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, UssdError)
    assert said in str(refused.exception)


def test_keys_are_made_listed_and_revoked(ussd: Ussd) -> None:
    def story() -> tuple[str, str, str, str]:
        made = ussd(
            "key", "create", "nightly", "--scope", "loans:read", "--scope", "money:read", "--days", "7"
        )
        whole = made.output.strip()
        prefix = whole.split("_")[1]
        before = ussd("key", "list").output
        return whole, before, ussd("key", "revoke", prefix).output, ussd("key", "list").output

    whole, before, revoked, after = in_a_thread(story)
    assert whole.startswith("umk_")
    assert "nightly  until 20" in before
    assert before.rstrip().endswith("loans:read money:read")
    assert whole.split("_", 2)[2] not in before
    assert "is refused from now on" in revoked
    assert "revoked" in after


async def test_beside_ussd_dev_there_is_an_admin_from_the_start(
    pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Settings(_env_file=None, database_url=pg_url)
    email, password = await terminal.first(chosen, tmp_path) or ("", "")
    assert email == "admin@localhost"
    assert (tmp_path / terminal.FILE).stat().st_mode & 0o777 == 0o600
    assert await terminal.first(chosen, tmp_path) == (email, password)

    connection = await asyncpg.connect(pg_url)
    assert await connection.fetchval("select count(*) from staff") == 1
    await connection.execute("update staff set password_hash = 'another'")
    await connection.close()
    assert await terminal.first(chosen, tmp_path) is None
