"""Drives over the road graph, against a plain search over streets cut at every place."""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.district import District, load_district
from geo.graph import RoadGraph, Unreachable
from geo.places import Place

CORNERS = [(x * 250.0, y * 250.0) for x in range(3) for y in range(2)]

street = st.fixed_dictionaries(
    {
        "ends": st.tuples(st.integers(0, 5), st.integers(0, 5)),
        "bulge": st.sampled_from([0.0, 40.0, -90.0]),
        "oneway": st.booleans(),
        "speed_kmh": st.sampled_from([20.0, 40.0, 60.0]),
    }
)
streets = st.lists(street, min_size=1, max_size=10)
shares = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 0.2, 0.5, 0.8, 1])), max_size=6)
speeds = st.sampled_from([10.0, 30.0, 50.0, 100.0])


def drawn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Streets between corners, bent so that none has no length; a loop bends twice."""
    found = []
    for number, row in enumerate(rows):
        (x0, y0), (x1, y1) = (CORNERS[end] for end in row["ends"])
        bulge = row["bulge"]
        if row["ends"][0] == row["ends"][1]:
            points = [(x0, y0), (x0 + 50, y0 + 30), (x0 + 60, y0 + bulge + 1), (x1, y1)]
        else:
            points = [(x0, y0), ((x0 + x1) / 2 + bulge, (y0 + y1) / 2 - bulge), (x1, y1)]
        found.append({"id": f"s{number}", "points": points, **row})
    return found


def plain_search(district: District, origin: Place, destination: Place, speed_kmh: float) -> float:
    """Seconds by Dijkstra's search over a graph with both places as nodes of their own."""
    links: dict[Any, list[tuple[Any, float]]] = {}
    for segment in district.segments.values():
        ends = [
            tuple(np.round(district.projection.to_xy([segment.line.coords[which]])[0], 1) + 0.0)
            for which in (0, -1)
        ]
        stops: list[tuple[float, Any]] = [(0.0, ends[0]), (segment.length_m, ends[1])]
        for name, place in (("from", origin), ("to", destination)):
            if place.segment == segment.id:
                stops.append((place.offset_m, name))
        # A place at an end of its segment is at the junction there.
        for offset_m, name in stops[2:]:
            for end_m, end in stops[:2]:
                if offset_m == end_m:
                    links.setdefault(end, []).append((name, 0.0))
                    links.setdefault(name, []).append((end, 0.0))
        mps = min(speed_kmh, segment.speed_kmh) / 3.6
        for start_m, start in stops:
            for end_m, end in stops:
                if end_m > start_m or (end_m < start_m and not segment.oneway):
                    links.setdefault(start, []).append((end, abs(end_m - start_m) / mps))
                if end_m == start_m and start != end:
                    links.setdefault(start, []).append((end, 0.0))
    turn = itertools.count()
    queue: list[tuple[float, int, Any]] = [(0.0, next(turn), "from")]
    done = set()
    while queue:
        seconds, _, node = heapq.heappop(queue)
        if node == "to":
            return seconds
        if node not in done:
            done.add(node)
            for following, more in links.get(node, []):
                heapq.heappush(queue, (seconds + more, next(turn), following))
    return math.inf


@settings(max_examples=150, deadline=None)
@given(streets, shares, speeds)
def test_travel_is_the_fastest_drive(
    district_of: Callable[..., District],
    rows: list[dict[str, Any]],
    chosen: list[tuple[int, float]],
    speed_kmh: float,
) -> None:
    """Times between places are those of a plain search, and paths are drives of that time."""
    district = district_of(drawn(rows))
    graph = RoadGraph(district)
    places = [
        Place(f"s{which % len(rows)}", share * district.segments[f"s{which % len(rows)}"].length_m)
        for which, share in chosen
    ]
    travel = graph.travel(places, places, speed_kmh)
    assert travel.seconds.shape == travel.metres.shape == (len(places), len(places))
    for row, origin in enumerate(places):
        for column, destination in enumerate(places):
            wanted = plain_search(district, origin, destination, speed_kmh)
            assert travel.seconds[row, column] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
            assert np.isinf(travel.metres[row, column]) == np.isinf(wanted)
            check_path(district, graph, origin, destination, speed_kmh, wanted)


def check_path(
    district: District,
    graph: RoadGraph,
    origin: Place,
    destination: Place,
    speed_kmh: float,
    seconds: float,
) -> None:
    """A path takes the time, is as long as its line, and goes only as streets may be driven."""
    if math.isinf(seconds):
        with pytest.raises(Unreachable, match="no way leads from"):
            graph.path(origin, destination, speed_kmh)
        return
    path = graph.path(origin, destination, speed_kmh)
    assert path.seconds == pytest.approx(seconds, rel=1e-9, abs=1e-9)
    line = district.projection.to_xy(path.lonlat)
    assert np.hypot(*np.diff(line, axis=0).T).sum() == pytest.approx(path.metres, abs=1e-3)
    index = graph.place_index
    ends = district.projection.to_xy([index.point(origin), index.point(destination)])
    assert np.allclose(line[[0, -1]], ends, atol=1e-3)
    for segment, direction in path.steps:
        assert direction in graph.directions(segment)
    for (first, way), (then, onward) in itertools.pairwise(path.steps):
        assert graph.treat_ends(first, way)[1] == graph.treat_ends(then, onward)[0]


@settings(max_examples=60, deadline=None)
@given(streets, speeds)
def test_nodes_are_places_at_their_ends(
    district_of: Callable[..., District], rows: list[dict[str, Any]], speed_kmh: float
) -> None:
    """Times between nodes are those between places at the ends of segments there."""
    district = district_of(drawn(rows))
    graph = RoadGraph(district)
    seconds, metres = graph.node_times(speed_kmh)
    nodes = [graph.node_of_start(segment) for segment in district.segments]
    places = [Place(segment, 0.0) for segment in district.segments]
    travel = graph.travel(places, nodes, speed_kmh)
    assert np.allclose(travel.seconds, seconds[np.ix_(nodes, nodes)], rtol=1e-9)
    assert np.allclose(travel.metres, metres[np.ix_(nodes, nodes)], rtol=1e-9)
    assert not np.diag(seconds).any()


ROUND = [
    {"id": "A", "points": [(0, 0), (300, 0)]},
    {"id": "B", "points": [(300, 0), (300, 300)]},
    {"id": "C", "points": [(300, 300), (0, 300)], "speed_kmh": 20.0},
    {"id": "D", "points": [(0, 300), (0, 0)], "oneway": True},
]


@pytest.fixture(scope="module")
def square(district_of: Callable[..., District]) -> RoadGraph:
    """The streets round a square of 300 m; C is slow, D one-way."""
    return RoadGraph(district_of(ROUND))


def test_one_way_is_driven_round(square: RoadGraph) -> None:
    """A place behind on a one-way street is reached round the block."""
    travel = square.travel([Place("D", 200.0)], [Place("D", 100.0)], 36.0)
    # 100 m of D, A and B at 10 m/s, C at 20 km/h, and 100 m of D again.
    assert travel.metres[0, 0] == pytest.approx(1100)
    assert travel.seconds[0, 0] == pytest.approx(80 + 300 / (20 / 3.6))
    path = square.path(Place("D", 200.0), Place("D", 100.0), 36.0)
    assert path.steps == [
        ("D", "forward"), ("A", "forward"), ("B", "forward"), ("C", "forward"), ("D", "forward"),
    ]  # fmt: skip


def test_speed_is_the_lower_of_both(square: RoadGraph) -> None:
    """A slow vehicle keeps its own speed, a fast one the street's."""
    stops = [Place("C", 0.0)], [Place("C", 300.0)]
    assert square.travel(*stops, 10.0).seconds[0, 0] == pytest.approx(300 / (10 / 3.6))
    assert square.travel(*stops, 90.0).seconds[0, 0] == pytest.approx(300 / (20 / 3.6))


def test_no_stops_give_empty_tables(square: RoadGraph) -> None:
    """No origins or no destinations give tables of that shape."""
    assert square.travel([], [0, 1], 40.0).seconds.shape == (0, 2)
    assert square.travel([0], [], 40.0).metres.shape == (1, 0)


def test_going_nowhere(square: RoadGraph) -> None:
    """From a place to itself is no distance, and the path is that one point."""
    place = Place("A", 120.0)
    path = square.path(place, place, 40.0)
    assert (path.metres, path.seconds, path.steps) == (0.0, 0.0, [])
    assert path.lonlat == [square.place_index.point(place)]


def test_directions_and_treat_ends(square: RoadGraph) -> None:
    """A one-way street is treated forward only; backward starts at the drawn end."""
    assert square.directions("D") == ("forward",)
    assert square.directions("A") == ("forward", "backward")
    start, end = square.node_of_start("A"), square.node_of_end("A")
    assert square.treat_ends("A", "forward") == (start, end)
    assert square.treat_ends("A", "backward") == (end, start)
    with pytest.raises(ValueError, match="'D' may not be driven backward"):
        square.treat_ends("D", "backward")


def test_edges(square: RoadGraph) -> None:
    """There is an edge for each direction that may be driven, between the right nodes."""
    assert [(edge.segment, edge.direction) for edge in square.edges] == [
        ("A", "forward"), ("A", "backward"), ("B", "forward"), ("B", "backward"),
        ("C", "forward"), ("C", "backward"), ("D", "forward"),
    ]  # fmt: skip
    for edge in square.edges:
        assert (edge.tail, edge.head) == square.treat_ends(edge.segment, edge.direction)
    assert square.node_lonlat.shape == (4, 2)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda graph: graph.travel([0], [4], 40.0), ValueError, "no node 4"),
        (lambda graph: graph.travel([-1], [0], 40.0), ValueError, "no node -1"),
        (lambda graph: graph.travel([Place("X", 0)], [0], 40.0), KeyError, "no segment 'X'"),
        (lambda graph: graph.travel([0], [1], 0.0), ValueError, "above 0 km/h"),
        (lambda graph: graph.node_times(math.nan), ValueError, "above 0 km/h"),
        (lambda graph: graph.node_of_end("X"), KeyError, "no segment 'X'"),
        (lambda graph: graph.site_access("X"), KeyError, "no site 'X'"),
        (lambda graph: graph.depot_place("X"), KeyError, "no depot 'X'"),
    ],
)
def test_bad_questions(
    square: RoadGraph, ask: Callable[[RoadGraph], object], error: type[Exception], message: str
) -> None:
    """What the graph does not know is named in the error."""
    with pytest.raises(error, match=message):
        ask(square)


def test_kept_tables_cannot_be_changed(square: RoadGraph) -> None:
    """The all-pairs tables are shared, so writing to them is refused."""
    with pytest.raises(ValueError, match="read-only"):
        square.node_times(40.0)[0][0, 0] = 1.0


def test_access_of_sites_and_depots(draft) -> None:  # type: ignore[no-untyped-def]
    """A site is treated from its gate segment, or the nearest; a depot opens on the nearest."""
    draft.properties("sites", 1)["gates"] = ["B", "C"]
    graph = RoadGraph(load_district(draft.write()))
    gate = graph.site_access("S1")
    assert gate.segment == "B"
    assert gate.offset_m == pytest.approx(100, abs=0.01)
    draft.properties("sites", 1)["gates"] = []
    district = load_district(draft.write())
    graph = RoadGraph(district)
    nearest = graph.site_access(district.sites["S1"])
    assert nearest.segment == "A"
    assert nearest.offset_m == pytest.approx(150, abs=0.01)
    depot = graph.depot_place("D1")
    assert depot.segment == "B"
    assert depot.offset_m == pytest.approx(150, abs=0.01)
