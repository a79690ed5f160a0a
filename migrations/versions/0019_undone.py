"""A payment that was booked for a loan may be taken off it again."""

from migrations.script import execute

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0019_undone.up.sql")


def downgrade() -> None:
    execute("0019_undone.down.sql")
