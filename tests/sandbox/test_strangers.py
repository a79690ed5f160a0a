"""Clients that others wrote work against the sandbox. Only their base URL is changed.

`daraja-v3` and `mpesakit` speak to Daraja, `africastalking` is Africa's Talking's own SDK. What the
sandbox calls back is read with mpesakit's schemas, which know nothing of us.
"""

import asyncio
from typing import Any

import africastalking
import pytest
from africastalking.Service import AfricasTalkingException
from mpesa import MpesaAsyncClient, MpesaClient
from mpesa.exceptions import AuthenticationError, MpesaError
from mpesakit.account_balance.schemas import AccountBalanceResultCallback
from mpesakit.auth import TokenManager
from mpesakit.b2c import B2C, B2CRequest
from mpesakit.b2c.schemas import B2CResultCallback, B2CTimeoutCallback
from mpesakit.c2b.schemas import C2BValidationRequest
from mpesakit.http_client import MpesaHttpClient
from mpesakit.mpesa_express import StkPush, StkPushQueryRequest, StkPushSimulateRequest
from mpesakit.mpesa_express.schemas import StkPushSimulateCallback
from mpesakit.reversal.schemas import ReversalResultCallback
from mpesakit.security import generate_security_credential
from mpesakit.transaction_status.schemas import TransactionStatusResultCallback

from services.sandbox.server import Running
from tests.sandbox.client import PHONE, Shop

OPENING = 500_000

# africastalking.initialize makes its WhatsApp part too, and that one warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore:Sandbox is currently not available for the Whatsapp")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs read the environment's proxy, and it knows no loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def daraja_client(sandbox: Running, shortcode: str | None = None, **changes: Any) -> MpesaClient:
    given = {
        "consumer_key": sandbox.settings.consumer_key,
        "consumer_secret": sandbox.settings.consumer_secret,
        "passkey": sandbox.settings.passkey,
        **changes,
    }
    return MpesaClient(shortcode=shortcode or sandbox.settings.paybill, base_url=sandbox.url, **given)


async def test_daraja_v3_pushes_queries_and_reads_the_callback(sandbox: Running, listener: Any) -> None:
    client = daraja_client(sandbox)
    url = listener.url("/cb/stk")
    pushed = await asyncio.to_thread(client.stk_push, "0712345678", 500, "U4K7QXN", "Loan", url)
    with pytest.raises(MpesaError, match="being processed"):
        await asyncio.to_thread(client.stk_query, pushed.checkout_request_id)
    await sandbox.settle()
    queried = await asyncio.to_thread(client.stk_query, pushed.checkout_request_id)
    assert queried.is_paid
    paid = MpesaClient.parse_stk_callback(listener.bodies("/cb/stk")[0])
    assert paid == {
        **paid,
        "paid": True,
        "phone": PHONE,
        "amount": 500.0,
        "mpesa_receipt": sandbox.payments()[0].receipt,
        "checkout_request_id": pushed.checkout_request_id,
        "merchant_request_id": pushed.merchant_request_id,
    }


async def test_daraja_v3_reads_a_prompt_that_was_cancelled(sandbox: Running, listener: Any) -> None:
    sandbox.fault("result", on="stk", code=1032)
    client = daraja_client(sandbox)
    url = listener.url("/cb/stk")
    pushed = await asyncio.to_thread(client.stk_push, "0712345678", 500, "U4K7QXN", "Loan", url)
    await sandbox.settle()
    told = MpesaClient.parse_stk_callback(listener.bodies("/cb/stk")[0])
    assert (told["paid"], told["result_code"]) == (False, "1032")
    assert (await asyncio.to_thread(client.stk_query, pushed.checkout_request_id)).result_code == "1032"


async def test_daraja_v3_pays_out_asks_the_balance_and_registers(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    client = daraja_client(sandbox, sandbox.settings.payout_shortcode)
    initiator = {
        "initiator_name": sandbox.settings.initiator_name,
        "security_credential": shop.credential(),
        "queue_timeout_url": listener.url("/cb/late"),
    }
    paid = await asyncio.to_thread(
        client.b2c, "0712345678", 500, callback_url=listener.url("/cb/b2c"), **initiator
    )
    asked = await asyncio.to_thread(
        client.account_balance, callback_url=listener.url("/cb/balance"), **initiator
    )
    urls = (listener.url("/cb/check"), listener.url("/cb/paid"))
    registered = await asyncio.to_thread(client.c2b_register_urls, *urls)
    await sandbox.settle()
    assert (asked["ResponseCode"], registered["ResponseCode"]) == ("0", "0")
    result = listener.bodies("/cb/b2c")[0]["Result"]
    assert result["OriginatorConversationID"] == paid.originator_conversation_id
    assert sandbox.balance(PHONE) == OPENING + 50_000
    assert len(listener.bodies("/cb/balance")) == 1


async def test_daraja_v3_tells_its_user_what_the_sandbox_refuses(sandbox: Running, listener: Any) -> None:
    with pytest.raises(AuthenticationError, match=r"400\.008\.01"):
        await asyncio.to_thread(
            daraja_client(sandbox, consumer_secret="wrong").stk_push, "0712345678", 5, "REF"
        )
    url = listener.url("/cb/stk")
    wrong = daraja_client(sandbox, passkey="wrong")
    with pytest.raises(MpesaError, match="Wrong credentials") as refused:
        await asyncio.to_thread(wrong.stk_push, "0712345678", 5, "REF", "Loan", url)
    assert refused.value.code == "500.001.1001"


async def test_two_clients_of_daraja_v3_void_each_others_token(sandbox: Running, listener: Any) -> None:
    first, second = daraja_client(sandbox), daraja_client(sandbox)
    url = listener.url("/cb/stk")
    await asyncio.to_thread(first.stk_push, "0712345678", 5, "REF", "Loan", url)
    await asyncio.to_thread(second.stk_push, "0722000001", 5, "REF", "Loan", url)
    with pytest.raises(MpesaError, match="Invalid Access Token"):
        await asyncio.to_thread(first.stk_push, "0733000001", 5, "REF", "Loan", url)


async def test_daraja_v3s_async_client_works_too(sandbox: Running, listener: Any) -> None:
    settings = sandbox.settings
    async with MpesaAsyncClient(
        settings.consumer_key,
        settings.consumer_secret,
        settings.paybill,
        passkey=settings.passkey,
        base_url=sandbox.url,
    ) as client:
        pushed = await client.stk_push(
            phone="0712345678", amount=500, reference="U4K7QXN", callback_url=listener.url("/cb/stk")
        )
        await sandbox.settle()
        assert (await client.stk_query(pushed.checkout_request_id)).is_paid


class Mpesakit:
    """mpesakit's parts, with the sandbox's base URL."""

    def __init__(self, sandbox: Running) -> None:
        http = MpesaHttpClient(trust_env=False)
        http.base_url = sandbox.url
        tokens = TokenManager(
            consumer_key=sandbox.settings.consumer_key,
            consumer_secret=sandbox.settings.consumer_secret,
            http_client=http,
        )
        self.stk = StkPush(http_client=http, token_manager=tokens)
        self.b2c = B2C(http_client=http, token_manager=tokens)


async def test_mpesakit_pushes_and_queries(sandbox: Running, listener: Any) -> None:
    kit = Mpesakit(sandbox)
    settings = sandbox.settings
    request = StkPushSimulateRequest(
        BusinessShortCode=int(settings.paybill),
        Passkey=settings.passkey,
        TransactionType="CustomerPayBillOnline",
        Amount=500,
        PartyA=PHONE,
        PartyB=settings.paybill,
        PhoneNumber=PHONE,
        CallBackURL=listener.url("/cb/stk"),
        AccountReference="U4K7QXN",
        TransactionDesc="Loan",
    )
    pushed = await asyncio.to_thread(kit.stk.push, request)
    assert pushed.is_successful()
    await sandbox.settle()
    question = StkPushQueryRequest(
        BusinessShortCode=int(settings.paybill),
        Passkey=settings.passkey,
        CheckoutRequestID=pushed.CheckoutRequestID,
    )
    assert (await asyncio.to_thread(kit.stk.query, question)).is_successful()


async def test_mpesakits_schemas_read_a_payment_and_a_failure_of_stk(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    await shop.push("500")
    await sandbox.settle()
    sandbox.fault("result", on="stk", code=2001)
    await shop.push("600")
    await sandbox.settle()
    paid, failed = map(StkPushSimulateCallback.model_validate, listener.bodies("/cb/stk"))
    assert (paid.is_successful, paid.amount, paid.phone_number, paid.balance) == (True, 500.0, PHONE, None)
    assert paid.mpesa_receipt_number == sandbox.payments()[0].receipt
    assert (failed.is_successful, failed.Body.stkCallback.CallbackMetadata) == (False, None)


async def test_mpesakit_pays_out_and_reads_the_results(sandbox: Running, listener: Any, shop: Shop) -> None:
    kit = Mpesakit(sandbox)
    settings = sandbox.settings

    def request(originator: str) -> B2CRequest:
        return B2CRequest(
            OriginatorConversationID=originator,
            InitiatorName=settings.initiator_name,
            SecurityCredential=shop.credential(),
            CommandID="BusinessPayment",
            Amount=500,
            PartyA=int(settings.payout_shortcode),
            PartyB=int(PHONE),
            Remarks="Loan",
            QueueTimeOutURL=listener.url("/cb/late"),
            ResultURL=listener.url("/cb/b2c"),
        )

    assert (await asyncio.to_thread(kit.b2c.send_payment, request("PAY-1"))).is_successful()
    await sandbox.settle()
    sandbox.set_balance("utility", 0)
    sandbox.fault("queue_timeout", on="b2c")
    assert (await asyncio.to_thread(kit.b2c.send_payment, request("PAY-2"))).is_successful()
    await sandbox.settle()
    paid, failed = (B2CResultCallback.model_validate(as_a_list(body)) for body in listener.bodies("/cb/b2c"))
    assert (paid.is_successful(), paid.Result.transaction_amount) == (True, 500)
    assert paid.Result.transaction_receipt == paid.Result.TransactionID
    assert paid.Result.recipient_is_registered
    assert paid.Result.utility_account_available_funds == 999_500.0
    assert (failed.is_successful(), failed.Result.ResultCode) == (False, 1)
    late = B2CTimeoutCallback.model_validate(listener.bodies("/cb/late")[0])
    assert late.Result.OriginatorConversationID == "PAY-2"


def as_a_list(body: dict[str, Any]) -> dict[str, Any]:
    """mpesakit wants the parameters as a list; the portal's samples, and the sandbox, have them one
    level deeper, under ResultParameter."""
    result = dict(body["Result"])
    if "ResultParameters" in result:
        entries = result["ResultParameters"]["ResultParameter"]
        result["ResultParameters"] = [entry for entry in entries if "Value" in entry]
    return {"Result": result}


async def test_mpesakits_schemas_read_status_balance_reversal_and_c2b(
    sandbox: Running, listener: Any, shop: Shop
) -> None:
    urls = {"ConfirmationURL": listener.url("/cb/paid"), "ValidationURL": listener.url("/cb/check")}
    register = {"ShortCode": sandbox.settings.paybill, "ResponseType": "Completed", **urls}
    await shop.post("/mpesa/c2b/v2/registerurl", register)
    payment = sandbox.pay(PHONE, 300, "U4K7QXN")
    await sandbox.settle()
    for path in ("/cb/check", "/cb/paid"):
        notice = C2BValidationRequest.model_validate(listener.bodies(path)[0])
        assert (notice.TransID, notice.TransAmount, notice.BillRefNumber) == (payment.receipt, 300, "U4K7QXN")
    await shop.ask_status(TransactionID=payment.receipt)
    status = TransactionStatusResultCallback.model_validate(as_a_list(listener.bodies("/cb/status")[0]))
    assert status.is_successful()
    await shop.post("/mpesa/accountbalance/v1/query", shop.status_body(CommandID="AccountBalance"))
    await sandbox.settle()
    balance = AccountBalanceResultCallback.model_validate(listener.bodies("/cb/status")[1])
    assert balance.Result.ResultCode == 0
    reversal = shop.status_body(
        CommandID="TransactionReversal",
        TransactionID=payment.receipt,
        Amount="300",
        ReceiverParty=sandbox.settings.paybill,
        RecieverIdentifierType="11",
        ResultURL=listener.url("/cb/reversed"),
    )
    await shop.post("/mpesa/reversal/v1/request", reversal)
    await sandbox.settle()
    assert ReversalResultCallback.model_validate(listener.bodies("/cb/reversed")[0]).is_successful()


async def test_a_credential_of_mpesakit_has_a_timestamp_in_it_and_is_wrong(
    sandbox: Running, shop: Shop, tmp_path: Any
) -> None:
    """mpesakit encrypts password and time together; the portal says the plain password."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(sandbox.certificate_pem)
    sealed = generate_security_credential(sandbox.settings.initiator_password, str(certificate))
    await shop.pay_out("PAY-1", SecurityCredential=sealed)
    await sandbox.settle()
    assert [payment.code for payment in sandbox.payments()] == [2001]


@pytest.fixture
def talking(sandbox: Running) -> Any:
    """Africa's Talking's SDK, sent to the sandbox."""
    africastalking.initialize(sandbox.settings.at_username, sandbox.settings.at_api_key)
    africastalking.SMS._baseUrl = f"{sandbox.url}/version1"
    africastalking.Application._baseUrl = f"{sandbox.url}/version1"
    return africastalking


async def test_africas_talkings_sdk_sends_and_reads_the_recipients(sandbox: Running, talking: Any) -> None:
    answer = await asyncio.to_thread(
        talking.SMS.send, "Your loan is here", [f"+{PHONE}", "+254722000001"], "UMOJA", enqueue=True
    )
    data = answer["SMSMessageData"]
    assert data["Message"] == "Sent to 2/2 Total Cost: KES 1.6000"
    assert [one["statusCode"] for one in data["Recipients"]] == [102, 102]
    account = await asyncio.to_thread(talking.Application.fetch_application_data)
    assert account == {"UserData": {"balance": "KES 9998.4000"}}


async def test_africas_talkings_sdk_fetches_and_sends_to_a_hash(sandbox: Running, talking: Any) -> None:
    sandbox.set_balance(PHONE, 0)
    fetched = await asyncio.to_thread(talking.SMS.fetch_messages)
    assert fetched == {"SMSMessageData": {"Messages": []}}
    answer = await asyncio.to_thread(talking.SMS.send_hashed, "Asante", "0" * 64, "UMOJA")
    assert answer["SMSMessageData"]["Recipients"][0]["statusCode"] == 403


async def test_africas_talkings_sdk_raises_when_the_key_is_wrong(sandbox: Running) -> None:
    africastalking.initialize("sandbox", "wrong")
    africastalking.SMS._baseUrl = f"{sandbox.url}/version1"
    with pytest.raises(AfricasTalkingException, match="authentication is invalid"):
        await asyncio.to_thread(africastalking.SMS.send, "Hello", [f"+{PHONE}"])
