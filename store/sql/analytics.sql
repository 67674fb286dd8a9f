-- What analytics reads and writes.

-- name: take_batches
-- Which part of the past has changed since the last look.
WITH taken AS (
    UPDATE batches SET seen = true WHERE NOT seen AND kind = ANY(%(kinds)s) RETURNING min_ts
)
SELECT min(min_ts) FROM taken;

-- name: events
-- Flags and truck counts of a span.
SELECT ts, kind, source, source_kind, segment, site, lon, lat, coalesce(count, 1)
FROM events
WHERE ts > %(after)s AND ts <= %(upto)s
ORDER BY ts, source, id;

-- name: works
-- Treatments that a crew said something of in a span, with all it had said by the end of it.
SELECT orders.id, orders.crew, orders.treatment, orders.segment, orders.site,
       min(progress.ts) FILTER (WHERE progress.event = 'started') AS started,
       min(progress.ts) FILTER (WHERE progress.event IN ('done', 'failed')) AS ended,
       bool_or(progress.event = 'done')
FROM progress JOIN orders ON orders.id = progress.order_id AND orders.crew = progress.crew
WHERE progress.event IN ('started', 'done', 'failed') AND progress.ts <= %(upto)s
  AND orders.treatment IN ('wash', 'sweep', 'fog', 'heavy_clean', 'hand_wash')
  AND orders.id IN (
      SELECT order_id FROM progress AS said
      WHERE said.event IN ('started', 'done', 'failed')
        AND said.ts > %(after)s AND said.ts <= %(upto)s
  )
GROUP BY orders.id
ORDER BY started, orders.id;

-- name: treated_before
-- When each segment was last treated before a time.
SELECT orders.segment, max(progress.ts)
FROM progress JOIN orders ON orders.id = progress.order_id AND orders.crew = progress.crew
WHERE progress.event = 'done' AND progress.ts <= %(before)s
  AND progress.ts > %(before)s - INTERVAL '1 day' AND orders.segment IS NOT NULL
  AND orders.treatment IN ('wash', 'sweep', 'fog', 'heavy_clean', 'hand_wash')
GROUP BY orders.segment;

-- name: newest_checkpoint
-- The last state at or before a minute.
SELECT state FROM checkpoints
WHERE ts <= %(ts)s AND fingerprint = %(fingerprint)s
ORDER BY ts DESC LIMIT 1;

-- name: save_checkpoint
-- The state at the end of an hour.
INSERT INTO checkpoints (ts, fingerprint, state) VALUES (%(ts)s, %(fingerprint)s, %(state)s)
ON CONFLICT (ts) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state;

-- name: forget_checkpoints
-- After late data the later ones are no longer true.
DELETE FROM checkpoints WHERE ts > %(ts)s;

-- name: forget_minutes
-- Minutes that are about to be worked out again.
DELETE FROM segment_minutes WHERE ts > %(ts)s;

-- name: forget_flags
-- Flags that are about to be worked out again.
DELETE FROM flags WHERE ts > %(ts)s;

-- name: copy_minutes
-- Minutes by COPY.
COPY segment_minutes (segment, ts, pm10, background, increment, level, confidence, cause,
                      treated_at, estimate, low, high)
FROM STDIN (FORMAT BINARY);

-- name: add_flags
-- Quality flags that are not good.
INSERT INTO flags (station, ts, quantity, test, flag, reason)
VALUES (%(station)s, %(ts)s, %(quantity)s, %(test)s, %(flag)s, %(reason)s)
ON CONFLICT (station, ts, quantity, test)
DO UPDATE SET flag = excluded.flag, reason = excluded.reason;

-- name: doubt_episodes
-- Before a stretch of the past is worked out again: what began in it is not believed until found
-- again. What people did to it stays.
UPDATE episodes SET withdrawn = true, grp = NULL
WHERE started_at > %(ts)s AND NOT withdrawn
RETURNING id;

-- name: put_episode
-- An episode as it stands; who acknowledged it and its verdict stay. Gives whether it had been
-- taken back before.
WITH before AS (SELECT withdrawn FROM episodes WHERE id = %(id)s)
INSERT INTO episodes (id, segment, site, rule, level, state, started_at, peak_at, peak, ended_at,
                      causes, grp, measured, updated_at)
VALUES (%(id)s, %(segment)s, %(site)s, %(rule)s, %(level)s, %(state)s, %(started_at)s,
        %(peak_at)s, %(peak)s, %(ended_at)s, %(causes)s, %(group)s, %(measured)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET
    level = excluded.level, state = excluded.state, peak_at = excluded.peak_at,
    peak = excluded.peak, ended_at = excluded.ended_at, causes = excluded.causes,
    grp = coalesce(excluded.grp, episodes.grp), measured = excluded.measured,
    withdrawn = false, updated_at = excluded.updated_at
RETURNING coalesce((SELECT withdrawn FROM before), false);

-- name: close_again
-- An episode that was closed at a time to which the past is taken back, and has come back since.
UPDATE episodes SET state = 'closed', ended_at = %(ended_at)s, level = %(level)s,
    peak_at = %(peak_at)s, peak = %(peak)s, causes = %(causes)s, updated_at = %(now)s
WHERE id = %(id)s AND (state <> 'closed' OR ended_at IS DISTINCT FROM %(ended_at)s)
RETURNING id;

-- name: still_closed
-- Of episodes that were closed again, those that did not come back after all.
SELECT id FROM episodes
JOIN unnest(%(ids)s::text[], %(ended_at)s::timestamptz[]) AS closed (episode, at)
    ON closed.episode = id AND closed.at = ended_at
WHERE state = 'closed' ORDER BY id;

-- name: set_group
-- What an open episode is part of.
UPDATE episodes SET grp = %(group)s, updated_at = %(now)s
WHERE id = %(id)s AND grp IS DISTINCT FROM %(group)s;

-- name: renew
-- An episode that came back, or is worse than ever, waits for an operator anew: what was
-- acknowledged before that minute was something else.
UPDATE episodes SET acknowledged_by = NULL, acknowledged_at = NULL, updated_at = %(now)s
WHERE id = %(id)s AND acknowledged_at < %(at)s
RETURNING id;

-- name: expire_shelves
-- What was put aside is back when its time is over, and waits for an operator anew; of what has
-- been closed meanwhile only the date goes.
WITH over AS (
    UPDATE episodes SET shelved_until = NULL, updated_at = %(now)s,
        acknowledged_by = CASE WHEN state = 'closed' THEN acknowledged_by END,
        acknowledged_at = CASE WHEN state = 'closed' THEN acknowledged_at END
    WHERE shelved_until <= %(now)s
    RETURNING id, state
)
SELECT id FROM over WHERE state <> 'closed' ORDER BY id;

-- name: set_causes
-- What lasts has another first cause.
UPDATE episodes SET causes = %(causes)s, updated_at = %(now)s WHERE id = %(id)s;

-- name: withdraw_episode
-- Late data showed that it never was.
UPDATE episodes SET state = 'closed', ended_at = started_at, updated_at = %(now)s
WHERE id = %(id)s AND withdrawn;

-- name: raise_peaks
-- Peaks that rose without any other change.
UPDATE episodes SET peak = risen.peak, peak_at = risen.peak_at
FROM unnest(%(ids)s::text[], %(peaks)s::float8[], %(peaks_at)s::timestamptz[])
    AS risen (id, peak, peak_at)
WHERE episodes.id = risen.id AND episodes.peak IS DISTINCT FROM risen.peak;

-- name: log_episode
-- One line of an episode's story; working the past out again does not repeat it.
INSERT INTO episode_log (episode, at, actor, event, detail)
SELECT %(episode)s, %(at)s, 'analytics', %(event)s, %(detail)s
WHERE NOT EXISTS (
    SELECT FROM episode_log
    WHERE episode = %(episode)s AND at = %(at)s AND actor = 'analytics' AND event = %(event)s
);

-- name: forget_notices
-- Notices that are about to be worked out again.
DELETE FROM notices WHERE kind IN ('sand_dust', 'haze') AND started_at > %(ts)s;

-- name: reopen_notices
-- When they eased and ended is about to be worked out again.
UPDATE notices
SET eased_at = CASE WHEN eased_at <= %(ts)s THEN eased_at END,
    ended_at = CASE WHEN ended_at <= %(ts)s THEN ended_at END
WHERE kind IN ('sand_dust', 'haze') AND (eased_at > %(ts)s OR ended_at > %(ts)s);

-- name: open_notice
-- Sand-dust weather or haze begins.
INSERT INTO notices (id, kind, started_at, detail)
VALUES (%(id)s, %(kind)s, %(ts)s, %(detail)s) ON CONFLICT (id) DO NOTHING;

-- name: ease_notice
-- What blows in no longer grows.
UPDATE notices SET eased_at = %(ts)s
WHERE kind = %(kind)s AND ended_at IS NULL AND started_at <= %(ts)s;

-- name: close_notice
-- It ends.
UPDATE notices SET ended_at = %(ts)s
WHERE kind = %(kind)s AND ended_at IS NULL AND started_at <= %(ts)s;

-- name: measured_minutes
-- Increments where a station stands, over a span.
SELECT segment, ts, increment FROM segment_minutes
WHERE ts > %(after)s AND ts <= %(upto)s AND confidence >= 1 AND increment IS NOT NULL;

-- name: put_verdict
-- The verdict on one order.
INSERT INTO verdicts (order_id, segment, treatment, done_at, judged_at, effective, reduction_pct,
                      low, high, method, detail, model_pct, model_low, model_high,
                      differences_pct, differences_low, differences_high, disagree)
VALUES (%(order_id)s, %(segment)s, %(treatment)s, %(done_at)s, %(judged_at)s, %(effective)s,
        %(reduction_pct)s, %(low)s, %(high)s, %(method)s, %(detail)s, %(model_pct)s, %(model_low)s,
        %(model_high)s, %(differences_pct)s, %(differences_low)s, %(differences_high)s,
        %(disagree)s)
ON CONFLICT (order_id) DO UPDATE SET
    done_at = excluded.done_at, judged_at = excluded.judged_at, effective = excluded.effective,
    reduction_pct = excluded.reduction_pct, low = excluded.low, high = excluded.high,
    method = excluded.method, detail = excluded.detail, model_pct = excluded.model_pct,
    model_low = excluded.model_low, model_high = excluded.model_high,
    differences_pct = excluded.differences_pct, differences_low = excluded.differences_low,
    differences_high = excluded.differences_high, disagree = excluded.disagree;

-- name: episode_verdict
-- Episodes that were under way at the place when the work began take its verdict.
UPDATE episodes SET verdict = %(verdict)s, updated_at = %(now)s
FROM orders
WHERE orders.id = %(order_id)s AND NOT episodes.withdrawn
  AND (episodes.segment = orders.segment OR episodes.site = orders.site)
  AND episodes.started_at <= orders.started_at
  AND (episodes.ended_at IS NULL OR episodes.ended_at >= orders.started_at)
RETURNING episodes.id;

-- name: oldest_reading
-- Where to begin when nothing is kept.
SELECT min(ts) FROM readings WHERE ts > %(after)s AND NOT late;

-- name: close_orphans
-- Episodes left open by settings that are no longer in force, from before what is worked out.
UPDATE episodes SET state = 'closed', ended_at = %(ts)s, updated_at = %(now)s
WHERE state <> 'closed' AND started_at <= %(ts)s
RETURNING id;
