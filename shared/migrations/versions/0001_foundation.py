"""Organizations, connections and the inbox; the ledger; the rollups; row-level security.

Revision: 0001
"""

from shared.migrations.sql import run_sql, run_sql_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Views and functions go with the tables that they read. The role stays: it belongs to the cluster
# and may serve another database.
_DROP_EVERYTHING = """
DROP SCHEMA IF EXISTS known CASCADE;
DO $$
DECLARE
    made text;
BEGIN
    FOR made IN
        SELECT tablename FROM pg_tables
         WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', made);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    run_sql_file("0001_foundation.sql")
    run_sql_file("0001_ledger.sql")
    run_sql_file("0001_history.sql")
    run_sql_file("0001_security.sql")
    run_sql_file("0001_known.sql")


def downgrade() -> None:
    run_sql(_DROP_EVERYTHING)
