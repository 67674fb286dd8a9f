-- What the model of the street foresees and has learnt: written by analytics, read by others.

-- name: copy_forecasts
-- Forecasts by COPY.
COPY segment_forecasts (segment, ts, horizon_min, q10, q25, q50, q75, q90,
                        chance_1, chance_2, chance_3)
FROM STDIN (FORMAT BINARY);

-- name: drop_passing_forecasts
-- Those of a quarter of an hour that is no longer the newest; whole hours stay.
DELETE FROM segment_forecasts
WHERE ts > %(after)s AND ts < (SELECT max(ts) FROM segment_forecasts)
  AND extract(epoch FROM ts)::bigint %% 3600 <> 0;

-- name: put_worth
-- What each treatment would be worth as of a time, unless a later one is known.
INSERT INTO treatment_worth (segment, treatment, ts, spared, spared_sd, dose)
SELECT segment, treatment, %(ts)s, spared, spared_sd, dose
FROM unnest(%(segments)s::text[], %(treatments)s::text[], %(spared)s::float8[],
            %(spared_sd)s::float8[], %(dose)s::float8[])
    AS found (segment, treatment, spared, spared_sd, dose)
ON CONFLICT (segment, treatment) DO UPDATE SET
    ts = excluded.ts, spared = excluded.spared, spared_sd = excluded.spared_sd,
    dose = excluded.dose
WHERE treatment_worth.ts <= excluded.ts;

-- name: drop_older_worth
-- Of segments that are no longer there.
DELETE FROM treatment_worth WHERE ts < %(ts)s;

-- name: put_ground
-- What lies on the roads as of a time, unless a later word is known.
INSERT INTO segment_ground (segment, ts, silt, silt_low, silt_high, tracked, film_mm, wet)
SELECT segment, %(ts)s, silt, silt_low, silt_high, tracked, film_mm, wet
FROM unnest(%(segments)s::text[], %(silt)s::float8[], %(silt_low)s::float8[],
            %(silt_high)s::float8[], %(tracked)s::float8[], %(film_mm)s::float8[],
            %(wet)s::float8[])
    AS found (segment, silt, silt_low, silt_high, tracked, film_mm, wet)
ON CONFLICT (segment) DO UPDATE SET
    ts = excluded.ts, silt = excluded.silt, silt_low = excluded.silt_low,
    silt_high = excluded.silt_high, tracked = excluded.tracked, film_mm = excluded.film_mm,
    wet = excluded.wet
WHERE segment_ground.ts <= excluded.ts;

-- name: drop_older_ground
-- Of segments that are no longer there.
DELETE FROM segment_ground WHERE ts < %(ts)s;

-- name: put_learned
-- What treatments take off a soiled street, as known at the end of an hour.
INSERT INTO learned_effects (ts, treatment, removes, low, high)
VALUES (%(ts)s, %(treatment)s, %(removes)s, %(low)s, %(high)s)
ON CONFLICT (ts, treatment) DO UPDATE SET
    removes = excluded.removes, low = excluded.low, high = excluded.high;

-- name: forget_forecasts
-- Those of a span that is about to be worked out again.
DELETE FROM segment_forecasts WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_worth
-- The same of what treatments are worth.
DELETE FROM treatment_worth WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_ground
-- The same of what lies on the roads.
DELETE FROM segment_ground WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_learned
-- The same of what was learnt of them.
DELETE FROM learned_effects WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_verdicts
-- The same of verdicts.
DELETE FROM verdicts WHERE judged_at > %(after)s AND judged_at <= %(upto)s;
