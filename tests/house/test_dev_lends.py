"""`ussd dev` lends: a phone joins, borrows, gets its money from the sandbox and pays it back, with nothing
else on this machine. It goes through what people use: the phone's address, and the sandbox's books."""

import json
import shutil
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.house.test_dev import Dev, dev

pytestmark = pytest.mark.slow

PHONE, PIN = "254711000042", "4826"
PATIENCE_S, LOOK_S = 30.0, 0.1


class Borrower:
    """Somebody with a phone, as the phone in the browser posts it."""

    def __init__(self, running: Dev) -> None:
        self.dev = running
        self.path = json.loads(running.get("/phone/services")[1])["ussd"]
        self.calls = 0

    def call(self, shortcut: str, *typed: str) -> str:
        """Dial *384*89598*shortcut#, and type one thing after the other. The last screen."""
        self.calls += 1
        screen = ""
        for length in range(len(typed) + 1):
            text = "*".join([*([shortcut] if shortcut else []), *typed[:length]])
            form = {
                "sessionId": f"dev{self.calls}", "phoneNumber": f"+{PHONE}", "networkCode": "63902",
                "serviceCode": "*384*89598#", "text": text,
            }  # fmt: skip
            data = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(self.dev.url + self.path, data=data, timeout=10) as answer:
                screen = answer.read().decode()
        return screen

    def until(self, wanted: str, shortcut: str) -> str:
        """Call again and again, until the screen says so."""
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in (screen := self.call(shortcut)):
            assert time.monotonic() < deadline, f"it never said {wanted!r}, but:\n{screen}\n{self.dev.output}"
            time.sleep(LOOK_S)
        return screen


def sandbox(running: Dev, path: str) -> Any:
    url = f"http://127.0.0.1:{running.port + 1}/sandbox{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def money_of(running: Dev) -> int:
    """Cents in the phone's M-Pesa."""
    return int(sandbox(running, "/wallets")["phones"][PHONE]["cents"])


def test_a_borrower_joins_borrows_gets_the_money_and_pays_it_back(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_DIALS_PER_MINUTE", "0")  # it looks by dialling
    menus = tmp_path / "menus"
    shutil.copytree(repository / "menus" / "umoja", menus / "umoja")
    with dev(tmp_path / "data", menus) as running:
        borrower = Borrower(running)
        assert "Hello Wanjiru" in borrower.call("", "1", "1", "Wanjiru Kamau", "23456781", PIN, PIN)
        assert "is coming to your M-Pesa" in borrower.call("1*5000*2", "1", PIN)

        borrower.until("To pay: KES 5,900", "2")
        assert money_of(running) == 500_000 + 500_000  # what every phone has at first, and the loan

        asked = borrower.call("3*1")
        assert "to pay KES 5,900" in asked
        paybill = sandbox(running, "/credentials")["paybill"]
        assert f"Paybill {paybill}," in asked  # the one that works here

        borrower.until("You have no loan to pay", "2")
        assert money_of(running) == 1_000_000 - 590_000
        assert sandbox(running, "")["ok"] is True
        borrower.until("Paid 5,900", "5*1")

        deadline = time.monotonic() + PATIENCE_S
        while "is paid back" not in (said := json.dumps(sandbox(running, "/sms"))):
            assert time.monotonic() < deadline, said
            time.sleep(LOOK_S)
        assert f"Paybill {paybill}, account U" in said
