-- Every table of roaddust. Times are UTC; ids are those of the district folder and of the topics.

-- What arrived ---------------------------------------------------------------------------------

CREATE TABLE readings (
    station     text NOT NULL,
    ts          timestamptz NOT NULL,
    pm10        double precision,           -- µg/m³
    pm25        double precision,
    tsp         double precision,
    temp        double precision,           -- °C
    rh          double precision,           -- %
    pressure    double precision,           -- hPa
    wind_speed  double precision,           -- m/s
    wind_dir    double precision,           -- degrees, where the wind comes from
    rain        double precision,           -- mm since the previous reading
    noise       double precision,           -- dB(A)
    status      text NOT NULL DEFAULT 'N',  -- HJ 212 data flag
    extra       jsonb,                      -- numeric keys that the contract does not name
    source      text NOT NULL,              -- json, senml, hj212
    stored_at   timestamptz NOT NULL,       -- by the platform's clock
    late        boolean NOT NULL DEFAULT false, -- older than `lateness`: left to backtest
    PRIMARY KEY (station, ts)
);
CREATE INDEX readings_by_time ON readings (ts);

CREATE TABLE events (
    source      text NOT NULL,              -- camera, drone or crew
    id          text NOT NULL,
    source_kind text NOT NULL,              -- cameras, drones, crews
    ts          timestamptz NOT NULL,
    kind        text NOT NULL,
    confidence  double precision,
    lon         double precision,
    lat         double precision,
    segment     text,
    site        text,
    truck       text,
    plate       text,
    count       integer,
    media       jsonb,
    note        text,
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX events_by_time ON events (ts);

CREATE TABLE positions (
    crew        text NOT NULL,
    ts          timestamptz NOT NULL,
    lon         double precision NOT NULL,
    lat         double precision NOT NULL,
    speed_kmh   double precision,
    water_l     double precision,
    state       text,
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (crew, ts)
);

CREATE TABLE progress (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    crew        text NOT NULL,
    order_id    text NOT NULL,
    event       text NOT NULL,              -- accepted, refused, started, done, failed
    ts          timestamptz NOT NULL,
    reason      text,
    photos      jsonb,
    water_l     double precision,
    stored_at   timestamptz NOT NULL,
    applied     boolean NOT NULL DEFAULT false, -- the dispatcher has taken it into the order
    PRIMARY KEY (crew, order_id, event, ts)
);
CREATE INDEX progress_unapplied ON progress (id) WHERE NOT applied;

CREATE TABLE reports (
    channel     text NOT NULL,
    id          text NOT NULL,
    ts          timestamptz NOT NULL,
    text        text,
    lon         double precision,
    lat         double precision,
    segment     text,
    kind        text NOT NULL,              -- dust, noise, other
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (channel, id)
);
CREATE INDEX reports_by_time ON reports (ts);

CREATE TABLE dead_letters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text NOT NULL,
    payload     bytea NOT NULL,             -- whole, as it came
    part        integer,                    -- which item of an array was bad
    digest      bytea NOT NULL,             -- of topic, part, payload: a redelivery is one letter
    received_at timestamptz NOT NULL,
    reason      text NOT NULL,              -- a word to count by: json, type, time, unknown_id, crc, conflict, ...
    detail      text NOT NULL,              -- in words
    retried_at  timestamptz
);
CREATE UNIQUE INDEX dead_letters_once ON dead_letters (digest);
CREATE INDEX dead_letters_by_time ON dead_letters (received_at);

-- One row per stored batch tells later stages which part of the past has changed.
CREATE TABLE batches (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,              -- readings, events, positions, progress, reports
    stored_at   timestamptz NOT NULL,
    min_ts      timestamptz NOT NULL,
    rows        integer NOT NULL,
    seen        boolean NOT NULL DEFAULT false  -- analytics has worked it in
);
CREATE INDEX batches_unseen ON batches (id) WHERE NOT seen;

-- What analytics makes of it -------------------------------------------------------------------

CREATE TABLE flags (                        -- quality control; only what is not good
    station     text NOT NULL,
    ts          timestamptz NOT NULL,
    quantity    text NOT NULL,              -- pm10, pm25, tsp, ...
    test        text NOT NULL,              -- range, status, order, flat, spike
    flag        smallint NOT NULL,          -- 3 suspect, 4 fail (QARTOD)
    reason      text NOT NULL,
    PRIMARY KEY (station, ts, quantity, test)
);

CREATE TABLE segment_minutes (
    segment     text NOT NULL,
    ts          timestamptz NOT NULL,       -- end of the minute
    pm10        double precision,
    background  double precision,
    increment   double precision,
    level       smallint NOT NULL,
    confidence  real NOT NULL,
    cause       text,
    treated_at  timestamptz,
    PRIMARY KEY (segment, ts)
);
CREATE INDEX segment_minutes_by_time ON segment_minutes (ts);

CREATE TABLE episodes (
    id              text PRIMARY KEY,
    segment         text,
    site            text,
    rule            text NOT NULL,
    level           smallint NOT NULL,      -- highest level entered; 0 while pending
    state           text NOT NULL,          -- pending, active, recovering, closed
    started_at      timestamptz NOT NULL,
    peak_at         timestamptz,
    peak            double precision,
    ended_at        timestamptz,
    causes          jsonb NOT NULL DEFAULT '[]',
    verdict         jsonb,
    withdrawn       boolean NOT NULL DEFAULT false, -- late data showed that it never was
    acknowledged_by text,
    acknowledged_at timestamptz,
    shelved_until   timestamptz,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX episodes_open ON episodes (state) WHERE state <> 'closed';
CREATE INDEX episodes_by_start ON episodes (started_at);

CREATE TABLE episode_log (                  -- append-only
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    episode     text NOT NULL REFERENCES episodes (id),
    at          timestamptz NOT NULL,
    actor       text NOT NULL,              -- analytics, dispatch, or a user's name
    event       text NOT NULL,              -- opened, activated, level, recovering, closed, reopened, withdrawn, cause, order, reason, acknowledged, shelved, unshelved, comment, verdict
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX episode_log_by_episode ON episode_log (episode, id);

CREATE TABLE verdicts (
    order_id      text PRIMARY KEY,
    segment       text NOT NULL,
    treatment     text NOT NULL,
    done_at       timestamptz NOT NULL,
    judged_at     timestamptz NOT NULL,
    effective     boolean,                  -- null: cannot be told from what was measured
    reduction_pct double precision,         -- of the increment; positive is cleaner
    low           double precision,
    high          double precision,
    method        text NOT NULL,
    detail        jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE notices (                      -- district-wide: sand-dust weather
    id          text PRIMARY KEY,
    kind        text NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    detail      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE checkpoints (                  -- the state of the minute fold, to rewind to
    ts          timestamptz PRIMARY KEY,
    fingerprint text NOT NULL,              -- of district and settings: another one starts afresh
    state       bytea NOT NULL
);

-- What dispatch makes of that ------------------------------------------------------------------

CREATE TABLE plans (
    id          text PRIMARY KEY,
    issued_at   timestamptz NOT NULL,
    trigger     text NOT NULL,              -- why it was made
    solver      jsonb NOT NULL,             -- iterations, cost, seed, numbers of clients
    body        jsonb NOT NULL              -- {crew: Plan of the contract}
);
CREATE INDEX plans_by_time ON plans (issued_at);

CREATE TABLE orders (
    id          text PRIMARY KEY,
    crew        text NOT NULL,
    plan        text NOT NULL REFERENCES plans (id), -- the last plan that named it
    seq         integer NOT NULL,
    treatment   text NOT NULL,
    segment     text,
    site        text,
    depot       text,
    direction   text,
    path        jsonb NOT NULL,
    eta         timestamptz NOT NULL,
    due         timestamptz,
    minutes     double precision NOT NULL,
    water_l     double precision NOT NULL,
    priority    smallint NOT NULL,
    episode     text,
    reason      text NOT NULL,
    state       text NOT NULL,              -- sent, accepted, started, done, failed, refused, withdrawn, silent
    issued_at   timestamptz NOT NULL,
    accepted_at timestamptz,
    started_at  timestamptz,
    ended_at    timestamptz,
    outcome     text                        -- reason of a failure, a refusal or a withdrawal
);
CREATE INDEX orders_open ON orders (crew, seq) WHERE state IN ('sent', 'accepted', 'started');
CREATE INDEX orders_by_segment ON orders (segment, ended_at);
CREATE INDEX orders_by_episode ON orders (episode) WHERE episode IS NOT NULL;
CREATE INDEX orders_by_end ON orders (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE order_log (                    -- append-only
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders (id),
    at          timestamptz NOT NULL,
    actor       text NOT NULL,              -- dispatch, a crew's id, or a user's name
    event       text NOT NULL,              -- sent, replanned, accepted, refused, started, done, failed, silent, withdrawn
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX order_log_by_order ON order_log (order_id, id);

CREATE TABLE decisions (                    -- why this and why not that: one row per place and plan
    plan        text NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    place       text NOT NULL,              -- segment or site
    treatment   text,
    chosen      boolean NOT NULL,
    reason      text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (plan, place)
);

-- What leaves ----------------------------------------------------------------------------------

CREATE TABLE outbox (                       -- written with the result it tells of, deleted once acknowledged
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text NOT NULL,              -- without the prefix
    payload     bytea NOT NULL,
    retain      boolean NOT NULL
);

-- People and the platform itself ---------------------------------------------------------------

CREATE TABLE users (
    name          text PRIMARY KEY,
    password_hash text NOT NULL,
    role          text NOT NULL,            -- viewer, operator, dispatcher, crew, administrator
    created_at    timestamptz NOT NULL,
    failures      integer NOT NULL DEFAULT 0,
    locked_until  timestamptz
);

CREATE TABLE audit (                        -- append-only: what people did
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE meta (                         -- now: time of the last tick; district: id and digest
    key         text PRIMARY KEY,
    value       jsonb NOT NULL
);
