"""What lists still lacked with a million people."""

from migrations.script import execute

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0020_quicker_lists.up.sql")


def downgrade() -> None:
    execute("0020_quicker_lists.down.sql")
