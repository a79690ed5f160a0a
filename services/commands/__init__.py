"""What the lender adds to `ussd`. Each group is a file here; `app` puts them together.

Commands import what they need when they run, so that `ussd --help` stays quick.
"""

import typer

from services.commands import admin, inbox, ledger, payouts, scorecard, subject
from services.commands.reconcile import reconcile
from services.commands.relay import relay
from services.commands.report import report
from services.commands.sandbox import sandbox
from services.commands.seed import seed
from services.commands.sms import sms_callbacks

app = typer.Typer()
app.add_typer(admin.app, name="admin")
app.add_typer(ledger.app, name="ledger")
app.add_typer(scorecard.app, name="scorecard")
app.add_typer(payouts.app, name="payouts")
app.add_typer(inbox.app, name="inbox")
app.add_typer(subject.app, name="subject")
app.command()(sandbox)
app.command()(relay)
app.command()(seed)
app.command()(reconcile)
app.command()(report)
app.command("sms-callbacks")(sms_callbacks)
