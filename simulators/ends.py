"""Where the streets of a district lead out of its map."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.district import District
from geo.graph import RoadGraph

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Streets without a count of their own and shorter than this are part of a crossing.
CROSSING_M = 60.0

# An arm of a junction that has this many more trucks than the others can bring or take, against
# its own, shows that a street leads out of the map there.
UNBALANCED = 0.05
# Arms whose bearings differ by less lead the same way: nobody goes from one to the other.
SAME_WAY_DEG = 40.0


@dataclass(frozen=True, slots=True)
class Ends:
    """Junctions at which trucks come onto the map and leave it.

    enter and leave are nodes, paired by place; enters and leaves are the trucks of a day that
    the streets there cannot account for otherwise.
    """

    enter: Ints
    leave: Ints
    enters: Floats
    leaves: Floats

    def largest(self, count: int) -> "Ends":
        order = np.argsort(-(self.enters + self.leaves), kind="stable")[:count]
        order.sort()
        return Ends(self.enter[order], self.leave[order], self.enters[order], self.leaves[order])


@dataclass(frozen=True, slots=True)
class _Arm:
    """A street at a junction: where it leads and what it brings and takes in a day."""

    bearing_deg: float
    node: int
    brings: float
    takes: float


def find_ends(district: District, graph: RoadGraph) -> Ends:
    """Where streets lead out of the map.

    At a dead end they do, and where one street has more trucks than all others at its junction
    can bring or take. A network with no such place ends at the junctions of its hull.
    """
    group = _crossings(district, graph)
    arms: dict[int, list[_Arm]] = {}
    streets: dict[int, set[str]] = {}
    for segment in district.segments.values():
        start, end = graph.node_of_start(segment.id), graph.node_of_end(segment.id)
        streets.setdefault(start, set()).add(segment.id)
        streets.setdefault(end, set()).add(segment.id)
        if _is_crossing(segment.heavy_trucks_per_day, segment.length_m):
            continue
        ways = len(graph.directions(segment.id))
        trucks = segment.heavy_trucks_per_day / ways
        xy = np.asarray(district.projection.to_xy(segment.line).coords)
        for node, corners, brings, takes in (
            (start, xy, trucks * (ways - 1), trucks),
            (end, xy[::-1], trucks, trucks * (ways - 1)),
        ):
            east, north = corners[1] - corners[0]
            bearing = float(np.degrees(np.arctan2(north, east)))
            arms.setdefault(int(group[node]), []).append(_Arm(bearing, node, brings, takes))
    found: list[tuple[int, int, float, float]] = []
    for there in arms.values():
        enters, enter = max(_surplus(there, arm, "takes", "brings") for arm in there)
        leaves, leave = max(_surplus(there, arm, "brings", "takes") for arm in there)
        nodes = {arm.node for arm in there}
        dead = len(nodes) == 1 and len(streets[next(iter(nodes))]) == 1
        if dead:
            enters, leaves = max(enters, 1.0), max(leaves, 1.0)
        if enters > 0.0 or leaves > 0.0:
            found.append((enter, leave, enters, leaves))
    if not found:
        found = [(node, node, 1.0, 1.0) for node in _hull(district, graph)]
    enter_, leave_, enters_, leaves_ = zip(*found, strict=True)
    return Ends(
        np.array(enter_, np.intp), np.array(leave_, np.intp), np.array(enters_), np.array(leaves_)
    )


def _is_crossing(heavy_per_day: float, length_m: float) -> bool:
    return heavy_per_day == 0.0 and length_m <= CROSSING_M


def _crossings(district: District, graph: RoadGraph) -> Ints:
    """(node,) the number of the junction that each node belongs to."""
    count = len(graph.node_lonlat)
    short = [
        (graph.node_of_start(segment.id), graph.node_of_end(segment.id))
        for segment in district.segments.values()
        if _is_crossing(segment.heavy_trucks_per_day, segment.length_m)
    ]
    tail, head = np.array(short, np.intp).reshape(-1, 2).T
    joined = csr_array((np.ones(len(tail)), (tail, head)), shape=(count, count))
    return np.asarray(connected_components(joined, directed=False)[1], np.intp)


def _surplus(there: list[_Arm], arm: _Arm, own: str, others: str) -> tuple[float, int]:
    """What of an arm's trucks no other arm accounts for, and its node."""
    elsewhere = sum(
        getattr(other, others)
        for other in there
        if other is not arm
        and abs((other.bearing_deg - arm.bearing_deg + 180.0) % 360.0 - 180.0) > SAME_WAY_DEG
    )
    trucks = float(getattr(arm, own))
    missing = trucks - elsewhere
    return (missing if missing > UNBALANCED * trucks else 0.0), arm.node


def _hull(district: District, graph: RoadGraph) -> list[int]:
    xy = district.projection.to_xy(graph.node_lonlat)
    hull = shapely.MultiPoint(xy).convex_hull
    away = shapely.distance(shapely.points(xy), shapely.boundary(hull))
    if shapely.get_dimensions(hull) < 2:
        away = -np.hypot(*(xy - xy.mean(axis=0)).T)
        return [int(node) for node in np.argsort(away, kind="stable")[:2]]
    return [int(node) for node in np.flatnonzero(away < 1.0)]
