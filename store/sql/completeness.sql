-- How well what is sent arrives: completeness, silences, what each ingest has counted.

-- name: completeness
-- Per station and local day of a span; stations: those that must have a row; null: those heard.
SELECT station, day, readings, late, last_seen, every_s, expected, received, in_time
FROM station_completeness(%(first)s, %(last)s, %(zone)s, %(stations)s::text[]);

-- name: rhythms
-- Of each station: when it was heard last, its newest reading, and the medians of what lies between
-- the times of its newest readings and between their arrivals. One that has been silent for a month
-- has no row.
SELECT wanted.station, said.heard_at, said.newest_ts, said.apart_s, said.came_s
FROM unnest(%(stations)s::text[]) AS wanted (station)
CROSS JOIN LATERAL (
    WITH newest AS MATERIALIZED (
        SELECT ts, stored_at FROM readings
        WHERE readings.station = wanted.station
          AND ts > %(now)s - INTERVAL '31 days' AND ts <= %(now)s + INTERVAL '1 hour'
        ORDER BY ts DESC LIMIT %(newest)s
    )
    SELECT max(newest.stored_at) AS heard_at, max(newest.ts) AS newest_ts,
           (SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gap))::float8
            FROM (SELECT ts - lag(ts) OVER (ORDER BY ts) AS gap FROM newest) AS gaps
            HAVING count(gap) >= %(least)s) AS apart_s,
           (SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gap))::float8
            FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap
                  FROM (SELECT DISTINCT stored_at AS at FROM newest) AS arrivals) AS gaps
            HAVING count(gap) >= %(least)s) AS came_s
    FROM newest
) AS said
WHERE said.heard_at IS NOT NULL
ORDER BY wanted.station;

-- name: heard
-- Of each station: when it was heard last, by its few newest readings.
SELECT wanted.station, said.heard_at, said.newest_ts
FROM unnest(%(stations)s::text[]) AS wanted (station)
CROSS JOIN LATERAL (
    SELECT max(stored_at) AS heard_at, max(ts) AS newest_ts
    FROM (SELECT ts, stored_at FROM readings
          WHERE readings.station = wanted.station
            AND ts > %(now)s - INTERVAL '31 days' AND ts <= %(now)s + INTERVAL '1 hour'
          ORDER BY ts DESC LIMIT 5) AS newest
) AS said
WHERE said.heard_at IS NOT NULL
ORDER BY wanted.station;

-- name: put_rhythms
-- The newest word on how often stations speak.
INSERT INTO rhythms (station, heard_at, newest_ts, every_s, looked_at)
SELECT station, heard_at, newest_ts, every_s, %(now)s
FROM unnest(%(stations)s::text[], %(heard)s::timestamptz[], %(newest)s::timestamptz[],
            %(every)s::float8[]) AS said (station, heard_at, newest_ts, every_s)
ON CONFLICT (station) DO UPDATE SET heard_at = excluded.heard_at, newest_ts = excluded.newest_ts,
    every_s = excluded.every_s, looked_at = excluded.looked_at;

-- name: forget_rhythms
-- Of stations that the district does not have any more.
DELETE FROM rhythms WHERE station <> ALL (%(stations)s);

-- name: open_silences
-- Stations that are silent, and since when.
SELECT station, since FROM silences WHERE ended_at IS NULL ORDER BY station;

-- name: begin_silence
-- A station says nothing; a second look finds it told already.
INSERT INTO silences (station, since, every_s, told_at)
VALUES (%(station)s, %(since)s, %(every_s)s, %(now)s)
ON CONFLICT (station) WHERE ended_at IS NULL DO NOTHING;

-- name: end_silence
-- It speaks again, or stands in the district no more.
UPDATE silences SET ended_at = %(ended_at)s WHERE station = %(station)s AND ended_at IS NULL;

-- name: next_word
-- When a station was first heard after a time, of its readings of the last month.
SELECT min(stored_at) FROM readings
WHERE station = %(station)s AND ts > %(since)s - INTERVAL '31 days' AND stored_at > %(since)s;

-- name: standing_silences
-- For a list of alarms: who is silent, since when, of those whose habit is known and looked at.
SELECT rhythms.station, silences.since
FROM rhythms
LEFT JOIN silences ON silences.station = rhythms.station AND silences.ended_at IS NULL
WHERE rhythms.every_s IS NOT NULL AND rhythms.looked_at > %(now)s - INTERVAL '5 minutes';

-- name: silences_of
-- Silences that reach into a span, the newest first.
SELECT station, since, every_s, told_at, ended_at FROM silences
WHERE since < %(last)s AND (ended_at IS NULL OR ended_at > %(first)s)
ORDER BY since DESC, station LIMIT %(limit)s;

-- name: put_worker
-- What an ingest has done since its start.
INSERT INTO ingest_workers (worker, started_at, said_at, stopped, mqtt, messages, batches, in_hand,
                            stored, duplicates, dead, spreads)
VALUES (%(worker)s, %(started_at)s, %(said_at)s, %(stopped)s, %(mqtt)s, %(messages)s, %(batches)s,
        %(in_hand)s, %(stored)s, %(duplicates)s, %(dead)s, %(spreads)s)
ON CONFLICT (worker) DO UPDATE SET started_at = excluded.started_at, said_at = excluded.said_at,
    stopped = excluded.stopped, mqtt = excluded.mqtt, messages = excluded.messages,
    batches = excluded.batches, in_hand = excluded.in_hand, stored = excluded.stored,
    duplicates = excluded.duplicates, dead = excluded.dead, spreads = excluded.spreads;

-- name: workers
-- What each ingest has counted, and when it said so.
SELECT worker, started_at, said_at, stopped, mqtt, messages, batches, in_hand, stored, duplicates,
       dead, spreads
FROM ingest_workers ORDER BY worker;

-- name: stations_heard
-- Every station that was heard: when, its newest reading, how often it speaks, since when it is
-- silent.
SELECT rhythms.station, rhythms.heard_at, rhythms.newest_ts, rhythms.every_s, silences.since
FROM rhythms LEFT JOIN silences ON silences.station = rhythms.station AND silences.ended_at IS NULL
ORDER BY rhythms.station;
