-- Hypertables where the server has TimescaleDB; on plain PostgreSQL the tables stay as they are.
-- One day a chunk: 100 stations a minute are 144,000 rows and some 25 MB a day, so the chunk that
-- is written and its index fit in memory with room to spare.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('readings', by_range('ts', INTERVAL '1 day'),
            create_default_indexes => false);
        PERFORM create_hypertable('segment_minutes', by_range('ts', INTERVAL '1 day'),
            create_default_indexes => false);
        PERFORM create_hypertable('positions', by_range('ts', INTERVAL '1 day'),
            create_default_indexes => false);
    END IF;
END
$$;
