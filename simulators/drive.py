"""Driving along a given line: whether the streets allow it, and where one is after so long."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.district import District
from geo.graph import RoadGraph, Unreachable
from geo.places import Place

Floats = NDArray[np.float64]
LonLat = Sequence[tuple[float, float]]

# How far a drawn path may lie off the centre line of its street, and its corners off a junction.
OFF_LINE_M = 5.0
OFF_CORNER_M = 10.0

# Shorter steps say nothing about the direction driven.
SHORT_M = 1.0


class NotDrivable(Exception):
    """The streets do not allow the path; the message says where, in words for a crew."""


@dataclass(frozen=True, slots=True)
class Drive:
    """A line in metres, with the time from its start to each of its points."""

    xy: Floats
    at_s: Floats

    @property
    def seconds(self) -> float:
        """How long all of it takes."""
        return float(self.at_s[-1])

    def place(self, after_s: float) -> tuple[float, float]:
        """Where one is after so many seconds, metres."""
        x = float(np.interp(after_s, self.at_s, self.xy[:, 0]))
        y = float(np.interp(after_s, self.at_s, self.xy[:, 1]))
        return x, y


@dataclass(frozen=True, slots=True)
class _On:
    """A step of a path taken as one along a segment."""

    segment: int
    forward: bool


class Streets:
    """The streets of a district as drivers know them."""

    def __init__(self, district: District) -> None:
        self.graph = RoadGraph(district)
        self.projection = district.projection
        segments = list(district.segments.values())
        self._ids = [segment.id for segment in segments]
        self._index = {segment.id: at for at, segment in enumerate(segments)}
        self._lines = np.array([self.projection.to_xy(s.line) for s in segments], dtype=object)
        self._oneway = [segment.oneway for segment in segments]
        self._limit_mps = np.array([segment.speed_kmh / 3.6 for segment in segments])
        self._ends = [shapely.get_coordinates(line)[[0, -1]] for line in self._lines]
        self._tree = shapely.STRtree(self._lines)

    def xy(self, lon: float, lat: float) -> tuple[float, float]:
        """Metres of degrees."""
        x, y = self.projection.to_xy([(lon, lat)])[0]
        return float(x), float(y)

    def ends(self, path: LonLat) -> tuple[tuple[float, float], tuple[float, float]]:
        """Metres of the first and the last point of a path in degrees."""
        (x0, y0), (x1, y1) = self.projection.to_xy([path[0], path[-1]]).tolist()
        return (x0, y0), (x1, y1)

    def lonlats(self, places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Degrees, to a decimetre, of places in metres."""
        if not places:
            return []
        degrees = np.round(self.projection.to_lonlat(places), 6).tolist()
        return [(lon, lat) for lon, lat in degrees]

    def line(self, segment: str, direction: str) -> Floats:
        """(n, 2) a segment in metres as it is driven in a direction."""
        xy = shapely.get_coordinates(self._lines[self._index[segment]])
        return xy if direction == "forward" else xy[::-1]

    def may(self, segment: str, direction: str) -> bool:
        """Whether a segment may be driven so."""
        return direction in self.graph.directions(segment)

    def depot(self, depot: str) -> tuple[float, float]:
        """Where vehicles turn in to a depot, metres."""
        lon, lat = self.graph.place_index.point(self.graph.depot_place(depot))
        return self.xy(lon, lat)

    def follow(self, path: LonLat, speed_kmh: float) -> Drive:
        """The drive along a path of an order.

        Raises
        ------
        NotDrivable
            If a step of it lies on no street, goes against a one-way street, or turns from
            one street into another where they do not meet.
        """
        xy = _without_short_steps(self.projection.to_xy(path))
        if len(xy) < 2:
            return Drive(xy, np.zeros(len(xy)))
        return _timed(xy, self._limits(self._taken(xy)), speed_kmh)

    def own_way(
        self, here: tuple[float, float], there: tuple[float, float], speed_kmh: float
    ) -> Drive:
        """The fastest drive that a crew finds by itself, place to place in metres.

        Raises NotDrivable where there is none.
        """
        stops = [self._stop(*here), self._stop(*there)]
        try:
            path = self.graph.path(stops[0], stops[1], speed_kmh)
        except Unreachable as error:
            raise NotDrivable("从车辆所在位置没有可行驶的路线到作业地点") from error
        return self.follow(path.lonlat, speed_kmh)

    def _stop(self, x: float, y: float) -> Place | int:
        lon, lat = self.projection.to_lonlat([(x, y)])[0]
        found = self.graph.place_index.nearest(float(lon), float(lat))
        assert found is not None
        place = found[0]
        # At a junction every street is open, not only the one that the point lies nearest to.
        if place.offset_m < OFF_CORNER_M:
            return self.graph.node_of_start(place.segment)
        length_m = float(self._lines[self._index[place.segment]].length)
        if length_m - place.offset_m < OFF_CORNER_M:
            return self.graph.node_of_end(place.segment)
        return place

    def _taken(self, xy: Floats) -> list[_On]:
        """For each step the segment that it goes along; found backwards from what fits the end."""
        choices = self._choices(xy)
        reachable: list[list[tuple[_On, int]]] = [[(on, -1) for on in choices[0]]]
        for step in range(1, len(choices)):
            before = reachable[-1]
            here = []
            for on in choices[step]:
                fits = (i for i, (was, _) in enumerate(before) if self._joins(was, on, xy[step]))
                came = next(fits, None)
                if came is not None:
                    here.append((on, came))
            if not here:
                raise NotDrivable(f"路线第{step + 1}个点处两条路不相通")
            reachable.append(here)
        taken: list[_On] = []
        at = 0
        for options in reversed(reachable):
            on, at = options[at]
            taken.append(on)
        return taken[::-1]

    def _choices(self, xy: Floats) -> list[list[_On]]:
        points = np.asarray(shapely.points(xy), dtype=object)
        steps, near = self._tree.query(
            shapely.points((xy[:-1] + xy[1:]) / 2.0), predicate="dwithin", distance=OFF_LINE_M
        )
        order = np.lexsort((near, steps))
        steps, near = steps[order], near[order]
        lines = self._lines[near]
        fits = np.asarray(shapely.distance(lines, points[:-1][steps]) <= OFF_LINE_M) & np.asarray(
            shapely.distance(lines, points[1:][steps]) <= OFF_LINE_M
        )
        ahead_m = np.asarray(
            shapely.line_locate_point(lines, points[1:][steps])
            - shapely.line_locate_point(lines, points[:-1][steps])
        )
        length_m = np.hypot(*(xy[1:] - xy[:-1]).T)
        # A step along a street moves along it; one across it only touches it.
        fits &= np.abs(ahead_m) >= 0.8 * length_m[steps]
        choices: list[list[_On]] = [[] for _ in range(len(xy) - 1)]
        against = [False] * len(choices)
        for step, segment, metres in zip(steps[fits], near[fits], ahead_m[fits], strict=True):
            if metres < 0 and self._oneway[segment]:
                against[step] = True
            else:
                choices[step].append(_On(int(segment), bool(metres > 0)))
        for step, options in enumerate(choices):
            if not options:
                where = f"路线第{step + 1}段"
                raise NotDrivable(f"{where}逆行" if against[step] else f"{where}不在道路上")
        return choices

    def _joins(self, was: _On, now: _On, corner: Floats) -> bool:
        if was == now:
            return True
        tail = self._ends[was.segment][1 if was.forward else 0]
        head = self._ends[now.segment][0 if now.forward else 1]
        if (
            np.hypot(*(tail - corner)) <= OFF_CORNER_M
            and np.hypot(*(head - corner)) <= OFF_CORNER_M
        ):
            return bool(np.hypot(*(tail - head)) <= 2.0)
        return False

    def _limits(self, taken: Sequence[_On]) -> Floats:
        return np.asarray(self._limit_mps[[on.segment for on in taken]], dtype=np.float64)


def pulled_up(xy: tuple[float, float], drive: Drive, speed_kmh: float) -> Drive:
    """A drive that begins with the few metres from where the vehicle stands."""
    here = np.array([xy])
    if np.hypot(*(here[0] - drive.xy[0])) < 0.1:
        return drive
    gap_s = float(np.hypot(*(here[0] - drive.xy[0]))) / (speed_kmh / 3.6)
    return Drive(np.vstack([here, drive.xy]), np.concatenate([[0.0], drive.at_s + gap_s]))


def _timed(xy: Floats, limits_mps: Floats, speed_kmh: float) -> Drive:
    seconds = np.hypot(*np.diff(xy, axis=0).T) / np.minimum(limits_mps, speed_kmh / 3.6)
    return Drive(xy, np.concatenate([[0.0], np.cumsum(seconds)]))


def _without_short_steps(xy: Floats) -> Floats:
    """The points without those that lie within a metre of the one before; the last is kept."""
    kept = [0]
    for at in range(1, len(xy)):
        if np.hypot(*(xy[at] - xy[kept[-1]])) >= SHORT_M:
            kept.append(at)
    if kept[-1] != len(xy) - 1:
        if len(kept) > 1:
            kept[-1] = len(xy) - 1
        elif np.hypot(*(xy[-1] - xy[0])) > 0.0:
            return np.asarray(xy[:1], dtype=np.float64)
    return np.asarray(xy[kept], dtype=np.float64)
