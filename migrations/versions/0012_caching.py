"""What a cache is told of changes."""

from migrations.script import execute

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0012_caching.up.sql")


def downgrade() -> None:
    execute("0012_caching.down.sql")
