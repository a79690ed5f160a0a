"""Who asks: the initiator's name and security credential, as B2C, status, balance and reversal send them."""

import hmac
from typing import Any

from services.sandbox import requests
from services.sandbox.core import Sandbox
from services.sandbox.credential import MalformedCredentialError
from services.sandbox.records import Code
from services.sandbox.refusals import bad_field

WRONG, LOCKED = 2001, 8006
LOCKED_AFTER = 5  # wrong ones in a row; M-Pesa does not say how many


def refused(box: Sandbox, body: dict[str, Any], name_field: str) -> Code | None:
    """The result code of a wrong initiator; None when it is the right one.

    A wrong credential is accepted at first: the refusal is the asynchronous result. Only one that is
    empty or not base64 is refused at once.
    """
    name = requests.text(body, name_field)
    try:
        opens = box.keys.opens(body.get("SecurityCredential"), box.settings.initiator_password)
    except MalformedCredentialError:
        raise bad_field("SecurityCredential") from None
    if box.world.wrong_credentials >= LOCKED_AFTER:
        return LOCKED
    if opens and hmac.compare_digest(name.encode(), box.settings.initiator_name.encode()):
        if box.world.wrong_credentials:
            box.record(wrong_credentials=0)
        return None
    box.record(wrong_credentials=box.world.wrong_credentials + 1)
    return WRONG
