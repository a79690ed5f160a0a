"""Changes that two people make."""

from migrations.script import execute

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0014_changes.up.sql")


def downgrade() -> None:
    execute("0014_changes.down.sql")
