"""Requests as a shop sends them, for the tests of the sandbox."""

import base64
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding

from services.sandbox.server import Running

PHONE = "254712345678"
OTHER = "254722000001"
STAMP = "20261123101500"


class Shop:
    """A client of the sandbox that is let in."""

    def __init__(self, sandbox: Running, listener: Any) -> None:
        self.sandbox = sandbox
        self.listener = listener
        self.values = sandbox.client_values()
        self.http = httpx.AsyncClient(base_url=sandbox.url, trust_env=False)
        self.token = ""

    async def authorise(self) -> "Shop":
        answer = await self.http.get(
            "/oauth/v1/generate",
            params={"grant_type": "client_credentials"},
            auth=(self.values["consumer_key"], self.values["consumer_secret"]),
        )
        self.token = answer.json()["access_token"]
        return self

    async def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.post(path, json=body, headers=headers, **more)

    def credential(self, password: str | None = None) -> str:
        certificate = x509.load_pem_x509_certificate(self.values["certificate_pem"].encode())
        plain = (password or self.values["initiator_password"]).encode()
        sealed = certificate.public_key().encrypt(plain, padding.PKCS1v15())  # type: ignore[union-attr, call-arg]
        return base64.b64encode(sealed).decode()

    def stk_body(self, amount: Any = "100", phone: str = PHONE, **changes: Any) -> dict[str, Any]:
        paybill = self.values["paybill"]
        password = base64.b64encode(f"{paybill}{self.values['passkey']}{STAMP}".encode()).decode()
        return {
            "BusinessShortCode": int(paybill),
            "Password": password,
            "Timestamp": STAMP,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": amount,
            "PartyA": phone,
            "PartyB": paybill,
            "PhoneNumber": phone,
            "CallBackURL": self.listener.url("/cb/stk"),
            "AccountReference": "U4K7QXN",
            "TransactionDesc": "Loan",
            **changes,
        }

    def b2c_body(
        self, originator: str, amount: Any = "500", phone: str = PHONE, **changes: Any
    ) -> dict[str, Any]:
        return {
            "OriginatorConversationID": originator,
            "InitiatorName": self.values["initiator_name"],
            "SecurityCredential": self.credential(),
            "CommandID": "BusinessPayment",
            "Amount": amount,
            "PartyA": self.values["payout_shortcode"],
            "PartyB": phone,
            "Remarks": "Loan U4K7QXN",
            "QueueTimeOutURL": self.listener.url("/cb/late"),
            "ResultURL": self.listener.url("/cb/b2c"),
            "Occassion": "",
            **changes,
        }

    def status_body(self, **changes: Any) -> dict[str, Any]:
        return {
            "Initiator": self.values["initiator_name"],
            "SecurityCredential": self.credential(),
            "CommandID": "TransactionStatusQuery",
            "PartyA": self.values["payout_shortcode"],
            "IdentifierType": "4",
            "ResultURL": self.listener.url("/cb/status"),
            "QueueTimeOutURL": self.listener.url("/cb/late"),
            "Remarks": "OK",
            "Occasion": "OK",
            **changes,
        }

    async def push(self, *given: Any, **changes: Any) -> httpx.Response:
        return await self.post("/mpesa/stkpush/v1/processrequest", self.stk_body(*given, **changes))

    async def pay_out(self, *given: Any, **changes: Any) -> httpx.Response:
        return await self.post("/mpesa/b2c/v3/paymentrequest", self.b2c_body(*given, **changes))

    async def ask_status(self, **changes: Any) -> dict[str, Any]:
        """The status result of a transaction, as it is called back."""
        await self.post("/mpesa/transactionstatus/v1/query", self.status_body(**changes))
        await self.sandbox.settle()
        result: dict[str, Any] = self.listener.bodies("/cb/status")[-1]["Result"]
        return result


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    """A result's parameters by key; an entry without a value is None."""
    held = result["ResultParameters"]["ResultParameter"]
    return {entry["Key"]: entry.get("Value") for entry in held}
