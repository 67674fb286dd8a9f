-- What a crew's page shows and says, and what the dispatcher sees of it.

-- name: orders
-- What stands for a crew, in the order of its plan.
SELECT id, seq, treatment, segment, site, depot, direction, path, eta, due, minutes, water_l,
       priority, episode, reason, also, state, issued_at, accepted_at, started_at, ended_at, outcome
FROM orders
WHERE crew = %(crew)s AND state IN ('sent', 'accepted', 'started')
ORDER BY state <> 'started', seq, id;

-- name: history
-- What a crew has ended since then, the newest first.
SELECT o.id, o.seq, o.treatment, o.segment, o.site, o.depot, o.direction, o.eta, o.due, o.minutes,
       o.water_l, o.priority, o.episode, o.reason, o.also, o.state, o.issued_at, o.accepted_at,
       o.started_at, o.ended_at, o.outcome,
       (SELECT count(*) FROM photos p WHERE p.order_id = o.id) AS photos
FROM orders o
WHERE o.crew = %(crew)s AND o.ended_at >= %(since)s
  AND (o.state <> 'withdrawn' OR o.started_at IS NOT NULL)
ORDER BY o.ended_at DESC, o.id DESC
LIMIT 100;

-- name: position
-- Where a crew is, by its newest word.
SELECT ts, lon, lat, water_l, state FROM positions WHERE crew = %(crew)s AND ts <= %(now)s
ORDER BY ts DESC LIMIT 1;

-- name: waiting_words
-- What a crew has said that the dispatcher has not taken in yet.
SELECT order_id, event FROM progress WHERE crew = %(crew)s AND NOT applied ORDER BY id;

-- name: order_crew
-- Whose an order is, and since when it is known.
SELECT crew, issued_at, state FROM orders WHERE id = %(id)s;

-- name: take_key
-- Each thing that a page sends is taken once; no row when it was there before.
INSERT INTO crew_words (key, crew, said_by, kind, stored_at)
VALUES (%(key)s, %(crew)s, %(by)s, %(kind)s, %(at)s)
ON CONFLICT (key) DO NOTHING
RETURNING key;

-- name: key_crew
-- Who used a key before.
SELECT crew FROM crew_words WHERE key = %(key)s;

-- name: add_progress
-- A crew's word, as ingest stores one that came by the broker.
INSERT INTO progress (crew, order_id, event, ts, reason, photos, water_l, stored_at)
VALUES (%(crew)s, %(order)s, %(event)s, %(ts)s, %(reason)s, NULL, %(water_l)s, %(stored_at)s)
ON CONFLICT (crew, order_id, event, ts) DO NOTHING;

-- name: add_position
-- A position, as ingest stores one that came by the broker; no row when it is there.
INSERT INTO positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at)
VALUES (%(crew)s, %(ts)s, %(lon)s, %(lat)s, %(speed_kmh)s, %(water_l)s, %(state)s, %(stored_at)s)
ON CONFLICT (crew, ts) DO NOTHING
RETURNING ts;

-- name: add_photo
-- A photo, drawn anew; no row when it is there.
INSERT INTO photos (id, order_id, crew, taken_by, taken_at, width_px, height_px, jpeg)
VALUES (%(id)s, %(order)s, %(crew)s, %(by)s, %(at)s, %(width_px)s, %(height_px)s, %(jpeg)s)
ON CONFLICT (id) DO NOTHING;

-- name: photos_of
-- How many photos an order has.
SELECT count(*) AS photos FROM photos WHERE order_id = %(order)s;

-- name: photos
-- The photos of an order, without the pictures, oldest first.
SELECT id::text AS id, order_id, crew, taken_by, taken_at, width_px, height_px
FROM photos WHERE order_id = %(order)s ORDER BY taken_at, id;

-- name: photo
-- One picture.
SELECT crew, jpeg FROM photos WHERE id = %(id)s;

-- name: delete_old_words
-- Keys of what was sent so long ago that no phone sends it again.
DELETE FROM crew_words WHERE stored_at < %(before)s;

-- name: delete_old_photos
-- Photos live as long as measurements.
DELETE FROM photos WHERE taken_at < %(before)s;
