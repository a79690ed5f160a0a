"""Money's whole life: terms kept, penalties, write-off, suspense, approvals, business days."""

from migrations.script import execute

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0007_money.up.sql")


def downgrade() -> None:
    execute("0007_money.down.sql")
