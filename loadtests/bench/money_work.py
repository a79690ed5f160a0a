"""The work of the money bench: an application, and M-Pesa's callbacks as Daraja writes them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from loadtests.bench import borrowers
from loadtests.bench.walker import HOST, Talk, Traffic, Wrong
from services import clock
from services.actions import registry
from services.loans import terms as terms_files
from services.loans.quote import price
from services.loans.terms import Terms
from ussd_engine.actions import Call
from ussd_engine.errors import UssdError

MENUS = Path(__file__).parents[2] / "menus"
AMOUNT_CENTS = 500_000

Told = tuple[str, str, bytes]  # the callback's kind, our id in its path, its body

# As if a worker had asked M-Pesa for every payout, and M-Pesa had taken it.
PAYOUTS = (
    """
insert into payout (loan_id, borrower_id, amount_cents, originator_id)
select id, borrower_id, principal_cents, 'BENCH' || lpad(id::text, 10, '0')
from loan
where state = 'disbursing'
on conflict (loan_id) do nothing
""",
    "update payout set state = 'submitting' where state = 'ready'",
    "update payout set state = 'submitted' where state = 'submitting'",
)
SUBMITTED = """
select payout.id, originator_id, amount_cents, msisdn
from payout
join borrower on borrower.id = payout.borrower_id
where state = 'submitted'
order by payout.id
"""

# As if every borrower had asked to pay all that they owe, and their phones showed the prompt.
PROMPTS = (
    """
insert into payment_request (loan_id, borrower_id, amount_cents, action_key)
select id, borrower_id, total_cents, 'bench:' || id
from loan
where state = 'active'
""",
    "update payment_request set state = 'prompting', prompted_at = now() where state = 'queued'",
    """
update payment_request
set state = 'prompted',
    checkout_request_id = 'ws_CO_' || id,
    merchant_request_id = 'm-' || id
where state = 'prompting'
""",
)
PROMPTED = """
select payment_request.id, checkout_request_id, merchant_request_id, amount_cents, msisdn
from payment_request
join borrower on borrower.id = payment_request.borrower_id
where state = 'prompted'
order by payment_request.id
"""


@dataclass
class Posts(Traffic):
    """M-Pesa, which posts each callback once and must be told that it was accepted."""

    port: int
    token: str
    told_of: list[Told]
    counts: Counter[str] = field(default_factory=Counter)

    def dialog(self) -> Talk | None:
        """The next callback."""
        return self._post(*self.told_of.pop()) if self.told_of else None

    def _post(self, kind: str, ref: str, body: bytes) -> Talk:
        head = (
            f"POST /api/v1/cb/{self.token}/{kind}/{ref} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = yield head.encode() + body
        if orjson.loads(answer).get("ResultCode") != 0:
            raise Wrong("ResultCode 0")
        self.counts["callbacks"] += 1

    def told(self) -> int:
        """How many are left."""
        return len(self.told_of)


def terms() -> Terms:
    """What Umoja sells."""
    sources = {path.name: path.read_text() for path in (MENUS / "umoja").glob("*.yaml")}
    found, problems = terms_files.read(sources)
    if found is None:
        raise UssdError(f"The menus have a fault: {problems[0].message}")
    return found


async def apply_all(selling: Terms, numbers: Iterator[int]) -> list[str]:
    """These borrowers apply, one after the other. What went wrong."""
    return [wrong for number in numbers if (wrong := await apply(selling, number))]


async def apply(selling: Terms, number: int) -> str:
    """The last press of an application, as the server has it done. What went wrong, or nothing."""
    registered = registry.get("loans.apply")
    assert registered is not None
    total = price(selling.product, AMOUNT_CENTS, clock.nairobi_date(clock.now())).total_cents
    call = Call(
        key=f"africastalking:bench{number}:6:loans.apply", msisdn=borrowers.msisdn(number), language="en",
        service="umoja", gateway="africastalking", network="63902", bundle="bench", data=selling,
        deadline_s=60.0, checkpoint={"state": "apply_pin"},
    )  # fmt: skip
    asked = {"amount": AMOUNT_CENTS, "purpose": "business", "total": total, "pin": borrowers.PIN}
    outcome = await registered.function(call, **asked)
    return "" if outcome.name == "ok" else f"borrower {number}: {outcome.name}"


def result(row: Any) -> Told:
    """A payout's success."""
    receipt = f"RB{row['id']:08d}"
    parameters = {
        "TransactionAmount": row["amount_cents"] // 100,
        "TransactionReceipt": receipt,
        "ReceiverPartyPublicName": f"{row['msisdn']} - Asha Ali",
        "TransactionCompletedDateTime": f"{clock.now().astimezone(clock.NAIROBI):%d.%m.%Y %H:%M:%S}",
        "B2CUtilityAccountAvailableFunds": 900_000_000.0,
        "B2CRecipientIsRegisteredCustomer": "Y",
    }
    told = {
        "ResultType": 0, "ResultCode": 0, "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": row["originator_id"], "ConversationID": f"AG_{row['id']}",
        "TransactionID": receipt,
        "ResultParameters": {
            "ResultParameter": [{"Key": key, "Value": value} for key, value in parameters.items()]
        },
    }  # fmt: skip
    return "b2c", row["originator_id"], orjson.dumps({"Result": told})


def paid(row: Any) -> Told:
    """A prompt that was paid."""
    item = {
        "Amount": row["amount_cents"] / 100,
        "MpesaReceiptNumber": f"RP{row['id']:08d}",
        "TransactionDate": int(f"{clock.now().astimezone(clock.NAIROBI):%Y%m%d%H%M%S}"),
        "PhoneNumber": int(row["msisdn"]),
    }
    told = {
        "MerchantRequestID": row["merchant_request_id"], "CheckoutRequestID": row["checkout_request_id"],
        "ResultCode": 0, "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": name, "Value": value} for name, value in item.items()]},
    }  # fmt: skip
    return "stk", str(row["id"]), orjson.dumps({"Body": {"stkCallback": told}})
