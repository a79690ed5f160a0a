"""The page about the menu language: its example checks, and its journey passes."""

import re
from pathlib import Path

from ussd_engine.actions import Call, Money, Outcome, Pin, Registry
from ussd_engine.menu import check_folder
from ussd_engine.menu.journeys import run_folder
from ussd_engine.menu.reading.states import KINDS
from ussd_engine.plugin import PlainService

PAGE = Path(__file__).parents[2] / "docs" / "menu-language.md"


def chama() -> PlainService:
    registry = Registry()

    @registry.action("loans.quote", outcomes=("ok", "too_much"), returns={"total": "money", "due": "date"})
    async def quote(call: Call, amount: Money) -> Outcome:
        return Outcome("too_much")

    @registry.action("loans.take", outcomes=("ok", "wrong_pin"), returns="integer", effect=True)
    async def take(call: Call, amount: Money, pin: Pin) -> Outcome:
        return Outcome("ok")

    @registry.action("loans.history", returns=[{"ref": "text", "date": "date", "paid": "flag"}])
    async def history(call: Call) -> Outcome:
        return Outcome("ok", [])

    return PlainService(registry)


def test_the_example_checks_and_its_journey_passes(tmp_path: Path) -> None:
    service, states, journey = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "journeys").mkdir()
    (tmp_path / "service.yaml").write_text(service, encoding="utf-8")
    (tmp_path / "loans.yaml").write_text(states, encoding="utf-8")
    (tmp_path / "journeys" / "borrow.yaml").write_text(journey, encoding="utf-8")
    assert check_folder(tmp_path, chama()).findings == []
    report = run_folder(tmp_path, chama())
    assert report.ok, report.render()


def test_the_table_lists_every_key_of_every_kind() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {kind: set(re.findall(r"`(\w+)`", keys)) for kind, keys in rows if kind not in ("choose", "end")}
    assert listed == {kind: set(keys) for kind, keys in KINDS.items() if kind not in ("choose", "end")}
