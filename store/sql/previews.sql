-- What a decision would change: asked by the console, answered by the dispatcher.

-- name: ask
-- A question; the dispatcher is woken when it commits.
WITH asked AS (
    INSERT INTO previews (asked_at, asked_by, wish) VALUES (%(at)s, %(by)s, %(wish)s)
    RETURNING id
)
SELECT id, pg_notify('roaddust_previews', id::text) FROM asked;

-- name: listen
-- To be woken by `ask`.
LISTEN roaddust_previews;

-- name: forget
-- All but the newest, and those of more than a day ago: nobody looks at them.
DELETE FROM previews
WHERE asked_at < %(before)s
   OR id NOT IN (SELECT id FROM previews ORDER BY id DESC LIMIT %(keep)s);

-- name: drop
-- Somebody has seen enough of it.
DELETE FROM previews WHERE id = %(id)s RETURNING id;

-- name: waiting
-- Questions without an answer, oldest first.
SELECT id, asked_by, wish FROM previews WHERE answered_at IS NULL ORDER BY id LIMIT %(most)s;

-- name: answer
-- What the dispatcher says.
UPDATE previews SET answered_at = %(at)s, plan = %(plan)s, answer = %(answer)s,
    problem = %(problem)s
WHERE id = %(id)s;

-- name: preview
-- One, with the plan that is in force now.
SELECT p.id, p.asked_at, p.asked_by, p.wish, p.answered_at, p.plan, p.answer, p.problem,
       (SELECT id FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1) AS plan_now
FROM previews p WHERE p.id = %(id)s;
