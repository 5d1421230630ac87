-- Periods whose figures are frozen at a position. Appended, never changed; a withdrawal is an act of its
-- own. Every fold ends a batch at a published position, so each generation can answer as of it.

CREATE TABLE publication (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL,
    starts_on       date NOT NULL,
    ends_on         date NOT NULL CHECK (ends_on > starts_on),
    position        bigint NOT NULL,
    known_on        date NOT NULL,
    known_until     timestamptz NOT NULL,
    published_at    timestamptz NOT NULL,
    published_by    text NOT NULL,
    note            text NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE publication_withdrawal (
    org_id          uuid NOT NULL,
    publication_id  uuid NOT NULL,
    withdrawn_at    timestamptz NOT NULL,
    withdrawn_by    text NOT NULL,
    note            text NOT NULL,
    PRIMARY KEY (org_id, publication_id),
    FOREIGN KEY (org_id, publication_id) REFERENCES publication (org_id, id)
);

-- The past of the state of the fold: what a row said until the fact behind it was taken back ------------
-- A past table has the columns of its table and until, the position of the retracting entry: the row
-- was known at positions from position up to, and without, until. It grows with corrections alone,
-- so the tables of the present stay as small as the present.

DO $$
DECLARE
    state text;
    key text;
BEGIN
    FOREACH state IN ARRAY ARRAY[
        'roster', 'membership', 'post', 'post_snapshot', 'gauge', 'touch', 'person_link', 'lead',
        'deal', 'application', 'standing', 'credit_row'
    ] LOOP
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) INTO key
          FROM pg_index i
         CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = state::regclass AND i.indisprimary;
        EXECUTE format(
            'CREATE TABLE %1$I (LIKE %2$I, until bigint NOT NULL CHECK (until > position), '
            'PRIMARY KEY (%3$s, position))',
            state || '_past', state, key
        );
    END LOOP;
END $$;
-- What was known is looked up as what is known.
CREATE INDEX lead_past_of_person ON lead_past (person, org_id, generation) WHERE person IS NOT NULL;
CREATE INDEX deal_past_of_lead ON deal_past (lead, org_id, generation) WHERE lead IS NOT NULL;
CREATE INDEX application_past_of_person ON application_past (person, org_id, generation)
    WHERE person IS NOT NULL;
CREATE INDEX credit_past_by_touch ON credit_row_past
    (channel, org_id, generation, kind, touch_day, conversion, touch_key, position);
CREATE INDEX credit_past_by_conversion ON credit_row_past
    (channel, org_id, generation, kind, converted_day, conversion, touch_key, position);
