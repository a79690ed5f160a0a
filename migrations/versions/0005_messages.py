"""Outbox, action results, payment requests."""

from migrations.script import execute

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0005_messages.up.sql")


def downgrade() -> None:
    execute("0005_messages.down.sql")
