"""Count the streams that are late: one of a thousand is its owner's, many are everybody's.

Revision: 0005
"""

from shared.migrations.sql import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Of streams that are polled: how many there are, how many last succeeded longer ago than asked (or
# never have since they were connected), and how far behind the worst is. One that never succeeded
# says nothing of the others, and counts there where none did: from the epoch.
_ADD = """
CREATE FUNCTION polled_streams(late_after interval)
    RETURNS TABLE (provider text, stream text, streams bigint, late bigint,
                   last_success_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.provider, s.stream, count(*),
           count(*) FILTER (WHERE coalesce(s.last_success_at, c.created_at)
                                  < statement_timestamp() - late_after),
           coalesce(min(s.last_success_at), 'epoch')
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE c.state IN ('active', 'degraded')
     GROUP BY c.provider, s.stream;
END;
GRANT EXECUTE ON FUNCTION polled_streams(interval) TO earned_app;
"""
_DROP = "DROP FUNCTION polled_streams(interval)"


def upgrade() -> None:
    run_sql(_ADD)


def downgrade() -> None:
    run_sql(_DROP)
