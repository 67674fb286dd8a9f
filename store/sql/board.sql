-- What the dispatch board draws: crews over their shifts, decisions, and what has been done today.

-- name: orders
-- Orders whose work lies in the span, and all that stand.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction, path, eta, due, minutes,
       water_l, priority, episode, reason, also, state, issued_at, accepted_at, started_at,
       ended_at, outcome, outcome_also
FROM orders
WHERE state IN ('sent', 'accepted', 'started')
   OR (ended_at > %(since)s AND ended_at <= %(now)s
       AND coalesce(started_at, ended_at) < %(until)s
       AND (started_at IS NOT NULL OR state IN ('refused', 'silent', 'failed')))
ORDER BY crew, coalesce(started_at, eta), seq, id;

-- name: state_runs
-- What each vehicle said it did, as runs of one state; a silence of five minutes ends a run.
WITH marked AS (
    SELECT crew, ts, state,
           state IS DISTINCT FROM lag(state) OVER each
               OR ts - lag(ts) OVER each > INTERVAL '5 minutes' AS turns
    FROM positions
    WHERE crew = ANY(%(crews)s) AND ts > %(since)s AND ts <= %(until)s
    WINDOW each AS (PARTITION BY crew ORDER BY ts)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE turns) OVER (PARTITION BY crew ORDER BY ts) AS run
    FROM marked
)
SELECT crew, state, min(ts) AS since, max(ts) AS until
FROM numbered GROUP BY crew, run, state ORDER BY crew, since;

-- name: water
-- The gauge of each tank, the last word of every step.
SELECT crew, max(ts) AS ts, (array_agg(water_l ORDER BY ts DESC))[1] AS water_l
FROM positions
WHERE crew = ANY(%(crews)s) AND ts > %(since)s AND ts <= %(until)s AND water_l IS NOT NULL
GROUP BY crew, date_bin(make_interval(mins => %(step_min)s), ts, timestamptz '2000-01-01 00:00Z')
ORDER BY crew, ts;

-- name: now
-- Where each crew is, and what it said last.
SELECT p.crew, p.ts, p.lon, p.lat, p.water_l, p.state, p.speed_kmh
FROM unnest(%(crews)s::text[]) AS c (crew)
CROSS JOIN LATERAL (
    SELECT * FROM positions WHERE positions.crew = c.crew AND ts <= %(now)s
    ORDER BY ts DESC LIMIT 1
) AS p;

-- name: plan
-- The plan in force, with what it was made from.
SELECT id, issued_at, trigger, solver->'situation'->'crews' AS crews
FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1;

-- name: weather
-- What kept water off the street, by the plans of the span and the last one before it.
SELECT issued_at, solver->'situation'->>'weather' AS weather
FROM plans
WHERE issued_at <= %(until)s AND issued_at >= coalesce(
    (SELECT max(issued_at) FROM plans WHERE issued_at <= %(since)s), %(since)s)
ORDER BY issued_at, id;

-- name: left_out
-- Places with an episode or a wish of somebody that the plan in force gives nothing, and why.
SELECT d.place, d.treatment, d.reason, d.detail->>'also' AS also, d.detail->>'code' AS code,
       d.detail->>'episode' AS episode, e.level, m.due
FROM decisions d
LEFT JOIN episodes e ON e.id = d.detail->>'episode'
LEFT JOIN LATERAL (
    SELECT due FROM matters
    WHERE matters.place = d.place AND matters.ended_at IS NULL AND matters.begun_at IS NULL
    ORDER BY due LIMIT 1
) AS m ON true
WHERE d.plan = %(plan)s AND NOT d.chosen
  AND (d.detail ? 'episode'
       OR d.detail->>'code' IN ('no_crew', 'refused', 'too_much_water', 'unreachable',
                                'not_in_shift', 'forbidden', 'assigned'))
ORDER BY e.level DESC NULLS LAST, d.place;

-- name: standing
-- Decisions that hold.
SELECT id, kind, place, treatment, crew, order_id, priority, due, why, given_by, given_at, until,
       ended_at, ended_by, ended_why
FROM overrides
WHERE ended_at IS NULL AND until > %(now)s AND given_at <= %(now)s
ORDER BY given_at, id;

-- name: overrides_page
-- Decisions, the newest first, after the cursor.
SELECT id, kind, place, treatment, crew, order_id, priority, due, why, given_by, given_at, until,
       ended_at, ended_by, ended_why
FROM overrides
WHERE (%(after)s::bigint IS NULL OR id < %(after)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: override
-- One decision.
SELECT id, kind, place, treatment, crew, order_id, priority, due, why, given_by, given_at, until,
       ended_at, ended_by, ended_why
FROM overrides WHERE id = %(id)s;

-- name: done
-- What each crew has done in the span, and whether what was due began in time.
SELECT crew,
       count(*) FILTER (WHERE state = 'done') AS treatments,
       coalesce(sum(water_l) FILTER (WHERE state = 'done'), 0) AS water_l,
       count(*) FILTER (WHERE priority <= 3 AND started_at <= due) AS on_time,
       count(*) FILTER (WHERE priority <= 3 AND (started_at IS NOT NULL OR due < %(until)s)
                              AND due IS NOT NULL) AS due
FROM orders
WHERE depot IS NULL AND ended_at >= %(since)s AND ended_at <= %(until)s
  AND state IN ('done', 'failed', 'refused', 'silent')
GROUP BY crew;

-- name: driven
-- How far each vehicle went in the span by its positions; a silence is not bridged. Plane geometry
-- is right to a thousandth over the tens of metres between two of them.
SELECT crew, sum(sqrt(power((lon - lon_before) * cos(radians(lat)), 2)
                      + power(lat - lat_before, 2))) * 111.195 AS km
FROM (
    SELECT crew, lon, lat, lag(lon) OVER each AS lon_before, lag(lat) OVER each AS lat_before,
           ts - lag(ts) OVER each AS gap
    FROM positions
    WHERE crew = ANY(%(crews)s) AND ts >= %(since)s AND ts <= %(until)s
    WINDOW each AS (PARTITION BY crew ORDER BY ts)
) AS track
WHERE gap <= INTERVAL '5 minutes'
GROUP BY crew;
