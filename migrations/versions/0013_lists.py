"""What the lists of staff need to be quick."""

from migrations.script import execute

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0013_lists.up.sql")


def downgrade() -> None:
    execute("0013_lists.down.sql")
