-- Of a log that everybody writes, whoever looks back reads all that its index has not been told of: the
-- index is told by each vacuum, and by default that would be once the log had grown by a fifth.
ALTER TABLE rollup_change SET (autovacuum_vacuum_insert_scale_factor = 0,
                               autovacuum_vacuum_insert_threshold = 100000);

-- What sweeps look for every few seconds. The time of the statement is known before it is planned, so that
-- an index finds what is due; the time of the clock is not, and all that is not due was read as well.
CREATE OR REPLACE FUNCTION due_streams(most integer)
    RETURNS TABLE (org_id uuid, connection_id uuid, stream text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT s.org_id, s.connection_id, s.stream
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE s.next_due_at <= statement_timestamp()
       AND (s.lease_until IS NULL OR s.lease_until < statement_timestamp())
       AND c.state IN ('active', 'degraded')
     ORDER BY s.next_due_at
     LIMIT most;
END;

-- The first of each organization, from one to the next along the index, however many wait.
CREATE OR REPLACE FUNCTION orgs_with_waiting_deliveries(most integer) RETURNS TABLE (org_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE longest AS (
        (SELECT i.org_id, i.next_attempt_at
           FROM inbox i
          WHERE i.state = 'received'
          ORDER BY i.org_id, i.next_attempt_at, i.id
          LIMIT 1)
        UNION ALL
        SELECT n.org_id, n.next_attempt_at
          FROM longest l
         CROSS JOIN LATERAL (
            SELECT i.org_id, i.next_attempt_at
              FROM inbox i
             WHERE i.state = 'received' AND i.org_id > l.org_id
             ORDER BY i.org_id, i.next_attempt_at, i.id
             LIMIT 1
         ) n
    )
    SELECT l.org_id
      FROM longest l
     WHERE l.next_attempt_at <= statement_timestamp()
     ORDER BY l.next_attempt_at
     LIMIT most;
END;
