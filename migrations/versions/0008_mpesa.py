"""M-Pesa: the inbox of callbacks, payouts, what became of prompts, the float."""

from migrations.script import execute

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0008_mpesa.up.sql")


def downgrade() -> None:
    execute("0008_mpesa.down.sql")
