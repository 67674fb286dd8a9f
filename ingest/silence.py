"""Stations that have fallen silent: each judged by its own habit, told once, until its next word.

A station that speaks every minute is silent after three, one that brings an hour's readings in one
message after three hours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from store.database import Connection
from store.statements import statements

SQL = statements("completeness")

INTERVALS = 3
"""So many of its usual intervals without a word are a silence."""
LEAST_S = 60.0
"""And never less than this: a connection that is made anew takes its time."""
NEWEST = 200
"""Readings that a habit is learned from: of one that sends sixty at a time, three gaps."""
FEWEST_GAPS = 3
LOOK_EVERY = timedelta(seconds=14)
LEARN_EVERY = timedelta(minutes=10)


class Rhythm(NamedTuple):
    """What is known of a station's habit. heard_at: when something of it was stored last;
    newest_ts: its newest reading; every_s: what lies between two words of it, None where too
    little is known."""

    station: str
    heard_at: datetime
    newest_ts: datetime
    every_s: float | None


class Fallen(NamedTuple):
    """A station has said nothing since."""

    station: str
    since: datetime
    every_s: float


@dataclass(frozen=True, slots=True)
class Changes:
    """begun: silences to tell of. ended: stations that speak again."""

    begun: tuple[Fallen, ...]
    ended: tuple[str, ...]


def usual_s(apart_s: float | None, came_s: float | None) -> float | None:
    """The interval that a station's silence is measured by, in seconds.

    apart_s: median between the times of its readings; came_s: between their arrivals. The longer:
    one that brings an hour at a time is not silent between, and one that catches up after a
    failure, many messages a second, does not thereby promise to go on so.
    """
    known = [value for value in (apart_s, came_s) if value]
    return max(known) if known else None


def changes(
    rhythms: Iterable[Rhythm],
    silent: Mapping[str, datetime],
    now: datetime,
    listening_since: datetime,
) -> Changes:
    """What has begun and ended. silent: since when, of the stations that are silent already.

    listening_since: nobody is silent because of the time before that, when nobody listened.
    """
    begun, ended = [], []
    for one in rhythms:
        if one.station in silent:
            if one.heard_at > silent[one.station]:
                ended.append(one.station)
        elif one.every_s is not None:
            patience = timedelta(seconds=max(LEAST_S, INTERVALS * one.every_s))
            if now - max(one.heard_at, listening_since) >= patience:
                begun.append(Fallen(one.station, one.heard_at, one.every_s))
    return Changes(tuple(begun), tuple(ended))


class SilenceWatch:
    """Looks at the stations now and then, and writes down who has fallen silent."""

    def __init__(self, stations: Iterable[str]) -> None:
        self._stations = sorted(stations)
        self._listening_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._learned_at: datetime | None = None
        self._every_s: dict[str, float | None] = {}

    def step(self, conn: Connection, now: datetime) -> None:
        """Look, if it is time to; commits. now: the platform's time."""
        if self._listening_since is None:
            self._listening_since = now
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        rhythms = self._rhythms(conn, now)
        silent: dict[str, datetime] = dict(conn.execute(SQL.open_silences).fetchall())
        found = changes(rhythms, silent, now, self._listening_since)
        _put(conn, rhythms, now)
        for fallen in found.begun:
            conn.execute(SQL.begin_silence, fallen._asdict() | {"now": now})
        for station in found.ended:
            asked = {"station": station, "since": silent[station]}
            row = conn.execute(SQL.next_word, asked).fetchone()
            conn.execute(SQL.end_silence, {"station": station, "ended_at": row[0] if row else now})
        for station in silent.keys() - set(self._stations):
            conn.execute(SQL.end_silence, {"station": station, "ended_at": now})
        conn.commit()

    def _rhythms(self, conn: Connection, now: datetime) -> list[Rhythm]:
        """When each was heard; how often it speaks is looked up now and then alone."""
        asked = {"stations": self._stations, "now": now}
        if self._learned_at is None or now - self._learned_at >= LEARN_EVERY:
            self._learned_at = now
            conn.execute(SQL.forget_rhythms, {"stations": self._stations})
            learned = conn.execute(SQL.rhythms, asked | {"newest": NEWEST, "least": FEWEST_GAPS})
            found = [
                Rhythm(station, heard_at, newest_ts, usual_s(apart_s, came_s))
                for station, heard_at, newest_ts, apart_s, came_s in learned
            ]
            self._every_s = {one.station: one.every_s for one in found}
            return found
        return [
            Rhythm(station, heard_at, newest_ts, self._every_s.get(station))
            for station, heard_at, newest_ts in conn.execute(SQL.heard, asked)
        ]


def _put(conn: Connection, rhythms: list[Rhythm], now: datetime) -> None:
    conn.execute(
        SQL.put_rhythms,
        {
            "now": now,
            "stations": [one.station for one in rhythms],
            "heard": [one.heard_at for one in rhythms],
            "newest": [one.newest_ts for one in rhythms],
            "every": [one.every_s for one in rhythms],
        },
    )
