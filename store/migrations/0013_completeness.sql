-- How well what is sent arrives: silences, completeness, and what each ingest has counted.

-- How often a station speaks, learned from its own readings; the newest word alone.
CREATE TABLE rhythms (
    station     text PRIMARY KEY,
    heard_at    timestamptz NOT NULL,       -- when something of it was stored last, by the platform's clock
    newest_ts   timestamptz NOT NULL,       -- of its newest reading
    every_s     double precision,           -- between two words of it, usually; null: too little is known
    looked_at   timestamptz NOT NULL
);

-- A station that said nothing for three of its usual intervals, from its last word to its next.
CREATE TABLE silences (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    station     text NOT NULL,
    since       timestamptz NOT NULL,       -- its last word, by the platform's clock
    every_s     double precision NOT NULL,  -- its usual interval then
    told_at     timestamptz NOT NULL,
    ended_at    timestamptz                 -- its next word; null: it is silent still
);
CREATE UNIQUE INDEX silences_open ON silences (station) WHERE ended_at IS NULL;
CREATE INDEX silences_by_time ON silences (since);

-- What each ingest has done since its start: a row per worker.
CREATE TABLE ingest_workers (
    worker      text PRIMARY KEY,           -- the session that the broker keeps for it
    started_at  timestamptz NOT NULL,       -- by the wall clock, like said_at
    said_at     timestamptz NOT NULL,
    stopped     boolean NOT NULL,           -- in good order
    mqtt        text NOT NULL,              -- version spoken
    messages    bigint NOT NULL,            -- settled with the broker
    batches     bigint NOT NULL,
    in_hand     bigint NOT NULL,            -- taken and not settled
    stored      jsonb NOT NULL,             -- rows by kind
    duplicates  jsonb NOT NULL,             -- by kind
    dead        jsonb NOT NULL,             -- by reason
    spreads     jsonb NOT NULL              -- of batch_rows, arrival_s, ts_s: {bounds, counts, total}
);

-- Completeness per station and local day of a span: the one place where it is worked out.
-- wanted: stations that must have a row for each day since they were first heard, whether they were
-- heard in it or not; null: those that were heard in the span. A station that was never heard is
-- expected as often as the others.
--   readings, late       stored; of them later than `lateness`; last_seen: of those in time
--   every_s              between two readings, usually: the median of its days' medians; where it
--                        said nothing, as before
--   expected             how many such intervals the day has; the parts of it outside of the span,
--                        and before the first reading, are not its
--   received, in_time    how many of those there are: all, and without the late ones
CREATE FUNCTION station_completeness(
    span_first timestamptz, span_last timestamptz, zone text, wanted text[] DEFAULT NULL
) RETURNS TABLE (
    station text, day date, readings bigint, late bigint, last_seen timestamptz,
    every_s double precision, expected double precision, received double precision,
    in_time double precision
) LANGUAGE sql STABLE AS $$
WITH said AS (
    SELECT r.station, r.ts, r.late, ((r.ts - INTERVAL '1 ms') AT TIME ZONE zone)::date AS day,
           r.ts - lag(r.ts) OVER (PARTITION BY r.station ORDER BY r.ts) AS gap
    FROM readings r
    WHERE r.ts > span_first AND r.ts <= span_last
      AND (wanted IS NULL OR r.station = ANY (wanted))
), days AS (
    SELECT said.station, said.day, count(*) AS readings, count(*) FILTER (WHERE said.late) AS late,
           max(said.ts) FILTER (WHERE NOT said.late) AS last_seen,
           extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY said.gap))::float8 AS every_s
    FROM said GROUP BY said.station, said.day
), usual AS (
    SELECT days.station, percentile_cont(0.5) WITHIN GROUP (ORDER BY days.every_s) AS every_s
    FROM days WHERE days.every_s > 0 GROUP BY days.station
), common AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY usual.every_s) AS every_s FROM usual
), known AS (
    SELECT named.station,
           coalesce(usual.every_s, before.every_s, common.every_s, 60) AS every_s,
           (SELECT r.ts FROM readings r WHERE r.station = named.station ORDER BY r.ts LIMIT 1) AS first_ts
    FROM (SELECT unnest(wanted) AS station UNION SELECT days.station FROM days) AS named
    CROSS JOIN common
    LEFT JOIN usual ON usual.station = named.station
    LEFT JOIN LATERAL (
        SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gaps.gap))::float8 AS every_s
        FROM (
            SELECT newest.ts - lag(newest.ts) OVER (ORDER BY newest.ts) AS gap
            FROM (SELECT r.ts FROM readings r
                  WHERE r.station = named.station AND r.ts <= span_first
                  ORDER BY r.ts DESC LIMIT 50) AS newest
        ) AS gaps
    ) AS before ON usual.every_s IS NULL
), spans AS (
    SELECT known.station, of_day.day::date AS day, known.every_s,
           least((of_day.day + INTERVAL '1 day') AT TIME ZONE zone, span_last)
           - greatest(of_day.day AT TIME ZONE zone, span_first,
                      coalesce(known.first_ts - make_interval(secs => known.every_s),
                               (SELECT min(r.ts) FROM readings r), span_last)) AS span
    FROM known
    CROSS JOIN generate_series(
        ((span_first AT TIME ZONE zone)::date)::timestamp,
        (((span_last - INTERVAL '1 ms') AT TIME ZONE zone)::date)::timestamp,
        INTERVAL '1 day'
    ) AS of_day (day)
), counted AS (
    SELECT spans.station, spans.day, coalesce(days.readings, 0) AS readings,
           coalesce(days.late, 0) AS late, days.last_seen, spans.every_s,
           (extract(epoch FROM spans.span) / spans.every_s)::float8 AS expected
    FROM spans
    LEFT JOIN days ON days.station = spans.station AND days.day = spans.day
    WHERE spans.span > INTERVAL '0'
)
SELECT counted.station, counted.day, counted.readings, counted.late, counted.last_seen,
       counted.every_s, counted.expected, least(counted.readings, counted.expected),
       least(counted.readings - counted.late, counted.expected)
FROM counted
ORDER BY counted.station, counted.day
$$;
