-- Episodes as the contract tells of them.

-- name: publish
-- Post the contract's Episode of each id: retained while it is open; once closed, told a last
-- time and then cleared with an empty payload. The evidence in the other language is the
-- platform's own and stays here: the contract's causes have the one of the settings.
WITH posted AS (
    INSERT INTO outbox (topic, payload, retain)
    SELECT topic, payload, retain
    FROM (
        SELECT id, 1 AS n, 'down/episodes/' || id AS topic, state <> 'closed' AS retain,
               convert_to(jsonb_build_object(
                   'episode', id, 'segment', segment, 'site', site, 'rule', rule, 'level', level,
                   'state', state, 'acknowledged_by', acknowledged_by, 'shelved_until', shelved_until,
                   'started_at', started_at, 'peak_at', peak_at, 'peak', peak, 'ended_at', ended_at,
                   'causes', (SELECT coalesce(jsonb_agg(cause - 'also' ORDER BY n), '[]')
                              FROM jsonb_array_elements(causes) WITH ORDINALITY AS told (cause, n)),
                   'orders', coalesce((SELECT jsonb_agg(DISTINCT detail->>'order')
                                       FROM episode_log
                                       WHERE episode = episodes.id AND event = 'order'), '[]'),
                   'verdict', verdict)::text, 'UTF8') AS payload
        FROM episodes WHERE id = ANY(%(ids)s)
        UNION ALL
        SELECT id, 2, 'down/episodes/' || id, true, ''::bytea
        FROM episodes WHERE id = ANY(%(ids)s) AND state = 'closed'
    ) AS message
    ORDER BY id, n
)
SELECT pg_notify('roaddust_outbox', '');
