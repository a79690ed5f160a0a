"""`ussd sandbox`: Safaricom and Africa's Talking on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def sandbox(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Else SANDBOX_PORT, else the web server's and 1.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Else USSD_DATA, else .ussd.")] = None,
) -> None:
    """Stand in for Safaricom's Daraja and Africa's Talking's SMS, with wallets and faults of its own."""
    from services.sandbox import running

    _tell_where_we_are()
    running.run(port, data)


def _tell_where_we_are() -> None:
    """Beside `ussd dev`, enter our callbacks on the gateway's dashboard, unless somebody entered others."""
    import os

    from services.sms.callbacks import paths
    from ussd_engine.settings import settings

    if "USSD_DATA" not in os.environ:
        return
    chosen = settings()
    report, opt_out = paths(chosen.secret.get_secret_value().encode())
    for name, path in (("REPORT", report), ("OPTOUT", opt_out)):
        os.environ.setdefault(
            f"SANDBOX_BEHAVIOUR__SMS_{name}_URL", f"http://{chosen.host}:{chosen.port}{path}"
        )
