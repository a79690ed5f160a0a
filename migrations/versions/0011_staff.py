"""The lender's staff: who they are, what proves it, and what they changed."""

from migrations.script import execute

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0011_staff.up.sql")


def downgrade() -> None:
    execute("0011_staff.down.sql")
