"""The `Result` envelope that B2C, reversal, status and balance are called back with; what codes mean."""

from collections.abc import Iterable
from typing import Any

from services.sandbox.records import Code, Payment

# Words beside the codes of facts found on the portal's pages; others get the general sentence.
DESCRIPTIONS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "17": "Duplicate transaction: same amount to the same party within 2 minutes.",
    "21": "The initiator is not allowed to initiate this request.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber.",
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1032": "Request cancelled by user",
    "1037": "DS timeout user cannot be reached",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule: the account status does not allow this transaction.",
    "2028": "The request is not permitted according to product assignment.",
    "2032": "The transaction does not exist.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) is not supported.",
    "8006": "The security credential is locked.",
    "SFC_IC0003": "The operator does not exist.",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
}
TIMED_OUT = "The service request timed out."


def description(code: Code) -> str:
    """The sentence of a result code."""
    return DESCRIPTIONS.get(str(code), "The service request failed.")


def result(
    code: Code,
    payment: Payment,
    parameters: Iterable[tuple[str, Any]] | None,
    *,
    reference: tuple[str, str] = ("QueueTimeoutURL", ""),
) -> dict[str, Any]:
    """A result. A failure has no ResultParameters, but a TransactionID like any other.

    A parameter that is None is an entry without `Value`, which Daraja sends too.
    """
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": description(code),
        "OriginatorConversationID": payment.originator_id,
        "ConversationID": payment.conversation_id,
        "TransactionID": payment.receipt,
    }
    if parameters is not None:
        body["ResultParameters"] = {"ResultParameter": [entry(key, value) for key, value in parameters]}
    key, value = reference
    body["ReferenceData"] = {"ReferenceItem": entry(key, value or payment.timeout_url)}
    return {"Result": body}


def timed_out(payment: Payment) -> dict[str, Any]:
    """What is posted to a QueueTimeOutURL. The portal shows no body; others model it as a result."""
    body = {
        "ResultType": 1,
        "ResultCode": 1,
        "ResultDesc": TIMED_OUT,
        "OriginatorConversationID": payment.originator_id,
        "ConversationID": payment.conversation_id,
        "TransactionID": payment.receipt,
    }
    return {"Result": body}


def accepted(payment: Payment) -> dict[str, str]:
    """The synchronous answer: accepted, and no more than that."""
    return {
        "ConversationID": payment.conversation_id,
        "OriginatorConversationID": payment.originator_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def entry(key: str, value: Any) -> dict[str, Any]:
    """A key with its value, or without one."""
    return {"Key": key} if value is None else {"Key": key, "Value": value}
