-- What was refused, for people to look at.

-- name: list
-- The newest first; of one reason where one is given.
SELECT id, received_at, reason, topic, part, detail, retried_at
FROM dead_letters
WHERE %(reason)s::text IS NULL OR reason = %(reason)s
ORDER BY id DESC LIMIT %(limit)s;

-- name: show
-- One letter, whole.
SELECT id, received_at, reason, topic, part, detail, retried_at, payload
FROM dead_letters WHERE id = %(id)s;

-- name: retried
-- It was sent again.
UPDATE dead_letters SET retried_at = %(now)s WHERE id = %(id)s;
