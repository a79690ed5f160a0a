"""What the sandbox remembers: transactions, callbacks, phones, messages. All of it goes to the journal."""

from dataclasses import dataclass, field
from typing import Any

Code = int | str

OPEN = "open"  # accepted; nothing has moved
DONE = "done"


@dataclass(slots=True, frozen=True)
class Payment:
    """One M-Pesa transaction, whatever becomes of it.

    originator_id and conversation_id are the merchant and checkout request ids of an STK push. receipt is
    given to failures too, as M-Pesa does. code is None until it is done, 0 when it succeeded.
    """

    number: int
    kind: str  # stk, b2c, c2b, reversal
    msisdn: str
    cents: int
    shortcode: str
    originator_id: str
    conversation_id: str
    receipt: str
    created_at: str
    reference: str = ""
    description: str = ""
    command: str = ""
    result_url: str = ""
    timeout_url: str = ""
    state: str = OPEN
    planned: Code | None = None  # how it will end, decided when it was accepted
    code: Code | None = None
    told: bool = True  # its result is called back
    finished_at: str = ""
    fee_cents: int = 0
    linked: str = ""  # the receipt it reverses

    @property
    def succeeded(self) -> bool:
        """Money moved."""
        return self.state == DONE and self.code == 0


@dataclass(slots=True, frozen=True)
class Callback:
    """Something to post to the client. outcome is empty until it was, or was given up."""

    number: int
    kind: str
    msisdn: str
    url: str
    body: dict[str, Any]
    due: str
    form: bool = False
    fault: str = ""  # what was done to it
    outcome: str = ""


@dataclass(slots=True, frozen=True)
class Phone:
    """A subscriber: its M-Pesa name, and whether it has M-Pesa at all."""

    msisdn: str
    name: str
    registered: bool = True


@dataclass(slots=True, frozen=True)
class Message:
    """An SMS, sent or received. code is Africa's Talking's for this recipient."""

    number: int
    message_id: str
    msisdn: str
    sender: str
    text: str
    at: str
    code: int
    cost_cents: int = 0
    incoming: bool = False
    reported: str = ""


@dataclass(slots=True, frozen=True)
class Urls:
    """What a shortcode registered for C2B. version decides how the payer's number is hidden."""

    shortcode: str
    version: str
    response_type: str
    confirmation_url: str
    validation_url: str


@dataclass(slots=True, frozen=True)
class Call:
    """A request that came in, with its credentials left out."""

    at: str
    kind: str
    path: str
    status: int
    body: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
