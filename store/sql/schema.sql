-- What the server is, and what it is told to do by itself.

-- name: abilities
-- Whether this database has the extension, and under which licence (null without it).
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true);

-- name: compress_settings
-- One segment per series, newest first: a chart reads one series over a span.
ALTER TABLE readings SET (timescaledb.compress,
    timescaledb.compress_segmentby = 'station', timescaledb.compress_orderby = 'ts');

-- name: compress_policy
-- Behind `lateness` (48 h), so that late data never meets a compressed chunk.
SELECT add_compression_policy('readings', INTERVAL '7 days', if_not_exists => true);

-- name: drop_old_chunks
-- Whole chunks of a hypertable older than the given time.
SELECT drop_chunks(%(table)s::regclass, older_than => %(before)s::timestamptz);

-- name: delete_old_readings
-- Retention on a plain table.
DELETE FROM readings WHERE ts < %(before)s;

-- name: delete_old_segment_minutes
-- Retention on a plain table.
DELETE FROM segment_minutes WHERE ts < %(before)s;

-- name: delete_old_segment_forecasts
-- Retention on a plain table.
DELETE FROM segment_forecasts WHERE ts < %(before)s;

-- name: delete_old_flags
-- Flags live as long as the readings that they are of.
DELETE FROM flags WHERE ts < %(before)s;

-- name: delete_old_station_gains
-- How stations read, as long as their readings.
DELETE FROM station_gains WHERE ts < %(before)s;

-- name: delete_old_positions
-- Retention on a plain table.
DELETE FROM positions WHERE ts < %(before)s;

-- name: delete_old_plans
-- Plans that no order names any more, and with them what spoke for and against.
DELETE FROM plans
WHERE issued_at < %(before)s AND NOT EXISTS (SELECT FROM orders WHERE orders.plan = plans.id);

-- name: delete_old_decisions
-- Decisions are asked for while they are fresh; the order keeps its own reason.
DELETE FROM decisions USING plans WHERE plans.id = decisions.plan AND plans.issued_at < %(before)s;

-- name: delete_old_batches
-- What analytics has worked in and nobody asks for any more.
DELETE FROM batches WHERE seen AND stored_at < %(before)s;

-- name: delete_old_checkpoints
-- Nothing rewinds further than `lateness`; the newest is always kept.
DELETE FROM checkpoints
WHERE ts < %(before)s AND ts < (SELECT max(ts) FROM checkpoints);

-- name: get_meta
-- One value by its key.
SELECT value FROM meta WHERE key = %(key)s;

-- name: set_meta
-- Keep one value under its key.
INSERT INTO meta (key, value) VALUES (%(key)s, %(value)s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
