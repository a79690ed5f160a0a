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

    running.run(port, data)
