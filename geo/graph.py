"""Driving: times, lengths and ways between places over the streets of a district."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.district import District, Segment, Site
from geo.junctions import join_ends
from geo.places import Place, PlaceIndex

Direction = Literal["forward", "backward"]
Floats = NDArray[np.float64]

# A place this close to the end of its segment is at the junction there, free to leave by any
# street.
_AT_END_M = 1e-6


class Unreachable(Exception):
    """No way leads there along the streets as they may be driven."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A segment in one direction that it may be driven in, between two nodes."""

    segment: str
    direction: Direction
    tail: int
    head: int
    metres: float
    limit_kmh: float


@dataclass(frozen=True, slots=True)
class Travel:
    """Drives from each origin to each destination, both arrays (origin, destination).

    ``metres`` is the length of the fastest way; inf in both where there is no way.
    """

    seconds: Floats
    metres: Floats


@dataclass(frozen=True, slots=True)
class Path:
    """A drive: its line, length and time, and the segments it goes along in order."""

    lonlat: list[tuple[float, float]]
    metres: float
    seconds: float
    steps: list[tuple[str, Direction]]


@dataclass(frozen=True, slots=True)
class _AllPairs:
    seconds: Floats
    metres: Floats
    predecessors: NDArray[np.int32]
    # (node, node): the edge that the fastest way takes from one node to a next, -1 for none.
    edge_between: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Access:
    """How a stop is joined to the nodes: up to two ways, inf and node 0 where there is none."""

    nodes: NDArray[np.intp]
    seconds: Floats
    metres: Floats


class RoadGraph:
    """The streets of a district as nodes, the junctions, and edges, the segments between them.

    Attributes
    ----------
    edges
        Each segment in each direction that it may be driven in, in the district's order.
    node_lonlat
        (node, 2) where the junctions are.
    place_index
        Finds places on the streets of the same district.
    """

    def __init__(self, district: District) -> None:
        self._district = district
        self.place_index = PlaceIndex(district)
        segments = list(district.segments.values())
        to_xy = district.projection.to_xy
        junctions = join_ends(
            to_xy([segment.line.coords[0] for segment in segments]),
            to_xy([segment.line.coords[-1] for segment in segments]),
        )
        self._ends = {
            segment.id: (int(start), int(end))
            for segment, start, end in zip(segments, junctions.start, junctions.end, strict=True)
        }
        self.node_lonlat: Floats = district.projection.to_lonlat(junctions.xy)
        self.edges: tuple[Edge, ...] = tuple(
            self._edge(segment, direction)
            for segment in segments
            for direction in self.directions(segment.id)
        )
        self._all_pairs: dict[float, _AllPairs] = {}

    def directions(self, segment_id: str) -> tuple[Direction, ...]:
        """Give the directions in which a segment may be driven, against how it is drawn."""
        return ("forward",) if self._segment(segment_id).oneway else ("forward", "backward")

    def node_of_start(self, segment_id: str) -> int:
        """Give the node at the drawn start of a segment."""
        self._segment(segment_id)
        return self._ends[segment_id][0]

    def node_of_end(self, segment_id: str) -> int:
        """Give the node at the drawn end of a segment."""
        self._segment(segment_id)
        return self._ends[segment_id][1]

    def treat_ends(self, segment_id: str, direction: Direction) -> tuple[int, int]:
        """Give the nodes where the treatment of a segment in a direction begins and ends.

        Raises ValueError if the segment may not be driven in that direction.
        """
        if direction not in self.directions(segment_id):
            raise ValueError(
                f"segment {segment_id!r} may not be driven {direction}; "
                f"choose from {', '.join(self.directions(segment_id))}"
            )
        start, end = self._ends[segment_id]
        return (start, end) if direction == "forward" else (end, start)

    def node_times(self, speed_kmh: float) -> tuple[Floats, Floats]:
        """Give seconds and metres between all nodes, each (node, node); kept per speed.

        The arrays are shared between callers and cannot be written to.
        """
        pairs = self._pairs(speed_kmh)
        return pairs.seconds, pairs.metres

    def travel(
        self,
        origins: Sequence[Place | int],
        destinations: Sequence[Place | int],
        speed_kmh: float,
    ) -> Travel:
        """Give the fastest drives from each origin to each destination.

        A vehicle drives each segment at the lower of its own ``speed_kmh`` and the segment's.
        Origins and destinations are places or node numbers.
        """
        pairs = self._pairs(speed_kmh)
        leave = [self._leaving(stop, speed_kmh) for stop in origins]
        arrive = [self._arriving(stop, speed_kmh) for stop in destinations]
        seconds = np.full((len(leave), len(arrive)), np.inf)
        metres = seconds.copy()
        if not leave or not arrive:
            return Travel(seconds, metres)
        for out in range(2):
            tail = np.array([access.nodes[out] for access in leave])
            out_s = np.array([access.seconds[out] for access in leave])[:, None]
            out_m = np.array([access.metres[out] for access in leave])[:, None]
            for into in range(2):
                head = np.array([access.nodes[into] for access in arrive])
                in_s = np.array([access.seconds[into] for access in arrive])
                in_m = np.array([access.metres[into] for access in arrive])
                total_s = out_s + pairs.seconds[np.ix_(tail, head)] + in_s
                total_m = out_m + pairs.metres[np.ix_(tail, head)] + in_m
                faster = total_s < seconds
                seconds[faster], metres[faster] = total_s[faster], total_m[faster]
        self._straight(origins, destinations, speed_kmh, seconds, metres)
        return Travel(seconds, metres)

    def path(self, origin: Place | int, destination: Place | int, speed_kmh: float) -> Path:
        """Give the fastest way from one place or node to another.

        Raises
        ------
        Unreachable
            If there is no way.
        """
        travel = self.travel([origin], [destination], speed_kmh)
        seconds, metres = float(travel.seconds[0, 0]), float(travel.metres[0, 0])
        if not np.isfinite(seconds):
            raise Unreachable(
                f"no way leads from {self._describe(origin)} to {self._describe(destination)}; "
                "check the segments between them and their `oneway`"
            )
        legs = self._legs(origin, destination, speed_kmh, seconds)
        return Path(
            lonlat=self._drive_line(legs, origin),
            metres=metres,
            seconds=seconds,
            steps=[
                (segment, "forward" if to_m > from_m else "backward")
                for segment, from_m, to_m in legs
            ],
        )

    def site_access(self, site: str | Site) -> Place:
        """Give the place from which crews treat a site.

        It lies on the gate segment nearest to the site's boundary (on the nearest of all
        segments if the site has no gate), where that passes closest to the site's centre.
        """
        shape = self._site(site)
        boundary = self._district.projection.to_xy(shape.geometry)
        candidates = shape.gates or tuple(self._district.segments)
        lines = np.array([self._xy_line(segment) for segment in candidates], dtype=object)
        nearest = int(np.argmin(shapely.distance(lines, boundary)))
        offset_m = float(shapely.line_locate_point(lines[nearest], boundary.centroid))
        return Place(candidates[nearest], offset_m)

    def depot_place(self, depot_id: str) -> Place:
        """Give the place on the nearest segment where vehicles turn in to a depot."""
        try:
            depot = self._district.depots[depot_id]
        except KeyError:
            raise KeyError(f"the district has no depot {depot_id!r}") from None
        found = self.place_index.nearest(depot.lon, depot.lat)
        assert found is not None
        return found[0]

    def _segment(self, segment_id: str) -> Segment:
        try:
            return self._district.segments[segment_id]
        except KeyError:
            raise KeyError(f"the district has no segment {segment_id!r}") from None

    def _site(self, site: str | Site) -> Site:
        if isinstance(site, Site):
            return site
        try:
            return self._district.sites[site]
        except KeyError:
            raise KeyError(f"the district has no site {site!r}") from None

    def _xy_line(self, segment_id: str) -> shapely.LineString:
        return self._district.projection.to_xy(self._segment(segment_id).line)

    def _edge(self, segment: Segment, direction: Direction) -> Edge:
        start, end = self._ends[segment.id]
        tail, head = (start, end) if direction == "forward" else (end, start)
        return Edge(segment.id, direction, tail, head, segment.length_m, segment.speed_kmh)

    def _pairs(self, speed_kmh: float) -> _AllPairs:
        if not speed_kmh > 0:
            raise ValueError(f"the speed of a drive must be above 0 km/h, not {speed_kmh}")
        if speed_kmh not in self._all_pairs:
            self._all_pairs[speed_kmh] = self._search(speed_kmh)
        return self._all_pairs[speed_kmh]

    def _search(self, speed_kmh: float) -> _AllPairs:
        count = len(self.node_lonlat)
        tail = np.array([edge.tail for edge in self.edges])
        head = np.array([edge.head for edge in self.edges])
        length_m = np.array([edge.metres for edge in self.edges])
        limit_kmh = np.array([edge.limit_kmh for edge in self.edges])
        time_s = length_m / (np.minimum(limit_kmh, speed_kmh) / 3.6)
        # Between two nodes only the fastest edge counts, of equals the first; a sparse matrix
        # would add parallel edges up.
        order = np.lexsort((np.arange(len(tail)), time_s, head, tail))
        order = order[tail[order] != head[order]]
        pair = tail[order] * count + head[order]
        best = order[np.unique(pair, return_index=True)[1]]
        weights = coo_array((time_s[best], (tail[best], head[best])), shape=(count, count))
        seconds, predecessors = dijkstra(weights.tocsr(), return_predecessors=True)
        edge_between = np.full((count, count), -1, dtype=np.intp)
        edge_between[tail[best], head[best]] = best
        metres = _lengths_along(seconds, predecessors, edge_between, length_m)
        seconds.flags.writeable = metres.flags.writeable = False
        return _AllPairs(seconds, metres, predecessors, edge_between)

    def _speed_mps(self, segment: Segment, speed_kmh: float) -> float:
        return min(segment.speed_kmh, speed_kmh) / 3.6

    def _offset_m(self, place: Place, segment: Segment) -> float:
        return min(max(place.offset_m, 0.0), segment.length_m)

    def _leaving(self, stop: Place | int, speed_kmh: float) -> _Access:
        if not isinstance(stop, Place):
            return self._at_node(stop)
        segment = self._segment(stop.segment)
        offset_m = self._offset_m(stop, segment)
        back = not segment.oneway or offset_m <= _AT_END_M
        return self._access(
            segment, speed_kmh, offset_m if back else np.inf, segment.length_m - offset_m
        )

    def _arriving(self, stop: Place | int, speed_kmh: float) -> _Access:
        if not isinstance(stop, Place):
            return self._at_node(stop)
        segment = self._segment(stop.segment)
        offset_m = self._offset_m(stop, segment)
        rest_m = segment.length_m - offset_m
        back = not segment.oneway or rest_m <= _AT_END_M
        return self._access(segment, speed_kmh, offset_m, rest_m if back else np.inf)

    def _access(self, segment: Segment, speed_kmh: float, start_m: float, end_m: float) -> _Access:
        metres = np.array([start_m, end_m])
        nodes = np.array(self._ends[segment.id], dtype=np.intp)
        return _Access(nodes, metres / self._speed_mps(segment, speed_kmh), metres)

    def _at_node(self, node: int) -> _Access:
        if not 0 <= node < len(self.node_lonlat):
            raise ValueError(f"there is no node {node}; nodes are 0 to {len(self.node_lonlat) - 1}")
        only = np.array([0.0, np.inf])
        return _Access(np.array([node, node], dtype=np.intp), only, only)

    def _direct_m(self, origin: Place | int, destination: Place | int) -> float | None:
        """Metres along the one segment that both lie on, negative backward, None if barred."""
        if not isinstance(origin, Place) or not isinstance(destination, Place):
            return None
        if origin.segment != destination.segment:
            return None
        segment = self._segment(origin.segment)
        ahead_m = self._offset_m(destination, segment) - self._offset_m(origin, segment)
        return None if segment.oneway and ahead_m < 0 else ahead_m

    def _straight(
        self,
        origins: Sequence[Place | int],
        destinations: Sequence[Place | int],
        speed_kmh: float,
        seconds: Floats,
        metres: Floats,
    ) -> None:
        """Put in the drives that stay on one segment, where they are faster."""
        columns: dict[str, list[int]] = {}
        for column, stop in enumerate(destinations):
            if isinstance(stop, Place):
                columns.setdefault(stop.segment, []).append(column)
        for row, origin in enumerate(origins):
            if not isinstance(origin, Place):
                continue
            for column in columns.get(origin.segment, ()):
                ahead_m = self._direct_m(origin, destinations[column])
                if ahead_m is None:
                    continue
                segment = self._segment(origin.segment)
                time_s = abs(ahead_m) / self._speed_mps(segment, speed_kmh)
                if time_s <= seconds[row, column]:
                    seconds[row, column], metres[row, column] = time_s, abs(ahead_m)

    def _legs(
        self, origin: Place | int, destination: Place | int, speed_kmh: float, seconds: float
    ) -> list[tuple[str, float, float]]:
        """Give the pieces of the fastest way: segment, offset from and offset to, metres."""
        ahead_m = self._direct_m(origin, destination)
        if ahead_m is not None and isinstance(origin, Place) and isinstance(destination, Place):
            segment = self._segment(origin.segment)
            if abs(ahead_m) / self._speed_mps(segment, speed_kmh) <= seconds:
                legs = [
                    (
                        segment.id,
                        self._offset_m(origin, segment),
                        self._offset_m(destination, segment),
                    )
                ]
                return [leg for leg in legs if abs(leg[2] - leg[1]) > _AT_END_M]
        pairs = self._pairs(speed_kmh)
        leave, arrive = self._leaving(origin, speed_kmh), self._arriving(destination, speed_kmh)
        totals = (
            leave.seconds[:, None]
            + pairs.seconds[np.ix_(leave.nodes, arrive.nodes)]
            + arrive.seconds
        )
        out, into = divmod(int(np.argmin(totals)), 2)
        legs = []
        if isinstance(origin, Place):
            segment = self._segment(origin.segment)
            legs.append(
                (segment.id, self._offset_m(origin, segment), 0.0 if out == 0 else segment.length_m)
            )
        legs.extend(self._between_nodes(pairs, int(leave.nodes[out]), int(arrive.nodes[into])))
        if isinstance(destination, Place):
            segment = self._segment(destination.segment)
            legs.append(
                (
                    segment.id,
                    0.0 if into == 0 else segment.length_m,
                    self._offset_m(destination, segment),
                )
            )
        return [leg for leg in legs if abs(leg[2] - leg[1]) > _AT_END_M]

    def _between_nodes(
        self, pairs: _AllPairs, tail: int, head: int
    ) -> list[tuple[str, float, float]]:
        legs: list[tuple[str, float, float]] = []
        while head != tail:
            before = int(pairs.predecessors[tail, head])
            edge = self.edges[pairs.edge_between[before, head]]
            ends = (0.0, edge.metres) if edge.direction == "forward" else (edge.metres, 0.0)
            legs.append((edge.segment, *ends))
            head = before
        return legs[::-1]

    def _drive_line(
        self, legs: list[tuple[str, float, float]], origin: Place | int
    ) -> list[tuple[float, float]]:
        if not legs:
            lon, lat = (
                self.place_index.point(origin)
                if isinstance(origin, Place)
                else self.node_lonlat[origin]
            )
            return [(float(lon), float(lat))]
        points: list[tuple[float, float]] = []
        for segment, from_m, to_m in legs:
            piece = self.place_index.line_between(segment, from_m, to_m)
            points.extend((float(lon), float(lat)) for lon, lat in piece.coords)
        return [
            point for index, point in enumerate(points) if index == 0 or point != points[index - 1]
        ]

    def _describe(self, stop: Place | int) -> str:
        if isinstance(stop, Place):
            return f"segment {stop.segment!r} at {stop.offset_m:.0f} m"
        lon, lat = self.node_lonlat[stop]
        return f"node {stop} ({lon:.6f}, {lat:.6f})"


def _lengths_along(
    seconds: Floats,
    predecessors: NDArray[np.int32],
    edge_between: NDArray[np.intp],
    edge_metres: Floats,
) -> Floats:
    """Give the metres of the fastest ways, (node, node), from their predecessors."""
    count = len(seconds)
    metres = np.where(np.isfinite(seconds), 0.0, np.inf)
    rows = np.arange(count)
    # Nearer nodes first, so that the length to a node's predecessor is known already.
    nearer = np.argsort(seconds, axis=1, kind="stable")
    for rank in range(1, count):
        node = nearer[:, rank]
        before = predecessors[rows, node]
        on = before >= 0
        row, at, prior = rows[on], node[on], before[on]
        metres[row, at] = metres[row, prior] + edge_metres[edge_between[prior, at]]
    return metres
