"""The world of an ordinary day: plausible dust, and crews that make a difference."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.district import District, load_district
from geo.graph import RoadGraph
from simulators.dust import Dust, Minute
from simulators.scenario import GateFailure, RainSpell, Scenario, load_scenario
from simulators.sites import main_site
from simulators.treatment import Work
from simulators.truth import Truth

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


def test_an_ordinary_day_has_clean_and_dusty_hours(district: District, graph: RoadGraph) -> None:
    """In half of the hours the avenue adds 10 to 45 µg/m³, and few segments pass level 2."""
    scenario = load_scenario("ordinary")
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
        with_it = np.mean([m.truth.road[at] for m in washed[first:last]])
        without = np.mean([m.truth.road[at] for m in left_dirty[first:last]])
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
    assert minutes[89].truth.road.max() < 1.0


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
    before = np.mean([m.truth.site for m in left])
    assert np.mean([m.truth.site for m in fogged]) < before
    np.testing.assert_array_equal(left[-1].truth.road, fogged[-1].truth.road)


def test_a_failure_at_an_unknown_site_is_refused(
    district: District, graph: RoadGraph, soiled: Scenario
) -> None:
    """The message names the site and those that there are."""
    wrong = dataclasses.replace(soiled, gate_failures=(GateFailure("NOWHERE", 0.0, 1.0),))
    with pytest.raises(ValueError, match=r"'NOWHERE'.*SITE-SPOIL-1"):
        Dust(district, graph, wrong, seed=1)


def test_truth_is_kept_and_written(
    district: District, graph: RoadGraph, soiled: Scenario, tmp_path: Path
) -> None:
    """The record has a row for each minute and segment, and road and site make the increment."""
    dust = Dust(district, graph, soiled, seed=1)
    truth = Truth(dust.streets.ids, tuple(district.sites))
    minutes = live(dust, soiled, 3)
    for minute in minutes:
        truth.add(minute.truth)
    assert truth.increment.shape == (3, len(district.segments))
    np.testing.assert_allclose(truth.increment[2], minutes[2].increment, rtol=1e-5, atol=1e-6)
    assert truth.ts[0] == np.datetime64(int(soiled.start.timestamp()) + 60, "s")
    assert truth.failing.sum(axis=1).tolist() == [1, 1, 1]
    truth.write_csv(tmp_path / "truth.csv")
    assert len((tmp_path / "truth.csv").read_text().splitlines()) == 1 + 3 * len(district.segments)


def test_an_empty_truth_has_its_shape() -> None:
    """A run that was stopped at once has no minutes, and says so."""
    truth = Truth(("S1", "S2"), ("Q1",))
    assert truth.increment.shape == (0, 2)
    assert truth.failing.shape == (0, 1)
