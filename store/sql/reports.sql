-- What reports are made of. Spans are half open: since <= t < upto; a minute or a reading bears the
-- time of its end, so there it is since < ts <= upto. Days are those of the district's time zone.

-- name: at_one_moment
-- All that follows in the transaction sees the database as it is now, and changes nothing.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: stored_since
-- The oldest reading there is: before it nothing could be missing.
SELECT min(ts) AS first FROM readings;

-- name: segment_days
-- Minutes of each segment and day: all, by a station of its own, from each level on, and sums of
-- what the street added and what blew in.
SELECT segment, ((ts - INTERVAL '1 minute') AT TIME ZONE %(zone)s)::date AS day,
       count(*) AS minutes,
       count(*) FILTER (WHERE confidence >= 1) AS measured,
       count(*) FILTER (WHERE level >= 1) AS over_1,
       count(*) FILTER (WHERE level >= 2) AS over_2,
       count(*) FILTER (WHERE level >= 3) AS over_3,
       count(coalesce(increment, estimate)) AS told,
       coalesce(sum(coalesce(increment, estimate)), 0)::float8 AS increment_sum,
       count(background) AS background_told,
       coalesce(sum(background), 0)::float8 AS background_sum
FROM segment_minutes
WHERE ts > %(since)s AND ts <= %(upto)s
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: hours
-- Each hour of the whole street: mean of what it added and of what blew in, minutes from level 2 on.
SELECT date_trunc('hour', ts - INTERVAL '1 minute') AS hour,
       avg(coalesce(increment, estimate))::float8 AS increment,
       avg(background)::float8 AS background,
       count(*) FILTER (WHERE level >= 2) AS over_2
FROM segment_minutes
WHERE ts > %(since)s AND ts <= %(upto)s
GROUP BY 1 ORDER BY 1;

-- name: treatments
-- Work that came to an end, with what was proven of it, its verdict, and the mean of what the model
-- says of its street over the hour that the verdict speaks of.
SELECT o.id, o.crew, o.treatment, o.segment, o.site, o.priority, o.state, o.issued_at, o.started_at,
       o.ended_at, o.outcome, o.outcome_also, o.water_l AS planned_l, s.share, s.worked_m, s.water_l, s.proven,
       v.effective, v.reduction_pct, v.low AS low_pct, v.high AS high_pct, v.disagree,
       coalesce(hour.minutes, 0) AS minutes_after, hour.increment AS increment_after,
       hour.low AS low_after, hour.high AS high_after
FROM orders o
LEFT JOIN services s ON s.order_id = o.id
LEFT JOIN verdicts v ON v.order_id = o.id
LEFT JOIN LATERAL (
    SELECT count(*) AS minutes,
           avg(greatest(coalesce(m.estimate, m.increment), 0))::float8 AS increment,
           avg(greatest(m.low, 0))::float8 AS low, avg(greatest(m.high, 0))::float8 AS high
    FROM segment_minutes m
    WHERE v.reduction_pct IS NOT NULL AND m.segment = o.segment
      AND m.ts > v.done_at + INTERVAL '5 minutes' AND m.ts <= v.done_at + INTERVAL '65 minutes'
) AS hour ON true
WHERE o.ended_at >= %(since)s AND o.ended_at < %(upto)s AND o.depot IS NULL
  AND o.state <> 'withdrawn'
ORDER BY o.ended_at, o.id;

-- name: episodes
-- Exceedances and warnings of the span.
SELECT id, segment, site, rule, level, state, started_at, ended_at, peak_at, peak, causes,
       acknowledged_by, acknowledged_at
FROM episodes
WHERE NOT withdrawn AND level > 0 AND started_at < %(upto)s
  AND (ended_at IS NULL OR ended_at > %(since)s)
ORDER BY started_at, id;

-- name: matters
-- What must not stay overnight, with the last reason that was stated for it.
SELECT m.ref, m.day, m.kind, m.place, m.level, m.opened_at, m.due, m.answered_at, m.answer,
       m.begun_at, m.ended_at, coalesce(m.outcome, 'open') AS outcome,
       l.detail->>'reason' AS reason, l.detail->>'also' AS also
FROM matters m
LEFT JOIN LATERAL (
    SELECT detail FROM episode_log
    WHERE episode = m.ref AND event = 'reason' ORDER BY id DESC LIMIT 1
) AS l ON true
WHERE m.day >= %(first)s AND m.day < %(last)s AND m.opened_at < %(upto)s
ORDER BY m.opened_at, m.ref;

-- name: concerns
-- Trouble that somebody had to know of.
SELECT kind, subject, crew, place, why, also, opened_at, resolved_at, role, taken_by
FROM concerns
WHERE opened_at >= %(since)s AND opened_at < %(upto)s
ORDER BY opened_at, id;

-- name: calls_by_role
-- How often each role was called.
SELECT role, count(*) AS calls
FROM escalation_log
WHERE event = 'called' AND at >= %(since)s AND at < %(upto)s
GROUP BY role ORDER BY role;

-- name: overrides
-- What people decided against a plan.
SELECT id, kind, place, treatment, crew, why, given_by, given_at
FROM overrides
WHERE given_at >= %(since)s AND given_at < %(upto)s
ORDER BY given_at, id;

-- name: site_flags
-- What cameras and drones saw at sites, trucks that merely went by apart.
SELECT site, kind, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s)::date AS day, count(*) AS flags
FROM events
WHERE ts > %(since)s AND ts <= %(upto)s AND site IS NOT NULL AND kind <> 'truck_pass'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: trucks
-- Trucks that cameras counted.
SELECT coalesce(sum(coalesce(count, 1)), 0)::int8 AS trucks
FROM events WHERE kind = 'truck_pass' AND ts > %(since)s AND ts <= %(upto)s;

-- name: complaints
-- Residents' complaints of dust.
SELECT count(*) AS complaints
FROM reports WHERE kind = 'dust' AND ts >= %(since)s AND ts < %(upto)s;

-- name: station_days
-- How complete each station and day is, and how many of its readings are doubted.
WITH doubted AS (
    SELECT station, ((ts - INTERVAL '1 ms') AT TIME ZONE %(zone)s)::date AS day,
           count(DISTINCT ts) AS readings
    FROM flags
    WHERE ts > %(since)s AND ts <= %(upto)s AND quantity IN ('pm10', 'pm25', 'tsp')
    GROUP BY 1, 2
)
SELECT c.station, c.day, c.readings, c.late, c.expected, c.received,
       coalesce(doubted.readings, 0) AS doubted
FROM station_completeness(%(since)s, %(upto)s, %(zone)s, %(stations)s::text[]) AS c
LEFT JOIN doubted ON doubted.station = c.station AND doubted.day = c.day
ORDER BY c.station, c.day;

-- name: rain_hours
-- Hours in which the median station had rain, mm.
SELECT hour, mm FROM (
    SELECT hour, percentile_cont(0.5) WITHIN GROUP (ORDER BY mm) AS mm
    FROM (
        SELECT station, date_trunc('hour', ts - INTERVAL '1 ms') AS hour, sum(rain) AS mm
        FROM readings
        WHERE ts > %(since)s AND ts <= %(upto)s AND rain IS NOT NULL
        GROUP BY 1, 2
    ) AS of_stations
    GROUP BY hour
) AS of_hours
WHERE mm > 0 ORDER BY hour;

-- name: weather
-- The middle of what the stations said of the weather.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY temp) AS temp,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY rh) AS rh,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wind_speed) AS wind_speed
FROM readings WHERE ts > %(since)s AND ts <= %(upto)s;

-- name: learned
-- What each treatment was taken to remove, and between what with nine chances in ten: hourly means.
SELECT treatment, avg(removes)::float8 AS removes, avg(low)::float8 AS low,
       avg(high)::float8 AS high
FROM learned_effects WHERE ts > %(since)s AND ts <= %(upto)s
GROUP BY treatment ORDER BY treatment;

-- name: notices
-- Haze and sand dust.
SELECT kind, started_at, ended_at FROM notices
WHERE started_at < %(upto)s AND (ended_at IS NULL OR ended_at > %(since)s)
ORDER BY started_at, id;

-- name: drives
-- How far each crew drove, km: between positions that are no more than ten minutes apart, on a sphere
-- of 6,371,008.8 m.
SELECT crew, (sum(6371008.8 * 2 * asin(least(1, sqrt(
           sin(radians(lat - lat_0) / 2) ^ 2
           + cos(radians(lat_0)) * cos(radians(lat)) * sin(radians(lon - lon_0) / 2) ^ 2
       )))) / 1000)::float8 AS km
FROM (
    SELECT crew, ts, lon, lat, lag(ts) OVER own AS ts_0, lag(lon) OVER own AS lon_0,
           lag(lat) OVER own AS lat_0
    FROM positions WHERE ts >= %(since)s AND ts < %(upto)s
    WINDOW own AS (PARTITION BY crew ORDER BY ts)
) AS steps
WHERE ts - ts_0 <= INTERVAL '10 minutes'
GROUP BY crew ORDER BY crew;

-- name: foreseen
-- Of forecasts an hour ahead where a station stands: how many there were, and of how many hours the
-- estimate that had heard the station came to lie between the quantiles of 10 and of 90 percent.
-- A forecast is of the kerb, and a station stands away from it: its own mean is no measure for it.
WITH truth AS (
    SELECT segment, date_trunc('hour', ts - INTERVAL '1 minute') AS hour, avg(estimate) AS mean
    FROM segment_minutes
    WHERE ts > %(since)s AND ts <= %(upto)s AND confidence >= 1
    GROUP BY 1, 2 HAVING count(estimate) >= 45
)
SELECT count(*) AS forecasts,
       count(*) FILTER (WHERE truth.mean BETWEEN f.q10 AND f.q90) AS inside
FROM segment_forecasts f
JOIN truth ON truth.segment = f.segment AND truth.hour = f.ts
WHERE f.horizon_min = 60 AND f.ts >= %(since)s AND f.ts < %(upto)s;

-- name: newest_version
-- The last version of a report, without its figures.
SELECT kind, day, version, made_at, made_by, why, digest, sent_at FROM kept_reports
WHERE kind = %(kind)s AND day = %(day)s ORDER BY version DESC LIMIT 1;

-- name: kept
-- A report: the version asked for, or the newest.
SELECT kind, day, version, made_at, made_by, why, figures,
       max(version) OVER () AS newest
FROM kept_reports
WHERE kind = %(kind)s AND day = %(day)s
ORDER BY version = %(version)s::int DESC NULLS LAST, version DESC LIMIT 1;

-- name: keep
-- A version more.
INSERT INTO kept_reports (kind, day, version, made_at, made_by, why, digest, figures)
VALUES (%(kind)s, %(day)s,
        1 + coalesce((SELECT max(version) FROM kept_reports
                      WHERE kind = %(kind)s AND day = %(day)s), 0),
        %(made_at)s, %(made_by)s, %(why)s, %(digest)s, %(figures)s)
RETURNING version;

-- name: reports_page
-- The newest version of each report, the latest periods first.
SELECT kind, day, version, made_at, made_by, why FROM (
    SELECT DISTINCT ON (kind, day) kind, day, version, made_at, made_by, why
    FROM kept_reports
    WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
      AND (%(before)s::date IS NULL OR (day, kind) < (%(before)s::date, %(before_kind)s::text))
    ORDER BY kind, day, version DESC
) AS newest
ORDER BY day DESC, kind DESC LIMIT %(limit)s;

-- name: sent
-- A version is on its way.
UPDATE kept_reports SET sent_at = %(at)s
WHERE kind = %(kind)s AND day = %(day)s AND version = %(version)s;

-- name: changed_since
-- Whether data of before `until` were stored, or work of before it was judged, after a time.
SELECT EXISTS (SELECT FROM batches WHERE stored_at > %(made_at)s AND min_ts < %(until)s)
    OR EXISTS (SELECT FROM verdicts
               WHERE judged_at > %(made_at)s AND done_at >= %(since)s AND done_at < %(until)s)
    OR EXISTS (SELECT FROM matters
               WHERE ended_at > %(made_at)s AND day >= %(first)s AND day < %(last)s)
    AS changed;

-- name: site_events
-- Every flag of a site, in time order.
SELECT ts, kind, source, source_kind, confidence, count, plate, note FROM events
WHERE site = %(site)s AND kind <> 'truck_pass' AND ts > %(since)s AND ts <= %(upto)s
ORDER BY ts, source, id;

-- name: site_orders
-- What was ordered at a site, and what became of it.
SELECT o.id, o.crew, o.treatment, o.state, o.issued_at, o.started_at, o.ended_at, o.outcome,
       o.outcome_also, o.reason, o.also,
       (SELECT p.reason FROM progress p WHERE p.order_id = o.id AND p.crew = o.crew
          AND p.reason IS NOT NULL ORDER BY p.id DESC LIMIT 1) AS said
FROM orders o
WHERE o.site = %(site)s AND o.state <> 'withdrawn'
  AND o.issued_at < %(upto)s AND coalesce(o.ended_at, o.issued_at) >= %(since)s
ORDER BY o.issued_at, o.id;

-- name: be_patient
-- A report of a month reads for longer than a page may.
SET statement_timeout = '120s';

-- name: send
-- A report to people, with its file: sent once this is committed.
INSERT INTO calls (at, recipient, title, body, next_at, attachment)
VALUES (%(at)s, %(recipient)s, %(title)s, %(body)s, %(at)s, %(attachment)s);
