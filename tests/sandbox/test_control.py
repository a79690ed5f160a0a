"""The sandbox's own API: its books, its statement, its clock, and what it says to a slip."""

import csv
import io
from typing import Any

import pytest

from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop

OPENING, FLOAT = 500_000, 100_000_000


async def test_wallets_are_shown_and_sound(sandbox: Running, shop: Shop) -> None:
    await shop.pay_out("PAY-1", "500")
    await sandbox.settle()
    assert (await shop.http.get("/sandbox/wallets")).json() == {
        "utility": FLOAT - 50_000,
        "working": 0,
        "charges": -500,
        "phones": {
            PHONE: {"cents": OPENING + 50_000, "name": sandbox.world.phones[PHONE].name, "registered": True}
        },
        "sound": True,
    }
    assert (await shop.http.get("/sandbox")).json() == {"ok": True, "faults": []}


async def test_a_balance_is_set_from_outside_and_the_sum_stays(sandbox: Running, shop: Shop) -> None:
    for cents in (700, 100, 100, 0):
        answer = await shop.http.post("/sandbox/wallets", json={"account": PHONE, "cents": cents})
        assert answer.json() == {"account": PHONE, "cents": cents}
    assert sandbox.world.wallets.faults() == []
    assert sandbox.balance("outside") == -FLOAT


async def test_float_is_topped_up_from_what_the_paybill_collected(sandbox: Running, shop: Shop) -> None:
    sandbox.set_balance("working", 900)
    move = {"from": "working", "to": "utility", "cents": 900}
    assert (await shop.http.post("/sandbox/transfer", json=move)).json() == {
        "utility": FLOAT + 900,
        "working": 0,
        "charges": 0,
    }
    assert (await shop.http.post("/sandbox/transfer", json=move)).status_code == 409


async def test_the_statement_has_the_portals_columns_and_every_move(sandbox: Running, shop: Shop) -> None:
    await shop.pay_out("PAY-1", "500")
    await sandbox.settle()
    await shop.push("200")
    await sandbox.settle()
    payout, payment = sandbox.payments()
    names = {phone: sandbox.world.phones[phone].name for phone in (PHONE,)}

    async def rows(account: str) -> list[list[str]]:
        text = (await shop.http.get("/sandbox/statement.csv", params={"account": account})).text
        return list(csv.reader(io.StringIO(text)))

    utility = await rows("utility")
    assert utility[:3] == [
        ["Account Holder:", "UMOJA LOANS"],
        ["Short Code:", sandbox.settings.payout_shortcode],
        ["Account:", "Utility Account"],
    ]
    assert ",".join(utility[3]) == (
        "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
        "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
    )
    paid = dict(zip(utility[3], utility[4], strict=True))
    assert paid == {
        **paid,
        "Receipt No.": payout.receipt,
        "Transaction Status": "Completed",
        "Paid In": "",
        "Withdrawn": "-500.00",
        "Balance": "999500.00",
        "Reason Type": "Business Payment to Customer",
        "Other Party Info": f"{PHONE} - {names[PHONE]}",
    }
    working = await rows("working")
    got = dict(zip(working[3], working[4], strict=True))
    assert (got["Receipt No."], got["Paid In"], got["A/C No."]) == (payment.receipt, "200.00", "U4K7QXN")
    assert got["Other Party Info"] == f"2547****678 - {names[PHONE]}"
    charged = (await rows("charges"))[4]
    assert (charged[0], charged[3], charged[6]) == (
        payout.receipt,
        "Business Payment to Customer Charge",
        "-5.00",
    )


async def test_a_statement_of_a_time_has_the_moves_of_that_time(sandbox: Running, shop: Shop) -> None:
    sandbox.pay(PHONE, 5, "ONE")
    await sandbox.settle()
    await sandbox.advance(3600)
    between = sandbox.box.now().isoformat()
    await sandbox.advance(3600)
    sandbox.pay(PHONE, 6, "TWO")
    await sandbox.settle()
    params = {"account": "working", "from": between}
    late = (await shop.http.get("/sandbox/statement.csv", params=params)).text
    assert ("TWO" in late, "ONE" in late) == (True, False)
    assert "11.00" in late.splitlines()[4]


async def test_calls_are_listed_without_their_secrets(sandbox: Running, shop: Shop) -> None:
    await shop.pay_out("PAY-1")
    await shop.push(phone=OTHER)
    calls = (await shop.http.get("/sandbox/calls")).text
    assert "PAY-1" in calls
    for secret in (shop.token, shop.credential(), shop.stk_body()["Password"]):
        assert secret not in calls
    only = (await shop.http.get("/sandbox/calls", params={"kind": "b2c"})).json()
    assert [(call["kind"], call["status"]) for call in only] == [("b2c", 200)]


async def test_payments_prompts_moves_and_messages_are_listed(sandbox: Running, shop: Shop) -> None:
    sandbox.behave(stk="ask")
    await shop.push()
    prompts = (await shop.http.get("/sandbox/stk")).json()
    assert [(one["msisdn"], one["cents"], one["state"]) for one in prompts] == [(PHONE, 10_000, "open")]
    await shop.pay_out("PAY-1")
    params = {"kind": "b2c", "originator_id": "PAY-1"}
    assert len((await shop.http.get("/sandbox/payments", params=params)).json()) == 1
    assert len((await shop.http.get("/sandbox/ledger")).json()) == 2
    assert (await shop.http.get("/sandbox/sms")).json() == []


async def test_credentials_tell_a_client_all_it_needs(sandbox: Running, shop: Shop) -> None:
    told = (await shop.http.get("/sandbox/credentials")).json()
    assert told == sandbox.client_values()
    assert (await shop.http.get("/sandbox/certificate")).text == told["certificate_pem"]


async def test_settings_change_while_it_runs_and_wrong_ones_change_nothing(
    sandbox: Running, shop: Shop
) -> None:
    changed = await shop.http.patch("/sandbox/settings", json={"stk": "ask", "work_s": 3})
    assert (changed.json()["stk"], changed.json()["work_s"]) == ("ask", 3.0)
    for wrong in ({"stk": "maybe"}, {"nonsense": 1}, {"sms_report_url": "ftp://x"}, {"work_s": -1}):
        answer = await shop.http.patch("/sandbox/settings", json={"callback_s": 9, **wrong})
        assert answer.status_code == 400
        assert next(iter(wrong)) in answer.json()["error"]
    assert sandbox.box.behaviour.callback_s != 9


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/sandbox/pay", {"msisdn": "0712345678", "amount": 5}, "`msisdn` is a number"),
        ("/sandbox/pay", {"msisdn": PHONE, "amount": "nan"}, "Invalid amount"),
        ("/sandbox/pay", {"msisdn": PHONE, "amount": 5, "shortcode": "1"}, "`shortcode` is not"),
        ("/sandbox/wallets", {"account": "bank", "cents": 5}, "`account` is"),
        ("/sandbox/wallets", {"account": PHONE, "cents": 0.5}, "`cents` is"),
        ("/sandbox/transfer", {"from": "utility", "to": "utility", "cents": 5}, "`from` and `to` are"),
        ("/sandbox/advance", {}, "`seconds` is"),
        ("/sandbox/settle", {"timeout": -1}, "`timeout` is"),
        ("/sandbox/sms/incoming", {"msisdn": PHONE}, "`text` is needed"),
        ("/sandbox/stk/ws_CO_1/answer", {"answer": "perhaps"}, "`answer` is one of"),
    ],
)
async def test_a_slip_is_one_sentence(shop: Shop, path: str, body: dict[str, Any], words: str) -> None:
    answer = await shop.http.post(path, json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


async def test_what_is_no_json_is_said_so(shop: Shop) -> None:
    answer = await shop.http.post("/sandbox/pay", content=b"[1]")
    assert (answer.status_code, answer.json()) == (400, {"error": "Send a JSON object."})
