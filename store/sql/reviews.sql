-- The day and the week in figures, and when routine jobs were run.

-- name: review
-- What was promised and what was made of it between two times.
WITH span AS (SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until),
mine AS (
    SELECT m.*, extract(epoch FROM m.answered_at - m.opened_at) / 60 AS wait_min
    FROM matters m, span WHERE m.day >= %(first)s AND m.day < %(last)s
),
work AS (
    SELECT o.*, s.proven, s.share FROM orders o LEFT JOIN services s ON s.order_id = o.id, span
    WHERE o.ended_at >= span.since AND o.ended_at < span.until AND o.depot IS NULL
),
arrivals AS (
    SELECT extract(epoch FROM o.started_at - (
               SELECT (l.detail->>'eta')::timestamptz FROM order_log l
               WHERE l.order_id = o.id AND l.event IN ('sent', 'replanned') AND l.at <= o.started_at
               ORDER BY l.id LIMIT 1)) / 60 AS first_min,
           extract(epoch FROM o.started_at - (
               SELECT (l.detail->>'eta')::timestamptz FROM order_log l
               WHERE l.order_id = o.id AND l.event IN ('sent', 'replanned')
                 AND l.at <= o.started_at - INTERVAL '15 minutes'
               ORDER BY l.id DESC LIMIT 1)) / 60 AS ahead_min
    FROM orders o, span
    WHERE o.started_at >= span.since AND o.started_at < span.until AND o.depot IS NULL
),
rounds AS (
    SELECT d.segment, d.least, count(o.id) AS made
    FROM unnest(%(segments)s::text[], %(least)s::float8[]) AS d (segment, least)
    LEFT JOIN work o ON o.segment = d.segment AND o.state = 'done'
    GROUP BY d.segment, d.least
)
SELECT jsonb_build_object(
    'matters', (SELECT coalesce(jsonb_object_agg(kind, n), '{}')
                FROM (SELECT kind, count(*) AS n FROM mine GROUP BY kind) AS a),
    'outcomes', (SELECT coalesce(jsonb_object_agg(outcome, n), '{}')
                 FROM (SELECT coalesce(outcome, 'open') AS outcome, count(*) AS n
                       FROM mine GROUP BY 1) AS a),
    'answered_in_time', (SELECT count(*) FROM mine WHERE wait_min <= %(answer_min)s),
    'answer_min', (SELECT jsonb_build_object(
                       'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_min),
                       'p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_min)) FROM mine),
    'not_made', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'ref', ref, 'day', day, 'place', place, 'level', level, 'answer', answer)
                       ORDER BY level DESC, ref), '[]') FROM mine WHERE outcome = 'not_made'),
    'orders', (SELECT coalesce(jsonb_object_agg(state, n), '{}')
               FROM (SELECT state, count(*) AS n FROM work GROUP BY state) AS a),
    'done', (SELECT coalesce(jsonb_object_agg(treatment, n), '{}')
             FROM (SELECT treatment, count(*) AS n FROM work WHERE state = 'done'
                   GROUP BY treatment) AS a),
    'water_l', (SELECT round(coalesce(sum(water_l), 0)) FROM work WHERE state = 'done'),
    'proof', (SELECT jsonb_build_object(
                  'proven', count(*) FILTER (WHERE proven),
                  'unproven', count(*) FILTER (WHERE NOT proven),
                  'not_seen', count(*) FILTER (WHERE proven IS NULL))
              FROM work WHERE state = 'done'),
    'arrivals', (SELECT jsonb_build_object(
                     'n', count(*),
                     'first_word_median_abs_min',
                     percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(first_min)),
                     'quarter_hour_ahead_median_abs_min',
                     percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(ahead_min))) FROM arrivals),
    'calls', (SELECT coalesce(jsonb_object_agg(role, n), '{}')
              FROM (SELECT l.role, count(*) AS n FROM escalation_log l, span
                    WHERE l.event = 'called' AND l.at >= span.since AND l.at < span.until
                    GROUP BY l.role) AS a),
    'concerns', (SELECT coalesce(jsonb_object_agg(kind, n), '{}')
                 FROM (SELECT kind, count(*) AS n FROM concerns, span
                       WHERE opened_at >= span.since AND opened_at < span.until
                       GROUP BY kind) AS a),
    'overrides', (SELECT count(*) FROM overrides, span
                  WHERE given_at >= span.since AND given_at < span.until),
    'rounds', (SELECT jsonb_build_object(
                   'segments', count(*) FILTER (WHERE least > 0),
                   'short', coalesce(jsonb_agg(jsonb_build_object(
                       'segment', segment, 'made', made, 'least', least) ORDER BY segment)
                       FILTER (WHERE made < least), '[]')) FROM rounds)
);

-- name: put_review
-- Kept, or made anew.
INSERT INTO reviews (kind, day, made_at, body)
VALUES (%(kind)s, %(day)s, %(made_at)s, %(body)s)
ON CONFLICT (kind, day) DO UPDATE SET made_at = excluded.made_at, body = excluded.body;

-- name: reviews_page
-- The newest days or weeks.
SELECT kind, day, made_at, body FROM reviews WHERE kind = %(kind)s ORDER BY day DESC
LIMIT %(limit)s;

-- name: run_upto
-- Up to when a routine job has been run.
SELECT upto FROM timetable WHERE job = %(job)s;

-- name: ran
-- A routine job has been run.
INSERT INTO timetable (job, upto) VALUES (%(job)s, %(upto)s)
ON CONFLICT (job) DO UPDATE SET upto = excluded.upto;
