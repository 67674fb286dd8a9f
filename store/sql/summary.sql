-- A run in figures: for `roaddust demo --summary`, `roaddust status` and the tests.

-- name: counts
-- How much of everything there is.
SELECT (SELECT count(*) FROM readings),
       (SELECT count(*) FROM events),
       (SELECT count(*) FROM reports),
       (SELECT count(*) FROM dead_letters),
       (SELECT count(*) FROM plans),
       (SELECT max(ts) FROM readings);

-- name: dead_letters_by_reason
-- Dead letters counted by their reason.
SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY reason;

-- name: episodes_by_state_and_level
-- Episodes that were ever active or are open; lapsed and withdrawn ones apart.
SELECT CASE WHEN withdrawn THEN 'withdrawn'
            WHEN state = 'closed' AND NOT EXISTS (
                SELECT FROM episode_log
                WHERE episode = episodes.id AND event IN ('activated', 'level', 'reopened')
            ) THEN 'lapsed'
            ELSE state END AS outcome,
       level, count(*)
FROM episodes GROUP BY outcome, level ORDER BY outcome, level;

-- name: orders_by_state
-- Orders by what became of them.
SELECT state, count(*) FROM orders GROUP BY state ORDER BY state;

-- name: orders_by_treatment
-- Orders done, by treatment.
SELECT treatment, count(*) FROM orders WHERE state = 'done' GROUP BY treatment ORDER BY treatment;

-- name: verdicts_by_outcome
-- Verdicts: helped, did not, cannot be told.
SELECT CASE WHEN effective THEN 'effective'
            WHEN effective IS NULL THEN 'unknown'
            ELSE 'not proven' END AS outcome, count(*)
FROM verdicts GROUP BY outcome ORDER BY outcome;

-- name: every_episode
-- All that can be said of the episodes, in a fixed order: two equal runs give the same.
SELECT jsonb_build_object('id', id, 'segment', segment, 'site', site, 'rule', rule,
                          'level', level, 'state', state, 'started_at', started_at,
                          'peak_at', peak_at, 'peak', peak, 'ended_at', ended_at,
                          'causes', causes, 'verdict', verdict, 'withdrawn', withdrawn)::text
FROM episodes ORDER BY id;

-- name: every_plan
-- All plans as they were sent, in a fixed order.
SELECT jsonb_build_object('plan', id, 'issued_at', issued_at, 'trigger', trigger,
                          'body', body)::text
FROM plans ORDER BY issued_at, id;

-- name: episodes_without_answer
-- Episodes that were active and got neither an order nor a reason within 5 minutes.
SELECT count(*)
FROM episodes
JOIN LATERAL (
    SELECT min(at) AS at FROM episode_log
    WHERE episode = episodes.id AND event IN ('activated', 'level')
) AS active ON active.at IS NOT NULL
WHERE NOT withdrawn AND NOT EXISTS (
    SELECT FROM episode_log
    WHERE episode = episodes.id AND event IN ('order', 'reason')
      AND episode_log.at <= active.at + INTERVAL '5 minutes'
);

-- name: verdicts_told
-- Every verdict that says by how much.
SELECT order_id, segment, done_at, reduction_pct, low, high
FROM verdicts
WHERE reduction_pct IS NOT NULL AND low IS NOT NULL AND high IS NOT NULL
ORDER BY done_at, order_id;

-- name: waiting
-- Messages that wait to leave, and batches that analytics has not worked in.
SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM batches WHERE NOT seen);

-- name: dead_letters_since
-- Dead letters since a time, counted by their reason.
SELECT reason, count(*) FROM dead_letters WHERE received_at > %(since)s
GROUP BY reason ORDER BY reason;
