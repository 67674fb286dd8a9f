-- Notices to people on their way out.

-- name: waiting
-- Those whose time has come, the oldest first.
SELECT id, at, recipient, crew, title, body, attempts, attachment FROM calls
WHERE done_at IS NULL AND next_at <= %(now)s ORDER BY id LIMIT %(limit)s;

-- name: done
-- It is over: sent, nobody or given_up.
UPDATE calls SET done_at = %(now)s, outcome = %(outcome)s, attempts = %(attempts)s
WHERE id = %(id)s;

-- name: again
-- It did not arrive; to be tried again.
UPDATE calls SET attempts = %(attempts)s, next_at = %(next_at)s WHERE id = %(id)s;

-- name: calls_page
-- The newest notices and what became of them.
SELECT id, at, recipient, crew, concern, title, body, attempts, next_at, done_at, outcome
FROM calls ORDER BY id DESC LIMIT %(limit)s;
