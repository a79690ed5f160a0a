"""Scoring: statements in sums, and everybody scored again."""

from migrations.script import execute

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("0010_scoring.up.sql")


def downgrade() -> None:
    execute("0010_scoring.down.sql")
