-- Open episodes with one cause are one thing to an operator, and an episode may rest on an estimate.

ALTER TABLE episodes ADD COLUMN grp text;       -- of the open ones with the same cause; the last one once closed
ALTER TABLE episodes ADD COLUMN measured boolean NOT NULL DEFAULT true; -- and not estimated, at its last change

CREATE VIEW episode_groups AS
SELECT grp AS id,
       min(started_at) AS since,
       max(level) AS level,                     -- the worst of the members
       (array_agg(causes->0->>'kind' ORDER BY level DESC, started_at, id))[1] AS cause,
       (array_agg(causes->0->>'site' ORDER BY level DESC, started_at, id))[1] AS site,
       array_agg(id ORDER BY started_at, id) AS members,
       array_agg(DISTINCT coalesce(segment, site)) AS places,
       bool_and(acknowledged_by IS NOT NULL) AS acknowledged
FROM episodes
WHERE state <> 'closed' AND NOT withdrawn AND grp IS NOT NULL
GROUP BY grp;
