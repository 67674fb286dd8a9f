-- What the model of the street says: how sure an estimate is, what comes next, what a treatment now
-- would change, and what past ones did.

ALTER TABLE segment_minutes
    ADD COLUMN estimate real,               -- the model's increment at the kerbs, µg/m³
    ADD COLUMN low real,                    -- 90 % of what it may be
    ADD COLUMN high real;

-- As foreseen at `ts`: of whole hours, and of the newest quarter of an hour.
CREATE TABLE segment_forecasts (
    segment     text NOT NULL,
    ts          timestamptz NOT NULL,
    horizon_min smallint NOT NULL,          -- 15, 60, 180 from ts
    q10         real NOT NULL,              -- quantiles of the mean increment, µg/m³, over the hour
    q25         real NOT NULL,              -- that ends at the horizon; over the quarter for 15
    q50         real NOT NULL,
    q75         real NOT NULL,
    q90         real NOT NULL,
    chance_1    real,                       -- of passing each limit of the rule inc60 by then;
    chance_2    real,                       -- null where it has no such limit
    chance_3    real,
    PRIMARY KEY (segment, ts, horizon_min)
);
CREATE INDEX segment_forecasts_by_time ON segment_forecasts (ts);

-- Of the newest quarter of an hour alone.
CREATE TABLE treatment_worth (
    segment     text NOT NULL,
    treatment   text NOT NULL,
    ts          timestamptz NOT NULL,       -- if it were done then
    spared      double precision NOT NULL,  -- what residents would not breathe within three hours, person·h·µg/m³
    spared_sd   double precision NOT NULL,
    dose        double precision NOT NULL,  -- what they breathe of the segment's dust without it
    PRIMARY KEY (segment, treatment)
);

CREATE TABLE learned_effects (              -- once an hour
    ts          timestamptz NOT NULL,
    treatment   text NOT NULL,
    removes     real NOT NULL,              -- share of the silt taken off a soiled street
    low         real NOT NULL,              -- 90 % of what it may be
    high        real NOT NULL,
    PRIMARY KEY (ts, treatment)
);

-- A verdict has two sources that know nothing of each other; effective, reduction_pct, low, high and
-- method are those of the one that is told: the model's where it has one.
ALTER TABLE verdicts
    ADD COLUMN model_pct double precision,
    ADD COLUMN model_low double precision,
    ADD COLUMN model_high double precision,
    ADD COLUMN differences_pct double precision,    -- difference in differences; null: cannot be told
    ADD COLUMN differences_low double precision,
    ADD COLUMN differences_high double precision,
    ADD COLUMN disagree boolean;                    -- the intervals do not meet; null with one source
UPDATE verdicts SET differences_pct = reduction_pct, differences_low = low, differences_high = high;
CREATE INDEX verdicts_by_time ON verdicts (judged_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('segment_forecasts', by_range('ts', INTERVAL '28 days'),
            create_default_indexes => false);
    END IF;
END
$$;
