-- What must not stay overnight, who is called, and what was proven: asked and written in each step
-- of dispatch, and read by the console.

-- name: unseen_episodes
-- Episodes from a level on that have no clock for this day: open ones, and those that were over
-- before dispatch could see them. known_at: when they had reached that level.
SELECT e.id, coalesce(e.segment, e.site), e.level, e.started_at,
       coalesce((SELECT min(l.at) FROM episode_log l
                 WHERE l.episode = e.id
                   AND l.event IN ('opened', 'activated', 'level', 'reopened')
                   AND (l.detail->>'level')::int >= %(level)s), e.started_at) AS known_at
FROM episodes e
WHERE NOT e.withdrawn AND e.level >= %(level)s
  AND (e.state IN ('active', 'recovering')
       OR (e.state = 'closed' AND e.ended_at > %(since)s
           AND NOT EXISTS (SELECT FROM matters m WHERE m.ref = e.id)))
  AND NOT EXISTS (SELECT FROM matters m WHERE m.ref = e.id AND m.day = %(day)s)
ORDER BY e.started_at, e.id;

-- name: unseen_complaints
-- Residents' reports of dust that have no clock yet.
SELECT r.channel || '/' || r.id, r.ts, r.segment, r.lon, r.lat
FROM reports r
WHERE r.kind = 'dust' AND r.ts > %(since)s AND r.ts <= %(now)s
  AND NOT EXISTS (SELECT FROM matters m WHERE m.ref = r.channel || '/' || r.id)
ORDER BY r.ts, r.channel, r.id;

-- name: left_complaints
-- Complaints of which nothing was made on their last day.
SELECT m.ref, m.place, m.since
FROM matters m
WHERE m.kind = 'complaint' AND m.outcome = 'not_made' AND m.day = %(day)s::date - 1
  AND NOT EXISTS (SELECT FROM matters n WHERE n.ref = m.ref AND n.day = %(day)s)
ORDER BY m.ref;

-- name: open_complaints
-- Where the complaints are that have no outcome.
SELECT ref, place FROM matters WHERE kind = 'complaint' AND ended_at IS NULL ORDER BY ref;

-- name: open_matters
-- Every clock that runs, with what the episode says since it began, and orders of the treatments
-- that serve its place: sweeping passes by and ends no exceedance.
SELECT m.ref, m.day, m.kind, m.place, m.level, m.since, m.opened_at, m.seen_at, m.due, m.ends_at,
       m.answered_at, m.answer, m.begun_at, m.ended_at, m.outcome,
       coalesce(e.level, 0), CASE WHEN e.state = 'closed' THEN e.ended_at END,
       coalesce(e.withdrawn, false), work.begun_at, work.treated_at
FROM matters m
LEFT JOIN episodes e ON m.kind = 'episode' AND e.id = m.ref
LEFT JOIN LATERAL (
    SELECT min(o.started_at) AS begun_at,
           min(o.ended_at) FILTER (WHERE o.state = 'done' AND o.ended_at >= m.since) AS treated_at
    FROM (
        SELECT started_at, ended_at, state FROM orders
        WHERE segment = m.place AND (ended_at >= m.since OR ended_at IS NULL)
          AND treatment IN ('wash', 'heavy_clean')
        UNION ALL
        SELECT started_at, ended_at, state FROM orders
        WHERE site = m.place AND (ended_at >= m.since OR ended_at IS NULL)
          AND treatment IN ('fog', 'inspect', 'hand_wash')
    ) AS o
) AS work ON true
WHERE m.ended_at IS NULL
ORDER BY m.opened_at, m.ref;

-- name: put_matters
-- Clocks given as a JSON array of whole rows: started, or brought up to date.
INSERT INTO matters SELECT * FROM jsonb_populate_recordset(NULL::matters, %(rows)s)
ON CONFLICT (ref, day) DO UPDATE SET
    level = excluded.level, answered_at = excluded.answered_at, answer = excluded.answer,
    begun_at = excluded.begun_at, ended_at = excluded.ended_at, outcome = excluded.outcome;

-- name: not_made
-- The list of what was not made (事不过夜清单) of one local day: over without an outcome, or open still.
SELECT m.ref, m.kind, m.place, m.level, m.since, m.opened_at, m.due, m.ends_at, m.answered_at,
       m.answer, m.begun_at, coalesce(m.outcome, 'open') AS outcome,
       (SELECT l.detail->>'reason' FROM episode_log l
        WHERE l.episode = m.ref AND l.event = 'reason' ORDER BY l.id DESC LIMIT 1) AS reason,
       (SELECT c.role FROM concerns c WHERE c.ref = m.ref ORDER BY c.called_at DESC NULLS LAST
        LIMIT 1) AS called
FROM matters m
WHERE m.day = %(day)s AND (m.outcome = 'not_made' OR m.ended_at IS NULL)
ORDER BY m.level DESC, m.opened_at, m.ref;

-- name: matters_page
-- The clocks of one local day, those that still run first.
SELECT ref, day, kind, place, level, since, opened_at, due, ends_at, answered_at, answer, begun_at,
       ended_at, outcome
FROM matters WHERE day = %(day)s
ORDER BY ended_at IS NOT NULL, opened_at DESC, ref
LIMIT %(limit)s;

-- name: left_musts
-- Musts that a crew has refused, failed or left unanswered and no crew has taken up since.
SELECT o.id, o.crew, o.treatment, coalesce(o.segment, o.site), o.state, o.ended_at, o.outcome,
       o.outcome_also
FROM orders o
WHERE o.state IN ('refused', 'failed', 'silent') AND o.priority <= 3 AND o.depot IS NULL
  AND o.ended_at > %(since)s
  AND NOT EXISTS (
      SELECT FROM orders n
      WHERE n.id <> o.id AND (n.segment = o.segment OR n.site = o.site)
        AND (n.state IN ('accepted', 'started') OR (n.state = 'done' AND n.ended_at >= o.ended_at)
             OR (n.state IN ('refused', 'failed', 'silent')
                 AND (n.ended_at, n.id) > (o.ended_at, o.id) AND n.treatment = o.treatment)))
ORDER BY o.ended_at, o.id;

-- name: open_concerns
-- Trouble that stands; shelved_until: until when somebody has put it aside, or had.
SELECT c.kind, c.subject, c.why, c.also, c.since, c.crew, c.place, c.ref, c.id, c.role, c.called_at,
       c.reminded_at, c.taken_at, m.shelved_until
FROM concerns c
LEFT JOIN alarm_marks m ON m.alarm = 'concern:' || c.id AND m.since = c.opened_at
WHERE c.resolved_at IS NULL ORDER BY c.id;

-- name: add_concern
-- New trouble; its number.
INSERT INTO concerns (kind, subject, crew, place, ref, why, also, since, opened_at)
VALUES (%(kind)s, %(subject)s, %(crew)s, %(place)s, %(ref)s, %(why)s, %(also)s, %(since)s, %(at)s)
RETURNING id;

-- name: resolve_concern
-- It stands no longer.
UPDATE concerns SET resolved_at = %(at)s WHERE id = %(id)s;

-- name: call_concern
-- Somebody is called, or reminded.
UPDATE concerns SET role = %(role)s, called_at = %(called_at)s, reminded_at = %(reminded_at)s
WHERE id = %(id)s;

-- name: take_concern
-- Somebody sees to it; no row when it is resolved or taken already.
UPDATE concerns SET taken_by = %(by)s, taken_at = %(at)s
WHERE id = %(id)s AND resolved_at IS NULL AND taken_by IS NULL
RETURNING id;

-- name: log_escalation
-- A line of the story of a concern.
INSERT INTO escalation_log (concern, at, actor, event, role, detail)
VALUES (%(concern)s, %(at)s, %(actor)s, %(event)s, %(role)s, %(detail)s);

-- name: add_call
-- A notice to a person, to be sent once this is committed.
INSERT INTO calls (at, recipient, crew, concern, title, body, next_at)
VALUES (%(at)s, %(recipient)s, %(crew)s, %(concern)s, %(title)s, %(body)s, %(at)s);

-- name: concerns_page
-- Trouble that stands, the oldest first, and what was resolved since the time given.
SELECT id, kind, subject, crew, place, ref, why, also, since, opened_at, role, called_at,
       reminded_at, taken_by, taken_at, resolved_at
FROM concerns
WHERE resolved_at IS NULL OR resolved_at >= %(since)s
ORDER BY resolved_at IS NOT NULL, opened_at, id
LIMIT %(limit)s;

-- name: escalations
-- The story of one concern.
SELECT id, at, actor, event, role, detail FROM escalation_log WHERE concern = %(concern)s
ORDER BY id;

-- name: fixes
-- The positions of one crew in a span, in time order.
SELECT ts, lon, lat, water_l, state FROM positions
WHERE crew = %(crew)s AND ts >= %(since)s AND ts <= %(until)s ORDER BY ts;

-- name: latest_fixes
-- The positions of some crews since a time, in time order.
SELECT p.crew, p.ts, p.lon, p.lat, p.water_l, p.state
FROM unnest(%(crews)s::text[]) AS c (crew)
CROSS JOIN LATERAL (
    SELECT * FROM positions WHERE positions.crew = c.crew AND ts > %(since)s AND ts <= %(now)s
) AS p
ORDER BY p.crew, p.ts;

-- name: ways
-- The drives that crews were told of.
SELECT id, path FROM orders WHERE id = ANY(%(ids)s);

-- name: unjudged_services
-- Work that is over, was begun, and has not been held against positions.
SELECT o.id, o.crew, o.treatment, o.segment, o.site, o.direction, o.path -> -1, o.minutes,
       o.water_l, o.started_at, o.ended_at, o.state
FROM orders o
WHERE o.ended_at > %(since)s AND o.ended_at <= %(until)s AND o.state IN ('done', 'failed')
  AND o.started_at IS NOT NULL AND o.depot IS NULL
  AND NOT EXISTS (SELECT FROM services s WHERE s.order_id = o.id)
ORDER BY o.ended_at, o.id;

-- name: other_work
-- When else a crew says that it was at work, around a span.
SELECT started_at, coalesce(ended_at, %(until)s)
FROM orders
WHERE crew = %(crew)s AND id <> %(order)s AND depot IS NULL AND started_at < %(until)s
  AND (ended_at > %(since)s OR state = 'started');

-- name: add_service
-- What was proven of an order.
INSERT INTO services (order_id, judged_at, share, worked_m, driven_m, water_l, positions, proven,
                      spans)
VALUES (%(order)s, %(at)s, %(share)s, %(worked_m)s, %(driven_m)s, %(water_l)s, %(positions)s,
        %(proven)s, %(spans)s);

-- name: unproven
-- Work said to be done of which too little was seen, unless its place has been treated since.
SELECT o.id, o.crew, o.treatment, coalesce(o.segment, o.site), s.share, s.judged_at
FROM services s JOIN orders o ON o.id = s.order_id
WHERE s.proven = false AND o.state = 'done' AND s.judged_at > %(since)s AND o.ended_at > %(ended)s
  AND NOT EXISTS (
      SELECT FROM orders n JOIN services t ON t.order_id = n.id
      WHERE (n.segment = o.segment OR n.site = o.site) AND n.ended_at > o.ended_at AND t.proven)
ORDER BY s.judged_at, o.id;
