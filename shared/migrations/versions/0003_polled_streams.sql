-- Depth of each queue over all organizations, for Prometheus. A stream of a connection that is paused,
-- or waits for a new authorization, is taken by no worker: nothing of it waits.
CREATE OR REPLACE FUNCTION queue_depths()
    RETURNS TABLE (queue text, state text, items bigint, oldest_ready_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT 'inbox', CASE WHEN i.next_attempt_at > clock_timestamp() THEN 'retry' ELSE 'ready' END,
           count(*), min(i.next_attempt_at)
      FROM inbox i WHERE i.state = 'received' GROUP BY 2
    UNION ALL
    SELECT 'inbox', 'quarantined', count(*), NULL FROM inbox i WHERE i.state = 'quarantined'
    UNION ALL
    SELECT 'sync',
           CASE WHEN s.lease_until >= clock_timestamp() THEN 'leased'
                WHEN s.attempts > 0 THEN 'retry' ELSE 'ready' END,
           count(*), min(s.next_due_at)
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE (s.next_due_at <= clock_timestamp() AND c.state IN ('active', 'degraded'))
        OR s.lease_until >= clock_timestamp()
     GROUP BY 2;
END;

-- How far behind the worst stream of each kind is, of those that are polled. One that never succeeded
-- says nothing of the others, and counts where none did: from the epoch.
CREATE OR REPLACE FUNCTION stream_successes()
    RETURNS TABLE (provider text, stream text, last_success_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.provider, s.stream, coalesce(min(s.last_success_at), 'epoch')
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE c.state IN ('active', 'degraded')
     GROUP BY c.provider, s.stream;
END;
