"""What dialogs and the server were like: events, counted."""

from migrations.script import execute

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0015_events.up.sql")


def downgrade() -> None:
    execute("0015_events.down.sql")
