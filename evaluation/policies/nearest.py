"""Where it is worst, whoever is nearest."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from evaluation.desk import CrewSeen, Desk, Job
from evaluation.policies.policy import Order
from evaluation.policies.rain import Rain
from geo.district import District, Station
from geo.graph import RoadGraph
from simulators.devices.scene import Scene
from simulators.message import Message

EVERY_MIN = 5
MEAN_MIN = 15
REST = timedelta(hours=2)
REASON = "附近监测点读数最高"


class Nearest:
    """Every 5 minutes the nearest idle crew goes to the worst station.

    The worst is the station of a road or site with the highest 15-minute mean of PM10, of those
    whose segment has not been sent a crew to in the last 2 hours; a site's station stands for
    the street at its gate. The readings are those of faultless sensors, from the scene: the
    policy is spared the stations' noise and faults. Nobody goes out in rain.
    """

    def __init__(self, district: District) -> None:
        self._desk = Desk(district, "nearest")
        self._rain = Rain()
        self._at, self._segments = _stations(district, self._desk.graph)
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=MEAN_MIN)
        self._treated: dict[str, datetime] = {}
        self._minute = 0

    def step(self, now: datetime, messages: Sequence[Message], scene: Scene) -> list[Order]:
        """Send out at most one crew."""
        for ended in self._desk.hear(messages):
            if ended.event != "done" and ended.segment is not None:
                self._treated.pop(ended.segment, None)
        self._recent.append(np.asarray(scene.pm10, np.float64)[self._at])
        rains = self._rain.step(scene.rain)
        self._minute += 1
        if self._minute % EVERY_MIN or len(self._recent) < MEAN_MIN or rains:
            return []
        idle = [seen for seen in self._desk.ready(now) if not seen.busy]
        means = np.mean(self._recent, axis=0)
        for station in np.argsort(-means, kind="stable"):
            segment = self._segments[station]
            if segment in self._treated and now - self._treated[segment] < REST:
                continue
            return self._send(idle, segment, now)
        return []

    def _send(self, idle: Sequence[CrewSeen], segment: str, now: datetime) -> list[Order]:
        for seen in sorted(idle, key=lambda seen: float(self._desk.drive_s(seen, [segment])[0])):
            plan = self._desk.plan(seen, now, [Job(segment, REASON, 2)], home=False)
            if self._desk.treats(seen, segment):
                self._treated[segment] = now
                return [(seen.crew.id, plan)]
        return []


def _stations(district: District, graph: RoadGraph) -> tuple[NDArray[np.intp], list[str]]:
    """Which stations count, by their place in the district, and the street of each."""
    found = [
        (at, segment)
        for at, station in enumerate(district.stations.values())
        if (segment := _street(district, graph, station)) is not None
    ]
    return np.array([at for at, _ in found], np.intp), [segment for _, segment in found]


def _street(district: District, graph: RoadGraph, station: Station) -> str | None:
    if station.kind == "background":
        return None
    segment = station.segment
    if segment is None and station.site is not None:
        segment = graph.site_access(station.site).segment
    return segment if segment is not None and district.segments[segment].treat else None
