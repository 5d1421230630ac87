"""Organizations, connections and the inbox; the ledger; the rollups; row-level security.

Revision: 0001
"""

from shared.migrations.sql import run_sql, run_sql_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "standing, credit_past, credit, application, deal, lead, person_link, touch, gauge, "
    "post_snapshot, post, membership, roster, rollup_change, rollup, rollup_slot, cell, "
    "fold_cursor, generation, fact_head, ledger_entry, ledger_head, import_run, inbox, sync_run, "
    "sync_state, connection, link, assumption, employee, api_key, organization"
)
_VIEWS = "rollup_value, rollup_delta"
_FUNCTIONS = (
    "stream_successes, connection_states, queue_depths, orgs_with_waiting_deliveries, "
    "due_streams, org_of_link, org_of_connection, org_of_api_key"
)


def upgrade() -> None:
    run_sql_file("0001_foundation.sql")
    run_sql_file("0001_ledger.sql")
    run_sql_file("0001_security.sql")


def downgrade() -> None:
    # The role stays: it belongs to the cluster and may serve another database.
    run_sql(f"DROP FUNCTION {_FUNCTIONS}; DROP VIEW {_VIEWS}; DROP TABLE {_TABLES};")
