"""Every operation. Made by `python -m services.api.make_client`; not by hand."""

from services.client.generated.analytics import Analytics
from services.client.generated.approvals import Approvals
from services.client.generated.audit import Audit
from services.client.generated.borrowers import Borrowers
from services.client.generated.decisions import Decisions
from services.client.generated.dialogs import Dialogs
from services.client.generated.differences import Differences
from services.client.generated.getting_in import GettingIn
from services.client.generated.loans import Loans
from services.client.generated.menus import Menus
from services.client.generated.messages import Messages
from services.client.generated.money import Money
from services.client.generated.payouts import Payouts
from services.client.generated.people import People
from services.client.generated.reports import Reports
from services.client.generated.scoring import Scoring
from services.client.generated.settings import Settings
from services.client.generated.staff import Staff
from services.client.generated.suspense import Suspense


class Operations(
    GettingIn,
    Loans,
    Decisions,
    People,
    Money,
    Messages,
    Approvals,
    Reports,
    Dialogs,
    Audit,
    Borrowers,
    Suspense,
    Differences,
    Payouts,
    Scoring,
    Analytics,
    Menus,
    Settings,
    Staff,
):
    """A method for each operation of the API."""
