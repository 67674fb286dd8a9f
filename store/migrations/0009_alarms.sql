-- What people say of alarms that are no episodes, and what is out of service: after ANSI/ISA-18.2.

CREATE TABLE alarm_marks (                  -- of concerns, silent stations and the platform itself
    alarm           text NOT NULL,          -- concern:ID, station:ID, platform:readings
    since           timestamptz NOT NULL,   -- when that alarm began: the next one is another
    acknowledged_by text,
    acknowledged_at timestamptz,
    shelved_until   timestamptz,
    PRIMARY KEY (alarm, since)
);

CREATE TABLE alarm_log (                    -- append-only
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm   text NOT NULL,
    since   timestamptz NOT NULL,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,                  -- a user's name
    event   text NOT NULL,                  -- acknowledged, shelved, unshelved, comment, taken
    detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX alarm_log_by_alarm ON alarm_log (alarm, since, id);
CREATE INDEX alarm_log_by_time ON alarm_log (at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE out_of_service (               -- places and stations whose alarms call nobody for a while
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject  text NOT NULL,                 -- segment, site or station
    since    timestamptz NOT NULL,
    until    timestamptz NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    given_by text NOT NULL,
    ended_at timestamptz,                   -- brought back before its time
    ended_by text
);
CREATE INDEX out_of_service_open ON out_of_service (until) WHERE ended_at IS NULL;

-- Asked once a second: what is over and nobody has seen.
CREATE INDEX episodes_returned ON episodes (ended_at)
    WHERE state = 'closed' AND acknowledged_by IS NULL AND NOT withdrawn AND level > 0;
-- The health of the alarms asks for spans of time.
CREATE INDEX episode_log_by_time ON episode_log (at);

-- Each call to an operator. A swing is an episode that rises again while it is recovering: one
-- annunciation goes on (the off-delay of ISA-18.2), but a source that swings much is a bad one.
CREATE VIEW annunciations AS
SELECT l.at, 'episode:' || e.id AS alarm, coalesce(e.segment, e.site, '') AS place, e.rule AS kind,
       coalesce((l.detail->>'level')::int, (
           SELECT (b.detail->>'level')::int FROM episode_log b
           WHERE b.episode = l.episode AND b.id < l.id AND b.detail ? 'level'
           ORDER BY b.id DESC LIMIT 1), e.level) AS level,
       l.event = 'reopened' AND l.detail->>'from' IS DISTINCT FROM 'closed' AS swing
FROM episode_log l JOIN episodes e ON e.id = l.episode
WHERE NOT e.withdrawn
  AND (l.event IN ('activated', 'reopened')
       OR (l.event = 'unacknowledged' AND l.detail->>'why' = 'level'))
UNION ALL
-- The first call for a concern; the next role in the chain is the same alarm.
SELECT g.at, 'concern:' || c.id, coalesce(c.place, c.crew, ''), c.kind,
       CASE WHEN g.role = 'duty_manager' THEN 3 WHEN c.kind = 'unproven' THEN 1 ELSE 2 END, false
FROM escalation_log g JOIN concerns c ON c.id = g.concern
WHERE g.event = 'called'
  AND NOT EXISTS (SELECT FROM escalation_log b
                  WHERE b.concern = g.concern AND b.event = 'called' AND b.id < g.id);

CREATE TABLE segment_ground (               -- what the model thinks lies on the road; the newest word alone
    segment     text PRIMARY KEY,
    ts          timestamptz NOT NULL,
    silt        real NOT NULL,              -- g/m²: median of the members
    silt_low    real NOT NULL,              -- 90 % of what it may be
    silt_high   real NOT NULL,
    tracked     real NOT NULL,              -- share of it that sites' trucks brought, 0 to 1
    film_mm     real NOT NULL,              -- water on the road
    wet         real NOT NULL               -- share of the dust that the water holds back, 0 to 1
);
