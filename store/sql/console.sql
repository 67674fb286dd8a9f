-- What the console asks. Lists of ids come from the district, so every "latest" is one short
-- index scan per id, however long the history is. "Newest" is as of a time: the same statements
-- tell what is now and what was then.

-- name: meta_now
-- Time of the last tick; no row until the platform has run in lockstep.
SELECT value->>'now' AS now FROM meta WHERE key = 'now';

-- name: listen
-- To be woken when ingest or another stage has stored something.
LISTEN roaddust_batches; LISTEN roaddust_outbox;

-- name: latest_segment_minutes
-- The newest minute of each segment.
SELECT latest.segment, latest.ts, latest.pm10, latest.background, latest.increment,
       latest.level, latest.confidence, latest.cause, latest.treated_at,
       latest.estimate, latest.low, latest.high
FROM unnest(%(segments)s::text[]) AS wanted (segment)
CROSS JOIN LATERAL (
    SELECT * FROM segment_minutes
    WHERE segment_minutes.segment = wanted.segment AND ts <= %(at)s
    ORDER BY ts DESC LIMIT 1
) AS latest;

-- name: latest_readings
-- The newest reading of each station, and the tests that doubted it or one of the minutes before.
SELECT latest.station, latest.ts, latest.pm10, latest.pm25, latest.tsp, latest.temp, latest.rh,
       latest.wind_speed, latest.wind_dir, latest.rain, latest.noise, latest.status::text AS status,
       ARRAY(SELECT DISTINCT flags.test FROM flags
             WHERE flags.station = latest.station
               AND flags.ts > latest.ts - INTERVAL '5 minutes' AND flags.ts <= latest.ts
             ORDER BY flags.test) AS doubts
FROM unnest(%(stations)s::text[]) AS wanted (station)
CROSS JOIN LATERAL (
    SELECT * FROM readings
    WHERE readings.station = wanted.station AND ts <= %(at)s
    ORDER BY ts DESC LIMIT 1
) AS latest;

-- name: latest_positions
-- The newest positions of each crew, newest first: two that differ give the heading.
SELECT latest.crew, latest.ts, latest.lon, latest.lat, latest.speed_kmh, latest.water_l,
       latest.state
FROM unnest(%(crews)s::text[]) AS wanted (crew)
CROSS JOIN LATERAL (
    SELECT * FROM positions
    WHERE positions.crew = wanted.crew AND ts <= %(at)s
    ORDER BY ts DESC LIMIT 8
) AS latest
ORDER BY latest.crew, latest.ts DESC;

-- name: seen_by_cameras
-- What each camera saw in the hour: how many trucks, and the newest thing that was not a truck
-- going by.
WITH seen AS MATERIALIZED (
    SELECT source, ts, kind, confidence, truck, coalesce(count, 1) AS count, media, note
    FROM events
    WHERE ts > %(at)s - INTERVAL '1 hour' AND ts <= %(at)s AND source = ANY (%(cameras)s)
)
SELECT totals.source AS camera, totals.ts, totals.trucks, totals.flags,
       flag.ts AS flag_ts, flag.kind AS flag, flag.confidence, flag.truck, flag.media, flag.note
FROM (
    SELECT source, max(ts) AS ts,
           coalesce(sum(count) FILTER (WHERE kind = 'truck_pass'), 0)::int AS trucks,
           count(*) FILTER (WHERE kind <> 'truck_pass')::int AS flags
    FROM seen GROUP BY source
) AS totals
LEFT JOIN LATERAL (
    SELECT * FROM seen
    WHERE seen.source = totals.source AND seen.kind <> 'truck_pass'
    ORDER BY seen.ts DESC LIMIT 1
) AS flag ON true;

-- name: board_orders
-- What the plan shows: orders that are open, and those that ended since the time given.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction, eta, due, minutes, water_l,
       priority, episode, reason, also, state, issued_at, started_at, ended_at, outcome,
       outcome_also
FROM orders
WHERE state IN ('sent', 'accepted', 'started')
   OR (ended_at >= %(since)s AND state IN ('done', 'failed', 'refused', 'silent'))
ORDER BY crew, seq, id;

-- name: board_episodes
-- What the queue shows: episodes not closed, and those closed since the time given (not those that
-- lapsed before they held), with their orders and the last reason that dispatch gave.
SELECT e.id, e.segment, e.site, e.rule, e.level, e.state, e.started_at, e.peak_at, e.peak,
       e.ended_at, e.causes, e.verdict, e.acknowledged_by, e.acknowledged_at, e.shelved_until,
       e.grp AS "group", e.measured,
       ARRAY(SELECT o.id FROM orders o WHERE o.episode = e.id ORDER BY o.issued_at, o.id) AS orders,
       said.reason, said.also
FROM episodes e
LEFT JOIN LATERAL (
    SELECT l.detail->>'reason' AS reason, l.detail->>'also' AS also FROM episode_log l
    WHERE l.episode = e.id AND l.event = 'reason' ORDER BY l.id DESC LIMIT 1
) AS said ON true
WHERE NOT e.withdrawn
  AND (e.state <> 'closed'
       OR (e.ended_at >= %(since)s
           AND NOT EXISTS (SELECT FROM episode_log l
                           WHERE l.episode = e.id AND l.event = 'lapsed')))
ORDER BY e.started_at DESC, e.id
LIMIT 500;

-- name: open_notices
-- District-wide notices that still hold.
SELECT id, kind, started_at, detail FROM notices WHERE ended_at IS NULL ORDER BY started_at, id;

-- name: latest_plan
-- Id, time and cause of the newest plan, and the weather that kept water off the street in it.
SELECT id, issued_at, trigger, solver->'situation'->>'weather' AS weather
FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1;

-- name: episodes_page
-- Episodes newest first, filtered, after the cursor.
SELECT e.id, e.segment, e.site, e.rule, e.level, e.state, e.started_at, e.peak_at, e.peak,
       e.ended_at, e.causes, e.verdict, e.acknowledged_by, e.acknowledged_at, e.shelved_until,
       e.grp AS "group", e.measured,
       ARRAY(SELECT o.id FROM orders o WHERE o.episode = e.id ORDER BY o.issued_at, o.id) AS orders
FROM episodes e
WHERE NOT e.withdrawn
  AND (%(states)s::text[] IS NULL OR e.state = ANY (%(states)s))
  AND (%(segment)s::text IS NULL OR e.segment = %(segment)s)
  AND (%(site)s::text IS NULL OR e.site = %(site)s)
  AND (%(level_min)s::int IS NULL OR e.level >= %(level_min)s)
  AND (%(since)s::timestamptz IS NULL OR e.started_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR e.started_at < %(until)s)
  AND (%(after_at)s::timestamptz IS NULL
       OR (e.started_at, e.id) < (%(after_at)s, %(after_id)s::text))
ORDER BY e.started_at DESC, e.id DESC
LIMIT %(limit)s;

-- name: episode
-- One episode with the ids of its orders.
SELECT e.id, e.segment, e.site, e.rule, e.level, e.state, e.started_at, e.peak_at, e.peak,
       e.ended_at, e.causes, e.verdict, e.acknowledged_by, e.acknowledged_at, e.shelved_until,
       e.grp AS "group", e.measured,
       ARRAY(SELECT o.id FROM orders o WHERE o.episode = e.id ORDER BY o.issued_at, o.id) AS orders
FROM episodes e
WHERE e.id = %(id)s AND NOT e.withdrawn;

-- name: episode_log
-- The story of one episode, oldest first.
SELECT id, at, actor, event, detail FROM episode_log WHERE episode = %(id)s ORDER BY id;

-- name: episode_for_update
-- One episode, locked until the act on it is committed.
SELECT id, state, acknowledged_by, shelved_until
FROM episodes WHERE id = %(id)s AND NOT withdrawn FOR UPDATE;

-- name: acknowledge
-- Somebody has seen it.
UPDATE episodes SET acknowledged_by = %(actor)s, acknowledged_at = %(at)s, updated_at = %(at)s
WHERE id = %(id)s;

-- name: shelve
-- Out of sight until the time given; null brings it back.
UPDATE episodes SET shelved_until = %(until)s, updated_at = %(at)s WHERE id = %(id)s;

-- name: log_episode
-- One more line of an episode's story.
INSERT INTO episode_log (episode, at, actor, event, detail)
VALUES (%(id)s, %(at)s, %(actor)s, %(event)s, %(detail)s);

-- name: audit
-- What a person did.
INSERT INTO audit (at, actor, action, detail)
VALUES (%(at)s, %(actor)s, %(action)s, %(detail)s);

-- name: segment_history
-- Minutes of one segment, means over steps of so many minutes, each named by its end.
SELECT date_bin(make_interval(mins => %(step)s), ts - interval '1 minute',
                timestamptz '2000-01-01 00:00Z') + make_interval(mins => %(step)s) AS ts,
       avg(pm10) AS pm10, avg(background) AS background, avg(increment) AS increment,
       max(level)::int AS level, avg(confidence) AS confidence,
       avg(estimate) AS estimate, avg(low) AS low, avg(high) AS high
FROM segment_minutes
WHERE segment = %(segment)s AND ts > %(since)s AND ts <= %(until)s
GROUP BY 1 ORDER BY 1;

-- name: segment_orders
-- Orders on one segment that touch the span, newest first, with their verdicts.
SELECT o.id, o.crew, o.plan, o.seq, o.treatment, o.segment, o.site, o.depot, o.direction, o.eta,
       o.due, o.minutes, o.water_l, o.priority, o.episode, o.reason, o.also, o.state,
       o.issued_at, o.started_at, o.ended_at, o.outcome, o.outcome_also,
       v.effective, v.reduction_pct, v.low, v.high, v.judged_at, v.method,
       v.model_pct, v.model_low, v.model_high,
       v.differences_pct, v.differences_low, v.differences_high, v.disagree
FROM orders o LEFT JOIN verdicts v ON v.order_id = o.id
WHERE o.segment = %(segment)s AND o.state <> 'withdrawn'
  AND coalesce(o.ended_at, o.started_at, o.eta) >= %(since)s AND o.issued_at <= %(until)s
ORDER BY coalesce(o.started_at, o.eta) DESC, o.id DESC
LIMIT 200;

-- name: segment_forecast
-- What was foreseen of one segment last before a time, not long before it.
SELECT ts, horizon_min, q10, q25, q50, q75, q90, chance_1, chance_2, chance_3
FROM segment_forecasts
WHERE segment = %(segment)s AND ts = (
    SELECT max(ts) FROM segment_forecasts
    WHERE segment = %(segment)s AND ts <= %(until)s AND ts > %(until)s - INTERVAL '1 hour')
ORDER BY horizon_min;

-- name: segment_worth
-- What each treatment of one segment would be worth as known at a time, the best first.
SELECT ts, treatment, spared, spared_sd, dose FROM treatment_worth
WHERE segment = %(segment)s AND ts <= %(until)s AND ts > %(until)s - INTERVAL '1 hour'
ORDER BY spared DESC, treatment;

-- name: segment_episodes
-- Episodes of one segment that touch the span.
SELECT id, rule, level, state, started_at, ended_at, peak_at, peak
FROM episodes
WHERE segment = %(segment)s AND NOT withdrawn AND started_at <= %(until)s
  AND (ended_at IS NULL OR ended_at >= %(since)s)
ORDER BY started_at, id;

-- name: orders_page
-- Orders newest first, filtered, after the cursor.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction, path, eta, due, minutes,
       water_l, priority, episode, reason, also, state, issued_at, accepted_at, started_at,
       ended_at, outcome, outcome_also
FROM orders
WHERE (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
  AND (%(crew)s::text IS NULL OR crew = %(crew)s)
  AND (%(segment)s::text IS NULL OR segment = %(segment)s)
  AND (%(episode)s::text IS NULL OR episode = %(episode)s)
  AND (%(since)s::timestamptz IS NULL OR issued_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR issued_at < %(until)s)
  AND (%(after_at)s::timestamptz IS NULL
       OR (issued_at, id) < (%(after_at)s, %(after_id)s::text))
ORDER BY issued_at DESC, id DESC
LIMIT %(limit)s;

-- name: open_orders
-- Every order that stands, with its path, in the sequence of its crew.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction, path, eta, due, minutes,
       water_l, priority, episode, reason, also, state, issued_at, accepted_at, started_at,
       ended_at, outcome, outcome_also
FROM orders
WHERE state IN ('sent', 'accepted', 'started')
ORDER BY crew, seq, id;

-- name: verdicts_page
-- Verdicts newest first, filtered, after the cursor.
SELECT order_id, segment, treatment, done_at, judged_at, effective, reduction_pct, low, high, method,
       model_pct, model_low, model_high, differences_pct, differences_low, differences_high, disagree
FROM verdicts
WHERE (%(segment)s::text IS NULL OR segment = %(segment)s)
  AND (%(since)s::timestamptz IS NULL OR judged_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR judged_at < %(until)s)
  AND (%(after_at)s::timestamptz IS NULL
       OR (judged_at, order_id) < (%(after_at)s, %(after_id)s::text))
ORDER BY judged_at DESC, order_id DESC
LIMIT %(limit)s;

-- name: health
-- Newest reading by the platform's clock, what waits to leave, what was refused in the last hour.
SELECT (SELECT max(stored_at) FROM batches) AS stored_at,
       (SELECT count(*) FROM outbox) AS outbox,
       (SELECT count(*) FROM dead_letters WHERE received_at > %(since)s) AS dead_letters;

-- name: user
-- One user by name.
SELECT name, password_hash, role, failures, locked_until FROM users WHERE name = %(name)s;

-- name: users
-- Every user, without the hash.
SELECT name, role, created_at, locked_until FROM users ORDER BY name;

-- name: add_first_admin
-- The first administrator; no row when there is one already.
INSERT INTO users (name, password_hash, role, created_at)
SELECT %(name)s, %(password_hash)s, 'administrator', %(at)s
WHERE NOT EXISTS (SELECT FROM users WHERE role = 'administrator')
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: add_user
-- A user; no row when the name is taken.
INSERT INTO users (name, password_hash, role, created_at)
VALUES (%(name)s, %(password_hash)s, %(role)s, %(at)s)
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: set_password
-- A new hash ends every session of the old one.
UPDATE users SET password_hash = %(password_hash)s, failures = 0, locked_until = NULL
WHERE name = %(name)s;

-- name: count_failure
-- One more wrong password; the last one allowed locks the door and starts the count again.
UPDATE users
SET failures = CASE WHEN failures + 1 >= %(allowed)s THEN 0 ELSE failures + 1 END,
    locked_until = CASE WHEN failures + 1 >= %(allowed)s THEN %(until)s ELSE locked_until END
WHERE name = %(name)s
RETURNING locked_until;

-- name: forget_failures
-- The right password clears the count.
UPDATE users SET failures = 0, locked_until = NULL
WHERE name = %(name)s AND (failures > 0 OR locked_until IS NOT NULL);
