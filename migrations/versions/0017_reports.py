"""Reports that were made."""

from migrations.script import execute

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0017_reports.up.sql")


def downgrade() -> None:
    execute("0017_reports.down.sql")
