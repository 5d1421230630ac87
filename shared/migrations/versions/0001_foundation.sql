-- Organizations and their keys ---------------------------------------------------------------

CREATE TABLE organization (
    id                          uuid PRIMARY KEY,
    name                        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone                   text NOT NULL,
    currency                    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    attribution_window_days     integer NOT NULL DEFAULT 90
                                CHECK (attribution_window_days BETWEEN 1 AND 730),
    -- Without one, the half-life is measured from the sales cycle; the generation says which holds.
    attribution_half_life_days  integer CHECK (attribution_half_life_days BETWEEN 1 AND 365),
    person_key                  bytea NOT NULL CHECK (length(person_key) = 32),
    created_at                  timestamptz NOT NULL,
    -- Figures about fewer people than this are not shown by team; 5 is the floor everywhere.
    smallest_group              integer NOT NULL DEFAULT 5
                                CHECK (smallest_group BETWEEN 5 AND 1000)
);

CREATE TABLE api_key (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              text NOT NULL UNIQUE CHECK (id ~ '^[0-9A-Za-z]{8}$'),
    name            text NOT NULL,
    secret_hash     bytea NOT NULL CHECK (length(secret_hash) = 32),
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_on    date,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX api_key_newest ON api_key (org_id, created_at, id);

-- People: with the inbox, the only home of personal data ---------------------------------------

CREATE TABLE employee (
    org_id          uuid NOT NULL REFERENCES organization (id),
    employee        text NOT NULL CHECK (length(employee) BETWEEN 1 AND 64),
    display_name    text,
    email           text,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, employee)
);

-- Rates the formulas use: effective-dated and versioned ------------------------------------------

CREATE TABLE assumption (
    org_id          uuid NOT NULL REFERENCES organization (id),
    key             text NOT NULL,
    network         text NOT NULL DEFAULT '',
    effective_from  date NOT NULL,
    version         integer NOT NULL CHECK (version > 0),
    value           numeric(20, 8) NOT NULL CHECK (value <> 'NaN'),
    source          text NOT NULL,
    grade           text NOT NULL CHECK (grade IN ('measured', 'modelled', 'claimed', 'default')),
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, key, network, effective_from, version)
);

-- Goals: what is to be reached by when; every change is a version -------------------------------

CREATE TABLE goal (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL,
    version         integer NOT NULL CHECK (version > 0),
    kpi             text NOT NULL,
    filters         jsonb NOT NULL DEFAULT '{}',
    target          numeric NOT NULL CHECK (target <> 'NaN'),
    unit            text NOT NULL,
    direction       text NOT NULL CHECK (direction IN ('up', 'down')),
    stretch         boolean NOT NULL,
    owner           text NOT NULL CHECK (owner <> ''),
    objective       text NOT NULL CHECK (objective <> ''),
    baseline_on     date NOT NULL,
    due_on          date NOT NULL CHECK (due_on > baseline_on),
    -- What was said of the target when this version was accepted, and the interval it rested on.
    attainable      text NOT NULL CHECK (attainable IN ('yes', 'no', 'unknown')),
    forecast_low    numeric,
    forecast_high   numeric,
    is_archived     boolean NOT NULL,
    recorded_at     timestamptz NOT NULL,
    recorded_by     text NOT NULL, -- the public part of the API key
    PRIMARY KEY (org_id, id, version)
);

-- Tracked links ----------------------------------------------------------------------------------

CREATE TABLE link (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL,
    code            text NOT NULL UNIQUE CHECK (code ~ '^[0-9A-Za-z]{11,32}$'),
    target_url      text NOT NULL,
    tagged_url      text NOT NULL,
    employee        text,
    account         text,
    network         text,
    campaign        text,
    content         text,
    channel         text NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- Connections, their streams and runs --------------------------------------------------------------

CREATE TABLE connection (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL UNIQUE,
    provider        text NOT NULL,
    source          text NOT NULL,
    name            text NOT NULL,
    config          text NOT NULL DEFAULT '{}',
    credentials     bytea,
    state           text NOT NULL DEFAULT 'active'
                    CHECK (state IN ('active', 'degraded', 'reauth_required', 'paused')),
    state_reason    text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, source)
);

CREATE TABLE sync_state (
    org_id          uuid NOT NULL,
    connection_id   uuid NOT NULL,
    stream          text NOT NULL,
    cursor          text,
    version         bigint NOT NULL DEFAULT 0,
    epoch           bigint NOT NULL DEFAULT 0,
    lease_owner     text,
    lease_until     timestamptz,
    next_due_at     timestamptz NOT NULL,
    interval_seconds integer NOT NULL CHECK (interval_seconds > 0),
    attempts        integer NOT NULL DEFAULT 0,
    last_success_at timestamptz,
    last_error      text,
    PRIMARY KEY (org_id, connection_id, stream),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id)
);
CREATE INDEX sync_state_due ON sync_state (next_due_at);

CREATE TABLE sync_run (
    org_id          uuid NOT NULL,
    id              uuid NOT NULL,
    connection_id   uuid NOT NULL,
    stream          text NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL,
    outcome         text NOT NULL,
    pages           integer NOT NULL,
    inserted        integer NOT NULL,
    unchanged       integer NOT NULL,
    corrected       integer NOT NULL,
    deleted         integer NOT NULL,
    quarantined     integer NOT NULL,
    error           text,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id)
);
CREATE INDEX sync_run_of_connection ON sync_run (org_id, connection_id, id);

-- What arrived: webhook deliveries, and payloads nobody could read yet -------------------------------

CREATE TABLE inbox (
    org_id          uuid NOT NULL,
    id              uuid NOT NULL,
    connection_id   uuid NOT NULL,
    origin          text NOT NULL CHECK (origin IN ('webhook', 'poll')),
    stream          text NOT NULL DEFAULT '',
    delivery_key    bytea NOT NULL,
    body_hash       bytea NOT NULL,
    headers         text NOT NULL DEFAULT '{}',
    body            bytea NOT NULL,
    received_at     timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'received'
                    CHECK (state IN ('received', 'done', 'quarantined')),
    reason          text,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    processed_at    timestamptz,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, connection_id, delivery_key),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id)
);
CREATE INDEX inbox_waiting ON inbox (next_attempt_at) WHERE state = 'received';
CREATE INDEX inbox_quarantined ON inbox (org_id, id) WHERE state = 'quarantined';

CREATE TABLE import_run (
    org_id          uuid NOT NULL REFERENCES organization (id),
    id              uuid NOT NULL,
    kind            text NOT NULL,
    file_hash       bytea NOT NULL,
    rows            integer NOT NULL,
    inserted        integer NOT NULL,
    unchanged       integer NOT NULL,
    corrected       integer NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
