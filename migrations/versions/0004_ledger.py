"""The double-entry ledger and its holds."""

from migrations.script import execute

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0004_ledger.up.sql")


def downgrade() -> None:
    execute("0004_ledger.down.sql")
