-- The way out: results and their messages are committed together.

-- name: post
-- Several messages in the order given; the publisher is woken when the caller commits.
WITH posted AS (
    INSERT INTO outbox (topic, payload, retain)
    SELECT topic, payload, retain
    FROM unnest(%(topics)s::text[], %(payloads)s::bytea[], %(retains)s::boolean[])
         WITH ORDINALITY AS message (topic, payload, retain, n)
    ORDER BY n
)
SELECT pg_notify('roaddust_outbox', '');

-- name: next
-- The oldest messages, at most so many.
SELECT id, topic, payload, retain FROM outbox ORDER BY id LIMIT %(limit)s;

-- name: acknowledged
-- The broker has these.
DELETE FROM outbox WHERE id = ANY(%(ids)s);

-- name: listen
-- To be woken by `post`.
LISTEN roaddust_outbox;
