-- Complaints that come in by GeoReport, and what became of them.

-- name: add_complaint
-- A complaint as one that a hotline passes on; the later stages are woken when this commits.
WITH stored AS (
    INSERT INTO reports (channel, id, ts, text, lon, lat, segment, kind, stored_at)
    VALUES (%(channel)s, %(id)s, %(at)s, %(text)s, %(lon)s, %(lat)s, %(segment)s, %(kind)s, %(at)s)
    RETURNING ts
), added AS (
    INSERT INTO batches (kind, stored_at, min_ts, rows) SELECT 'reports', %(at)s, ts, 1 FROM stored
)
SELECT pg_notify('roaddust_batches', '');

-- name: complaints
-- Complaints of a channel, the newest first, each with its newest clock and what answered it: the
-- order and its verdict, or the code of a reason.
SELECT r.id, r.ts, r.text, r.lon, r.lat, r.segment, r.kind,
       m.place, m.due, m.answered_at, m.answer, m.begun_at, m.ended_at, m.outcome,
       o.treatment, o.state AS order_state, o.eta, o.started_at, o.ended_at AS order_ended_at,
       v.effective, v.reduction_pct
FROM reports r
LEFT JOIN LATERAL (
    SELECT * FROM matters WHERE matters.ref = r.channel || '/' || r.id ORDER BY day DESC LIMIT 1
) AS m ON true
LEFT JOIN orders o ON o.id = m.answer
LEFT JOIN verdicts v ON v.order_id = o.id
WHERE r.channel = %(channel)s
  AND (%(ids)s::text[] IS NULL OR r.id = ANY (%(ids)s))
  AND (%(kinds)s::text[] IS NULL OR r.kind = ANY (%(kinds)s))
  AND (%(since)s::timestamptz IS NULL OR r.ts >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR r.ts <= %(until)s)
  AND (%(closed)s::boolean IS NULL OR %(closed)s = coalesce(
       m.ended_at IS NOT NULL AND m.outcome <> 'not_made', false))
ORDER BY r.ts DESC, r.id DESC
LIMIT %(limit)s OFFSET %(skip)s;
