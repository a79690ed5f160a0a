"""Answers that refuse: Daraja's error envelope, and what gateways in front of it send.

The envelope, on every API: {"requestId", "errorCode", "errorMessage"}.
"""

from dataclasses import dataclass

HTML = "<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


@dataclass(slots=True, frozen=True)
class Refusal:
    """An error's HTTP status, code and message. A page takes the place of the envelope."""

    status: int
    code: str
    message: str
    page: str = ""


class RefusalError(Exception):
    """The request is refused, and nothing was done."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def bad_field(name: str) -> RefusalError:
    """A field that is missing or makes no sense."""
    return RefusalError(Refusal(400, "400.002.02", f"Bad Request - Invalid {name}"))


BAD_PAYLOAD = Refusal(400, "400.002.05", "Invalid Request Payload")
INVALID_AUTH = Refusal(400, "400.008.01", "Invalid Authentication passed")
INVALID_GRANT = Refusal(400, "400.008.02", "Invalid grant type passed")
INVALID_TOKEN = Refusal(404, "404.001.03", "Invalid Access Token")
NOT_FOUND = Refusal(404, "404.001.01", "Resource not found")
METHOD = Refusal(405, "405.001", "Method Not Allowed")
NO_MERCHANT = Refusal(500, "500.001.1001", "Merchant does not exist")
WRONG_CREDENTIALS = Refusal(500, "500.001.1001", "Wrong credentials")
LOCKED = Refusal(
    500,
    "500.001.1001",
    "Unable to lock subscriber, a transaction is already in process for the current subscriber",
)
IN_PROCESS = Refusal(500, "500.001.1001", "The transaction is being processed")
DUPLICATE_ID = Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID.")

# What the `refuse` fault may answer, by name.
NAMED = {
    "spike_arrest": Refusal(500, "500.003.02", "Error Occurred: Spike Arrest Violation"),
    "busy": Refusal(500, "500.003.02", "System is busy. Please try again in few minutes."),
    "quota": Refusal(500, "500.003.03", "Error Occurred: Quota Violation"),
    "internal": Refusal(500, "500.003.1001", "Internal Server Error"),
    "duplicate_id": DUPLICATE_ID,
    "invalid_token": INVALID_TOKEN,
    "invalid_token_401": Refusal(401, "401.002.01", "Error Occurred - Invalid Access Token"),
    "lock": LOCKED,
    "merchant": NO_MERCHANT,
    "bad_request": Refusal(400, "400.002.02", "Bad Request - Invalid Request"),
    "gateway": Refusal(503, "", "", page=HTML),
    "html_200": Refusal(200, "", "", page=HTML),
    "envelope_200": Refusal(200, "500.003.1001", "Internal Server Error"),
}
