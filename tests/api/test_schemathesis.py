"""schemathesis asks the real server everything its OpenAPI document allows, and much that it does not: as
each role, as a machine's key, and as nobody. All of its checks, and ours (schemathesis_hooks.py): no 5xx, no
answer that the document does not know, nobody gets what they may not.

The usual run is short, always the same, and asks as three of them. SCHEMATHESIS_EXAMPLES=50 asks longer and
as everybody, SCHEMATHESIS_SEED otherwise.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from services.api.permissions import NOT_FOR_KEYS, ROLES, Permission, Role
from tests.api.conftest import Api
from tests.api.lending import applied, fund, joined

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))
SEED = os.environ.get("SCHEMATHESIS_SEED", "254")
PATIENCE_S = 900 if not EXAMPLES else 7200
REPOSITORY = Path(__file__).parents[2]
EVERYBODY = [*(role for role in Role if role is not Role.ADMIN), "key", "nobody"]
# Who may ask for what is known of every role by test_may.py; the usual run asks as few as see everything.
CALLERS = EVERYBODY if EXAMPLES else [Role.OFFICER, "nobody"]

CONFIG = """
hooks = "tests.api.schemathesis_hooks"
color = false
request-timeout = 20.0

[generation]
allow-x00 = false
database = "none"

# Ids of what there is, now and then, so that more is found than "there is no such loan".
[dictionaries.ids]
values = [1, 2, 3, 4]
[generation.dictionaries.integer]
dictionary = "ids"
probability = 0.4

# A rule between two fields, or of the lender, is no part of a schema: then a request is refused with 422. And
# who guesses passwords waits.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]
"""


async def some_loans(api: Api) -> None:
    """One of each kind of thing that can be asked for by its number."""
    await fund(api)
    for number in range(3):
        phone, borrower_id = await joined(api)
        answer = await applied(api, borrower_id)
        assert answer.status_code == 200, answer.text
        if number == 2:
            await phone.money_arrives(answer.json()["ref"])
            await phone.pay(answer.json()["ref"], 100_000, "R1")


async def ask(api: Api, folder: Path, caller: str) -> tuple[int, str]:
    """Ask everything as this caller: schemathesis's exit status, and what it said."""
    may, headers = await showing(api, caller)
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(CONFIG)
    # One worker: hypothesis parses lambdas, and CPython 3.11 parses in one thread at a time only
    # ("AST constructor recursion depth mismatch").
    command = [
        str(Path(sys.executable).with_name("st")), "--config-file", str(folder / "schemathesis.toml"),
        "run", f"{api.url}/openapi.json", "--checks", "all", "--seed", SEED, "--workers", "1",
        "--continue-on-failure", *headers,
    ]  # fmt: skip
    if caller != "nobody":  # it would end the login that we ask by
        command += ["--exclude-operation-id", "logout"]
    if EXAMPLES:
        command += ["--phases", "examples,coverage,fuzzing,stateful", "-n", str(EXAMPLES)]
    else:
        command += ["--phases", "examples,fuzzing", "-n", "2" if caller == "admin" else "1"]
    running = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "STAFF_MAY": ",".join(may), "PYTHONPATH": str(REPOSITORY)},
    )
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode()


async def showing(api: Api, caller: str) -> tuple[frozenset[Permission], list[str]]:
    """What they may, and what they show for it."""
    if caller == "nobody":
        return frozenset(), []
    if caller == "key":
        may = frozenset(Permission) - NOT_FOR_KEYS
        return may, ["-H", f"X-API-Key: {(await api.key(*may)).headers['X-API-Key']}"]
    client = await api.another(caller, f"asks-as-{caller}")
    return ROLES[Role(caller)], ["-H", f"Authorization: {client.headers['Authorization']}"]


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S)
async def test_whoever_asks_whatever(api: Api, tmp_path: Path) -> None:
    await some_loans(api)
    two_at_once = asyncio.Semaphore(2)

    async def as_one(caller: str) -> None:
        async with two_at_once:
            status, said = await ask(api, tmp_path / caller, caller)
        assert status == 0, f"as {caller}: {said}"

    await asyncio.gather(*(as_one(caller) for caller in CALLERS))
    await as_one("admin")  # who may take from the others what they ask with
