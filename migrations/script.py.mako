"""${message}."""

from migrations.script import execute

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute("${up_revision}_NAME.up.sql")


def downgrade() -> None:
    execute("${up_revision}_NAME.down.sql")
