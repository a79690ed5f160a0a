"""Places where a test may kill the process: `FAILPOINT=relay.published` ends it there, as kill -9 does.

So what a crash at that line leaves behind is seen, and not imagined. Production refuses to run with one.
"""

import os
import signal

from ussd_engine.errors import SettingsError
from ussd_engine.settings import settings

VARIABLE = "FAILPOINT"


def here(name: str) -> None:
    """Die now if the environment says so."""
    if os.environ.get(VARIABLE) == name:
        require_none()
        os.kill(os.getpid(), signal.SIGKILL)


def require_none() -> None:
    """Raise SettingsError when this is production and a failpoint is set."""
    if os.environ.get(VARIABLE) and settings().env == "production":
        raise SettingsError(f"{VARIABLE} is for tests. Production does not run with one.")
