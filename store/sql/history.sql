-- What has been stored, read in bulk: by analytics live, and by backtests over long spans.

-- name: readings
-- Readings of a span in no order, each column as one array: stations by their number in the list
-- from 1, what is missing as NaN. `with_late` takes also what came too late for live results.
SELECT array_agg(named.n::int4), array_agg(ts),
       array_agg(coalesce(pm10, 'NaN')), array_agg(coalesce(pm25, 'NaN')),
       array_agg(coalesce(tsp, 'NaN')), array_agg(coalesce(temp, 'NaN')),
       array_agg(coalesce(rh, 'NaN')), array_agg(coalesce(wind_speed, 'NaN')),
       array_agg(coalesce(wind_dir, 'NaN')), array_agg(coalesce(rain, 'NaN')),
       array_agg(ascii(status))
FROM readings
JOIN unnest(%(stations)s::text[]) WITH ORDINALITY AS named (id, n) ON named.id = station
WHERE ts > %(after)s AND ts <= %(upto)s AND (NOT late OR %(with_late)s);

-- name: stored_span
-- The oldest and the newest reading, and the newest within a span.
SELECT (SELECT min(ts) FROM readings), (SELECT max(ts) FROM readings),
       (SELECT max(ts) FROM readings WHERE ts > %(after)s AND ts <= %(upto)s);

-- name: episodes_of
-- Episodes that were raised, as far as they lie in a span.
SELECT id, segment, site, rule, level, started_at, ended_at, peak, causes
FROM episodes
WHERE NOT withdrawn AND level > 0
  AND started_at <= %(upto)s AND (ended_at IS NULL OR ended_at > %(after)s)
ORDER BY started_at, id;

-- name: story_of
-- What happened to episodes in a span, in order, with the level from then on.
SELECT episode, at, (detail->>'level')::int4
FROM episode_log JOIN episodes ON episodes.id = episode
WHERE actor = 'analytics'
  AND event IN ('opened', 'activated', 'level', 'reopened', 'recovering', 'closed')
  AND at > %(after)s AND at <= %(upto)s AND NOT withdrawn
ORDER BY at, episode_log.id;

-- name: minutes_over
-- Minutes of each segment at each level, by day of the district.
SELECT segment, ((ts - INTERVAL '1 minute') AT TIME ZONE %(zone)s)::date, level, count(*)
FROM segment_minutes
WHERE ts > %(after)s AND ts <= %(upto)s AND level > 0
GROUP BY 1, 2, 3;

-- name: frontier
-- The newest reading, and the newest checkpoint of these settings.
SELECT (SELECT max(ts) FROM readings),
       (SELECT max(ts) FROM checkpoints WHERE fingerprint = %(fingerprint)s);

-- name: checkpoint
-- The last state in a span.
SELECT state FROM checkpoints
WHERE ts > %(after)s AND ts <= %(upto)s AND fingerprint = %(fingerprint)s
ORDER BY ts DESC LIMIT 1;

-- name: across
-- Episodes and notices that a time lies in; open ones too.
SELECT id, 'episode', started_at, ended_at FROM episodes
WHERE NOT withdrawn AND started_at <= %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
UNION ALL
SELECT id, 'notice', started_at, ended_at FROM notices
WHERE started_at <= %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
ORDER BY 3, 1;

-- name: forget_minutes
-- Minutes of a span that is about to be replaced.
DELETE FROM segment_minutes WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_flags
-- Flags of a span that is about to be replaced.
DELETE FROM flags WHERE ts > %(after)s AND ts <= %(upto)s;

-- name: forget_notices
-- Notices that began in a span that is about to be replaced.
DELETE FROM notices
WHERE kind IN ('sand_dust', 'haze') AND started_at > %(after)s AND started_at <= %(upto)s;

-- name: forget_checkpoints
-- States of a span that is about to be replaced, and those that rest on it.
DELETE FROM checkpoints WHERE ts > %(after)s AND (ts <= %(upto)s OR %(also_later)s);

-- name: doubt_episodes
-- What began in a span is not believed until it is found again; what people did to it stays.
UPDATE episodes SET withdrawn = true, grp = NULL
WHERE started_at > %(after)s AND started_at <= %(upto)s AND NOT withdrawn
RETURNING id;
