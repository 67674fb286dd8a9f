"""The world of an ordinary day: plausible dust, and crews that make a difference."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.district import District, load_district
from geo.graph import RoadGraph
from simulators.dust import Dust, Minute
from simulators.scenario import (
    GateFailure,
    NewSite,
    RainSpell,
    Scenario,
    TrafficSpell,
    load_scenario,
)
from simulators.sites import main_site
from simulators.treatment import EFFECTS, Work
from tests.dispatch.towns import LAT, LON, NOON, by_chance

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"

Works = Callable[[int], Sequence[Work]]


@pytest.fixture(scope="module")
def district() -> District:
    return load_district(XINGHAI)


@pytest.fixture(scope="module")
def graph(district: District) -> RoadGraph:
    return RoadGraph(district)


@pytest.fixture(scope="module")
def soiled(district: District) -> Scenario:
    """The busiest gate fails from the first minute on, and nothing else happens."""
    site = main_site(district)
    assert site is not None
    return dataclasses.replace(
        load_scenario("ordinary"),
        gate_failures_per_day=0.0,
        first_gate_failure_min=None,
        gate_failures=(GateFailure(site.id, 0.0, 24.0),),
    )


def live(dust: Dust, scenario: Scenario, minutes: int, works: Works = lambda _: ()) -> list[Minute]:
    return [
        dust.step(scenario.start + timedelta(minutes=minute + 1), works(minute))
        for minute in range(minutes)
    ]


@pytest.fixture(scope="module")
def mended(district: District, soiled: Scenario) -> Scenario:
    """The busiest gate fails for three hours and then washes its trucks again."""
    site = main_site(district)
    assert site is not None
    return dataclasses.replace(soiled, gate_failures=(GateFailure(site.id, 0.0, 3.0),))


@pytest.fixture(scope="module")
def left_dirty(district: District, graph: RoadGraph, mended: Scenario) -> list[Minute]:
    """Eight hours of that with no crew."""
    return live(Dust(district, graph, mended, seed=3), mended, 480)


def hourly(minutes: list[Minute]) -> NDArray[np.float64]:
    """(hour, segment) mean increments."""
    increments = np.array([m.increment for m in minutes], np.float64)
    return np.asarray(increments.reshape(-1, 60, increments.shape[1]).mean(axis=1))


def off_streets(minute: Minute) -> NDArray[np.float64]:
    """(segment,) what the streets' silt adds, whoever brought it."""
    return np.asarray(minute.truth.street + minute.truth.tracked.sum(axis=1), np.float64)


def test_an_ordinary_day_has_clean_and_dusty_hours(district: District, graph: RoadGraph) -> None:
    """In half of the hours the avenue adds 10 to 45 µg/m³, and few segments pass level 2.

    That is on a day with the month's usual wind.
    """
    scenario = dataclasses.replace(load_scenario("ordinary"), wind_synoptic=0.0)
    dust = Dust(district, graph, scenario, seed=1)
    hours = hourly(live(dust, scenario, 24 * 60))
    avenue = [i for i, s in enumerate(district.segments.values()) if s.treat and s.oneway]
    usual = np.median(hours[:, avenue], axis=1)
    assert ((usual > 10.0) & (usual < 45.0)).sum() >= 12
    assert usual.min() > 3.0
    over = hours[:, avenue] > 80.0
    assert over.any(axis=1).sum() >= 3
    assert over.mean() < 0.4


@pytest.mark.parametrize("treatment", ["wash", "heavy_clean"])
def test_washing_a_soiled_street_cuts_its_dust(
    district: District,
    graph: RoadGraph,
    mended: Scenario,
    left_dirty: list[Minute],
    treatment: str,
) -> None:
    """When the gate washes again, a wash cuts the dust by 30 to 90 %; in hours silt returns."""
    site = main_site(district)
    assert site is not None
    gate = site.gates[0]
    at = list(district.segments).index(gate)
    water_l = 1.2 * district.segments[gate].length_m

    def wash(minute: int) -> Sequence[Work]:
        return [Work("W1", treatment, gate, None, 0.5, water_l / 2)] if minute in (180, 181) else ()

    washed = live(Dust(district, graph, mended, seed=3), mended, 480, wash)

    def cut(first: int, last: int) -> float:
        """By how much washing lowered what the streets add there, on average."""
        with_it = np.mean([off_streets(m)[at] for m in washed[first:last]])
        without = np.mean([off_streets(m)[at] for m in left_dirty[first:last]])
        return float(1.0 - with_it / without)

    assert cut(0, 180) == 0.0
    assert 0.3 < cut(187, 247) < 0.9
    assert cut(420, 480) < 0.7 * cut(187, 247)


def test_the_film_dries(district: District, graph: RoadGraph, soiled: Scenario) -> None:
    """Water of a wash holds dust down at first, and is gone within two hours of a dry morning."""
    name = next(iter(district.segments))
    wash = Work("W1", "wash", name, None, 1.0, 1.2 * district.segments[name].length_m)
    minutes = live(
        Dust(district, graph, soiled, seed=1), soiled, 240, lambda m: [wash] if m == 119 else ()
    )
    assert minutes[119].film_mm[0] > 0.08
    assert minutes[239].film_mm[0] == 0.0


def test_rain_cleans_and_wets_every_street(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Half an hour of heavy rain leaves less silt on the streets, a film, and next to no dust."""
    rainy = dataclasses.replace(soiled, gate_failures=(), rain=(RainSpell(1.0, 0.5, 12.0),))
    minutes = live(Dust(district, graph, rainy, seed=1), rainy, 90)
    left = minutes[89].silt_g_m2 / minutes[59].silt_g_m2
    # At the gates trucks go on bringing soil.
    assert (left < 0.7).mean() > 0.9
    assert (minutes[89].film_mm > 0.5).all()
    assert off_streets(minutes[89]).max() < 1.0


def test_a_failing_gate_soils_its_street(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Two hours of unwashed trucks leave three times the silt of washed ones at the gate."""
    washing = dataclasses.replace(soiled, gate_failures=())
    site = main_site(district)
    assert site is not None
    gate = list(district.segments).index(site.gates[0])
    dirty = live(Dust(district, graph, soiled, seed=2), soiled, 120)[-1].silt_g_m2[gate]
    clean = live(Dust(district, graph, washing, seed=2), washing, 120)[-1].silt_g_m2[gate]
    assert dirty > 3.0 * clean


def test_the_same_seed_gives_the_same_day(district: District, graph: RoadGraph) -> None:
    """Two worlds of one seed agree to the last bit; another seed's world does not."""
    scenario = load_scenario("ordinary")
    one, two, other = (
        np.array(
            [m.station_pm10 for m in live(Dust(district, graph, scenario, seed), scenario, 60)]
        )
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_crews_do_not_change_the_weather(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Traffic, weather and gates are the same whatever crews do: policies compare fairly."""
    name = next(iter(district.segments))
    wash = Work("W1", "wash", name, None, 1.0, 400.0)
    left = live(Dust(district, graph, soiled, seed=1), soiled, 30)
    treated = live(Dust(district, graph, soiled, seed=1), soiled, 30, lambda _: [wash])
    for one, two in zip(left, treated, strict=True):
        assert one.air == two.air
        np.testing.assert_array_equal(one.traffic.container, two.traffic.container)
        np.testing.assert_array_equal(one.gates.soil_g, two.gates.soil_g)


def test_a_site_that_is_sprayed_gives_less_dust(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Fog over a site cuts its own plume and not the streets' dust."""
    site = next(iter(district.sites))
    fog = Work("F1", "fog", None, site, 1.0, 500.0)
    left = live(Dust(district, graph, soiled, seed=1), soiled, 30)
    fogged = live(Dust(district, graph, soiled, seed=1), soiled, 30, lambda _: [fog])
    before = np.mean([m.truth.plume[:, 0] for m in left])
    assert np.mean([m.truth.plume[:, 0] for m in fogged]) < before
    np.testing.assert_array_equal(left[-1].truth.plume[:, 1:], fogged[-1].truth.plume[:, 1:])
    np.testing.assert_array_equal(off_streets(left[-1]), off_streets(fogged[-1]))


def test_a_failure_at_an_unknown_site_is_refused(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """The message names the site and those that there are."""
    wrong = dataclasses.replace(soiled, gate_failures=(GateFailure("NOWHERE", 0.0, 1.0),))
    with pytest.raises(ValueError, match=r"'NOWHERE'.*SITE-SPOIL-1"):
        Dust(district, graph, wrong, seed=1)


@settings(max_examples=15, deadline=None)
@given(
    town=st.integers(0, 1000),
    seed=st.integers(0, 1000),
    rain=st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1), st.floats(0.1, 30)), max_size=2),
    spells=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3)), max_size=2),
    uncovered=st.floats(0.0, 1.0),
    failing=st.booleans(),
    new=st.booleans(),
)
def test_silt_balances_over_any_scenario(
    town: int,
    seed: int,
    rain: list[tuple[float, float, float]],
    spells: list[tuple[float, float]],
    uncovered: float,
    failing: bool,
    new: bool,
) -> None:
    """In any town, weather and traffic and with any work: silt in = silt out + held, to 1e-9.

    In all, and for what each site brought.
    """
    district = by_chance(town)
    names = list(district.segments)
    site = "X1" if "X1" in district.sites else next(iter(district.sites), None)
    scenario = Scenario(
        "any", "whatever may come", NOON, 1.0,
        rain=tuple(RainSpell(*spell) for spell in rain),
        traffic=tuple(TrafficSpell(start, 1.0, trucks) for start, trucks in spells),
        uncovered_rate=uncovered,
        gate_failures=(GateFailure(site, 0.0, 1.0),) if failing and site else (),
        new_sites=(NewSite("NEW", "spoil_site", LON, LAT, names[0], 0.1),) if new else (),
    )  # fmt: skip
    dust = Dust(district, RoadGraph(district), scenario, seed)
    chance = np.random.default_rng(seed)
    first = dust.silt_g
    gained, lost = np.zeros(first.shape[1]), np.zeros(first.shape[1])
    for minute in range(40):
        works = [
            Work("W", str(chance.choice(list(EFFECTS))), str(name), None, 0.7, 50.0)
            for name in chance.choice(names, chance.integers(0, 3), replace=False)
        ]
        flows = dust.step(scenario.start + timedelta(minutes=minute + 1), works).flows
        gained += flows.gain.sum(axis=0)
        lost += flows.loss.sum(axis=0)
    before, held = first.sum(axis=0), dust.silt_g.sum(axis=0)
    assert (dust.silt_g >= 0.0).all()
    np.testing.assert_allclose(held, before + gained - lost, rtol=1e-9, atol=1e-6)
    assert held.sum() == pytest.approx((before + gained - lost).sum(), rel=1e-9)


def test_a_fork_lives_the_same_minutes(district: District, graph: RoadGraph) -> None:
    """A fork gives what the original gives, to the last bit, whichever of them goes first."""
    scenario = load_scenario("ordinary")
    dust = Dust(district, graph, scenario, seed=4)
    for minute in range(45):
        dust.step(scenario.start + timedelta(minutes=minute + 1))
    fork = dust.fork()
    later = [scenario.start + timedelta(minutes=minute + 46) for minute in range(30)]
    ahead = [fork.step(end) for end in later]
    for one, two in zip(ahead, [dust.step(end) for end in later], strict=True):
        assert one.air == two.air
        for name in ("street", "tracked", "plume", "silt_g_m2", "film_mm", "failing"):
            np.testing.assert_array_equal(getattr(one.truth, name), getattr(two.truth, name))
        np.testing.assert_array_equal(one.station_pm10, two.station_pm10)
        np.testing.assert_array_equal(one.gates.soil_g, two.gates.soil_g)


def test_works_on_a_fork_leave_the_original_untouched(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Trying out works changes nothing of the world that they are tried out for."""
    alone, dust = (Dust(district, graph, soiled, seed=4) for _ in range(2))
    name, site = next(iter(district.segments)), next(iter(district.sites))
    works = [Work("W1", "wash", name, None, 1.0, 400.0), Work("F1", "fog", None, site, 1.0, 0.0)]
    for minute in range(20):
        end = soiled.start + timedelta(minutes=minute + 1)
        fork = dust.fork()
        for ahead in range(3):
            tried = fork.step(end + timedelta(minutes=ahead), works)
        expected, got = alone.step(end), dust.step(end)
        assert tried.film_mm[0] > got.film_mm[0]
        np.testing.assert_array_equal(expected.increment, got.increment)
        np.testing.assert_array_equal(expected.silt_g_m2, got.silt_g_m2)
        np.testing.assert_array_equal(expected.plume_g_s, got.plume_g_s)


def test_another_station_changes_nothing_but_itself(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """With a station more, all else lives the same minutes, to the last bit."""
    first = next(iter(district.stations.values()))
    more = dataclasses.replace(
        district, stations=district.stations | {"NEW": dataclasses.replace(first, id="NEW")}
    )
    usual = live(Dust(district, graph, soiled, seed=5), soiled, 20)
    watched = live(Dust(more, graph, soiled, seed=5), soiled, 20)
    for one, two in zip(usual, watched, strict=True):
        np.testing.assert_array_equal(one.traffic.muck, two.traffic.muck)
        np.testing.assert_array_equal(one.gates.soil_g, two.gates.soil_g)
        np.testing.assert_array_equal(one.station_pm10, two.station_pm10[:-1])
        np.testing.assert_array_equal(one.increment, two.increment)


def test_a_new_site_brings_trucks_and_dust_from_its_hour_on(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """From then on its soil lies at its gate; nothing before then, and no other gate, changes."""
    gate = "QE02"
    at = list(district.segments).index(gate)
    lon, lat = district.segments[gate].line.interpolate(0.5, normalized=True).coords[0]
    scenario = dataclasses.replace(
        soiled, new_sites=(NewSite("NEW", "spoil_site", lon, lat, gate, 1.0),)
    )
    usual = live(Dust(district, graph, soiled, seed=6), soiled, 240)
    dust = Dust(district, graph, scenario, seed=6)
    assert dust.site_ids == (*district.sites, "NEW")
    dug = live(dust, scenario, 240)
    for minute, (one, two) in enumerate(zip(usual, dug, strict=True)):
        for name in ("clean", "dirty", "uncovered", "failing", "soil_g"):
            np.testing.assert_array_equal(
                getattr(one.gates, name), getattr(two.gates, name)[: len(district.sites)]
            )
        np.testing.assert_array_equal(one.traffic.container, two.traffic.container)
        np.testing.assert_array_equal(one.traffic.light, two.traffic.light)
        assert (two.traffic.muck >= one.traffic.muck).all()
        if minute < 60:
            np.testing.assert_array_equal(one.traffic.muck, two.traffic.muck)
            np.testing.assert_array_equal(one.silt_g_m2, two.silt_g_m2)
            assert two.plume_g_s[-1] == 0.0
    assert sum(m.gates.clean[-1] + m.gates.dirty[-1] for m in dug) > 20
    assert dug[-1].truth.tracked[at, -1] > 0.0
    assert dug[-1].silt_g_m2[at] > usual[-1].silt_g_m2[at]
    assert sum(m.plume_g_s[-1] for m in dug) > 0.0


@pytest.mark.parametrize(
    ("site", "blamed"),
    [
        (NewSite("NEW", "spoil_site", 113.88, 22.48, "NOWHERE", 1.0), "NOWHERE"),
        (NewSite("NEW", "quarry", 113.88, 22.48, "QE02", 1.0), "quarry"),
        (NewSite("SITE-SPOIL-1", "spoil_site", 113.88, 22.48, "QE02", 1.0), "SITE-SPOIL-1"),
    ],
)
def test_a_new_site_that_cannot_be_is_refused(
    district: District, graph: RoadGraph, soiled: Scenario, site: NewSite, blamed: str
) -> None:
    """The message names the gate, the kind or the id that is wrong."""
    wrong = dataclasses.replace(soiled, new_sites=(site,))
    with pytest.raises(ValueError, match=blamed):
        Dust(district, graph, wrong, seed=1)


def test_sources_add_up_to_the_stations_and_kerbs(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """Soil that failing gates tracked in shows at the gate as that site's, not as the street's."""
    site = main_site(district)
    assert site is not None
    at, number = list(district.segments).index(site.gates[0]), list(district.sites).index(site.id)
    last = live(Dust(district, graph, soiled, seed=1), soiled, 180)[-60:]
    tracked = np.mean([m.truth.tracked[at] for m in last], axis=0)
    assert tracked[number] > 0.8 * tracked.sum()
    assert tracked[number] > np.mean([m.truth.street[at] for m in last])
    for minute in last:
        total = minute.truth.street + minute.truth.tracked.sum(1) + minute.truth.plume.sum(1)
        np.testing.assert_allclose(minute.increment, total)
        assert min(minute.truth.street.min(), minute.truth.tracked.min()) >= 0.0
