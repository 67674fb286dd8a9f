"""The scene of an episode: everything that speaks for or against a cause, at one minute."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.causes import GATE_FLAGS, Exceedance, OwnWork, Scene, SiteNearby
from analytics.happenings import Event, Happenings
from analytics.layout import Layout, Place
from analytics.minutes import MILLI, Bools, Ints
from analytics.readings import WIND_DIR, WIND_SPEED, Readings
from geo.names import Named

HOUR = 60
HIGH_INCREMENT = 40 * MILLI
LOW_INCREMENT = 30 * MILLI
NEIGHBOUR_M = 600.0
TRUCKS_SEEN_M = 400.0
WIND_AGE_MIN = 30
HEALTH_READINGS = 10
WORK_ECHO_MIN = 20


def scene(
    place: Place,
    minute: int,
    *,
    pm: Ints,
    known: Bools,
    background: int,
    exceedance: Exceedance,
    given: NDArray[np.float32] | None,
    failing: NDArray[np.float64],
    started: int,
    readings: Readings,
    believed: Bools,
    layout: Layout,
    happenings: Happenings,
) -> Scene:
    """Look around `place` at `minute`.

    pm, known: (S, 3) PM10, PM2.5, TSP of that minute in thousandths; readings with `believed`
    (n, 3): sorted, reaching back `readings.TAIL` readings per station. given: (1 + sites,) µg/m³
    that the street itself and each site bring, by the model; failing: (sites,) how sure it is
    that each wheel wash fails.
    """
    here = list(place.stations)
    p = layout.places.index(place)
    above = pm[:, 0] - background
    street = known[:, 0] & ~layout.background
    near = (layout.place_station_m[p] <= NEIGHBOUR_M) & street
    near[here] = False
    wind_speed, wind_from = _wind(readings, minute, len(layout.stations))
    events = _lately(happenings.events, minute)
    gates = [event for event in events if event.kind in GATE_FLAGS]
    plumes = [event for event in events if event.kind == "dust_plume"]
    g = int(layout.place_segment[p])
    around = (
        {layout.segments[i] for i in np.flatnonzero(layout.apart_m[g] <= TRUCKS_SEEN_M)}
        if g >= 0
        else set()
    )
    return Scene(
        exceedance=exceedance,
        wind_speed=wind_speed,
        wind_from=wind_from,
        trucks=_trucks(events, around),
        mud_flags=sum(e.kind == "mud_on_road" and e.segment == place.segment for e in events),
        coarse_share=_coarse_share(pm[here], known[here]),
        stations_high=float((above[street] >= HIGH_INCREMENT).mean()) if street.any() else 0.0,
        flagged_share=_flagged_share(readings, believed, minute, here),
        neighbours_low=bool(near.any() and (above[near] < LOW_INCREMENT).all()),
        own_work=_own_work(happenings, place, minute, started, layout),
        given=None if given is None else float(given[0]),
        sites=[
            SiteNearby(
                id=site,
                name=layout.site_names[k],
                distance_m=float(layout.site_m[p, k]),
                bearing=float(layout.site_bearing[p, k]),
                gate_here=place.segment in layout.site_gates[k],
                itself=place.site == site,
                gate_flags=sum(
                    e.site == site or (e.site is None and e.segment in layout.site_gates[k])
                    for e in gates
                ),
                plume_flags=sum(e.site == site for e in plumes),
                given=0.0 if given is None else float(given[1 + k]),
                failing=float(failing[k]),
            )
            for k, site in enumerate(layout.sites)
        ],
    )


def _lately(events: Sequence[Event], minute: int) -> Sequence[Event]:
    """Those of the hour up to the end of `minute`; events are sorted by minute."""
    first = bisect_right(events, minute - HOUR, key=lambda event: event.minute)
    return events[first : bisect_right(events, minute, key=lambda event: event.minute)]


def _rows_upto(readings: Readings, stations: Ints, minute: int) -> Ints:
    """Per station, the row after its last reading in or before `minute`.

    A search in each station's own rows: a block may hold a day of them, and an episode looks at
    half an hour.
    """
    low = np.searchsorted(readings.station, stations, side="left")
    high = np.searchsorted(readings.station, stations, side="right")
    while (open_ := low < high).any():
        middle = (low + high) // 2
        there = np.zeros(len(stations), bool)
        there[open_] = readings.ts_ms[middle[open_]] <= minute * 60_000
        low = np.where(open_ & there, middle + 1, low)
        high = np.where(open_ & ~there, middle, high)
    return np.asarray(low, np.int64)


def _wind(readings: Readings, minute: int, stations: int) -> tuple[float, float]:
    """Mean wind vector over the newest believable wind of every station; speed 0 if unknown."""
    every = np.arange(stations)
    first = _rows_upto(readings, every, minute - WIND_AGE_MIN)
    count = _rows_upto(readings, every, minute) - first
    rows = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    speed, towards = readings.values[rows, WIND_SPEED], readings.values[rows, WIND_DIR]
    there = np.flatnonzero((speed >= 0) & (speed < 60) & (towards >= 0) & (towards <= 360))
    if not len(there):
        return 0.0, 0.0
    last = there[np.append(np.diff(readings.station[rows][there]) != 0, True)]
    angle = np.radians(towards[last])
    east, north = (speed[last] * np.sin(angle)).mean(), (speed[last] * np.cos(angle)).mean()
    return float(np.hypot(east, north)), float(np.degrees(np.arctan2(east, north)) % 360)


def _trucks(events: Sequence[Event], around: set[str]) -> int:
    """Heavy trucks past the busiest camera near by."""
    seen: dict[str, int] = {}
    for event in events:
        if event.kind == "truck_pass" and event.segment in around:
            seen[event.segment or ""] = seen.get(event.segment or "", 0) + event.count
    return max(seen.values(), default=0)


def _coarse_share(pm: Ints, known: Bools) -> float:
    both = known[:, 0] & known[:, 1] & (pm[:, 0] > 0)
    if not both.any():
        return 0.0
    return float(((pm[both, 0] - pm[both, 1]) / pm[both, 0]).mean().clip(0, 1))


def _flagged_share(
    readings: Readings, believed: NDArray[np.bool_], minute: int, here: list[int]
) -> float:
    """Share of the last ten readings of the place's stations that failed a test on PM10."""
    shares = []
    stations = np.array(here, np.int64)
    first = np.searchsorted(readings.station, stations)
    for begin, end in zip(first, _rows_upto(readings, stations, minute), strict=True):
        rows = np.arange(max(begin, end - HEALTH_READINGS), end)
        rows = rows[~np.isnan(readings.values[rows, 0])]
        if len(rows):
            shares.append(float((~believed[rows, 0]).mean()))
    return max(shares, default=0.0)


def _own_work(
    happenings: Happenings, place: Place, minute: int, started: int, layout: Layout
) -> OwnWork | None:
    """Work that may have raised the dust: begun before the episode, not in answer to it."""
    for work in happenings.works:
        here = (work.segment, work.site) == (place.segment, place.site)
        under_way = work.start <= started and (
            work.end is None or minute < work.end + WORK_ECHO_MIN
        )
        if here and under_way and work.told_by(minute):
            crew = layout.crew_names.get(work.crew, Named(work.crew, work.crew))
            return OwnWork(work.treatment, crew)
    return None
