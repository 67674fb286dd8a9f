-- How it was: what the console shows of a moment in the past. What moves is asked with the statements
-- of the present (`console.sql`), which take the time; here is what changes its word afterwards.

-- name: episodes_then
-- Episodes that were open or had ended lately, as they are now; the log says how they were.
SELECT e.id, e.segment, e.site, e.rule, e.level, e.state, e.started_at, e.peak_at, e.peak,
       e.ended_at, e.causes, e.verdict, e.acknowledged_by, e.acknowledged_at, e.shelved_until,
       e.grp AS "group", e.measured, e.updated_at,
       ARRAY(SELECT o.id FROM orders o WHERE o.episode = e.id AND o.issued_at <= %(at)s
             ORDER BY o.issued_at, o.id) AS orders
FROM episodes e
WHERE NOT e.withdrawn AND e.started_at <= %(at)s
  AND (e.state <> 'closed' OR (e.started_at > %(at)s - INTERVAL '30 days'
                               AND (e.ended_at IS NULL OR e.ended_at >= %(since)s)))
ORDER BY e.started_at DESC, e.id
LIMIT 500;

-- name: stories_then
-- What had been said of them until then, in order.
SELECT episode, at, actor, event, detail FROM episode_log
WHERE episode = ANY (%(ids)s) AND at <= %(at)s
ORDER BY id;

-- name: orders_then
-- Orders that stood or had ended lately, with the last word on each until then. An order that lasts
-- longer than a day is not told of.
SELECT o.id, o.crew, o.plan, o.seq, o.treatment, o.segment, o.site, o.depot, o.direction, o.eta,
       o.due, o.minutes, o.water_l, o.priority, o.episode, o.reason, o.also, o.state,
       o.issued_at, o.accepted_at, o.started_at, o.ended_at, o.outcome, o.outcome_also,
       said.event AS said
FROM orders o
LEFT JOIN LATERAL (
    SELECT event FROM order_log l
    WHERE l.order_id = o.id AND l.at <= %(at)s
      AND event IN ('sent', 'accepted', 'refused', 'started', 'done', 'failed', 'silent',
                    'withdrawn')
    ORDER BY l.id DESC LIMIT 1
) AS said ON true
WHERE o.issued_at <= %(at)s
  AND (o.ended_at BETWEEN %(since)s AND %(at)s + INTERVAL '1 day'
       OR (o.ended_at IS NULL AND o.state IN ('sent', 'accepted', 'started')))
ORDER BY o.crew, o.seq, o.id;

-- name: notices_then
-- District-wide notices that held.
SELECT id, kind, started_at, detail FROM notices
WHERE started_at <= %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
ORDER BY started_at, id;

-- name: plan_then
-- The newest plan of then, with what every crew had been told.
SELECT id, issued_at, trigger, solver->'situation'->>'weather' AS weather, body
FROM plans WHERE issued_at <= %(at)s
ORDER BY issued_at DESC, id DESC LIMIT 1;

-- name: paths_of
-- The drives of orders, for those that the plan of then does not tell.
SELECT id, path FROM orders WHERE id = ANY (%(ids)s);

-- name: stored_span
-- From when to when there is something to show.
SELECT (SELECT ts FROM segment_minutes ORDER BY ts LIMIT 1) AS first,
       (SELECT ts FROM segment_minutes ORDER BY ts DESC LIMIT 1) AS last;

-- name: strip_levels
-- How the streets stood at the end of each step of a day: the worst level, how many exceeded, how
-- many minutes there are. A level lasts longer than a step, so that none is missed.
SELECT m.ts, max(m.level)::int AS worst, count(*) FILTER (WHERE m.level >= 2)::int AS exceeding,
       count(*) FILTER (WHERE m.confidence >= %(measured)s)::int AS measured
FROM segment_minutes m
WHERE m.ts = ANY (%(steps)s) AND m.segment = ANY (%(segments)s)
GROUP BY m.ts ORDER BY m.ts;

-- name: strip_work
-- Treatments of a day, from when to when.
SELECT started_at, ended_at FROM orders
WHERE depot IS NULL AND started_at < %(until)s AND started_at >= %(since)s - INTERVAL '6 hours'
  AND (ended_at IS NULL OR ended_at > %(since)s) AND state IN ('started', 'done', 'failed')
  AND treatment <> 'inspect';

-- name: outlook
-- What was foreseen of every segment at the newest quarter of an hour before a time.
SELECT segment, ts, horizon_min, q10, q50, q90, chance_1, chance_2, chance_3
FROM segment_forecasts
WHERE ts = (SELECT max(ts) FROM segment_forecasts
            WHERE ts <= %(at)s AND ts > %(at)s - INTERVAL '1 hour')
  AND segment = ANY (%(segments)s)
ORDER BY segment, horizon_min;

-- name: concerns_then
-- Concerns that stood and somebody had been called for, with the role that was called last until then.
SELECT c.id, c.kind, c.subject, c.crew, c.place, c.ref, c.why, c.also, c.since, c.opened_at,
       called.role, called.at AS called_at,
       CASE WHEN c.taken_at <= %(at)s THEN c.taken_by END AS taken_by,
       CASE WHEN c.taken_at <= %(at)s THEN c.taken_at END AS taken_at,
       NULL::timestamptz AS resolved_at
FROM concerns c
CROSS JOIN LATERAL (
    SELECT role, at FROM escalation_log g
    WHERE g.concern = c.id AND g.event = 'called' AND g.at <= %(at)s
    ORDER BY g.id DESC LIMIT 1
) AS called
WHERE c.opened_at <= %(at)s AND (c.resolved_at IS NULL OR c.resolved_at > %(at)s)
ORDER BY c.opened_at DESC, c.id DESC
LIMIT 300;

-- name: marks_then
-- What people had said until then of alarms that have no row of their own.
SELECT alarm, since,
       (array_agg(actor ORDER BY id DESC) FILTER (WHERE event = 'acknowledged'))[1]
           AS acknowledged_by,
       (array_agg(at ORDER BY id DESC) FILTER (WHERE event = 'acknowledged'))[1]
           AS acknowledged_at,
       (array_agg((detail->>'until')::timestamptz ORDER BY id DESC)
           FILTER (WHERE event IN ('shelved', 'unshelved')))[1] AS shelved_until
FROM alarm_log
WHERE alarm = ANY (%(alarms)s) AND at <= %(at)s
GROUP BY alarm, since;

-- name: out_of_service_then
-- Subjects that were out of service.
SELECT DISTINCT ON (subject) id, subject, since, until, why, given_by FROM out_of_service
WHERE since <= %(at)s AND until > %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
ORDER BY subject, id DESC;
