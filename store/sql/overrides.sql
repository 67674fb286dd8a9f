-- What people decide against a plan.

-- name: open_order
-- What a pin holds fast: crew, place, treatment, priority of a must at most, and due time.
SELECT crew, coalesce(segment, site), treatment, least(priority, 3), due
FROM orders WHERE id = %(order)s AND state IN ('sent', 'accepted', 'started') AND depot IS NULL;

-- name: add_override
-- One decision; its number.
INSERT INTO overrides (kind, place, treatment, crew, order_id, priority, due, why, given_by,
                       given_at, until)
VALUES (%(kind)s, %(place)s, %(treatment)s, %(crew)s, %(order)s, %(priority)s, %(due)s, %(why)s,
        %(given_by)s, %(given_at)s, %(until)s)
RETURNING id;

-- name: end_override
-- Withdrawn, or made; no row when it is over already.
UPDATE overrides SET ended_at = %(at)s, ended_by = %(by)s, ended_why = %(why)s
WHERE id = %(id)s AND ended_at IS NULL AND until > %(at)s
RETURNING id;

-- name: standing_overrides
-- Those that hold, oldest first.
SELECT id, kind, place, treatment, crew, order_id, priority, due, why, given_by, given_at, until
FROM overrides
WHERE ended_at IS NULL AND until > %(now)s AND given_at <= %(now)s
ORDER BY given_at, id;

-- name: made_overrides
-- Added and pinned work that has been done since.
SELECT v.id, o.id
FROM overrides v JOIN LATERAL (
    SELECT orders.id FROM orders
    WHERE (orders.segment = v.place OR orders.site = v.place) AND orders.treatment = v.treatment
      AND orders.state = 'done' AND orders.ended_at >= v.given_at
    ORDER BY orders.ended_at LIMIT 1
) AS o ON true
WHERE v.kind IN ('add', 'pin') AND v.ended_at IS NULL AND v.until > %(now)s;

-- name: overrides_page
-- The newest decisions, standing or over.
SELECT id, kind, place, treatment, crew, order_id, priority, due, why, given_by, given_at, until,
       ended_at, ended_by, ended_why
FROM overrides ORDER BY id DESC LIMIT %(limit)s;

-- name: audit
-- What a person did.
INSERT INTO audit (at, actor, action, detail)
VALUES (%(at)s, %(actor)s, %(action)s, %(detail)s);
