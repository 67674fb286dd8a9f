-- The whole story of an order, and what else speaks of a place: for the pages that explain.

-- name: order
-- One order with the plan that named it last.
SELECT o.id, o.crew, o.plan, o.seq, o.treatment, o.segment, o.site, o.depot, o.direction, o.path,
       o.eta, o.due, o.minutes, o.water_l, o.priority, o.episode, o.reason, o.also, o.state,
       o.issued_at, o.accepted_at, o.started_at, o.ended_at, o.outcome,
       o.outcome_also
FROM orders o WHERE o.id = %(id)s;

-- name: order_story
-- What was said of it, oldest first.
SELECT at, actor, event, detail FROM order_log WHERE order_id = %(id)s ORDER BY id;

-- name: service
-- What the vehicle's positions and water prove of it.
SELECT judged_at, share, worked_m, driven_m, water_l, positions, proven, spans
FROM services WHERE order_id = %(id)s;

-- name: verdict
-- What it did to the increment.
SELECT order_id, segment, treatment, done_at, judged_at, effective, reduction_pct, low, high, method,
       model_pct, model_low, model_high, differences_pct, differences_low, differences_high, disagree
FROM verdicts WHERE order_id = %(id)s;

-- name: plan_of_order
-- The plan that first sent it (the last that named it where its log does not say): when and why it
-- was made, how each crew stood, and what it gave each crew.
SELECT p.id, p.issued_at, p.trigger,
       coalesce(p.solver->'situation'->'crews', '{}') AS conditions,
       coalesce((SELECT jsonb_object_agg(c.key, (
                     SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'order', o.value->>'order', 'treatment', o.value->>'treatment',
                                'place', coalesce(o.value->>'segment', o.value->>'site'),
                                'eta', o.value->>'eta',
                                'minutes', (o.value->>'minutes')::float8,
                                'priority', (o.value->>'priority')::int) ORDER BY o.ordinality), '[]')
                     FROM jsonb_array_elements(c.value->'orders') WITH ORDINALITY AS o))
                 FROM jsonb_each(p.body) AS c WHERE c.value ? 'orders'), '{}') AS crews
FROM plans p
WHERE p.id = coalesce((SELECT l.detail->>'plan' FROM order_log l
                       WHERE l.order_id = %(id)s AND l.event = 'sent' ORDER BY l.id LIMIT 1),
                      (SELECT plan FROM orders WHERE id = %(id)s));

-- name: decision_of_plan
-- What one plan decided on one place, in both languages.
SELECT d.chosen, d.treatment, d.reason, d.detail->>'also' AS also, d.detail->>'code' AS code,
       d.detail->>'order' AS order, d.detail->>'crew' AS crew,
       coalesce(p.solver->>'language', 'zh-CN') AS language
FROM decisions d JOIN plans p ON p.id = d.plan
WHERE d.plan = %(plan)s AND d.place = %(place)s;

-- name: crews_before
-- Where each crew was last before a time, not long before it.
SELECT c.crew, p.ts, p.lon, p.lat, p.water_l, p.state
FROM unnest(%(crews)s::text[]) AS c (crew)
CROSS JOIN LATERAL (
    SELECT * FROM positions
    WHERE positions.crew = c.crew AND ts <= %(at)s AND ts > %(at)s::timestamptz - INTERVAL '15 minutes'
    ORDER BY ts DESC LIMIT 1
) AS p;

-- name: troubles
-- Crews that refused this treatment of this place, failed at it or did not answer, in the hours
-- before an order was given.
SELECT DISTINCT ON (crew) crew, id, state, ended_at, outcome, outcome_also FROM orders
WHERE (segment = %(place)s OR site = %(place)s) AND treatment = %(treatment)s
  AND state IN ('refused', 'failed', 'silent')
  AND ended_at <= %(at)s AND ended_at > %(at)s::timestamptz - INTERVAL '8 hours'
ORDER BY crew, ended_at DESC;

-- name: crew_overrides
-- What people had decided on crews that held at a time.
SELECT id, kind, crew, place, treatment, why, given_by, given_at, until FROM overrides
WHERE crew = ANY (%(crews)s) AND kind IN ('hold', 'assign', 'pin')
  AND given_at <= %(at)s AND until > %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
ORDER BY given_at, id;

-- name: ground
-- What the model thinks lies on a segment.
SELECT ts, silt, silt_low, silt_high, tracked, film_mm, wet FROM segment_ground
WHERE segment = %(place)s;

-- name: learned
-- What each treatment takes off a soiled street, as learnt by a time.
SELECT DISTINCT ON (treatment) treatment, ts, removes, low, high FROM learned_effects
WHERE ts <= %(at)s ORDER BY treatment, ts DESC;

-- name: place_episodes
-- Episodes of a place that touch a span, with what they are blamed on, newest first.
SELECT id, segment, site, rule, level, state, started_at, ended_at, peak_at, peak, causes, measured,
       acknowledged_by, shelved_until
FROM episodes
WHERE (segment = %(place)s OR site = %(place)s) AND NOT withdrawn AND level > 0
  AND started_at <= %(at)s AND (ended_at IS NULL OR ended_at >= %(since)s)
ORDER BY started_at DESC, id LIMIT 50;

-- name: place_orders
-- The latest orders at a place that were given by then, with what was proven and what it achieved.
SELECT o.id, o.crew, o.treatment, o.priority, o.reason, o.also, o.state, o.issued_at, o.eta,
       o.started_at, o.ended_at, o.outcome, o.outcome_also, o.minutes, o.water_l, o.episode,
       s.share AS proven_share, s.proven,
       v.judged_at, v.effective, v.reduction_pct, v.low, v.high, v.method,
       v.model_pct, v.model_low, v.model_high,
       v.differences_pct, v.differences_low, v.differences_high, v.disagree
FROM orders o
LEFT JOIN services s ON s.order_id = o.id
LEFT JOIN verdicts v ON v.order_id = o.id
WHERE (o.segment = %(place)s OR o.site = %(place)s) AND o.issued_at <= %(at)s
  AND o.state <> 'withdrawn'
ORDER BY coalesce(o.started_at, o.eta) DESC, o.id DESC LIMIT %(limit)s;

-- name: decisions
-- What the last plans before a time decided on a place, newest first: only where it differs from the
-- plan before.
WITH told AS (
    SELECT p.id AS plan, p.issued_at, p.trigger, d.chosen, d.treatment, d.reason,
           d.detail->>'also' AS also, coalesce(p.solver->>'language', 'zh-CN') AS language,
           d.detail->>'order' AS order, d.detail->>'crew' AS crew, d.detail->>'code' AS code,
           lag(d.reason) OVER (ORDER BY p.issued_at, p.id) AS before
    FROM plans p JOIN decisions d ON d.plan = p.id AND d.place = %(place)s
    WHERE p.issued_at <= %(at)s AND p.issued_at > %(at)s::timestamptz - INTERVAL '24 hours'
)
SELECT plan, issued_at, trigger, chosen, treatment, reason, also, language, "order", crew, code
FROM told WHERE before IS DISTINCT FROM reason
ORDER BY issued_at DESC, plan DESC LIMIT %(limit)s;

-- name: seen
-- What cameras, drones and crews flagged at a place in a span.
SELECT ts, kind, source, confidence, count, truck, note FROM events
WHERE (segment = ANY (%(places)s) OR site = ANY (%(places)s)) AND kind <> 'truck_pass'
  AND ts > %(since)s AND ts <= %(at)s
ORDER BY ts DESC LIMIT 200;

-- name: complaints
-- What residents reported of a segment in a span.
SELECT ts, kind, channel, text FROM reports
WHERE segment = %(place)s AND ts > %(since)s AND ts <= %(at)s ORDER BY ts DESC LIMIT 100;

-- name: doubts
-- Where quality control doubted the stations of a place, as stretches of one test.
SELECT station, quantity, test, min(ts) AS since, max(ts) AS until, count(*) AS readings
FROM (
    SELECT station, quantity, test, ts,
           ts - row_number() OVER (PARTITION BY station, quantity, test ORDER BY ts)
                * INTERVAL '1 minute' AS stretch
    FROM flags WHERE station = ANY (%(stations)s) AND ts > %(since)s AND ts <= %(at)s
) AS f
GROUP BY station, quantity, test, stretch ORDER BY since DESC LIMIT 100;

-- name: rain
-- Rain by ten minutes, mm: the median of the stations' sums.
SELECT at, percentile_cont(0.5) WITHIN GROUP (ORDER BY mm) AS mm FROM (
    SELECT date_bin(INTERVAL '10 minutes', ts, '2000-01-01Z') AS at, station, sum(rain) AS mm
    FROM readings WHERE ts > %(since)s AND ts <= %(at)s AND rain IS NOT NULL GROUP BY 1, 2
) AS sums GROUP BY at HAVING percentile_cont(0.5) WITHIN GROUP (ORDER BY mm) > 0 ORDER BY at;
