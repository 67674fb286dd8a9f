-- The alarms of the console after ANSI/ISA-18.2-2016 and EEMUA 191: what stands, what people do to
-- it, and how well the alarms themselves serve.
--
-- An annunciation is one call to an operator (the view `annunciations`): an episode that becomes
-- active, that comes back after it was closed, or that enters a higher level than ever once it had
-- been acknowledged; and a concern that somebody is called for.

-- name: returned_episodes
-- Over before the time given, and nobody has seen them: they stay until acknowledged. The newest.
SELECT e.id, e.segment, e.site, e.rule, e.level, e.state, e.started_at, e.peak_at, e.peak,
       e.ended_at, e.causes, e.verdict, e.acknowledged_by, e.acknowledged_at, e.shelved_until,
       e.grp AS "group", e.measured,
       ARRAY(SELECT o.id FROM orders o WHERE o.episode = e.id ORDER BY o.issued_at, o.id) AS orders,
       NULL::text AS reason, NULL::text AS also
FROM episodes e
WHERE e.state = 'closed' AND e.acknowledged_by IS NULL AND NOT e.withdrawn AND e.level > 0
  AND e.ended_at < %(before)s
ORDER BY e.ended_at DESC, e.id
LIMIT %(limit)s;

-- name: returned_count
-- How many are over and unseen in all.
SELECT count(*) AS n FROM episodes
WHERE state = 'closed' AND acknowledged_by IS NULL AND NOT withdrawn AND level > 0;

-- name: board_concerns
-- Concerns that somebody is called for, and those that are resolved and nobody has seen.
SELECT c.id, c.kind, c.subject, c.crew, c.place, c.ref, c.why, c.also, c.since, c.opened_at, c.role,
       c.called_at, c.taken_by, c.taken_at, c.resolved_at,
       m.acknowledged_by, m.acknowledged_at, m.shelved_until
FROM concerns c
LEFT JOIN alarm_marks m ON m.alarm = 'concern:' || c.id AND m.since = c.opened_at
WHERE c.called_at IS NOT NULL
  AND (c.resolved_at IS NULL OR (c.taken_by IS NULL AND m.acknowledged_by IS NULL))
ORDER BY c.resolved_at IS NOT NULL, c.opened_at DESC, c.id DESC
LIMIT 300;

-- name: marks
-- What people have said of alarms that have no row of their own.
SELECT alarm, since, acknowledged_by, acknowledged_at, shelved_until
FROM alarm_marks WHERE alarm = ANY (%(alarms)s);

-- name: suppressed
-- What would call somebody and by design does not, or not yet (ISA-18.2, state F), the newest first:
-- `hold` an episode that has not held long enough, `patience` a concern for which the platform still
-- has time, `notice` the early warning while a notice holds. Swings are calls that an episode did not
-- make anew in the day until now, because the release takes it for the same.
SELECT 'hold' AS why, 'episode:' || e.id AS id, e.rule AS kind, e.segment, e.site,
       NULL::text AS crew, e.started_at AS since, NULL::bigint AS swings
FROM episodes e WHERE e.state = 'pending' AND NOT e.withdrawn
UNION ALL
SELECT 'patience', 'concern:' || c.id, c.kind, NULL, c.place, c.crew, c.opened_at, NULL
FROM concerns c WHERE c.called_at IS NULL AND c.resolved_at IS NULL
UNION ALL
SELECT 'notice', 'notice:' || n.id, n.kind, NULL, NULL, NULL, n.started_at, NULL
FROM notices n WHERE n.ended_at IS NULL
UNION ALL
SELECT 'swing', a.alarm, min(a.kind), NULL, min(a.place), NULL, max(a.at), count(*)
FROM annunciations a
WHERE a.swing AND a.at > %(now)s - INTERVAL '24 hours' AND a.at <= %(now)s
GROUP BY a.alarm
ORDER BY since DESC, id
LIMIT 500;

-- name: standing_out_of_service
-- Subjects that are out of service now; of several words on one the newest.
SELECT DISTINCT ON (subject) id, subject, since, until, why, given_by FROM out_of_service
WHERE ended_at IS NULL AND since <= %(now)s AND until > %(now)s
ORDER BY subject, id DESC;

-- name: add_out_of_service
-- From now on until a time, with the reason; its number.
INSERT INTO out_of_service (subject, since, until, why, given_by)
VALUES (%(subject)s, %(at)s, %(until)s, %(why)s, %(actor)s) RETURNING id;

-- name: end_out_of_service
-- Back before its time; no row where it was not out of service.
UPDATE out_of_service SET ended_at = %(at)s, ended_by = %(actor)s
WHERE subject = %(subject)s AND ended_at IS NULL AND until > %(at)s
RETURNING id;

-- name: concern_for_update
-- One concern, locked until the act on it is committed, with what people have said of it.
SELECT c.id, c.opened_at, c.taken_by, c.resolved_at, m.acknowledged_by, m.shelved_until
FROM concerns c
LEFT JOIN alarm_marks m ON m.alarm = 'concern:' || c.id AND m.since = c.opened_at
WHERE c.id = %(id)s FOR UPDATE OF c;

-- name: lock_alarm
-- One at a time may act on an alarm that has no row of its own.
SELECT pg_advisory_xact_lock(hashtextextended(%(alarm)s, 0));

-- name: mark
-- What people have said of one alarm.
SELECT acknowledged_by, shelved_until FROM alarm_marks
WHERE alarm = %(alarm)s AND since = %(since)s;

-- name: mark_acknowledged
-- Somebody has seen it.
INSERT INTO alarm_marks (alarm, since, acknowledged_by, acknowledged_at)
VALUES (%(alarm)s, %(since)s, %(actor)s, %(at)s)
ON CONFLICT (alarm, since) DO UPDATE SET
    acknowledged_by = excluded.acknowledged_by, acknowledged_at = excluded.acknowledged_at;

-- name: mark_shelved
-- Out of sight until the time given; null brings it back.
INSERT INTO alarm_marks (alarm, since, shelved_until) VALUES (%(alarm)s, %(since)s, %(until)s)
ON CONFLICT (alarm, since) DO UPDATE SET shelved_until = excluded.shelved_until;

-- name: log_alarm
-- One more line of the story of an alarm that is no episode.
INSERT INTO alarm_log (alarm, since, at, actor, event, detail)
VALUES (%(alarm)s, %(since)s, %(at)s, %(actor)s, %(event)s, %(detail)s);

-- name: alarm_story
-- What people did to one alarm, oldest first.
SELECT id, at, actor, event, detail FROM alarm_log
WHERE alarm = %(alarm)s AND since = %(since)s ORDER BY id;

-- name: concern
-- One concern by its number.
SELECT id, kind, opened_at FROM concerns WHERE id = %(id)s;

-- name: acknowledge_returned
-- Whoever looks through what is over at the end of a shift has seen all of it: episodes and concerns.
WITH episode AS (
    UPDATE episodes SET acknowledged_by = %(actor)s, acknowledged_at = %(at)s, updated_at = %(at)s
    WHERE state = 'closed' AND acknowledged_by IS NULL AND NOT withdrawn AND level > 0
    RETURNING id
), story AS (
    INSERT INTO episode_log (episode, at, actor, event, detail)
    SELECT id, %(at)s, %(actor)s, 'acknowledged', '{"returned": true}' FROM episode ORDER BY id
), concern AS (
    INSERT INTO alarm_marks (alarm, since, acknowledged_by, acknowledged_at)
    SELECT 'concern:' || c.id, c.opened_at, %(actor)s, %(at)s
    FROM concerns c
    LEFT JOIN alarm_marks m ON m.alarm = 'concern:' || c.id AND m.since = c.opened_at
    WHERE c.resolved_at IS NOT NULL AND c.called_at IS NOT NULL AND c.taken_by IS NULL
      AND m.acknowledged_by IS NULL
    ON CONFLICT (alarm, since) DO UPDATE SET
        acknowledged_by = excluded.acknowledged_by, acknowledged_at = excluded.acknowledged_at
    RETURNING alarm, since
), told AS (
    INSERT INTO alarm_log (alarm, since, at, actor, event, detail)
    SELECT alarm, since, %(at)s, %(actor)s, 'acknowledged', '{"returned": true}' FROM concern
)
SELECT ARRAY(SELECT 'episode:' || id FROM episode ORDER BY id)
       || ARRAY(SELECT alarm FROM concern ORDER BY alarm) AS ids;

-- name: rates
-- How many annunciations there were in a span, per hour and operator, and the most in ten minutes.
-- EEMUA 191 (3rd edition, on performance) and ISA-18.2, table 4: about 6 an hour and operator are
-- very likely to be acceptable, about 12 are the most that can be managed over long.
WITH counted AS (
    SELECT at, count(*) OVER (ORDER BY at RANGE BETWEEN INTERVAL '10 minutes' PRECEDING
                              AND CURRENT ROW) AS within
    FROM annunciations WHERE at >= %(since)s AND at < %(until)s AND NOT swing
)
SELECT count(*) AS annunciations,
       count(*) / (extract(epoch FROM %(until)s::timestamptz - %(since)s::timestamptz)::float8
                   / 3600 * %(operators)s) AS per_operator_hour,
       coalesce(max(within), 0) AS peak_10min,
       (SELECT at FROM counted ORDER BY within DESC, at LIMIT 1) AS peak_at
FROM counted;

-- name: slots
-- Annunciations by ten minutes and level. Shares are held against 80 low, 15 medium and 5 high in a hundred
-- (EEMUA 191 and ISA-18.2, table 5).
WITH called AS (
    SELECT date_bin(INTERVAL '10 minutes', at, %(since)s::timestamptz) AS at, level
    FROM annunciations WHERE at >= %(since)s AND at < %(until)s AND NOT swing
)
SELECT s.at, count(c.at) FILTER (WHERE c.level <= 1) AS low,
       count(c.at) FILTER (WHERE c.level = 2) AS medium,
       count(c.at) FILTER (WHERE c.level >= 3) AS high
FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - INTERVAL '1 microsecond',
                     INTERVAL '10 minutes') AS s (at)
LEFT JOIN called c ON c.at = s.at
GROUP BY s.at ORDER BY s.at;

-- name: floods
-- A flood begins with the first ten minutes of more than 10 annunciations and ends with the first
-- ten minutes of fewer than 5 (ISA-18.2, 16.5.4). `until` of one that goes on is the span's end.
WITH called AS (
    SELECT date_bin(INTERVAL '10 minutes', at, %(since)s::timestamptz) AS at, count(*) AS n
    FROM annunciations WHERE at >= %(since)s AND at < %(until)s AND NOT swing GROUP BY 1
), turn AS (
    SELECT s.at, coalesce(c.n, 0) AS n,
           CASE WHEN c.n > 10 THEN 1 WHEN coalesce(c.n, 0) < 5 THEN 0 END AS turns
    FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - INTERVAL '1 microsecond',
                         INTERVAL '10 minutes') AS s (at)
    LEFT JOIN called c ON c.at = s.at
), held AS (
    SELECT at, n, turns, count(turns) OVER (ORDER BY at) AS part FROM turn
), flooded AS (
    SELECT at, n, coalesce(max(turns) OVER (PARTITION BY part), 0) AS inside FROM held
), numbered AS (
    SELECT at, n, inside, count(*) FILTER (WHERE inside = 0) OVER (ORDER BY at) AS stretch
    FROM flooded
)
SELECT min(at) AS since, least(max(at) + INTERVAL '10 minutes', %(until)s) AS until,
       sum(n)::int AS annunciations, max(n)::int AS peak_10min
FROM numbered WHERE inside = 1 GROUP BY stretch ORDER BY 1;

-- name: stale
-- What has stood for more than 24 hours at the end of the span (EEMUA 191 and ISA-18.2: fewer than
-- five a day, each with a plan to get rid of it).
SELECT 'episode:' || id AS id, coalesce(segment, site) AS place, rule AS kind, level,
       started_at AS since, acknowledged_by IS NOT NULL AS acknowledged
FROM episodes
WHERE NOT withdrawn AND level > 0 AND started_at < %(until)s - INTERVAL '24 hours'
  AND (ended_at IS NULL OR ended_at > %(until)s) AND state <> 'pending'
UNION ALL
SELECT 'concern:' || id, coalesce(place, crew), kind, 2, opened_at, taken_by IS NOT NULL
FROM concerns
WHERE called_at < %(until)s - INTERVAL '24 hours'
  AND (resolved_at IS NULL OR resolved_at > %(until)s)
ORDER BY since, id LIMIT 100;

-- name: bad_actors
-- The ten sources that call most (EEMUA 191: mending the ten most frequent is the cheapest gain; of
-- all annunciations they should make 1 to 5 percent), swings among them, with how often one chatters:
-- three times or more within a minute (ISA-18.2, 16.5.5), or within an hour.
WITH counted AS (
    SELECT place, kind, swing,
           count(*) OVER (PARTITION BY place, kind ORDER BY at
                          RANGE BETWEEN INTERVAL '1 minute' PRECEDING AND CURRENT ROW) AS in_minute,
           count(*) OVER (PARTITION BY place, kind ORDER BY at
                          RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS in_hour
    FROM annunciations WHERE at >= %(since)s AND at < %(until)s
)
SELECT place, kind, count(*) FILTER (WHERE NOT swing) AS times,
       count(*) FILTER (WHERE swing) AS swings,
       coalesce(count(*) FILTER (WHERE NOT swing)::float8
                / nullif(sum(count(*) FILTER (WHERE NOT swing)) OVER (), 0), 0) AS share,
       max(in_minute) AS most_in_minute, max(in_hour) AS most_in_hour,
       max(in_minute) >= 3 OR max(in_hour) >= 3 AS chatters
FROM counted GROUP BY place, kind
ORDER BY times DESC, most_in_hour DESC, place, kind LIMIT 10;

-- name: answers
-- From each annunciation to its acknowledgement, in minutes: median and 95th percentile of those
-- that were acknowledged in the span, and how many annunciations of the span nobody has yet.
-- (Neither standard gives a limit; ISA-18.2, 16.4 asks for the figure.)
WITH answered AS (
    SELECT extract(epoch FROM a.at - (
               SELECT max(l.at) FROM episode_log l
               WHERE l.episode = a.episode AND l.id < a.id
                 AND (l.event IN ('activated', 'unacknowledged')
                      OR (l.event = 'reopened' AND l.detail->>'from' = 'closed'))))::float8
           / 60 AS minutes
    FROM episode_log a JOIN episodes e ON e.id = a.episode AND NOT e.withdrawn
    WHERE a.event = 'acknowledged' AND a.at >= %(since)s AND a.at < %(until)s
    UNION ALL
    SELECT extract(epoch FROM least(m.acknowledged_at, c.taken_at) - (
               SELECT min(g.at) FROM escalation_log g
               WHERE g.concern = c.id AND g.event = 'called'))::float8 / 60
    FROM concerns c
    LEFT JOIN alarm_marks m ON m.alarm = 'concern:' || c.id AND m.since = c.opened_at
    WHERE least(m.acknowledged_at, c.taken_at) >= %(since)s
      AND least(m.acknowledged_at, c.taken_at) < %(until)s
)
SELECT count(minutes) AS acknowledged,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes) AS p50_min,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY minutes) AS p95_min
FROM answered WHERE minutes >= 0;

-- name: shelved
-- What is shelved at a time, the soonest to come back first (ISA-18.2, 11.7: shelving ends by itself
-- and is looked at).
SELECT 'episode:' || id AS id, coalesce(segment, site) AS place, rule AS kind, level,
       shelved_until AS until,
       (SELECT l.actor FROM episode_log l
        WHERE l.episode = e.id AND l.event = 'shelved' ORDER BY l.id DESC LIMIT 1) AS by,
       (SELECT l.detail->>'reason' FROM episode_log l
        WHERE l.episode = e.id AND l.event = 'shelved' ORDER BY l.id DESC LIMIT 1) AS why
FROM episodes e
WHERE NOT withdrawn AND state <> 'closed' AND shelved_until > %(now)s
UNION ALL
SELECT m.alarm, coalesce(c.place, c.crew, split_part(m.alarm, ':', 2)),
       coalesce(c.kind, split_part(m.alarm, ':', 1)), 0, m.shelved_until, l.actor,
       l.detail->>'reason'
FROM alarm_marks m
LEFT JOIN concerns c ON m.alarm = 'concern:' || c.id
LEFT JOIN LATERAL (
    SELECT actor, detail FROM alarm_log
    WHERE alarm = m.alarm AND since = m.since AND event = 'shelved' ORDER BY id DESC LIMIT 1
) AS l ON true
WHERE m.shelved_until > %(now)s AND c.resolved_at IS NULL
ORDER BY until, id LIMIT 100;

-- name: midnights
-- At each local midnight of the span: episodes that had called by then and that nobody had
-- acknowledged, over or not. (Nothing is left overnight, 事不过夜.)
WITH midnight AS (
    SELECT (day::timestamp AT TIME ZONE %(zone)s) AS at
    FROM generate_series((%(since)s::timestamptz AT TIME ZONE %(zone)s)::date,
                         (%(until)s::timestamptz AT TIME ZONE %(zone)s)::date,
                         INTERVAL '1 day') AS d (day)
)
SELECT m.at, (
    SELECT count(*) FROM episodes e
    CROSS JOIN LATERAL (
        SELECT l.event FROM episode_log l
        WHERE l.episode = e.id AND l.at <= m.at
          AND l.event IN ('activated', 'unacknowledged', 'acknowledged')
        ORDER BY l.id DESC LIMIT 1) AS last
    WHERE NOT e.withdrawn AND e.started_at <= m.at AND e.started_at > m.at - INTERVAL '31 days'
      AND last.event <> 'acknowledged')::int AS unacknowledged
FROM midnight m WHERE m.at > %(since)s AND m.at <= %(until)s ORDER BY m.at;
