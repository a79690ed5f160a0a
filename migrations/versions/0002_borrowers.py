"""Borrowers, their consents, the PIN being chosen."""

from migrations.script import execute

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0002_borrowers.up.sql")


def downgrade() -> None:
    execute("0002_borrowers.down.sql")
