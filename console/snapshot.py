"""The whole moving state from one set of queries, for every browser at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from console.alarm_board import read_alarms, read_returned
from console.overview import (
    POSITION_STALE_AFTER,
    READING_STALE_AFTER,
    counts,
    district_background,
    freshness,
    heading,
    mean_wind,
    median_rain,
    standing,
    station_health,
)
from console.pool import Conn, row, rows
from store.statements import statements

SQL = statements("console")

CLOSED_SHOWN = timedelta(hours=6)
"""Closed episodes stay on the board so long."""
ENDED_SHOWN = timedelta(hours=2)
"""Ended orders stay on the board so long."""

Entry = dict[str, Any]
Snapshot = dict[str, dict[str, Any]]
"""Section -> id -> entry; the section `overview` has its own keys instead of ids."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ids to ask for."""

    segments: list[str]
    stations: list[str]
    crews: list[str]
    cameras: list[str] = field(default_factory=list)


async def meta_now(conn: Conn) -> datetime | None:
    """Time of the last tick, or None before the first."""
    found = await row(conn, SQL.meta_now, {})
    return datetime.fromisoformat(found["now"]) if found else None


async def take(conn: Conn, wanted: Wanted, now: datetime) -> Snapshot:
    """Read everything that moves as of `now`."""
    air = await read_air(conn, wanted, now)
    orders = await rows(conn, SQL.board_orders, {"since": now - ENDED_SHOWN})
    episodes = await rows(conn, SQL.board_episodes, {"since": now - CLOSED_SHOWN})
    notices = await rows(conn, SQL.open_notices, {})
    plan = await row(conn, SQL.latest_plan, {})
    episodes += await read_returned(conn, now - CLOSED_SHOWN)
    snapshot = arrange(wanted, now, air, orders, episodes, notices, plan)
    return snapshot | {"alarms": await read_alarms(conn, snapshot, wanted.segments)}


@dataclass(frozen=True, slots=True)
class Air:
    """What was measured, seen and driven, as rows: the newest of each thing as of a time."""

    minutes: Sequence[Entry]
    readings: Sequence[Entry]
    positions: Sequence[Entry]
    seen: Sequence[Entry]


async def read_air(conn: Conn, wanted: Wanted, at: datetime) -> Air:
    """The newest of each segment, station, crew and camera at `at`, now or long ago."""
    return Air(
        await rows(conn, SQL.latest_segment_minutes, {"segments": wanted.segments, "at": at}),
        await rows(conn, SQL.latest_readings, {"stations": wanted.stations, "at": at}),
        await rows(conn, SQL.latest_positions, {"crews": wanted.crews, "at": at}),
        await rows(conn, SQL.seen_by_cameras, {"cameras": wanted.cameras, "at": at})
        if wanted.cameras
        else [],
    )


def arrange(
    wanted: Wanted,
    now: datetime,
    air: Air,
    orders: Sequence[Entry],
    episodes: Sequence[Entry],
    notices: Sequence[Entry],
    plan: Mapping[str, Any] | None,
) -> Snapshot:
    """Rows as the pages want them: by id, each with how fresh it is."""
    segments = _segments(wanted.segments, air.minutes, now)
    stations = _stations(wanted.stations, air.readings, now)
    since: dict[str, datetime] = {}
    for notice in notices:
        since.setdefault(notice["kind"], notice["started_at"])
    return {
        "overview": {
            "now": now,
            "wind": mean_wind(air.readings, now),
            "rain": median_rain(air.readings, now),
            "background": district_background(segments.values()),
            "counts": counts(segments.values(), episodes, now),
            "newest_reading": max((reading["ts"] for reading in air.readings), default=None),
            "stations_live": sum(s["freshness"] == "live" for s in stations.values()),
            "sand_dust_since": since.get("sand_dust"),
            "haze_since": since.get("haze"),
            "plan": plan["id"] if plan else None,
            "plan_at": plan["issued_at"] if plan else None,
            "plan_trigger": plan["trigger"] if plan else None,
            "no_water": plan["weather"] if plan else None,
        },
        "segments": segments,
        "stations": stations,
        "crews": _crews(wanted.crews, air.positions, now),
        "cameras": _cameras(wanted.cameras, air.seen),
        "episodes": {episode["id"]: _with_also(episode) for episode in episodes},
        "orders": {order["id"]: order for order in orders},
    }


def _with_also(episode: Entry) -> Entry:
    """An episode whose causes all have an `also`: those stored before there was one have none."""
    return episode | {"causes": [{"also": None} | cause for cause in episode["causes"]]}


_NO_MINUTE: Entry = {
    "ts": None,
    "pm10": None,
    "background": None,
    "increment": None,
    "level": 0,
    "confidence": 0.0,
    "cause": None,
    "treated_at": None,
    "estimate": None,
    "low": None,
    "high": None,
}
_NO_READING: Entry = dict.fromkeys(
    (
        "ts", "pm10", "pm25", "tsp", "temp", "rh", "wind_speed", "wind_dir", "rain", "noise",
        "status",
    )
) | {"doubts": []}  # fmt: skip
_NOTHING_SEEN: Entry = dict.fromkeys(
    ("ts", "flag", "flag_ts", "confidence", "truck", "media", "note")
) | {"trucks": 0, "flags": 0}
_NO_POSITION: Entry = dict.fromkeys(("ts", "lon", "lat", "speed_kmh", "water_l", "state"))


def _segments(ids: Sequence[str], minutes: Sequence[Entry], now: datetime) -> dict[str, Entry]:
    found = {minute["segment"]: minute for minute in minutes}
    return {
        id_: _rounded(_without(found.get(id_, _NO_MINUTE), "segment"))
        | {"standing": standing(found.get(id_), now)}
        for id_ in ids
    }


def _stations(ids: Sequence[str], readings: Sequence[Entry], now: datetime) -> dict[str, Entry]:
    found = {reading["station"]: reading for reading in readings}
    return {
        id_: _rounded(_without(entry, "station"))
        | {
            "freshness": freshness(entry["ts"], now, READING_STALE_AFTER),
            "health": station_health(entry["ts"], entry["doubts"], now),
        }
        for id_ in ids
        for entry in [found.get(id_, _NO_READING)]
    }


def _cameras(ids: Sequence[str], seen: Sequence[Entry]) -> dict[str, Entry]:
    found = {entry["camera"]: entry for entry in seen}
    return {id_: _without(found.get(id_, _NOTHING_SEEN), "camera") for id_ in ids}


def _crews(ids: Sequence[str], positions: Sequence[Entry], now: datetime) -> dict[str, Entry]:
    tracks = {crew: list(track) for crew, track in groupby(positions, key=itemgetter("crew"))}
    return {
        id_: _without(track[0] if track else _NO_POSITION, "crew")
        | {
            "heading": heading(track),
            "freshness": freshness(track[0]["ts"] if track else None, now, POSITION_STALE_AFTER),
        }
        for id_ in ids
        for track in [tracks.get(id_, [])]
    }


def _without(entry: Entry, key: str) -> Entry:
    return {name: value for name, value in entry.items() if name != key}


def _rounded(entry: Entry) -> Entry:
    """One decimal is what the instruments give, and fewer digits are fewer changes to send."""
    return {
        name: round(value, 1) if isinstance(value, float) and name != "confidence" else value
        for name, value in entry.items()
    }
