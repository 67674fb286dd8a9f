-- The way in. Each kind of record has the same six statements: `copy` in the common case;
-- where a key repeats, `stage`, `copy_staged`, `merge` and `conflicts`, `clear_staged` first.
-- What is staged is looked up by LATERAL ... LIMIT 1, which only a search of the key can answer,
-- however the planner takes a table that it has never counted.

-- name: copy_readings
-- Readings whose keys are all new.
COPY readings (station, ts, pm10, pm25, tsp, temp, rh, pressure, wind_speed, wind_dir, rain, noise,
               status, extra, source, stored_at, late)
FROM STDIN (FORMAT BINARY);

-- name: stage_readings
-- Where readings wait that may repeat; n is their place in the batch.
CREATE TEMP TABLE IF NOT EXISTS staged_readings (n integer PRIMARY KEY, LIKE readings)
ON COMMIT DELETE ROWS;

-- name: clear_staged_readings
-- Begin anew within the transaction.
DELETE FROM staged_readings;

-- name: copy_staged_readings
-- Readings that may repeat.
COPY staged_readings (station, ts, pm10, pm25, tsp, temp, rh, pressure, wind_speed, wind_dir, rain,
                      noise, status, extra, source, stored_at, late, n)
FROM STDIN (FORMAT BINARY);

-- name: merge_readings
-- Store the first of each key that is not there; how many, and since when the past has changed.
WITH stored AS (
    INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, pressure, wind_speed, wind_dir,
                          rain, noise, status, extra, source, stored_at, late)
    SELECT DISTINCT ON (station, ts)
           station, ts, pm10, pm25, tsp, temp, rh, pressure, wind_speed, wind_dir, rain, noise,
           status, extra, source, stored_at, late
    FROM staged_readings ORDER BY station, ts, n
    ON CONFLICT (station, ts) DO NOTHING
    RETURNING ts
)
SELECT count(*), count(*) FILTER (WHERE ts >= %(since)s), min(ts) FILTER (WHERE ts >= %(since)s)
FROM stored;

-- name: conflicts_readings
-- The same station and time with other values. A mean and a real-time value, or means of two
-- spans, differ rightly: the HJ 212 command in `extra` tells the kinds apart.
SELECT staged.n
FROM staged_readings AS staged
CROSS JOIN LATERAL (
    SELECT * FROM readings
    WHERE readings.station = staged.station AND readings.ts = staged.ts LIMIT 1
) AS kept
WHERE (staged.pm10, staged.pm25, staged.tsp, staged.temp, staged.rh, staged.pressure,
       staged.wind_speed, staged.wind_dir, staged.rain, staged.noise, staged.status, staged.extra)
   IS DISTINCT FROM
      (kept.pm10, kept.pm25, kept.tsp, kept.temp, kept.rh, kept.pressure,
       kept.wind_speed, kept.wind_dir, kept.rain, kept.noise, kept.status, kept.extra)
  AND staged.extra -> 'CN' IS NOT DISTINCT FROM kept.extra -> 'CN'
ORDER BY staged.n;

-- name: copy_events
-- Events whose keys are all new.
COPY events (source, id, source_kind, ts, kind, confidence, lon, lat, segment, site, truck, plate,
             count, media, note, stored_at)
FROM STDIN (FORMAT BINARY);

-- name: stage_events
-- Where events wait that may repeat; n is their place in the batch.
CREATE TEMP TABLE IF NOT EXISTS staged_events (n integer PRIMARY KEY, LIKE events)
ON COMMIT DELETE ROWS;

-- name: clear_staged_events
-- Begin anew within the transaction.
DELETE FROM staged_events;

-- name: copy_staged_events
-- Events that may repeat.
COPY staged_events (source, id, source_kind, ts, kind, confidence, lon, lat, segment, site, truck,
                    plate, count, media, note, stored_at, n)
FROM STDIN (FORMAT BINARY);

-- name: merge_events
-- Store the first of each key that is not there; how many, and since when the past has changed.
WITH stored AS (
    INSERT INTO events (source, id, source_kind, ts, kind, confidence, lon, lat, segment, site,
                        truck, plate, count, media, note, stored_at)
    SELECT DISTINCT ON (source, id)
           source, id, source_kind, ts, kind, confidence, lon, lat, segment, site, truck, plate,
           count, media, note, stored_at
    FROM staged_events ORDER BY source, id, n
    ON CONFLICT (source, id) DO NOTHING
    RETURNING ts
)
SELECT count(*), count(*) FILTER (WHERE ts >= %(since)s), min(ts) FILTER (WHERE ts >= %(since)s)
FROM stored;

-- name: conflicts_events
-- The same event with other values.
SELECT staged.n
FROM staged_events AS staged
CROSS JOIN LATERAL (
    SELECT * FROM events WHERE events.source = staged.source AND events.id = staged.id LIMIT 1
) AS kept
WHERE (staged.source_kind, staged.ts, staged.kind, staged.confidence, staged.lon, staged.lat,
       staged.segment, staged.site, staged.truck, staged.plate, staged.count, staged.media,
       staged.note)
   IS DISTINCT FROM
      (kept.source_kind, kept.ts, kept.kind, kept.confidence, kept.lon, kept.lat,
       kept.segment, kept.site, kept.truck, kept.plate, kept.count, kept.media,
       kept.note)
ORDER BY staged.n;

-- name: copy_positions
-- Positions whose keys are all new.
COPY positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at)
FROM STDIN (FORMAT BINARY);

-- name: stage_positions
-- Where positions wait that may repeat; n is their place in the batch.
CREATE TEMP TABLE IF NOT EXISTS staged_positions (n integer PRIMARY KEY, LIKE positions)
ON COMMIT DELETE ROWS;

-- name: clear_staged_positions
-- Begin anew within the transaction.
DELETE FROM staged_positions;

-- name: copy_staged_positions
-- Positions that may repeat.
COPY staged_positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at, n)
FROM STDIN (FORMAT BINARY);

-- name: merge_positions
-- Store the first of each key that is not there; how many, and since when the past has changed.
WITH stored AS (
    INSERT INTO positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at)
    SELECT DISTINCT ON (crew, ts) crew, ts, lon, lat, speed_kmh, water_l, state, stored_at
    FROM staged_positions ORDER BY crew, ts, n
    ON CONFLICT (crew, ts) DO NOTHING
    RETURNING ts
)
SELECT count(*), count(*) FILTER (WHERE ts >= %(since)s), min(ts) FILTER (WHERE ts >= %(since)s)
FROM stored;

-- name: conflicts_positions
-- The same crew and time somewhere else.
SELECT staged.n
FROM staged_positions AS staged
CROSS JOIN LATERAL (
    SELECT * FROM positions
    WHERE positions.crew = staged.crew AND positions.ts = staged.ts LIMIT 1
) AS kept
WHERE (staged.lon, staged.lat, staged.speed_kmh, staged.water_l, staged.state)
   IS DISTINCT FROM (kept.lon, kept.lat, kept.speed_kmh, kept.water_l, kept.state)
ORDER BY staged.n;

-- name: copy_progress
-- Progress whose keys are all new.
COPY progress (crew, order_id, event, ts, reason, photos, water_l, stored_at)
FROM STDIN (FORMAT BINARY);

-- name: stage_progress
-- Where progress waits that may repeat; n is its place in the batch.
CREATE TEMP TABLE IF NOT EXISTS staged_progress (
    n integer PRIMARY KEY, crew text, order_id text, event text, ts timestamptz, reason text,
    photos jsonb, water_l double precision, stored_at timestamptz
) ON COMMIT DELETE ROWS;

-- name: clear_staged_progress
-- Begin anew within the transaction.
DELETE FROM staged_progress;

-- name: copy_staged_progress
-- Progress that may repeat.
COPY staged_progress (crew, order_id, event, ts, reason, photos, water_l, stored_at, n)
FROM STDIN (FORMAT BINARY);

-- name: merge_progress
-- Store the first of each key that is not there, in the order of arrival; how many, and since when
-- the past has changed.
WITH firsts AS (
    SELECT DISTINCT ON (crew, order_id, event, ts) *
    FROM staged_progress ORDER BY crew, order_id, event, ts, n
), stored AS (
    INSERT INTO progress (crew, order_id, event, ts, reason, photos, water_l, stored_at)
    SELECT crew, order_id, event, ts, reason, photos, water_l, stored_at FROM firsts ORDER BY n
    ON CONFLICT (crew, order_id, event, ts) DO NOTHING
    RETURNING ts
)
SELECT count(*), count(*) FILTER (WHERE ts >= %(since)s), min(ts) FILTER (WHERE ts >= %(since)s)
FROM stored;

-- name: conflicts_progress
-- The same word of the same crew on the same order and time with other values.
SELECT staged.n
FROM staged_progress AS staged
CROSS JOIN LATERAL (
    SELECT * FROM progress
    WHERE progress.crew = staged.crew AND progress.order_id = staged.order_id
      AND progress.event = staged.event AND progress.ts = staged.ts LIMIT 1
) AS kept
WHERE (staged.reason, staged.photos, staged.water_l)
   IS DISTINCT FROM (kept.reason, kept.photos, kept.water_l)
ORDER BY staged.n;

-- name: copy_reports
-- Reports whose keys are all new.
COPY reports (channel, id, ts, text, lon, lat, segment, kind, stored_at)
FROM STDIN (FORMAT BINARY);

-- name: stage_reports
-- Where reports wait that may repeat; n is their place in the batch.
CREATE TEMP TABLE IF NOT EXISTS staged_reports (n integer PRIMARY KEY, LIKE reports)
ON COMMIT DELETE ROWS;

-- name: clear_staged_reports
-- Begin anew within the transaction.
DELETE FROM staged_reports;

-- name: copy_staged_reports
-- Reports that may repeat.
COPY staged_reports (channel, id, ts, text, lon, lat, segment, kind, stored_at, n)
FROM STDIN (FORMAT BINARY);

-- name: merge_reports
-- Store the first of each key that is not there; how many, and since when the past has changed.
WITH stored AS (
    INSERT INTO reports (channel, id, ts, text, lon, lat, segment, kind, stored_at)
    SELECT DISTINCT ON (channel, id) channel, id, ts, text, lon, lat, segment, kind, stored_at
    FROM staged_reports ORDER BY channel, id, n
    ON CONFLICT (channel, id) DO NOTHING
    RETURNING ts
)
SELECT count(*), count(*) FILTER (WHERE ts >= %(since)s), min(ts) FILTER (WHERE ts >= %(since)s)
FROM stored;

-- name: conflicts_reports
-- The same report with other values.
SELECT staged.n
FROM staged_reports AS staged
CROSS JOIN LATERAL (
    SELECT * FROM reports WHERE reports.channel = staged.channel AND reports.id = staged.id LIMIT 1
) AS kept
WHERE (staged.ts, staged.text, staged.lon, staged.lat, staged.segment, staged.kind)
   IS DISTINCT FROM (kept.ts, kept.text, kept.lon, kept.lat, kept.segment, kept.kind)
ORDER BY staged.n;

-- name: add_batches
-- What of the past has changed, a row per kind; the later stages are woken when this commits.
WITH added AS (
    INSERT INTO batches (kind, stored_at, min_ts, rows)
    SELECT kind, %(stored_at)s, min_ts, rows
    FROM unnest(%(kinds)s::text[], %(min_ts)s::timestamptz[], %(rows)s::integer[])
         AS batch (kind, min_ts, rows)
)
SELECT pg_notify('roaddust_batches', '');

-- name: add_dead_letter
-- What was refused, whole; a redelivery finds it there already.
INSERT INTO dead_letters (topic, payload, part, digest, received_at, reason, detail)
VALUES (%(topic)s, %(payload)s, %(part)s, %(digest)s, %(received_at)s, %(reason)s, %(detail)s)
ON CONFLICT (digest) DO NOTHING;

-- name: forget_dead_letters
-- Refused as ahead of a clock that has caught up since.
DELETE FROM dead_letters WHERE digest = ANY(%(digests)s) AND reason = 'ahead';
