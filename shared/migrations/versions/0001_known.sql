-- What was known: the figures as of a position of the ledger --------------------------------------------
-- The views of this schema have the names of what they show. A transaction that sets
--     search_path = known, public
--     app.as_of = a position P of the ledger, app.as_of_day = the local day on which P was recorded,
--     app.as_of_time, app.as_of_stated, app.as_of_repaired = the moments up to which goals, rates and
--     repairs count,
--     app.as_of_from = 'now' or 'start': which end of the log of changes P is nearer to
-- reads through them, and every query then answers as it would have answered when the fold had come
-- to P. P lies between two batches of the fold: at the end of a recorded day, or at a published
-- position. Without these settings each of them fails; none of them can quietly show the present.

CREATE SCHEMA known;
GRANT USAGE ON SCHEMA known TO earned_app;

DO $$
DECLARE
    state text;
    columns text;
BEGIN
    FOREACH state IN ARRAY ARRAY[
        'roster', 'membership', 'post', 'post_snapshot', 'gauge', 'touch', 'person_link', 'lead',
        'deal', 'application', 'standing', 'credit_row'
    ] LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
          FROM pg_attribute
         WHERE attrelid = state::regclass AND attnum > 0 AND NOT attisdropped;
        EXECUTE format(
            'CREATE VIEW known.%1$I WITH (security_invoker = true) AS '
            'SELECT %3$s FROM public.%1$I '
            ' WHERE position <= current_setting(''app.as_of'')::bigint '
            'UNION ALL '
            'SELECT %3$s FROM public.%2$I '
            ' WHERE position <= current_setting(''app.as_of'')::bigint '
            '   AND until > current_setting(''app.as_of'')::bigint',
            state, state || '_past', columns
        );
    END LOOP;
END $$;

-- The value of a cell as of P is what it is now without what was added after P, and as well the sum of
-- what was added up to P: the log adds up to the values. app.as_of_from says which is less to read, and
-- the other part is not executed. After P is a later day, or the same one at a later position: a change
-- is logged at the last position of its batch, so those are the batches after P. A repair adds nothing to
-- the ledger and counts from its own moment on, be it of the day and the position at which a period was
-- published: what was published stays. known_on is what the log is indexed by: of repairs until then it
-- is at most a day more than the moment has in Greenwich. What comes to 0 reads as never having changed.
--
-- Conditions of a query reach into each part as far as they name what it is grouped by. Hence three
-- views of the same: cell_value is asked for slices and names, rollup_value for measures, rollup for
-- whole rows.
DO $$
DECLARE
    present text := 'current_setting(''app.as_of_from'') = ''now''';
    -- Settings in sub-queries: read once, not for each row of the log.
    after text := 'current_setting(''app.as_of_from'') = ''now'' '
        'AND known_on >= (SELECT current_setting(''app.as_of_day'')::date) '
        'AND CASE WHEN repaired_at IS NULL '
        '         THEN known_on > (SELECT current_setting(''app.as_of_day'')::date) '
        '              OR position > (SELECT current_setting(''app.as_of'')::bigint) '
        '         ELSE repaired_at >= '
        '              (SELECT current_setting(''app.as_of_repaired'')::timestamptz) END';
    upto text := 'current_setting(''app.as_of_from'') = ''start'' '
        'AND known_on <= (SELECT greatest(current_setting(''app.as_of_day'')::date, '
        '    (current_setting(''app.as_of_repaired'')::timestamptz AT TIME ZONE ''UTC'')::date + 1)) '
        'AND CASE WHEN repaired_at IS NULL '
        '         THEN known_on <= (SELECT current_setting(''app.as_of_day'')::date) '
        '              AND position <= (SELECT current_setting(''app.as_of'')::bigint) '
        '         ELSE repaired_at < '
        '              (SELECT current_setting(''app.as_of_repaired'')::timestamptz) END';
    cells text := 'org_id, generation, cell, day, family';
    measured text := 'org_id, generation, measure, cell, day';
    names text := 'org_id, generation, slice, employee, account, team, network, campaign, content, '
        'channel, cell, measure, day';
BEGIN
    EXECUTE format(
        'CREATE VIEW known.rollup WITH (security_invoker = true) AS '
        'SELECT %1$s, %2$s FROM ('
        '    SELECT %1$s, %3$s FROM public.rollup WHERE %6$s '
        '    UNION ALL SELECT %1$s, %5$s FROM public.rollup_change WHERE %7$s '
        '    UNION ALL SELECT %1$s, %4$s FROM public.rollup_change WHERE %8$s '
        ') told GROUP BY %1$s',
        cells,
        (SELECT string_agg(format('nullif(sum(v%1$s), 0) AS v%1$s', slot), ', ')
           FROM generate_series(1, 8) slot),
        (SELECT string_agg(format('v%s', slot), ', ') FROM generate_series(1, 8) slot),
        (SELECT string_agg(format('d%s', slot), ', ') FROM generate_series(1, 8) slot),
        (SELECT string_agg(format('-d%s', slot), ', ') FROM generate_series(1, 8) slot),
        present, after, upto
    );
    EXECUTE format(
        'CREATE VIEW known.rollup_value WITH (security_invoker = true) AS '
        'SELECT %1$s, sum(value) AS value FROM ('
        '    SELECT %1$s, value FROM public.rollup_value WHERE %2$s '
        '    UNION ALL SELECT %1$s, -delta FROM public.rollup_delta WHERE %3$s '
        '    UNION ALL SELECT %1$s, delta FROM public.rollup_delta WHERE %4$s '
        ') told GROUP BY %1$s HAVING sum(value) <> 0',
        measured, present, after, upto
    );
    EXECUTE format(
        'CREATE VIEW known.cell_value WITH (security_invoker = true) AS '
        'SELECT %1$s, sum(value) AS value FROM ('
        '    SELECT %1$s, value FROM public.cell_value WHERE %2$s '
        '    UNION ALL SELECT %1$s, -delta FROM public.rollup_delta '
        '      JOIN public.cell USING (org_id, generation, cell) WHERE %3$s '
        '    UNION ALL SELECT %1$s, delta FROM public.rollup_delta '
        '      JOIN public.cell USING (org_id, generation, cell) WHERE %4$s '
        ') told GROUP BY %1$s HAVING sum(value) <> 0',
        names, present, after, upto
    );
END $$;

-- Most measures that were held then are held by the whole organization, whose cell is quickly read;
-- all cells are looked at for the others alone, since what adds up to 0 was held too. They are named
-- there once more: the log may be read anew for each slot that the planner takes for the only one.
CREATE FUNCTION known.measures_held(of_org uuid, of_generation integer, asked text[])
    RETURNS TABLE (measure text) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.measure
      FROM public.rollup_slot s
     WHERE s.org_id = of_org AND s.generation = of_generation AND s.measure = ANY (asked)
       AND (s.measure IN (
                SELECT v.measure FROM known.cell_value v
                 WHERE v.org_id = of_org AND v.generation = of_generation
                   AND v.measure = ANY (asked) AND v.slice = 'total')
            OR EXISTS (
                SELECT FROM known.rollup_value v
                 WHERE v.org_id = of_org AND v.generation = of_generation
                   AND v.measure = s.measure AND v.measure = ANY (asked)));
END;

-- The views of the present, over the rows that were known.
DO $$
DECLARE
    present text := rtrim(pg_get_viewdef('public.credit'), ';');
    given text := ' AND r.position <= current_setting(''app.as_of'')::bigint';
    taken_back text := ' AND r.until > current_setting(''app.as_of'')::bigint';
BEGIN
    EXECUTE 'CREATE VIEW known.credit WITH (security_invoker = true) AS '
        || replace(present, 'credit_row r', 'known.credit_row r');
    EXECUTE 'CREATE VIEW known.credit_standing WITH (security_invoker = true) AS '
        || replace(present, 'credit_row r', 'public.credit_row r') || given;
    EXECUTE 'CREATE VIEW known.credit_taken_back WITH (security_invoker = true) AS '
        || replace(present, 'credit_row r', 'public.credit_row_past r') || given || taken_back;
END $$;

CREATE VIEW known.rollup_delta WITH (security_invoker = true) AS
SELECT org_id, generation, position, known_on, repaired_at, measure, cell, day, delta
  FROM public.rollup_delta
 WHERE position <= current_setting('app.as_of')::bigint
   AND (repaired_at IS NULL OR repaired_at < current_setting('app.as_of_repaired')::timestamptz);

CREATE VIEW known.ledger_entry WITH (security_invoker = true) AS
SELECT * FROM public.ledger_entry
 WHERE position <= current_setting('app.as_of')::bigint;

CREATE VIEW known.fold_cursor WITH (security_invoker = true) AS
SELECT org_id, generation, least(position, current_setting('app.as_of')::bigint) AS position,
       folded_at, next_cell
  FROM public.fold_cursor;

-- A head whose position lies after P says nothing about P: the fact was then unknown, or stood in the
-- version that fact_past remembers.
CREATE VIEW known.fact_head WITH (security_invoker = true) AS
SELECT org_id, fact_key, position, is_retracted
  FROM public.fact_head
 WHERE position <= current_setting('app.as_of')::bigint
UNION ALL
SELECT org_id, fact_key, position, false
  FROM public.fact_past
 WHERE position <= current_setting('app.as_of')::bigint
   AND until > current_setting('app.as_of')::bigint;

-- Rates that were stated before the moment: the end of the day asked about, or of publication, or
-- right after the last one that a list which is still being read began with.
CREATE VIEW known.assumption WITH (security_invoker = true) AS
SELECT * FROM public.assumption
 WHERE recorded_at < current_setting('app.as_of_stated')::timestamptz;

-- Goals as they had been stated by then.
CREATE VIEW known.goal WITH (security_invoker = true) AS
SELECT * FROM public.goal
 WHERE recorded_at < current_setting('app.as_of_time')::timestamptz;

GRANT SELECT ON ALL TABLES IN SCHEMA known TO earned_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA known TO earned_app;
