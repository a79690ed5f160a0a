"""Loans, their moves and events, the decisions behind them."""

from migrations.script import execute

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0003_loans.up.sql")


def downgrade() -> None:
    execute("0003_loans.down.sql")
