-- Why this, and why not that: one place at one time.

-- name: decision
-- What the last plan before a time that weighed a place decided on it, in both languages.
SELECT p.id AS plan, p.issued_at, p.trigger, d.chosen, d.treatment, d.reason,
       d.detail->>'also' AS also, coalesce(p.solver->>'language', 'zh-CN') AS language,
       d.detail->>'code' AS code, d.detail->>'order' AS order, d.detail->>'crew' AS crew,
       (d.detail->>'priority')::int AS priority
FROM plans p JOIN decisions d ON d.plan = p.id AND d.place = %(place)s
WHERE p.issued_at <= %(at)s
ORDER BY p.issued_at DESC, p.id DESC LIMIT 1;

-- name: orders
-- The latest orders at a place that were given by then, with their story so far.
SELECT o.id, o.crew, o.treatment, o.priority, o.reason, o.also, o.issued_at, o.episode,
       coalesce((SELECT jsonb_agg(jsonb_build_object('at', l.at, 'actor', l.actor,
                                                     'event', l.event, 'detail', l.detail)
                                  ORDER BY l.id)
                 FROM order_log l WHERE l.order_id = o.id AND l.at <= %(at)s), '[]') AS story,
       CASE WHEN s.judged_at <= %(at)s THEN s.share END AS proven_share
FROM orders o LEFT JOIN services s ON s.order_id = o.id
WHERE (o.segment = %(place)s OR o.site = %(place)s) AND o.issued_at <= %(at)s
ORDER BY o.issued_at DESC, o.id DESC LIMIT %(limit)s;

-- name: overrides
-- What people had decided on a place that held at that time.
SELECT id, kind, treatment, crew, why, given_by, given_at, until FROM overrides
WHERE place = %(place)s AND given_at <= %(at)s AND until > %(at)s
  AND (ended_at IS NULL OR ended_at > %(at)s)
ORDER BY given_at, id;

-- name: worths
-- What each treatment would have been worth by the newest word of the model, the best first; only
-- that word is kept.
SELECT treatment, ts, spared, spared_sd FROM treatment_worth
WHERE segment = %(place)s AND ts <= %(at)s ORDER BY spared DESC, treatment;

-- name: matters
-- The clocks that ran for a place on the local day of that time.
SELECT ref, kind, level, opened_at, due, answered_at, answer, begun_at, outcome FROM matters
WHERE place = %(place)s AND opened_at <= %(at)s AND ends_at > %(at)s
ORDER BY opened_at, ref;
