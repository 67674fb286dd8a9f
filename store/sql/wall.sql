-- What hangs on the wall: today in figures, and the session of a screen that is used.

-- name: today
-- The local day until now: episodes that were raised and that ended, treatments done with their
-- water, orders that are open, and what verdicts said.
SELECT (SELECT count(*) FROM episodes
        WHERE NOT withdrawn AND level > 0 AND started_at >= %(since)s AND started_at <= %(now)s
       )::int AS opened,
       (SELECT count(*) FROM episodes
        WHERE NOT withdrawn AND level > 0 AND state = 'closed'
          AND ended_at >= %(since)s AND ended_at <= %(now)s)::int AS closed,
       (SELECT coalesce(jsonb_object_agg(treatment, n), '{}')
        FROM (SELECT treatment, count(*) AS n FROM orders
              WHERE state = 'done' AND depot IS NULL
                AND ended_at >= %(since)s AND ended_at <= %(now)s
              GROUP BY treatment) AS done) AS treatments,
       (SELECT coalesce(sum(water_l), 0) FROM orders
        WHERE state = 'done' AND depot IS NULL
          AND ended_at >= %(since)s AND ended_at <= %(now)s)::float8 AS water_l,
       (SELECT count(*) FROM orders
        WHERE state IN ('sent', 'accepted', 'started') AND depot IS NULL)::int AS orders_open,
       (SELECT count(*) FROM verdicts
        WHERE judged_at >= %(since)s AND judged_at <= %(now)s AND effective IS NOT NULL
       )::int AS judged,
       (SELECT count(*) FROM verdicts
        WHERE judged_at >= %(since)s AND judged_at <= %(now)s AND effective)::int AS effective;

-- name: prolong
-- A screen that is used goes on; no row while it has long to go, or where it has been ended.
UPDATE sessions SET ends_at = %(ends_at)s
WHERE id = %(id)s AND kind = 'wall' AND ended_at IS NULL AND ends_at < %(before)s
RETURNING id;
