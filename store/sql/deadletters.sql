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

-- name: numbers
-- Of one reason, or of topics that begin so; the oldest first.
SELECT id FROM dead_letters
WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(topic)s::text IS NULL OR starts_with(topic, %(topic)s))
ORDER BY id;

-- name: lock
-- One letter, whole, which nobody else works on meanwhile.
SELECT id, received_at, reason, topic, part, detail, retried_at, payload
FROM dead_letters WHERE id = %(id)s FOR UPDATE;

-- name: forget
-- Its records are in their tables now.
DELETE FROM dead_letters WHERE id = %(id)s;

-- name: refused_again
-- It was tried again, and this is what is wrong with it now.
UPDATE dead_letters SET retried_at = %(now)s, reason = %(reason)s, detail = %(detail)s
WHERE id = %(id)s;
