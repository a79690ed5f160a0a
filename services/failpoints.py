"""Failpoints: places where a test kills this process, to see that nothing is lost or done twice.

`USSD_FAILPOINT=name` ends the process at that line as `kill -9` would: no cleanup, no last words. A path
instead of a name is a file that holds one: whoever comes there removes the file and dies, so that processes
that run can be told, one after the other. With ENV=production a process that is told of one does not start.
"""

import os
import signal
from pathlib import Path

from ussd_engine.errors import SettingsError
from ussd_engine.settings import settings

VARIABLE = "USSD_FAILPOINT"

# Where they are, in the order in which money meets them.
NAMES = (
    "effect.written",  # what a press asked for is done, and its answer is kept; not committed
    "effect.kept",  # committed; not answered
    "payout.ready",  # a: the payout and its id are committed
    "payout.submitting",  # b: that we are about to ask is committed; nothing was sent
    "payout.asked",  # c: M-Pesa has answered; nothing of it is written
    "payout.answered",  # d: the answer is committed
    "payout.settling",  # e: the result is being booked; not committed
    "payout.settled",  # f: booked and committed
    "prompt.prompting",
    "prompt.asked",
    "prompt.answered",
    "callback.storing",  # it came; it is not stored
    "callback.stored",  # it is stored; it is not answered
    "inbox.taken",  # a callback is being processed
    "inbox.done",  # processed; not committed
    "repayment.booking",
    "repayment.booked",
    "sms.sending",  # that we are about to send is committed; nothing was sent
    "sms.sent",  # the gateway has answered; nothing of it is written
    "relay.published",  # a message was handed on; that is not written
    "api.changed",  # the staff's change and its reply are written; not committed
    "api.committed",  # they are committed; nobody was answered
    "task.worked",  # a message's work is done; that is not written
)


def here(name: str) -> None:
    """Die, if this is the place."""
    told = os.environ.get(VARIABLE)
    if told is not None and (told == name or ("/" in told and _says(Path(told), name))):
        require_none()
        os.kill(os.getpid(), signal.SIGKILL)


def _says(file: Path, name: str) -> bool:
    """Whether the file names this place, and nobody else was quicker to take it."""
    try:
        if file.read_text().strip() != name:
            return False
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def require_none() -> None:
    """Raise SettingsError when this is production and a failpoint is named."""
    if os.environ.get(VARIABLE) and settings().env == "production":
        raise SettingsError(f"{VARIABLE} is for tests. Production does not run with one.")
