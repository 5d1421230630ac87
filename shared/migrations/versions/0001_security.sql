-- Row-level security, the second lock ------------------------------------------------------------------
-- Application connections run as earned_app, which owns nothing and bypasses nothing. Each transaction
-- names its organization with set_config('app.org_id', …, true); without it no row is seen.
-- Left open on purpose: organization, api_key (looked up before the organization is known), connection
-- (webhook endpoints, likewise), link (redirects, likewise), ledger_head, generation, fold_cursor,
-- sync_state and inbox positions are reached by sweeps that look for due work of every organization
-- through the SECURITY DEFINER functions below.

DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('earned_app'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'earned_app') THEN
        CREATE ROLE earned_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO earned_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO earned_app;
-- The ledger, the change log and its repairs, the versions of goals and what was published are
-- append-only, for the application too. The log of a generation goes when the generation has been
-- retired, and not before: see the policy below.
REVOKE UPDATE, DELETE ON ledger_entry, fact_past, rollup_repair, goal, publication,
       publication_withdrawal
  FROM earned_app;
REVOKE UPDATE ON rollup_change FROM earned_app;

-- Every table of an organization, those that other scripts of this revision make included. Without: positions
-- and parameters, which sweeps must see before they know the organization, and which are nobody's data.
DO $$
DECLARE
    protected regclass;
BEGIN
    FOR protected IN
        SELECT c.oid
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname NOT IN ('ledger_head', 'generation', 'fold_cursor')
         ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
        EXECUTE format(
            'CREATE POLICY of_organization ON %s TO earned_app '
            'USING (org_id = (SELECT NULLIF(current_setting(''app.org_id'', true), '''')::uuid)) '
            'WITH CHECK (org_id = (SELECT NULLIF(current_setting(''app.org_id'', true), '''')::uuid))',
            protected
        );
    END LOOP;
END $$;

CREATE POLICY of_retired_generation ON rollup_change AS RESTRICTIVE FOR DELETE TO earned_app
    USING ((org_id, generation) IN (
        SELECT g.org_id, g.generation FROM generation g WHERE g.state = 'retired'));

-- What must be found before the organization is known. Each returns the least that the caller needs.
-- The owner is subject to FORCE ROW LEVEL SECURITY unless it is a superuser, hence these policies.
DO $$
DECLARE
    directory text;
BEGIN
    FOREACH directory IN ARRAY ARRAY['api_key', 'connection', 'link', 'sync_state', 'inbox'] LOOP
        EXECUTE format('CREATE POLICY of_owner ON %I TO CURRENT_USER USING (true) WITH CHECK (true)',
                       directory);
    END LOOP;
END $$;

CREATE FUNCTION org_of_api_key(key_id text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT org_id FROM api_key WHERE id = key_id);

CREATE FUNCTION org_of_connection(connection_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT org_id FROM connection WHERE id = connection_id);

CREATE FUNCTION org_of_link(link_code text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT org_id FROM link WHERE code = link_code);

-- Streams that are due and not leased, oldest first: what the collector's sweep works through.
CREATE FUNCTION due_streams(most integer)
    RETURNS TABLE (org_id uuid, connection_id uuid, stream text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT s.org_id, s.connection_id, s.stream
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE s.next_due_at <= clock_timestamp()
       AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp())
       AND c.state IN ('active', 'degraded')
     ORDER BY s.next_due_at
     LIMIT most;
END;

-- Organizations with deliveries that wait to be read.
CREATE FUNCTION orgs_with_waiting_deliveries(most integer) RETURNS TABLE (org_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT i.org_id
      FROM inbox i
     WHERE i.state = 'received' AND i.next_attempt_at <= clock_timestamp()
     GROUP BY i.org_id
     ORDER BY min(i.next_attempt_at)
     LIMIT most;
END;

-- Depth of each queue over all organizations, for Prometheus.
CREATE FUNCTION queue_depths()
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
     WHERE s.next_due_at <= clock_timestamp() OR s.lease_until >= clock_timestamp()
     GROUP BY 2;
END;

-- Connections of all organizations by state, and how far behind the worst stream of each kind is:
-- for Prometheus. A stream that never succeeded counts from the epoch.
CREATE FUNCTION connection_states()
    RETURNS TABLE (provider text, state text, connections bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.provider, c.state, count(*) FROM connection c GROUP BY c.provider, c.state;
END;

CREATE FUNCTION stream_successes()
    RETURNS TABLE (provider text, stream text, last_success_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.provider, s.stream, min(coalesce(s.last_success_at, 'epoch'))
      FROM sync_state s
      JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
     WHERE c.state <> 'paused'
     GROUP BY c.provider, s.stream;
END;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO earned_app;
