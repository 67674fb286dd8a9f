-- What dispatch reads in every step, reads for a plan, and writes.

-- name: unapplied_progress
-- The crews' words that have not been taken into their orders, in the order of arrival.
SELECT id, crew, order_id, event, ts, reason, water_l
FROM progress WHERE NOT applied ORDER BY id;

-- name: progress_applied
-- These have been taken in, or mean nothing.
UPDATE progress SET applied = true WHERE id = ANY(%(ids)s);

-- name: orders_by_id
-- Whole orders.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction, path, eta, due, minutes,
       water_l, priority, episode, reason, state, issued_at, accepted_at, started_at, ended_at,
       outcome, also, reminded_at, outcome_also
FROM orders WHERE id = ANY(%(ids)s);

-- name: open_orders
-- Orders that are not over; the drive only of those begun, because the rest is drawn anew.
SELECT id, crew, plan, seq, treatment, segment, site, depot, direction,
       CASE WHEN state = 'started' THEN path ELSE '[]' END, eta, due, minutes,
       water_l, priority, episode, reason, state, issued_at, accepted_at, started_at, ended_at,
       outcome, also, reminded_at, outcome_also
FROM orders WHERE state IN ('sent', 'accepted', 'started') ORDER BY crew, seq, id;

-- name: crews_past
-- Per crew: when an order last ended, went unanswered, was ended by the crew's own word, and
-- the orders that it lately refused, failed or left unanswered.
SELECT crew, max(ended_at),
       max(ended_at) FILTER (WHERE state = 'silent'),
       max(ended_at) FILTER (WHERE state IN ('done', 'failed', 'refused')),
       coalesce(array_agg(id ORDER BY id) FILTER (
           WHERE state IN ('silent', 'failed', 'refused') AND ended_at > %(lately)s), '{}')
FROM orders WHERE ended_at > %(since)s GROUP BY crew;

-- name: reports
-- The newest position of each crew, and the water that it began the work in hand with.
SELECT p.crew, p.ts, p.lon, p.lat, p.water_l, p.state, b.water_l
FROM unnest(%(crews)s::text[]) AS c (crew)
CROSS JOIN LATERAL (
    SELECT * FROM positions WHERE positions.crew = c.crew AND ts <= %(now)s
    ORDER BY ts DESC LIMIT 1
) AS p
LEFT JOIN LATERAL (
    SELECT max(started_at) AS at FROM orders WHERE orders.crew = c.crew AND state = 'started'
) AS begun ON true
LEFT JOIN LATERAL (
    SELECT water_l FROM positions WHERE positions.crew = c.crew AND ts <= begun.at
    ORDER BY ts DESC LIMIT 1
) AS b ON true;

-- name: open_episodes
-- Episodes that are not closed.
SELECT id, segment, site, rule, level, state, started_at, causes, shelved_until, grp, measured
FROM episodes WHERE state <> 'closed' AND NOT withdrawn ORDER BY id;

-- name: plan_in_force
-- The newest plan and what it was made from.
SELECT id, issued_at, solver FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1;

-- name: plan_body
-- What the crews have been told.
SELECT body FROM plans WHERE id = %(plan)s;

-- name: ended_orders
-- Treatments that are over. One said to be done that the positions speak against has failed: the
-- street is as it was, and another crew is to go.
SELECT o.id, o.crew, o.treatment, coalesce(o.segment, o.site),
       CASE WHEN o.state = 'done' AND s.proven = false THEN 'failed' ELSE o.state END, o.ended_at
FROM orders AS o LEFT JOIN services AS s ON s.order_id = o.id
WHERE o.ended_at > %(since)s AND o.depot IS NULL
  AND o.state IN ('done', 'refused', 'failed', 'silent')
ORDER BY o.ended_at, o.id;

-- name: weather
-- Median over the stations of the newest temperature and of the rain in the span, and whether
-- sand dust is coming in.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY temp),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY rain),
       EXISTS (SELECT FROM notices WHERE kind = 'sand_dust' AND ended_at IS NULL AND eased_at IS NULL)
FROM (
    SELECT (array_agg(temp ORDER BY ts DESC)
                FILTER (WHERE temp BETWEEN -50 AND 60))[1] AS temp,
           sum(rain) FILTER (WHERE rain BETWEEN 0 AND 100) AS rain
    FROM readings
    WHERE station = ANY(%(stations)s) AND ts > %(since)s AND ts <= %(now)s AND status = 'N'
    GROUP BY station
) AS station;

-- name: streets
-- The mean increment of each segment over the span, with the newest confidence and cause.
SELECT m.segment, m.increment, m.confidence, m.cause
FROM unnest(%(segments)s::text[]) AS s (segment)
CROSS JOIN LATERAL (
    SELECT segment_minutes.segment, avg(increment) AS increment,
           (array_agg(confidence ORDER BY ts DESC))[1] AS confidence,
           (array_agg(cause ORDER BY ts DESC))[1] AS cause
    FROM segment_minutes
    WHERE segment_minutes.segment = s.segment AND ts > %(since)s AND ts <= %(now)s
    GROUP BY segment_minutes.segment
) AS m;

-- name: worths
-- What each treatment would be worth by the newest word of the model, unless that is old.
SELECT segment, treatment, ts, spared
FROM treatment_worth
WHERE segment = ANY(%(segments)s) AND ts >= %(since)s AND ts <= %(now)s
ORDER BY segment, treatment;

-- name: usual_price
-- What a second of a crew was worth to the plans of a span, their mean; and when planning began.
SELECT avg(price), (SELECT min(issued_at) FROM plans) FROM plans
WHERE issued_at > %(since)s AND issued_at <= %(now)s;

-- name: flags
-- What was seen lately that asks for work, with the place as far as the message said it.
SELECT ts, kind, source, segment, site, lon, lat
FROM events
WHERE ts > %(since)s AND ts <= %(now)s AND kind = ANY(%(kinds)s)
ORDER BY ts, source, id;

-- name: complaints
-- Residents' reports of dust: the latest, and those named.
SELECT ts, segment, lon, lat
FROM (
    SELECT ts, channel, id, segment, lon, lat FROM reports
    WHERE ts > %(since)s AND ts <= %(now)s AND kind = 'dust'
    UNION
    SELECT ts, channel, id, segment, lon, lat FROM reports
    WHERE (channel, id) IN (SELECT * FROM unnest(%(channels)s::text[], %(ids)s::text[]))
) AS asked
ORDER BY ts, channel, id;

-- name: add_plan
-- A plan; its body is what every crew has been told.
INSERT INTO plans (id, issued_at, trigger, solver, body, price)
VALUES (%(id)s, %(issued_at)s, %(trigger)s, %(solver)s, %(body)s, %(price)s);

-- name: plan_exists
-- Whether the id is taken.
SELECT EXISTS (SELECT FROM plans WHERE id = %(id)s);

-- name: put_orders
-- Orders given as a JSON array of whole rows: added, or brought up to date.
INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, %(rows)s)
ON CONFLICT (id) DO UPDATE SET
    plan = excluded.plan, seq = excluded.seq, direction = excluded.direction,
    path = excluded.path, eta = excluded.eta, due = excluded.due, minutes = excluded.minutes,
    water_l = excluded.water_l, priority = excluded.priority, episode = excluded.episode,
    reason = excluded.reason, also = excluded.also;

-- name: change_orders
-- What became of orders, given as a JSON array.
UPDATE orders SET state = new.state, accepted_at = new.accepted_at,
    started_at = new.started_at, ended_at = new.ended_at, outcome = new.outcome,
    outcome_also = new.outcome_also, reminded_at = new.reminded_at
FROM jsonb_to_recordset(%(rows)s) AS new (
    id text, state text, accepted_at timestamptz, started_at timestamptz, ended_at timestamptz,
    outcome text, outcome_also text, reminded_at timestamptz)
WHERE orders.id = new.id;

-- name: log_orders
-- Lines of the orders' log, given as a JSON array.
INSERT INTO order_log (order_id, at, actor, event, detail)
SELECT order_id, at, actor, event, detail
FROM jsonb_to_recordset(%(rows)s) AS line (
    n int, order_id text, at timestamptz, actor text, event text, detail jsonb)
ORDER BY n;

-- name: log_episodes
-- Lines of the episodes' log, given as a JSON array.
INSERT INTO episode_log (episode, at, actor, event, detail)
SELECT episode, %(at)s, 'dispatch', event, detail
FROM jsonb_to_recordset(%(rows)s) AS line (n int, episode text, event text, detail jsonb)
ORDER BY n;

-- name: add_decisions
-- Why this and why not that, given as a JSON array: one row per place.
INSERT INTO decisions (plan, place, treatment, chosen, reason, detail)
SELECT %(plan)s, place, treatment, chosen, reason, detail
FROM jsonb_to_recordset(%(rows)s) AS line (
    place text, treatment text, chosen boolean, reason text, detail jsonb)
ORDER BY place;
