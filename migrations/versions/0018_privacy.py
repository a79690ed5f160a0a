"""What the law says of people's data."""

from migrations.script import execute

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0018_privacy.up.sql")


def downgrade() -> None:
    execute("0018_privacy.down.sql")
