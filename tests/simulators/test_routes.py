"""Trucks' ways: where they lead, and that they bring each street the trucks it is said to have."""

import dataclasses
import itertools
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.district import District, load_district
from geo.graph import RoadGraph
from simulators.dust import Dust
from simulators.ends import find_ends
from simulators.routes import CONTAINER, MUCK, NO_SITE, Routes, local_per_day, routes_of, spans
from simulators.scenario import Scenario, load_scenario
from simulators.sites import sites_of
from simulators.traffic import MUCK_SHARE
from tests.dispatch.towns import NOON, block, by_chance

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


@pytest.fixture(scope="module")
def district() -> District:
    return load_district(XINGHAI)


@pytest.fixture(scope="module")
def graph(district: District) -> RoadGraph:
    return RoadGraph(district)


def counts(district: District) -> NDArray[np.float64]:
    return np.array([segment.heavy_trucks_per_day for segment in district.segments.values()])


def fit(district: District, graph: RoadGraph) -> Routes:
    opened = sites_of(district, load_scenario("ordinary"))
    sites, loads = [each.site for each in opened], [each.load for each in opened]
    return routes_of(district, graph, counts(district), MUCK_SHARE, sites, loads)[0]


@pytest.fixture(scope="module")
def routes(district: District, graph: RoadGraph) -> Routes:
    return fit(district, graph)


def test_the_avenue_has_its_trucks_over_thirty_days(district: District, graph: RoadGraph) -> None:
    """2,300 container and 1,000 muck trucks a day pass each cross-section, to 3 %, as drawn."""
    scenario = dataclasses.replace(load_scenario("ordinary"), new_sites=(), traffic=())
    dust = Dust(district, graph, scenario, seed=1)
    container, muck = np.zeros((2, len(district.segments)))
    for minute in range(30 * 1440):
        _, stream = dust.drive(scenario.start + timedelta(minutes=minute + 1))
        container += stream.container / 30.0
        muck += stream.muck / 30.0
    # A cross-section is both carriageways: XH05N and XH05S.
    sections: dict[str, list[int]] = {}
    for at, segment in enumerate(district.segments.values()):
        if segment.id.startswith("XH") and segment.heavy_trucks_per_day == 1650.0:
            sections.setdefault(segment.id[:-1], []).append(at)
    both = np.array(list(sections.values()))
    assert both.shape == (17, 2)
    length = dust.streets.length_m[both].sum(axis=1)
    for drawn, wanted in ((container, 2300.0), (muck, 1000.0)):
        passed = drawn[both].sum(axis=1)
        least, most = passed.min(), passed.max()
        print(f"mean {np.average(passed, weights=length):.0f}, from {least:.0f} to {most:.0f}")
        assert np.average(passed, weights=length) == pytest.approx(wanted, rel=0.03)
        np.testing.assert_allclose(passed, wanted, rtol=0.03)


def test_every_count_is_met(district: District, routes: Routes) -> None:
    """Routes never bring a street more than was counted, and local trucks make up the rest."""
    want = counts(district)
    on_routes = routes.incidence(len(want)) @ routes.per_day
    local = np.array(local_per_day(routes, want, MUCK_SHARE))
    counted = want > 0.0
    np.testing.assert_allclose((on_routes + local.sum(axis=0))[counted], want[counted], rtol=1e-9)
    assert (local >= 0.0).all()
    assert local[:, ~counted].sum() == 0.0
    # Most of the trucks go somewhere.
    length = np.array([segment.length_m for segment in district.segments.values()])
    assert length @ on_routes > 0.8 * (length @ want)


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_met_in_any_town(seed: int) -> None:
    """Also where no street leads out of the map, and where sites have more trucks than streets."""
    town = by_chance(seed)
    want = counts(town)
    routes = fit(town, RoadGraph(town))
    total = routes.incidence(len(want)) @ routes.per_day
    total = total + np.sum(local_per_day(routes, want, MUCK_SHARE), axis=0)
    np.testing.assert_allclose(total[want > 0.0], want[want > 0.0], rtol=1e-9)


def test_sites_send_out_their_trucks(district: District, routes: Routes) -> None:
    """In the shipped district every site has within 5 % of the trucks of its trade, out and in."""
    for at, each in enumerate(sites_of(district, load_scenario("ordinary"))):
        for ends in (routes.from_site, routes.to_site):
            got = routes.per_day[ends == at].sum()
            assert got == pytest.approx(each.trade.trucks_per_day, rel=0.05), each.site.id
        assert set(routes.kind[routes.from_site == at]) == {MUCK if each.muddy else CONTAINER}


def test_ways_lead_from_gates_along_the_streets(
    district: District, graph: RoadGraph, routes: Routes
) -> None:
    """A truck passes its own gate first, not the one it turns in at, and goes on at junctions."""
    segments = list(district.segments.values())
    sites = list(district.sites.values())
    ends = {
        segment.id: {graph.node_of_start(segment.id), graph.node_of_end(segment.id)}
        for segment in segments
    }
    for route in range(len(routes)):
        on = slice(routes.first[route], routes.first[route + 1])
        names = [segments[at].id for at in routes.segment[on]]
        if (origin := routes.from_site[route]) != NO_SITE:
            assert names[0] in sites[origin].gates
        if (goal := routes.to_site[route]) != NO_SITE:
            assert names[-1] not in sites[goal].gates
        assert all(ends[a] & ends[b] for a, b in itertools.pairwise(names))
        assert routes.minute[on][0] == 0
        assert (np.diff(routes.minute[on]) >= 0).all()


def test_trucks_out_of_the_gates_are_the_trucks_on_the_streets() -> None:
    """Where nothing else drives, a gate's trucks of a minute are those that pass its segment."""
    town = block()
    quiet = {
        name: dataclasses.replace(segment, heavy_trucks_per_day=0.0)
        for name, segment in town.segments.items()
    }
    town = dataclasses.replace(town, segments=quiet)
    scenario = Scenario("one site", "one site and its trucks", NOON, 1.0, uncovered_rate=0.5)
    dust = Dust(town, RoadGraph(town), scenario, seed=1)
    gate = dust.streets.index["A"]
    passed = left = bare = 0
    for minute in range(600):
        gates, stream = dust.drive(NOON + timedelta(minutes=minute + 1))
        out = int(gates.clean[0] + gates.dirty[0])
        if minute > dust.routes.longest_min:
            assert stream.muck[gate] == out
            assert stream.uncovered[gate, 0] == gates.uncovered[0]
        passed, left = passed + int(stream.muck[gate]), left + out
        bare += int(gates.uncovered[0])
    assert left > 50
    assert 0.3 < bare / left < 0.7


def test_dead_ends_lead_out_of_the_map(district: District, graph: RoadGraph) -> None:
    """All three dead ends of the shipped district are ends, and so are the avenue's."""
    ends = find_ends(district, graph)
    for name in ("YP04", "GW03", "QE03"):
        outer = {graph.node_of_start(name), graph.node_of_end(name)}
        assert outer & set(ends.enter.tolist())
        assert outer & set(ends.leave.tolist())
    assert graph.node_of_start("XH17N") in ends.enter
    assert graph.node_of_end("XH17S") in ends.leave


def test_spans_are_the_ranges_one_after_another() -> None:
    """Empty ranges leave nothing behind."""
    assert spans(np.array([3, 7, 0]), np.array([5, 7, 2])).tolist() == [3, 4, 0, 1]
