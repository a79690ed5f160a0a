"""`ussd try` with lines: a real process, a real pipe, the stand-in behind it."""

import asyncio
import sys
from dataclasses import dataclass

import pytest

from tests.phone.standin import CODE, StandIn

TRY = "import sys; from ussd_engine.phone.terminal import run; sys.exit(run(*sys.argv[1:]))"
PHONE = "+254711000042"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def screens(self) -> list[str]:
        """The lines without the sizes and times, which differ."""
        return [line for line in self.out.splitlines() if not line.startswith("[")]


async def ussd_try(url: str, typed: str, code: str = CODE) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-W", "ignore", "-c", TRY, url, PHONE, code],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


async def test_a_piped_dialog_prints_each_screen_and_its_size(server: str, standin: StandIn) -> None:
    ran = await ussd_try(server, "1\n500\n1234\n")
    assert ran.code == 0, ran.err
    assert ran.screens == [
        *[
            "Umoja Loans",
            "1 Apply for a loan",
            "2 Loan status",
            "3 Repay",
            "4 My statement",
            "5 Wallet and limit",
        ],
        *["You can borrow KES 500 to 5,000.", "Enter amount:", "0 Back 00 Home"],
        "KES 500 for business. You repay KES 580.00 by 23/12/2026: fee 75.00, excise 5.00, APR 182.5%.",
        *["Enter your PIN to agree:", "0 Back"],
        "Sent. Ref UL7Q2M4. KES 500 will reach your M-Pesa shortly.",
    ]
    assert "[86 of 160 septets, " in ran.out
    assert "[58 of 160 septets, session over, " in ran.out
    assert [turn["text"] for turn in standin.turns] == ["", "1", "1*500", "1*500*1234"]
    assert {turn["phoneNumber"] for turn in standin.turns} == {PHONE}
    assert [ending["status"] for ending in standin.endings] == ["Success"]


async def test_what_is_typed_is_not_printed(server: str) -> None:
    ran = await ussd_try(server, "1\n500\n7391\n")
    assert "7391" not in ran.out + ran.err


async def test_a_direct_dial_sends_its_inputs_in_the_first_turn(server: str, standin: StandIn) -> None:
    ran = await ussd_try(server, "", code="*384*89598*1*500#")
    assert ran.code == 0, ran.err
    assert [(turn["serviceCode"], turn["text"]) for turn in standin.turns] == [(CODE, "1*500")]
    assert [ending["status"] for ending in standin.endings] == ["Incomplete"]


async def test_commands_retry_redial_and_hang_up(server: str, standin: StandIn) -> None:
    ran = await ussd_try(server, f"1\n/retry\n/redial\n/hang\n/dial {CODE}\n//1\n/quit\n")
    assert ran.code == 0, ran.err
    assert [turn["text"] for turn in standin.turns] == ["", "1", "1", "", "", "/1"]
    assert len({turn["sessionId"] for turn in standin.turns}) == 3
    assert standin.turns[1] == standin.turns[2]
    assert [ending["status"] for ending in standin.endings] == ["Incomplete"] * 3


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1\n500\n1234\n1\n", "[the session is over, but there was more to send]"),
        ("/what\n", "/retry      send the last turn again"),
        ("/hang\n/retry\n", "This session is over. Dial again."),
    ],
)
async def test_a_script_that_goes_another_way_fails(server: str, typed: str, said: str) -> None:
    ran = await ussd_try(server, typed)
    assert ran.code == 1
    assert said in ran.out


async def test_an_answer_that_is_none_fails_and_says_what_it_was(server: str, standin: StandIn) -> None:
    standin.answers.append((500, "Internal Server Error"))
    ran = await ussd_try(server, "1\n")
    assert (ran.code, ran.out) == (
        1,
        "Connection problem or invalid MMI code.\n[HTTP 500: Internal Server Error]\n",
    )
    assert standin.endings[0]["status"] == "Failed"


async def test_without_a_server_it_says_what_to_do() -> None:
    ran = await ussd_try("http://127.0.0.1:9", "1\n")
    assert ran.code == 2
    assert "Start a server with: ussd dev" in ran.err
    assert "Traceback" not in ran.err
