-- The ledger: append-only, a gapless position per organization ----------------------------------------

CREATE TABLE ledger_head (
    org_id          uuid PRIMARY KEY REFERENCES organization (id),
    position        bigint NOT NULL DEFAULT 0,
    recorded_at     timestamptz NOT NULL
);

CREATE TABLE ledger_entry (
    org_id          uuid NOT NULL,
    position        bigint NOT NULL,
    recorded_at     timestamptz NOT NULL,
    occurred_at     timestamptz NOT NULL,
    day             date NOT NULL,
    weight          smallint NOT NULL CHECK (weight IN (-1, 1)),
    kind            text NOT NULL,
    fact_key        bytea NOT NULL,
    source          text NOT NULL,
    external_id     text NOT NULL,
    employee        text,
    account         text,
    network         text,
    campaign        text,
    content         text,
    channel         text,
    subject         text,
    payload         text NOT NULL,
    PRIMARY KEY (org_id, position)
);
-- Facts come roughly in order of their days, but for late ones: of a range of pages it knows several
-- stretches of days, or one late fact would make it one from there to now.
CREATE INDEX ledger_entry_day ON ledger_entry USING brin (day date_minmax_multi_ops)
    WITH (pages_per_range = 32);

-- Cost facts are few and are read line by line: a statement may charge them to other days than booked.
CREATE INDEX ledger_entry_cost ON ledger_entry (org_id, fact_key, position) WHERE kind = 'cost.booked';

-- The current version of each identity. position: of its +1 entry; revision: of what was last said, below 0
-- the time at which it was said, where the source gives no revisions.
CREATE TABLE fact_head (
    org_id          uuid NOT NULL,
    fact_key        bytea NOT NULL,
    content_hash    bytea NOT NULL,
    revision        bigint NOT NULL,
    position        bigint NOT NULL,
    is_retracted    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, fact_key)
);

-- The earlier versions of each identity: stated at position, taken back at until. What was current at
-- any position is found here without a search through the ledger.
CREATE TABLE fact_past (
    org_id          uuid NOT NULL,
    fact_key        bytea NOT NULL,
    position        bigint NOT NULL,
    until           bigint NOT NULL CHECK (until > position),
    PRIMARY KEY (org_id, fact_key, position)
);

-- Facts with an amount that was told in another currency, by that currency: where they are found when
-- a rate is put right. One that has been told otherwise since stays listed.
CREATE TABLE converted_fact (
    org_id          uuid NOT NULL,
    currency        text NOT NULL,
    fact_key        bytea NOT NULL,
    PRIMARY KEY (org_id, currency, fact_key)
);

-- The newest event each source had told of from a recorded day on, until its next row: event time, but no
-- later than it was told, or a clock that is ahead would make a source look fresh when it has fallen silent.
-- A row for each day on which it grew, so that nobody has to search the ledger for it, of a past day neither.
CREATE TABLE source_newest (
    org_id          uuid NOT NULL,
    source          text NOT NULL,
    known_on        date NOT NULL,
    newest_at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, source, known_on)
);

-- The fold: rollups and the state of the keyed operators, one set per generation -----------------------

CREATE TABLE generation (
    org_id          uuid NOT NULL REFERENCES organization (id),
    generation      integer NOT NULL,
    state           text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    -- The oldest rules that any of it was folded under: shared/rollups/rules.py.
    catalogue_version integer NOT NULL,
    window_days     integer NOT NULL,
    half_life_days  integer NOT NULL,
    created_at      timestamptz NOT NULL,
    retired_at      timestamptz CHECK ((retired_at IS NULL) = (state <> 'retired')),
    -- Who chose half_life_days: the organization, its sales cycle, or nobody (too few deals yet).
    half_life_source text NOT NULL DEFAULT 'stated'
                    CHECK (half_life_source IN ('stated', 'measured', 'default')),
    half_life_deals integer CHECK ((half_life_deals IS NULL) = (half_life_source <> 'measured')),
    PRIMARY KEY (org_id, generation)
);
CREATE UNIQUE INDEX generation_live ON generation (org_id) WHERE state = 'live';
CREATE UNIQUE INDEX generation_building ON generation (org_id) WHERE state = 'building';

CREATE TABLE fold_cursor (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    position        bigint NOT NULL,
    folded_at       timestamptz NOT NULL,
    next_cell       integer NOT NULL DEFAULT 1,
    -- How far the log has been searched for the rows of a retired generation: up to, and without, this
    -- page of this file. Rewritten, the table is another file, and its rows are anywhere.
    walked_to       bigint NOT NULL DEFAULT 0,
    walked_file     oid,
    PRIMARY KEY (org_id, generation),
    FOREIGN KEY (org_id, generation) REFERENCES generation (org_id, generation)
);

-- A cell names one combination of who and where; '' means any. Slice 'finest' holds the base cells.
-- Numbers are handed out under the cursor's lock, which is what keeps a name from getting two.
CREATE TABLE cell (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    cell            integer NOT NULL,
    slice           text NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    team            text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    channel         text NOT NULL DEFAULT '',
    name_hash       bigint NOT NULL GENERATED ALWAYS AS (hash_record_extended(
        ROW (slice, employee, account, team, network, campaign, content, channel), 0)) STORED,
    PRIMARY KEY (org_id, generation, slice, cell)
);
-- The fold finds a cell by its name: comparing eight texts at every step of the way down an index
-- would cost ten times as much as comparing one number. Names that share it are told apart after.
--
-- This index and the others like it begin with what they are for. One that began with the organization
-- could serve for any look-up in the table, too, and of a generation younger than the statistics the
-- planner thinks that it has no rows: then any index looks as good as the right one.
CREATE INDEX cell_name ON cell (name_hash, org_id, generation);

-- Measures that change together share a row of the rollups: which family of rows holds a measure, and
-- in which column. Handed out under the cursor's lock when a measure first occurs, and never changed.
CREATE TABLE rollup_slot (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    measure         text NOT NULL,
    family          smallint NOT NULL,
    slot            smallint NOT NULL CHECK (slot BETWEEN 1 AND 8),
    PRIMARY KEY (org_id, generation, measure),
    UNIQUE (family, slot, org_id, generation)
);

-- A column without a value says that the measure never changed in this cell on this day.
CREATE TABLE rollup (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    cell            integer NOT NULL,
    day             date NOT NULL,
    family          smallint NOT NULL,
    v1 numeric, v2 numeric, v3 numeric, v4 numeric, v5 numeric, v6 numeric, v7 numeric, v8 numeric,
    PRIMARY KEY (org_id, generation, family, cell, day),
    CHECK ('NaN' NOT IN (v1, v2, v3, v4, v5, v6, v7, v8))
) WITH (fillfactor = 80);

-- Every delta ever applied to a cell: restatement history, and the way back to any past day. repaired_at
-- is there for what a repair added, which no entry of the ledger did.
CREATE TABLE rollup_change (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    position        bigint NOT NULL,
    known_on        date NOT NULL,
    repaired_at     timestamptz,
    cell            integer NOT NULL,
    day             date NOT NULL,
    family          smallint NOT NULL,
    d1 numeric, d2 numeric, d3 numeric, d4 numeric, d5 numeric, d6 numeric, d7 numeric, d8 numeric
);
-- A batch logs its changes in order of family and cell, so a few pages of it hold few cells: whoever looks
-- back for some cells reads these pages of each batch, and writing the log costs no index of its own.
CREATE INDEX rollup_change_known ON rollup_change USING brin (known_on, family, cell)
    WITH (pages_per_range = 4);

-- Repairs of the rollups: what was stored, what the ledger said, what the log had added up to. The
-- only rows of the rollups that did not come of the fold are told here, and kept for ever.
CREATE TABLE rollup_repair (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL,
    repaired_at     timestamptz NOT NULL,
    generation      integer NOT NULL,
    position        bigint NOT NULL,
    known_on        date NOT NULL,
    measure         text NOT NULL,
    cell            integer NOT NULL,
    day             date NOT NULL,
    stored          numeric NOT NULL,
    logged          numeric NOT NULL,
    recomputed      numeric NOT NULL,
    PRIMARY KEY (org_id, id, measure, cell, day)
);

-- One measure a row, whatever the tables look like: what everything reads.
CREATE VIEW rollup_value WITH (security_invoker = true) AS
SELECT r.org_id, r.generation, s.measure, r.cell, r.day, held.value
  FROM rollup_slot s
  JOIN rollup r ON r.org_id = s.org_id AND r.generation = s.generation AND r.family = s.family
 CROSS JOIN LATERAL (
    SELECT CASE s.slot WHEN 1 THEN r.v1 WHEN 2 THEN r.v2 WHEN 3 THEN r.v3 WHEN 4 THEN r.v4
                       WHEN 5 THEN r.v5 WHEN 6 THEN r.v6 WHEN 7 THEN r.v7 WHEN 8 THEN r.v8
           END AS value
 ) held
 WHERE held.value IS NOT NULL;
CREATE VIEW rollup_delta WITH (security_invoker = true) AS
SELECT c.org_id, c.generation, c.position, c.known_on, c.repaired_at, s.measure, c.cell, c.day,
       changed.delta
  FROM rollup_slot s
  JOIN rollup_change c ON c.org_id = s.org_id AND c.generation = s.generation AND c.family = s.family
 CROSS JOIN LATERAL (
    SELECT CASE s.slot WHEN 1 THEN c.d1 WHEN 2 THEN c.d2 WHEN 3 THEN c.d3 WHEN 4 THEN c.d4
                       WHEN 5 THEN c.d5 WHEN 6 THEN c.d6 WHEN 7 THEN c.d7 WHEN 8 THEN c.d8
           END AS delta
 ) changed
 WHERE changed.delta IS NOT NULL;

-- As sum, and as exact, for groups of a few rows: between rows it keeps a number, where sum keeps a
-- state that takes longer to make than a few additions. The fold's groups are a cell and a day.
CREATE AGGREGATE total(numeric) (
    sfunc = numeric_add, stype = numeric, combinefunc = numeric_add, parallel = safe
);

-- The same with the names of the cell beside the value: what figures are summed from. Each cell is looked
-- up by its whole key for each measure, in the days asked about. As a plain join it would be planned by
-- what is known of the organization's rows, and where that is nothing, or none, all rows of the generation
-- were read for each cell. OFFSET 0 would keep the planner from that, too, but keep the days out as well:
-- a volatile column does the one and not the other.
CREATE VIEW cell_value WITH (security_invoker = true) AS
SELECT c.org_id, c.generation, c.slice, c.employee, c.account, c.team, c.network, c.campaign,
       c.content, c.channel, c.cell, s.measure, r.day, r.value
  FROM cell c
  JOIN rollup_slot s USING (org_id, generation)
 CROSS JOIN LATERAL (
    SELECT day,
           CASE s.slot WHEN 1 THEN v1 WHEN 2 THEN v2 WHEN 3 THEN v3 WHEN 4 THEN v4
                       WHEN 5 THEN v5 WHEN 6 THEN v6 WHEN 7 THEN v7 WHEN 8 THEN v8
           END AS value,
           random() AS apart
      FROM rollup
     WHERE org_id = c.org_id AND generation = c.generation AND family = s.family AND cell = c.cell
 ) r
 WHERE r.value IS NOT NULL;

-- Which of some measures have a value other than 0 anywhere. The order of the key and LIMIT make it a
-- walk along the index up to the first value; left to guess, the planner reads the rollups of every
-- organization instead.
CREATE FUNCTION measures_held(of_org uuid, of_generation integer, asked text[])
    RETURNS TABLE (measure text) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.measure
      FROM rollup_slot s
     CROSS JOIN LATERAL (
        SELECT FROM rollup r
         WHERE r.org_id = of_org AND r.generation = of_generation AND r.family = s.family
           AND CASE s.slot WHEN 1 THEN r.v1 WHEN 2 THEN r.v2 WHEN 3 THEN r.v3 WHEN 4 THEN r.v4
                           WHEN 5 THEN r.v5 WHEN 6 THEN r.v6 WHEN 7 THEN r.v7 WHEN 8 THEN r.v8
               END <> 0
         ORDER BY r.org_id, r.generation, r.family, r.cell, r.day
         LIMIT 1
     ) first
     WHERE s.org_id = of_org AND s.generation = of_generation AND s.measure = ANY (asked);
END;

-- The state of the keyed operators. position is that of the ledger entry that wrote the row; when a
-- fact is taken back its row moves to the table's past (0001_history.sql).

CREATE TABLE roster (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    employee        text NOT NULL,
    effective_on    date NOT NULL,
    fact_key        bytea NOT NULL,
    employed        boolean NOT NULL,
    team            text NOT NULL DEFAULT '',
    department      text NOT NULL DEFAULT '',
    role            text NOT NULL DEFAULT '',
    linkedin_account boolean NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, employee, effective_on, fact_key)
);

CREATE TABLE membership (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    employee        text NOT NULL,
    happened_at     timestamptz NOT NULL,
    fact_key        bytea NOT NULL,
    day             date NOT NULL,
    event           text NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, employee, happened_at, fact_key)
);

CREATE TABLE post (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    post            text NOT NULL,
    fact_key        bytea NOT NULL,
    published_at    timestamptz NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, post, fact_key)
);
CREATE INDEX post_published ON post USING brin (published_at) WITH (pages_per_range = 32);

CREATE TABLE post_snapshot (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    post            text NOT NULL,
    observed_at     timestamptz NOT NULL,
    fact_key        bytea NOT NULL,
    day             date NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    impressions     bigint, -- null: the source does not count them, here and below
    reactions       bigint NOT NULL,
    comments        bigint NOT NULL,
    reshares        bigint NOT NULL,
    clicks          bigint,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, post, observed_at, fact_key)
);

CREATE TABLE gauge (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    measure         text NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    observed_at     timestamptz NOT NULL,
    fact_key        bytea NOT NULL,
    day             date NOT NULL,
    value           numeric NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, measure, employee, account, network, observed_at, fact_key)
);

CREATE TABLE touch (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    person          text NOT NULL,
    touched_at      timestamptz NOT NULL,
    fact_key        bytea NOT NULL,
    day             date NOT NULL,
    channel         text NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, person, touched_at, fact_key)
);

-- Identifiers of one person, each link from either end.
CREATE TABLE person_link (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    person          text NOT NULL,
    other           text NOT NULL,
    fact_key        bytea NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, person, other, fact_key)
);

CREATE TABLE lead (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    lead            text NOT NULL,
    fact_key        bytea NOT NULL,
    person          text,
    created_at      timestamptz NOT NULL,
    day             date NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, lead, fact_key)
);
CREATE INDEX lead_of_person ON lead (person, org_id, generation) WHERE person IS NOT NULL;

CREATE TABLE deal (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    deal            text NOT NULL,
    fact_key        bytea NOT NULL,
    lead            text,
    state           text NOT NULL,
    amount          numeric,
    opened_at       timestamptz NOT NULL,
    opened_day      date NOT NULL,
    closed_at       timestamptz,
    closed_day      date,
    employee        text NOT NULL DEFAULT '',
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, deal, fact_key)
);
CREATE INDEX deal_of_lead ON deal (lead, org_id, generation) WHERE lead IS NOT NULL;
CREATE INDEX deal_closed ON deal (org_id, generation, closed_day) WHERE state <> 'open';

-- An application for a job, and what became of it: 'submitted' or 'accepted'.
CREATE TABLE application (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    application     text NOT NULL,
    fact_key        bytea NOT NULL,
    event           text NOT NULL,
    person          text,
    happened_at     timestamptz NOT NULL,
    day             date NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, application, fact_key)
);
CREATE INDEX application_of_person ON application (person, org_id, generation)
    WHERE person IS NOT NULL;

-- Facts that answers are counted from in their own words: sets, quantiles, cohorts, scores. What else
-- a fact says lies in body.
CREATE TABLE standing (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    kind            text NOT NULL,
    day             date NOT NULL,
    fact_key        bytea NOT NULL,
    occurred_at     timestamptz NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    channel         text NOT NULL DEFAULT '',
    body            jsonb NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, fact_key)
);
CREATE INDEX standing_of_kind ON standing (kind, org_id, generation, day);

-- Credit of one conversion (a lead, a won deal, an application, a hire) to one touch under every
-- model side by side, in the order of the view below; without a value where a model gives nothing.
-- The shares of a conversion and model add up to 1, the amounts to the deal, to the cent; only
-- deals have amounts. position is the last entry of the batch that gave the credit.
CREATE TABLE credit_row (
    org_id          uuid NOT NULL,
    generation      integer NOT NULL,
    kind            text NOT NULL,
    conversion      text NOT NULL,
    touch_key       bytea NOT NULL,
    shares          numeric(14, 12)[] NOT NULL,
    amounts         numeric[] NOT NULL,
    touch_day       date NOT NULL,
    converted_day   date NOT NULL,
    channel         text NOT NULL,
    employee        text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',
    network         text NOT NULL DEFAULT '',
    campaign        text NOT NULL DEFAULT '',
    content         text NOT NULL DEFAULT '',
    position        bigint NOT NULL,
    PRIMARY KEY (org_id, generation, kind, conversion, touch_key)
);
CREATE INDEX credit_touched ON credit_row (touch_day, org_id, generation);
-- Pages of a channel's credit are read in these orders; what was given later than is asked about, of which
-- there may be far more than there was then, is left out in the index.
CREATE INDEX credit_by_touch ON credit_row
    (channel, org_id, generation, kind, touch_day, conversion, touch_key, position);
CREATE INDEX credit_by_conversion ON credit_row
    (channel, org_id, generation, kind, converted_day, conversion, touch_key, position);

-- One model a row: what everything reads.
CREATE VIEW credit WITH (security_invoker = true) AS
SELECT r.org_id, r.generation, r.kind, r.conversion, m.model, r.touch_key,
       r.shares[m.place] AS share, r.amounts[m.place] AS amount, r.touch_day, r.converted_day,
       r.channel, r.employee, r.account, r.network, r.campaign, r.content, r.position
  FROM credit_row r
 CROSS JOIN (VALUES
    ('first', 1), ('last', 2), ('last_non_direct', 3), ('linear', 4), ('position', 5),
    ('w_shaped', 6), ('time_decay', 7), ('shapley', 8)
 ) m (model, place)
 WHERE r.shares[m.place] IS NOT NULL;

-- The same in two parts, each of which has indexes in the order of a list: of a whole that is made of two
-- tables the first rows are not found before all have been sorted. Of the present nothing was taken back.
CREATE VIEW credit_standing WITH (security_invoker = true) AS SELECT * FROM credit;
CREATE VIEW credit_taken_back WITH (security_invoker = true) AS SELECT * FROM credit WHERE false;
