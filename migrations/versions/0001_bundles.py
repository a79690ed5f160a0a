"""Menu bundles and their publications."""

from migrations.script import execute

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0001_bundles.up.sql")


def downgrade() -> None:
    execute("0001_bundles.down.sql")
