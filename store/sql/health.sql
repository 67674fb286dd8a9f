-- How well the stations are.

-- name: put_gain
-- A station's gain at the end of an hour.
INSERT INTO station_gains (station, ts, gain) VALUES (%(station)s, %(ts)s, %(gain)s)
ON CONFLICT (station, ts) DO UPDATE SET gain = excluded.gain;

-- name: forget_gains
-- Gains that are about to be worked out again.
DELETE FROM station_gains WHERE ts > %(ts)s;

-- name: station_days
-- Per station and local day of a span: readings in time, how often they come, the share of the day
-- that is missing, the share that is flagged and by which test, when it was last heard, its gain. A
-- day without a reading in time has no row.
WITH days AS (
    SELECT station, day, readings - late AS readings, last_seen, every_s, expected, in_time
    FROM station_completeness(%(first)s, %(last)s, %(zone)s::text)
    WHERE readings > late
), tests AS (
    SELECT station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s::text)::date AS day, test,
           count(DISTINCT ts) AS readings
    FROM flags
    WHERE ts > %(first)s AND ts <= %(last)s
    GROUP BY station, day, test
), doubted AS (
    SELECT station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s::text)::date AS day, count(DISTINCT ts) AS readings
    FROM flags
    WHERE ts > %(first)s AND ts <= %(last)s
    GROUP BY station, day
), gains AS (
    SELECT DISTINCT ON (station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s::text)::date)
           station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s::text)::date AS day, gain
    FROM station_gains
    WHERE ts > %(first)s AND ts <= %(last)s
    ORDER BY station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s::text)::date, ts DESC
)
SELECT days.station, days.day, days.readings, days.last_seen,
       days.every_s / 60 AS every_min,
       (1 - days.in_time / days.expected)::float8 AS missing,
       coalesce(doubted.readings, 0)::float8 / days.readings AS flagged,
       coalesce((
           SELECT jsonb_object_agg(tests.test, tests.readings::float8 / days.readings)
           FROM tests WHERE tests.station = days.station AND tests.day = days.day
       ), '{}') AS by_test,
       gains.gain
FROM days
LEFT JOIN doubted ON doubted.station = days.station AND doubted.day = days.day
LEFT JOIN gains ON gains.station = days.station AND gains.day = days.day
ORDER BY days.station, days.day;

-- name: doubted_readings
-- Readings of a span that did not pass every test.
SELECT DISTINCT station, ts FROM flags WHERE ts > %(first)s AND ts <= %(last)s;
