"""Guards: the words of a consent, no truncating, fixed accounts, and checkpoints that are forgotten."""

from migrations.script import execute

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0006_guards.up.sql")


def downgrade() -> None:
    execute("0006_guards.down.sql")
