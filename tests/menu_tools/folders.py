"""A small service, written to a folder, for tests of the menu tools."""

from pathlib import Path

from ussd_engine.actions import Call, Money, Outcome, Pin, Registry
from ussd_engine.plugin import PlainService

SERVICE = """
service: kiosk
codes: ["*123#"]
languages: [en, sw]
start: main
subscriber: {member: flag}
vars:
  amount: {type: money, max: 5000}
  price: {type: record, fields: {total: {type: money, max: 9000}, due: date}}
states:
  main:
    menu: {en: "Kiosk <1>", sw: "Kioski"}
    options:
      - {key: "1", en: "Buy \\"now\\"", sw: Nunua, to: amount}
      - {key: "2", en: Leave, sw: Ondoka, to: left, when: "!subscriber.member"}
  amount:
    ask: {en: "How much?", sw: "Kiasi gani?"}
    as: money
    save: amount
    to: price
  price:
    do: shop.price
    with: {amount: amount}
    save: price
    on:
      ok: which
      failed: {to: main, say: {en: Try again., sw: Jaribu tena.}}
  which:
    choose:
      - {when: price.total > 100000, to: pin}
      - {to: bye}
  pin:
    ask: {en: "PIN?", sw: "PIN?"}
    as: pin
    length: 4
    save: pin
    to: pay
  pay:
    do: shop.pay
    with: {amount: amount, pin: pin}
    on: {ok: bye, failed: bye}
  left:
    end: {en: "Come back soon", sw: "Rudi tena"}
  bye:
    end: {en: "Bye {price.total|money}", sw: "Kwaheri"}
"""


def kiosk() -> PlainService:
    """The service whose menus SERVICE are."""
    registry = Registry()

    @registry.action("shop.price", returns={"total": "money", "due": "date"})
    async def price(call: Call, amount: Money) -> Outcome:
        return Outcome("ok", {"total": amount, "due": "2026-12-23"})

    @registry.action("shop.pay", effect=True)
    async def pay(call: Call, amount: Money, pin: Pin) -> Outcome:
        return Outcome("ok")

    return PlainService(registry)


def written(folder: Path, journeys: dict[str, str], service: str = SERVICE) -> Path:
    """The folder, with service.yaml and these journeys in it."""
    (folder / "journeys").mkdir(parents=True)
    (folder / "service.yaml").write_text(service.lstrip(), encoding="utf-8")
    for name, text in journeys.items():
        (folder / "journeys" / f"{name}.yaml").write_text(text.lstrip(), encoding="utf-8")
    return folder
