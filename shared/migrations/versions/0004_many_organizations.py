"""Keep what one organization asks from reading what the others have.

Revision: 0004
"""

from alembic import op

from shared.migrations.sql import run_sql_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What an organization looks back through. The log is written batch by batch, so a few pages of it
# are of few organizations: up to 32 of them the index remembers one by one.
_KNOWN = """
rollup_change USING brin (org_id uuid_minmax_multi_ops, known_on, family, cell)
    WITH (pages_per_range = 4)
"""
# Deliveries are claimed organization by organization, longest waiting first.
_WAITING = "inbox (org_id, next_attempt_at, id) WHERE state = 'received'"
_INDEXES = (
    ("rollup_change_known", "rollup_change_looked_back", _KNOWN),
    ("inbox_waiting", "inbox_claimed", _WAITING),
)


def upgrade() -> None:
    run_sql_file("0004_many_organizations.sql")
    # Beside whoever reads and writes; what a run that was cut short has left is made anew.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for former, name, definition in _INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {former}")
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Leave them: they serve older code as well."""
