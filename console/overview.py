"""What a moment looks like: how fresh, how many, where the wind comes from, which way a crew goes.

Pure functions of rows and the platform's time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import atan2, cos, degrees, hypot, radians, sin
from statistics import median
from typing import Any, Literal

Row = Mapping[str, Any]

SEGMENT_STALE_AFTER = timedelta(minutes=5)
READING_STALE_AFTER = timedelta(minutes=10)
READING_SILENT_AFTER = timedelta(hours=2)
POSITION_STALE_AFTER = timedelta(minutes=5)
UNMEASURED_BELOW = 0.1
"""Confidence under which nobody is measuring a segment."""
MOVED_M = 5.0
"""A shorter step is the position's own noise and gives no heading."""

METRES_PER_DEGREE = 111_320.0


def standing(minute: Row | None, now: datetime) -> Literal["live", "stale", "unmeasured"]:
    """How far the newest minute of a segment is to be trusted."""
    if minute is None or minute["confidence"] < UNMEASURED_BELOW or minute["increment"] is None:
        return "unmeasured"
    return "stale" if now - minute["ts"] > SEGMENT_STALE_AFTER else "live"


def freshness(
    ts: datetime | None, now: datetime, stale_after: timedelta
) -> Literal["live", "stale", "none"]:
    if ts is None:
        return "none"
    return "stale" if now - ts > stale_after else "live"


def station_health(
    ts: datetime | None, doubts: Sequence[str], now: datetime
) -> Literal["live", "late", "silent", "doubted"]:
    """A station in one word. That it is silent or late says more than that it was doubted."""
    if ts is None or now - ts > READING_SILENT_AFTER:
        return "silent"
    if now - ts > READING_STALE_AFTER:
        return "late"
    return "doubted" if doubts else "live"


def median_rain(readings: Iterable[Row], now: datetime) -> float | None:
    """Median of the fresh readings with rain, mm since each station's reading before."""
    fallen = [
        reading["rain"]
        for reading in readings
        if reading["rain"] is not None and now - reading["ts"] <= READING_STALE_AFTER
    ]
    return round(median(fallen), 2) if fallen else None


def mean_wind(readings: Iterable[Row], now: datetime) -> dict[str, Any] | None:
    """Vector mean of the fresh readings with wind: `speed` m/s, `dir` degrees it comes from."""
    east = north = 0.0
    stations = 0
    for reading in readings:
        speed, direction = reading["wind_speed"], reading["wind_dir"]
        if speed is None or direction is None or now - reading["ts"] > READING_STALE_AFTER:
            continue
        east += speed * sin(radians(direction))
        north += speed * cos(radians(direction))
        stations += 1
    if not stations:
        return None
    return {
        "speed": round(hypot(east, north) / stations, 1),
        "dir": round(degrees(atan2(east, north))) % 360,
        "stations": stations,
    }


def district_background(segments: Iterable[Row]) -> float | None:
    """Median background of the segments that are live, µg/m³."""
    values = [
        segment["background"]
        for segment in segments
        if segment["standing"] == "live" and segment["background"] is not None
    ]
    return round(median(values), 1) if values else None


def counts(segments: Iterable[Row], episodes: Iterable[Row], now: datetime) -> dict[str, Any]:
    """How many segments stand at each level, and how many episodes wait for whom.

    A pending episode has not held long enough to bother anybody: it is not counted.
    """
    levels = {"0": 0, "1": 0, "2": 0, "3": 0}
    stale = unmeasured = 0
    for segment in segments:
        if segment["standing"] == "live":
            levels[str(segment["level"])] += 1
        elif segment["standing"] == "stale":
            stale += 1
        else:
            unmeasured += 1
    unclosed = [episode for episode in episodes if episode["state"] not in ("pending", "closed")]
    shelved = sum(is_shelved(episode, now) for episode in unclosed)
    waiting = sum(
        episode["acknowledged_by"] is None and not is_shelved(episode, now) for episode in unclosed
    )
    return {
        "levels": levels,
        "stale": stale,
        "unmeasured": unmeasured,
        "open": len(unclosed),
        "unacknowledged": waiting,
        "shelved": shelved,
    }


def is_shelved(episode: Row, now: datetime) -> bool:
    return episode["shelved_until"] is not None and now < episode["shelved_until"]


def heading(positions: Sequence[Row]) -> float | None:
    """Degrees clockwise from north, from the newest two places far enough apart.

    `positions` are of one crew, newest first.
    """
    if not positions:
        return None
    here = positions[0]
    for there in positions[1:]:
        north = (here["lat"] - there["lat"]) * METRES_PER_DEGREE
        east = (here["lon"] - there["lon"]) * METRES_PER_DEGREE * cos(radians(here["lat"]))
        if hypot(east, north) >= MOVED_M:
            return round(degrees(atan2(east, north)), 1) % 360
    return None
