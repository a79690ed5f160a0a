"""Messages to people; an outbox that knows what was done."""

from migrations.script import execute

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0009_sms.up.sql")


def downgrade() -> None:
    execute("0009_sms.down.sql")
