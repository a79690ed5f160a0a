"""M-Pesa's books beside ours."""

from migrations.script import execute

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0016_reconciliation.up.sql")


def downgrade() -> None:
    execute("0016_reconciliation.down.sql")
