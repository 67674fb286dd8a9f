-- Hypertables where the server has TimescaleDB; on plain PostgreSQL the tables stay as they are.
-- A week a chunk: 100 stations a minute are a million rows and some 170 MB, so the chunk that is
-- written fits in memory, and years of a small district stay within the server's table of locks
-- (a day a chunk did not: a count over seven years asked for more than 6,400).
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('readings', by_range('ts', INTERVAL '7 days'),
            create_default_indexes => false);
        PERFORM create_hypertable('segment_minutes', by_range('ts', INTERVAL '7 days'),
            create_default_indexes => false);
        PERFORM create_hypertable('positions', by_range('ts', INTERVAL '7 days'),
            create_default_indexes => false);
    END IF;
END
$$;
