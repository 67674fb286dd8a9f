-- The platform in figures, for Prometheus. Each is cheap however long the history is.

-- name: stored
-- Rows stored since a time, by kind, of the newest batches.
SELECT kind, sum(rows)::float8 AS rows, max(stored_at) AS newest
FROM (SELECT kind, rows, stored_at FROM batches ORDER BY id DESC LIMIT 20000) AS late
WHERE stored_at > %(since)s
GROUP BY kind;

-- name: newest_batch
-- When something was stored last.
SELECT stored_at FROM batches ORDER BY id DESC LIMIT 1;

-- name: episodes
-- Those that are not closed, by state and level, and whether somebody has seen them.
SELECT state, level, acknowledged_by IS NULL AS unseen,
       shelved_until IS NOT NULL AND shelved_until > %(now)s AS shelved, count(*) AS episodes
FROM episodes WHERE state <> 'closed' AND NOT withdrawn
GROUP BY 1, 2, 3, 4;

-- name: orders
-- Orders that stand, and those that ended since a time, by state.
SELECT state, count(*) AS orders FROM orders
WHERE state IN ('sent', 'accepted', 'started') OR ended_at > %(since)s
GROUP BY state;

-- name: outbox
-- Messages that wait to leave.
SELECT count(*) AS messages FROM outbox;

-- name: dead_letters
-- What was refused since a time, by reason.
SELECT reason, count(*) AS letters FROM dead_letters WHERE received_at > %(since)s GROUP BY reason;

-- name: plan
-- The newest plan.
SELECT issued_at, (solver->>'wants')::float8 AS wants
FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1;

-- name: concerns
-- Trouble that stands, by kind.
SELECT kind, count(*) AS concerns FROM concerns WHERE resolved_at IS NULL GROUP BY kind;

-- name: matters
-- The clocks of a local day: how many run, and how many ended with which outcome.
SELECT kind, coalesce(outcome, 'open') AS outcome, count(*) AS matters
FROM matters WHERE day = %(day)s GROUP BY 1, 2;
