"""The knobs: what goes wrong on request, and that the wallets stay right whatever does."""

from collections import Counter
from typing import Any

import httpx
import pytest

from services.sandbox.faults import FaultError, Faults
from services.sandbox.server import Running
from tests.sandbox.client import OTHER, PHONE, Shop, parameters

OPENING, FLOAT = 500_000, 100_000_000


def codes(listener: Any) -> list[object]:
    return [body["Result"]["ResultCode"] for body in listener.bodies("/cb/b2c")]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("spike_arrest", 500, "500.003.02"),
        ("quota", 500, "500.003.03"),
        ("internal", 500, "500.003.1001"),
        ("duplicate_id", 500, "500.002.1001"),
        ("invalid_token", 404, "404.001.03"),
        ("invalid_token_401", 401, "401.002.01"),
        ("envelope_200", 200, "500.003.1001"),
    ],
)
async def test_a_request_may_be_refused_and_then_nothing_was_done(
    sandbox: Running, shop: Shop, error: str, status: int, code: str
) -> None:
    sandbox.fault("refuse", on="b2c", error=error)
    refused = await shop.pay_out("PAY-1")
    assert (refused.status_code, refused.json()["errorCode"]) == (status, code)
    assert sandbox.payments() == []
    assert (await shop.pay_out("PAY-1")).status_code == 200


@pytest.mark.parametrize(("error", "status"), [("internal", 500), ("gateway", 503), ("html_200", 200)])
async def test_a_payout_may_be_accepted_and_the_answer_be_an_error(
    sandbox: Running, listener: Any, shop: Shop, error: str, status: int
) -> None:
    sandbox.fault("refuse", on="b2c", error=error, accepted=True)
    answer = await shop.pay_out("PAY-1")
    assert answer.status_code == status
    assert "ConversationID" not in answer.text
    await sandbox.settle()
    assert codes(listener) == [0]
    assert (await shop.pay_out("PAY-1")).json()["errorCode"] == "500.002.1001"
    assert sandbox.balance("utility") == FLOAT - 50_000


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_answer_may_not_come_in_time_whether_it_was_done_or_not(
    sandbox: Running, listener: Any, shop: Shop, accepted: bool
) -> None:
    sandbox.fault("hang", on="b2c", seconds=30, accepted=accepted)
    with pytest.raises(httpx.ReadTimeout):
        await shop.post("/mpesa/b2c/v3/paymentrequest", shop.b2c_body("PAY-1"), timeout=0.2)
    await sandbox.settle()
    assert codes(listener) == ([0] if accepted else [])
    assert len(sandbox.payments()) == accepted


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_connection_may_be_cut_whether_it_was_done_or_not(
    sandbox: Running, shop: Shop, accepted: bool
) -> None:
    sandbox.fault("reset", on="b2c", accepted=accepted)
    with pytest.raises(httpx.TransportError):
        await shop.pay_out("PAY-1")
    assert len(sandbox.payments()) == accepted


async def test_an_answer_that_hangs_is_the_true_one_in_the_end(sandbox: Running, shop: Shop) -> None:
    sandbox.fault("hang", on="b2c", seconds=0.05)
    assert (await shop.pay_out("PAY-1")).json()["ResponseCode"] == "0"


async def test_a_token_may_be_void_before_its_time(sandbox: Running, shop: Shop) -> None:
    sandbox.fault("forget_token", on="b2c")
    assert (await shop.pay_out("PAY-1")).json()["errorCode"] == "404.001.03"
    await shop.authorise()
    assert (await shop.pay_out("PAY-1")).status_code == 200


async def test_a_callback_may_never_come_though_money_moved(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.fault("drop", on="b2c")
    await shop.pay_out("PAY-1")
    assert await sandbox.settle() == {"settled": True, "delivered": 0, "given_up": 0, "prompts": 0}
    assert listener.got == []
    assert sandbox.balance(PHONE) == OPENING + 50_000
    listed = (await shop.http.get("/sandbox/callbacks")).json()
    assert [callback["outcome"] for callback in listed] == ["dropped"]


async def test_a_callback_may_come_late(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.fault("delay", on="b2c", seconds=300)
    await shop.pay_out("PAY-1")
    await sandbox.advance(299)
    assert listener.got == []
    await sandbox.advance(5)
    assert codes(listener) == [0]


async def test_a_callback_may_come_several_times(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.fault("duplicate", on="b2c", copies=2, seconds=60)
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    first, *others = listener.bodies("/cb/b2c")
    assert others == [first, first]
    assert sandbox.balance(PHONE) == OPENING + 50_000


async def test_a_callback_may_come_after_a_later_one(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.fault("reorder", on="b2c", msisdn=PHONE)
    await shop.pay_out("PAY-1")
    await shop.pay_out("PAY-2", "500", OTHER)
    await sandbox.settle()
    order = [body["Result"]["OriginatorConversationID"] for body in listener.bodies("/cb/b2c")]
    assert order == ["PAY-2", "PAY-1"]


async def test_a_callback_held_back_comes_in_the_end_though_no_other_does(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    sandbox.fault("reorder", on="b2c")
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    assert codes(listener) == [0]


async def test_a_result_code_may_be_text(sandbox: Running, listener: Any, shop: Shop) -> None:
    sandbox.fault("text_code", times=2)
    await shop.pay_out("PAY-1")
    await shop.push()
    await sandbox.settle()
    assert codes(listener) == ["0"]
    assert listener.bodies("/cb/stk")[0]["Body"]["stkCallback"]["ResultCode"] == "0"


@pytest.mark.parametrize(("when", "order"), [("before", [1, 0]), ("after", [0, 1])])
async def test_a_payout_may_be_called_failed_and_paid(
    sandbox: Running, listener: Any, shop: Shop, when: str, order: list[int]
) -> None:
    sandbox.fault("contradict", on="b2c", when=when)
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    assert codes(listener) == order
    assert sandbox.balance(PHONE) == OPENING + 50_000


@pytest.mark.parametrize("kind", ["stk", "b2c"])
async def test_a_transaction_may_fail_with_any_code(
    sandbox: Running, listener: Any, shop: Shop, kind: str
) -> None:
    sandbox.fault("result", on=kind, code="SFC_IC0003")
    await shop.pay_out("PAY-1") if kind == "b2c" else await shop.push()
    await sandbox.settle()
    assert [payment.code for payment in sandbox.payments()] == ["SFC_IC0003"]
    assert (sandbox.balance(PHONE), sandbox.balance("utility")) == (OPENING, FLOAT)


@pytest.mark.parametrize(
    ("fields", "paths", "paid", "status"),
    [
        ({}, ["/cb/late", "/cb/b2c"], True, "Completed"),
        ({"result": False}, ["/cb/late"], True, "Completed"),
        ({"pays": False}, ["/cb/late"], False, "Expired"),
    ],
)
async def test_a_queue_timeout_says_nothing_about_the_money(
    sandbox: Running,
    listener: Any,
    shop: Shop,
    fields: dict[str, bool],
    paths: list[str],
    paid: bool,
    status: str,
) -> None:
    sandbox.fault("queue_timeout", on="b2c", **fields)
    await shop.pay_out("PAY-1")
    await sandbox.settle()
    assert [path for path, _ in listener.got] == paths
    assert listener.bodies("/cb/late")[0]["Result"]["OriginatorConversationID"] == "PAY-1"
    assert sandbox.balance(PHONE) == OPENING + (50_000 if paid else 0)
    told = parameters(await shop.ask_status(OriginalConversationID="PAY-1"))
    assert told["TransactionStatus"] == status


async def test_a_callback_nobody_takes_is_given_up_at_once(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    listener.answers["/cb/b2c"] = (500, {})
    await shop.pay_out("PAY-1")
    await shop.pay_out("PAY-2", "500", OTHER, ResultURL="http://127.0.0.1:1/nobody")
    assert (await sandbox.settle())["given_up"] == 2
    outcomes = [callback.outcome for callback in sandbox.world.callbacks.values()]
    assert outcomes == ["given up: HTTP 500", "given up: ConnectError"]
    assert len(listener.got) == 1


async def test_a_fault_strikes_whom_it_names_and_as_often_as_it_says(sandbox: Running, shop: Shop) -> None:
    sandbox.fault("refuse", on="b2c", error="busy", msisdn=PHONE, times=2)
    statuses = [
        (await shop.pay_out(f"{phone}-{n}", "500", phone)).status_code
        for n in range(3)
        for phone in (PHONE, OTHER)
    ]
    assert statuses == [500, 200, 500, 200, 200, 200]


def strikes(seed: int, phones: list[str], order: list[int]) -> Counter[tuple[str, int]]:
    faults = Faults(seed)
    faults.add({"do": "drop", "on": "b2c", "times": None, "probability": 0.3})
    seen: Counter[str] = Counter()
    struck: Counter[tuple[str, int]] = Counter()
    for index in order:
        phone = phones[index % len(phones)]
        seen[phone] += 1
        struck[phone, seen[phone]] += faults.take(("drop",), "b2c", phone) is not None
    return struck


def test_chance_repeats_with_its_seed_whatever_order_phones_come_in() -> None:
    phones = [f"2547000000{n:02d}" for n in range(20)]
    order = list(range(2000))
    shuffled = sorted(order, key=lambda n: (n // 20 % 7, n))
    first = strikes(1, phones, order)
    assert first == strikes(1, phones, shuffled)
    assert first != strikes(2, phones, order)
    assert 500 < first.total() < 700


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "`do` is one of"),
        ({"do": "explode"}, "`do` is one of"),
        ({"do": "drop", "on": "b2b"}, "`on` is"),
        ({"do": "drop", "times": 0}, "`times` is"),
        ({"do": "drop", "probability": 2}, "`probability` is"),
        ({"do": "drop", "msisdn": 254712345678}, "`msisdn` is text"),
        ({"do": "drop", "seconds": 1}, "`drop` has no `seconds`"),
        ({"do": "delay"}, "`delay` needs `seconds`"),
        ({"do": "delay", "seconds": -1}, "`seconds` is"),
        ({"do": "refuse", "error": "rain"}, "`error` is one of"),
        ({"do": "duplicate", "copies": 1000}, "`copies` is"),
        ({"do": "contradict", "when": "now"}, "`when` is"),
        ({"do": "result", "code": [1]}, "`code` is"),
    ],
)
def test_a_knob_turned_wrongly_says_what_it_takes(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        Faults(1).add(asked)


async def test_knobs_are_turned_listed_and_turned_back_over_http(sandbox: Running, shop: Shop) -> None:
    made = await shop.http.post("/sandbox/faults", json={"do": "drop", "on": "b2c"})
    assert (made.status_code, made.json()["id"]) == (201, 1)
    assert (await shop.http.get("/sandbox/faults")).json() == [
        {"id": 1, "do": "drop", "on": "b2c", "msisdn": None, "times": 1, "probability": 1.0, "used": 0}
    ]
    assert (await shop.http.delete("/sandbox/faults/7")).status_code == 404
    assert (await shop.http.delete("/sandbox/faults/1")).status_code == 200
    wrong = await shop.http.post("/sandbox/faults", json={"do": "rain"})
    assert wrong.status_code == 400
    assert (await shop.http.get("/sandbox/faults")).json() == []
