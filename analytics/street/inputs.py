"""What a span of minutes brings the model: weather, traffic, flags and crews, minute by minute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.happenings import Happenings, Work
from analytics.minutes import minute_of
from analytics.readings import RAIN, RH, TEMP, WIND_DIR, WIND_SPEED, Readings
from analytics.street import traffic
from analytics.street.ground import Ground
from analytics.street.members import TREATMENTS
from analytics.street.model import Inputs, Treating
from analytics.street.rain import Gauges, fallen
from analytics.street.weather import Weather, local_hours, sun_height

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WIND_MEMORY_MIN = 1.0
"""Gusts and a single vane's noise are smoothed over this time."""
USUAL_M_PER_MIN = 160.0
"""A crew's speed at work where none is known."""
STALE_MIN = 60
"""Weather that nobody has told for so long is unknown."""
USUAL = Weather(float("nan"), float("nan"), 20.0, 60.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Sky:
    """The weather as it was last known: a smoothed wind vector (m/s towards east and north) and
    speed, °C, %, and the minutes in which wind and air were last told of."""

    east: float
    north: float
    speed: float
    temp: float
    rh: float
    wind_at: int
    air_at: int

    @classmethod
    def unknown(cls) -> "Sky":
        return cls(0.0, 0.0, 0.0, USUAL.temp, USUAL.rh, -(10**9), -(10**9))


def _middle_of(
    readings: Readings, columns: Floats, first: int, count: int, stations: int
) -> tuple[Floats, Bools]:
    """(T, k) the median over stations of each one's mean in its own minutes, and whether any."""
    minute = minute_of(readings.ts_ms) - first
    inside = (minute >= 0) & (minute < count)
    where = (minute[inside], readings.station[inside])
    k = columns.shape[1]
    shape = (count, max(stations, 1), k)
    total, number = np.zeros(shape), np.zeros(shape)
    there = ~np.isnan(columns[inside])
    np.add.at(total, where, np.where(there, columns[inside], 0.0))
    np.add.at(number, where, there)
    with np.errstate(invalid="ignore"):
        means = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    known: Bools = np.asarray(number.any(axis=1))
    ordered = np.sort(means, axis=1)
    n = (number > 0).sum(axis=1)
    low: Floats = np.take_along_axis(ordered, np.maximum((n - 1) // 2, 0)[:, None], axis=1)[:, 0]
    high: Floats = np.take_along_axis(ordered, np.maximum(n // 2, 0)[:, None], axis=1)[:, 0]
    return np.asarray(np.where(known, (low + high) / 2, np.nan)), known


def weather(
    sky: Sky, gauges: Gauges, readings: Readings, first: int, count: int, ground: Ground
) -> tuple[Sky, Gauges, list[Weather]]:
    """The weather of minutes first, first+1, …, and what is known after them."""
    speed, towards = readings.values[:, WIND_SPEED], readings.values[:, WIND_DIR]
    speed = np.where((speed >= 0) & (speed < 60), speed, np.nan)
    towards = np.radians(np.where((towards >= 0) & (towards <= 360), towards, np.nan))
    temp, rh = readings.values[:, TEMP], readings.values[:, RH]
    temp = np.where((temp > -40) & (temp < 60), temp, np.nan)
    rh = np.where((rh > 0) & (rh <= 100), rh, np.nan)
    columns = np.column_stack((speed, np.sin(towards), np.cos(towards), temp, rh))
    means, known = _middle_of(readings, columns, first, count, len(ground.own))
    gauges, rain_mm = fallen(
        gauges,
        minute_of(readings.ts_ms),
        readings.station,
        readings.values[:, RAIN],
        first,
        count,
    )
    high = sun_height(first, count, *ground.lon_lat)
    keep = float(np.exp(-1 / WIND_MEMORY_MIN))
    out = []
    for t in range(count):
        minute = first + t
        v, east, north, temp_c, rh_pct = means[t].tolist()
        if known[t, 0] and known[t, 1]:
            old = keep if minute - sky.wind_at <= STALE_MIN else 0.0
            sky = replace(
                sky,
                speed=old * sky.speed + (1 - old) * v,
                east=old * sky.east + (1 - old) * east,
                north=old * sky.north + (1 - old) * north,
                wind_at=minute,
            )
        if known[t, 3]:
            sky = replace(sky, temp=temp_c, air_at=minute)
        if known[t, 4]:
            sky = replace(sky, rh=rh_pct, air_at=minute)
        told = minute - sky.wind_at <= STALE_MIN
        fresh = minute - sky.air_at <= STALE_MIN
        out.append(
            Weather(
                sky.speed if told else USUAL.wind_ms,
                float(np.degrees(np.arctan2(sky.east, sky.north)) % 360)
                if told
                else USUAL.wind_from_deg,
                sky.temp if fresh else USUAL.temp,
                sky.rh if fresh else USUAL.rh,
                float(rain_mm[t]),
                float(high[t]),
            )
        )
    return sky, gauges, out


def minutes(
    first: int,
    weathers: list[Weather],
    happenings: Happenings,
    ground: Ground,
    zone: ZoneInfo,
    watched: NDArray[np.bool_],
) -> Iterator[Inputs]:
    """The inputs of each minute; watched: (K,) whether a camera stands at each site's gate."""
    count = len(weathers)
    hour, weekday = local_hours(first, count, zone)
    heavy_at, light_at = traffic.heavy_at(hour, weekday), traffic.light_at(hour)
    segments, sites = len(ground.segments), len(ground.sites)
    site_at = {name: k for k, name in enumerate(ground.sites)}
    passed = np.zeros((count, segments), np.int64)
    flags = np.zeros((2, count, sites), np.int64)
    mud: dict[int, list[int]] = {}
    for event in happenings.events:
        t = event.minute - first
        if not 0 <= t < count:
            continue
        g = ground.index.get(event.segment or "", -1)
        if event.kind == "truck_pass" and g >= 0:
            passed[t, g] += event.count
        elif event.kind in ("unwashed_truck", "wash_bay_idle") and event.site in site_at:
            kind = 0 if event.kind == "unwashed_truck" else 1
            flags[kind, t, site_at[event.site]] += event.count
        elif event.kind == "mud_on_road" and g >= 0:
            mud.setdefault(t, []).append(g)
    works = works_by_minute(happenings.works, first, count, ground)
    for t in range(count):
        yield Inputs(
            minute=first + t,
            weather=weathers[t],
            heavy=ground.heavy_per_day * heavy_at[t],
            light=ground.light_per_day * light_at[t],
            busy_hour=float(heavy_at[t]),
            counted=passed[t],
            dirty=flags[0, t],
            idle=flags[1, t],
            watched=watched,
            mud=tuple(mud.get(t, ())),
            works=tuple(works.get(t, ())),
        )


def works_by_minute(
    works: Sequence[Work], first: int, count: int, ground: Ground
) -> dict[int, list[Treating]]:
    """What crews do to streets in each minute, as far as is known in that minute.

    A crew that works is taken to go on at its usual speed; what is left when it says that it is
    done was done by then.
    """
    found: dict[int, list[Treating]] = {}
    for work in works:
        g = ground.index.get(work.segment or "", -1)
        if g < 0 or work.treatment not in TREATMENTS:
            continue
        kind = TREATMENTS.index(work.treatment)
        metres = ground.work_m_per_min.get(work.crew, USUAL_M_PER_MIN)
        water = ground.water_l_per_m.get(work.crew, 1.0) / ground.width_m[g]
        needed = max(round(ground.length_m[g] / metres), 1)
        over = first + count if work.end is None else work.end
        for minute in range(max(work.start + 1, first), min(work.start + needed, over - 1) + 1):
            if minute < first + count:
                found.setdefault(minute - first, []).append(
                    Treating(work.order, g, kind, 1 / needed, water, ends=False)
                )
        if work.done and first <= over < first + count:
            done = max(min(needed, over - 1 - work.start), 0) / needed
            found.setdefault(over - first, []).append(
                Treating(work.order, g, kind, 1 - done, water, ends=True)
            )
    return found


def quarter_inputs(
    minute: int, before: int, weather: Weather, ground: Ground, zone: ZoneInfo
) -> Inputs:
    """What to expect of the minutes up to `minute`, `before` of them, if the weather stays."""
    hour, weekday = local_hours(minute - before // 2, 1, zone)
    heavy, light = traffic.heavy_at(hour, weekday)[0], traffic.light_at(hour)[0]
    sun = float(sun_height(minute - before // 2, 1, *ground.lon_lat)[0])
    nothing = np.zeros(len(ground.sites), np.int64)
    return Inputs(
        minute=minute,
        weather=replace(weather, sun=sun, rain_mm=0.0),
        heavy=ground.heavy_per_day * heavy,
        light=ground.light_per_day * light,
        busy_hour=float(heavy),
        counted=np.zeros(len(ground.segments), np.int64),
        dirty=nothing,
        idle=nothing,
        watched=np.zeros(len(ground.sites), bool),
        mud=(),
        works=(),
    )
