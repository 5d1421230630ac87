"""Measure the streams that are polled: not those of connections that wait for a person.

Revision: 0003
"""

from shared.migrations.sql import run_sql_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0003_polled_streams.sql")


def downgrade() -> None:
    """Leave them: what they return is of the same shape."""
