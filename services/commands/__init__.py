"""What the lender adds to `ussd`. Each group is a file here; `app` puts them together.

Commands import what they need when they run, so that `ussd --help` stays quick.
"""

import typer

from services.commands import ledger
from services.commands.sandbox import sandbox

app = typer.Typer()
app.add_typer(ledger.app, name="ledger")
app.command()(sandbox)
