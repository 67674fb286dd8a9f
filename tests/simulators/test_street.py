"""The physical world behind one door: determinism, treatments, days that make sense."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import geo
from geo.district import District, load_district
from geo.graph import RoadGraph
from simulators.physics import Minute, Street
from simulators.scenario import GateFailure, NewSite, Scenario, load_scenario, scenario_names
from simulators.streams import stream
from simulators.truth import Truth

XINGHAI = Path(geo.__file__).parent / "data" / "xinghai"
ALL_SCENARIOS = tuple(scenario_names())
GATE = "XH06N"
FAILING = "SITE-SPOIL-2"


@pytest.fixture(scope="module")
def district() -> District:
    """The district that is shipped."""
    return load_district(XINGHAI)


@pytest.fixture(scope="module")
def day(district: District) -> list[Minute]:
    """An ordinary day that nobody treats."""
    return list(itertools.islice(minutes(district, load_scenario("ordinary"), 1), 1440))


def minutes(district: District, scenario: Scenario, seed: int) -> Iterator[Minute]:
    """The minutes of a world that nobody treats."""
    return lived(Street(district, scenario, seed, graph=graph_of(district)), scenario)


@functools.cache
def _graph(folder: Path) -> RoadGraph:
    return RoadGraph(load_district(folder))


def graph_of(district: District) -> RoadGraph:
    """One graph for all worlds of the shipped district, which are made faster so."""
    return _graph(district.folder)


def lived(street: Street, scenario: Scenario) -> Iterator[Minute]:
    """The minutes of a world, from its start."""
    now = scenario.start
    while True:
        now += timedelta(minutes=1)
        yield street.step(now)


def hourly_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over each 60 minutes in a row, (time - 59, …)."""
    summed = np.cumsum(np.concatenate([np.zeros((1, *values.shape[1:])), values]), axis=0)
    return np.asarray((summed[60:] - summed[:-60]) / 60.0)


def flat(minute: Minute) -> list[float]:
    """Everything in a minute, one number after another."""
    values = (getattr(minute, field.name) for field in dataclasses.fields(minute))
    arrays = [np.atleast_1d(np.asarray(value, float)) for value in values]
    return [float(number) for number in np.concatenate(arrays)]


def road(district: District) -> list[int]:
    """Where the road stations stand in the arrays."""
    kinds = [station.kind for station in district.stations.values()]
    return [at for at, kind in enumerate(kinds) if kind == "road"]


def test_same_seed_gives_the_same_minutes(district: District) -> None:
    """Two worlds with one seed are alike to the last bit, and another seed's is not."""
    ordinary = load_scenario("ordinary")
    first, again, other = (
        [flat(minute) for minute in itertools.islice(minutes(district, ordinary, seed), 90)]
        for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_weather_does_not_depend_on_other_parts(district: District) -> None:
    """Fewer trucks and no failing gate leave the weather of a seed as it was."""
    ordinary = load_scenario("ordinary")
    quiet = dataclasses.replace(ordinary, traffic_factor=0.1, gate_failures_per_day=0.0)
    for usual, calm in itertools.islice(
        zip(minutes(district, ordinary, 3), minutes(district, quiet, 3), strict=True), 60
    ):
        assert (usual.wind_speed, usual.wind_dir, usual.temp, usual.background_pm10) == (
            calm.wind_speed,
            calm.wind_dir,
            calm.temp,
            calm.background_pm10,
        )


def test_streams_are_repeatable_and_independent() -> None:
    """A stream is its seed's and names' alone; names do not run into one another."""
    assert stream(1, "site", "S1").random() == stream(1, "site", "S1").random()
    draws = {
        stream(seed, *names).random()
        for seed in (1, 2)
        for names in (("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"))
    }
    assert len(draws) == 8
    pair = np.corrcoef(
        stream(1, "station", "ST01").standard_normal(20_000),
        stream(1, "station", "ST02").standard_normal(20_000),
    )
    assert abs(pair[0, 1]) < 0.03


def test_arrays_follow_the_district(district: District, day: list[Minute]) -> None:
    """Every array has a place for each station, segment or site, and no number is missing."""
    stations, segments, sites = (
        len(part) for part in (district.stations, district.segments, district.sites)
    )
    for minute in day[::97]:
        assert {len(minute.pm10), len(minute.pm25), len(minute.tsp)} == {stations}
        assert {len(minute.trucks), len(minute.muck), len(minute.container)} == {segments}
        assert {len(minute.silt), len(minute.increment)} == {segments}
        assert {len(minute.gate_failing), len(minute.unwashed), len(minute.plume)} == {sites}
        assert np.isfinite(flat(minute)).all()
        np.testing.assert_array_equal(minute.trucks, minute.muck + minute.container)


def test_an_ordinary_day_is_one(district: District, day: list[Minute]) -> None:
    """Weather, particles and silt stay where the real ones are."""
    pm10 = np.array([minute.pm10 for minute in day])
    pm25 = np.array([minute.pm25 for minute in day])
    tsp = np.array([minute.tsp for minute in day])
    background = np.array([minute.background_pm10 for minute in day])
    assert (pm10 >= background[:, None] - 1e-9).all()
    assert (pm25 < pm10).all()
    assert (pm10 < tsp).all()
    assert 20.0 < background.mean() < 80.0
    assert all(0.1 < minute.wind_speed < 15.0 and 0.0 <= minute.wind_dir < 360.0 for minute in day)
    assert all(5.0 < minute.temp < 35.0 and 5.0 < minute.rh <= 100.0 for minute in day)
    assert all(990.0 < minute.pressure < 1040.0 for minute in day)
    avenue = [at for at, name in enumerate(district.segments) if name[:2] == "XH" != name[:3]]
    silt = np.median(np.array([minute.silt[avenue] for minute in day]))
    assert 0.1 < silt < 1.0


def test_an_ordinary_day_has_episodes_but_also_clean_hours(district: District) -> None:
    """Road stations rise above 80 µg/m³ over the background a few times a day, not all day.

    That is on a day with the month's usual wind.
    """
    ordinary = dataclasses.replace(load_scenario("ordinary"), wind_synoptic=0.0)
    rises, above = [], []
    for seed in (1, 2):
        lived_day = itertools.islice(minutes(district, ordinary, seed), 1440)
        increment = np.array([minute.pm10 - minute.background_pm10 for minute in lived_day])
        high = hourly_mean(increment[:, road(district)]) > 80.0
        rises.append(int((high[1:] & ~high[:-1]).sum()))
        above.append(float(high.mean()))
    assert min(rises) >= 2
    assert max(rises) <= 20
    assert max(above) < 0.10


def test_the_first_gate_fails_soon(district: District) -> None:
    """In an ordinary day a wheel wash fails 20 to 40 minutes after the start, and is mended."""
    ordinary = dataclasses.replace(load_scenario("ordinary"), gate_failures_per_day=0.0)
    for seed in (1, 2):
        failing = [
            bool(minute.gate_failing.any())
            for minute in itertools.islice(minutes(district, ordinary, seed), 240)
        ]
        begin = failing.index(True)
        assert 20 <= begin <= 41
        assert 59 <= sum(failing) <= 181
        assert not failing[-1]


def test_a_failing_gate_soils_its_street(district: District) -> None:
    """Where a wheel wash is off, silt and increment rise to several times the usual."""
    usual = dataclasses.replace(
        load_scenario("ordinary"), first_gate_failure_min=None, gate_failures_per_day=0.0
    )
    failing = dataclasses.replace(usual, gate_failures=(GateFailure(FAILING, 1.0, 5.0),))
    clean, soiled = (
        list(itertools.islice(minutes(district, scenario, 5), 300)) for scenario in (usual, failing)
    )
    at, site = list(district.segments).index(GATE), list(district.sites).index(FAILING)
    assert [m.gate_failing[site] for m in soiled] == [i > 60 for i in range(1, 301)]
    assert soiled[-1].silt[at] > 4.0 * clean[-1].silt[at]
    last_hour = [sum(m.increment[at] for m in world[-60:]) for world in (soiled, clean)]
    assert last_hour[0] > 3.0 * last_hour[1]
    assert sum(m.unwashed[site] for m in soiled) > 10 * sum(m.unwashed[site] for m in clean)


def test_washing_helps_for_a_while(district: District) -> None:
    """A wash of the soiled street cuts its increment by 30 to 70 %, gone again in four hours."""
    scenario = load_scenario("gate_failure")
    at = list(district.segments).index(GATE)
    untreated, treated = (Street(district, scenario, 1, graph=graph_of(district)) for _ in range(2))
    one, two = lived(untreated, scenario), lived(treated, scenario)
    for _ in zip(range(300), one, two, strict=False):
        pass
    treated.treat(GATE, "wash", 1.0, 0.11)
    ratios = np.array([(next(two).increment[at], next(one).increment[at]) for _ in range(300)])
    first_hour, fifth_hour = (
        1.0 - part[:, 0].sum() / part[:, 1].sum() for part in (ratios[:60], ratios[240:])
    )
    assert 0.3 < first_hour < 0.7
    assert fifth_hour < first_hour / 3.0


def test_parts_of_a_wash_add_up(district: District) -> None:
    """Four quarters in four minutes take about as much silt as the whole in one."""
    scenario = load_scenario("gate_failure")
    at = list(district.segments).index(GATE)
    left = []
    for parts in (1, 4):
        street = Street(district, scenario, 2, graph=graph_of(district))
        world = lived(street, scenario)
        for _ in range(200):
            next(world)
        for _ in range(parts):
            street.treat(GATE, "wash", 1.0 / parts, 0.11)
            next(world)
        left.append([next(world) for _ in range(4)][-parts].silt[at])
    assert left[1] == pytest.approx(left[0], rel=0.15)


def test_the_record_says_who_did_what_and_why(district: District) -> None:
    """Each minute's truth goes to the record with the works of that minute and their orders."""
    scenario = load_scenario("ordinary")
    truth = Truth(tuple(district.segments), tuple(district.sites))
    street = Street(
        district,
        scenario,
        1,
        graph=graph_of(district),
        record=lambda lived, works: truth.add(lived.truth, works),
    )
    world = lived(street, scenario)
    next(world)
    street.treat(GATE, "wash", 0.5, 0.1, crew="W1", order="ORDER-7")
    street.treat_site(FAILING, "inspect", crew="H1", order="ORDER-8")
    minute = next(world)
    next(world)
    assert len(truth.ts) == 3
    ended = round((scenario.start + timedelta(minutes=2)).timestamp() * 1000)
    assert [(ts, work.crew, work.order, work.treatment) for ts, work in truth.works] == [
        (ended, "W1", "ORDER-7", "wash"),
        (ended, "H1", "ORDER-8", "inspect"),
    ]
    np.testing.assert_allclose(truth.increment[1], minute.increment, rtol=1e-5)


def test_uncovered_loads_are_seen_at_the_gate_and_on_the_way(district: District) -> None:
    """The more loads are uncovered, the more are seen; their number never passes the trucks'."""
    ordinary = load_scenario("ordinary")
    for rate in (0.0, 0.5):
        scenario = dataclasses.replace(ordinary, uncovered_rate=rate)
        lived_hours = list(itertools.islice(minutes(district, scenario, 2), 360))
        at_gates = np.sum([minute.uncovered_gate for minute in lived_hours], axis=0)
        passed = np.sum([minute.uncovered for minute in lived_hours], axis=0)
        muck = np.sum([minute.muck for minute in lived_hours], axis=0)
        gate, site = list(district.segments).index(GATE), list(district.sites).index(FAILING)
        assert all((minute.uncovered <= minute.muck).all() for minute in lived_hours)
        if rate == 0.0:
            assert at_gates.sum() == passed.sum() == 0
        else:
            assert passed[gate] >= at_gates[site] > 10
            assert 0.1 < passed.sum() / muck.sum() < 0.5


def test_a_site_that_opens_has_no_place_in_what_devices_see(district: District) -> None:
    """Devices stand at the district's sites; the truth knows the new one as well."""
    new = NewSite("NEW", "spoil_site", 113.89, 22.50, "QE02", 0.0)
    scenario = dataclasses.replace(load_scenario("ordinary"), new_sites=(new,))
    street = Street(district, scenario, 1, graph=graph_of(district))
    minute = next(lived(street, scenario))
    for seen in (minute.gate_failing, minute.unwashed, minute.uncovered_gate, minute.plume):
        assert len(seen) == len(district.sites)
    assert street.dust.site_ids[-1] == "NEW"
    street.treat_site("NEW", "fog")


def test_mist_holds_a_sites_dust_down(district: District) -> None:
    """A fog cannon at a site lowers its plume; an inspection does not."""
    scenario = load_scenario("ordinary")
    site = list(district.sites).index(FAILING)
    plumes = []
    for treatment in (None, "inspect", "fog"):
        street = Street(district, scenario, 1, graph=graph_of(district))
        if treatment is not None:
            street.treat_site(FAILING, treatment)
        plumes.append(float(street.dust.step(scenario.start, street.waiting()).plume_g_s[site]))
    assert plumes[0] == plumes[1] > 2.0 * plumes[2] > 0.0


def test_rain_cleans_the_streets(district: District) -> None:
    """An hour and a half of rain takes nearly half of the silt and holds nearly all dust down."""
    scenario = load_scenario("rainy_week")
    dry = dataclasses.replace(scenario, rain=())
    wet, not_wet = (
        list(itertools.islice(minutes(district, each, 1), 300)) for each in (scenario, dry)
    )
    assert sum(minute.rain for minute in wet) > 5.0
    assert wet[275].silt.mean() < 0.6 * not_wet[275].silt.mean()
    assert wet[250].increment.mean() < 0.2 * not_wet[250].increment.mean()


@pytest.mark.parametrize(
    ("scenario", "lowest_pm10", "fine_share"),
    [("haze", 120.0, (0.55, 0.75)), ("sand_dust", 250.0, (0.15, 0.35))],
)
def test_the_region_in_haze_and_sand(
    district: District, scenario: str, lowest_pm10: float, fine_share: tuple[float, float]
) -> None:
    """Haze is fine and sand-dust coarse, and both are everywhere at once."""
    told = load_scenario(scenario)
    peak = max(
        itertools.islice(minutes(district, told, 1), 0, 24 * 60, 1), key=lambda m: m.background_pm10
    )
    background = [s.kind == "background" for s in district.stations.values()]
    assert peak.background_pm10 > lowest_pm10
    share = (peak.pm25 / peak.pm10)[background]
    assert fine_share[0] < share.min() <= share.max() < fine_share[1]


@pytest.mark.parametrize("name", ALL_SCENARIOS)
def test_every_scenario_says_what_it_is_for(name: str) -> None:
    """Each scenario that is shipped loads and has a line of purpose."""
    scenario = load_scenario(name)
    assert scenario.name == name
    assert len(scenario.purpose) > 20
    assert scenario.start.utcoffset() is not None


def test_an_unknown_scenario_names_the_known() -> None:
    """Asked for what is not there, the error lists what is."""
    with pytest.raises(ValueError, match=", ".join(ALL_SCENARIOS)):
        load_scenario("ordinry")


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        ('purpose = "x"\nstart = 2026-03-02T06:00:00\ndays = 1\n', "time zone"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 0\n', "days"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 1\nwind = 3\n', "wind"),
        ("start = 2026-03-02T06:00:00Z\ndays = 1\n", "purpose"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 1\nduplicate_rate = 2\n', "rate"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 1\nwind_ms = "strong"\n', "wind_ms"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 1\n[[rain]]\nhours = 1\n', "rain"),
        ('purpose = "x"\nstart = 2026-03-02T06:00:00Z\ndays = 1\ngate_failure_hours = 3\n', "gate"),
        ("purpose = \n", "TOML"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(tmp_path: Path, text: str, blamed: str) -> None:
    """The error names what is wrong in the file."""
    file = tmp_path / "odd.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=blamed):
        load_scenario(str(file))


@pytest.mark.parametrize(
    ("segment", "treatment", "share", "water"),
    [
        ("XH99", "wash", 1.0, 0.1),  # no such segment
        (GATE, "polish", 1.0, 0.1),  # no such treatment
        (GATE, "wash", 1.5, 0.1),  # more than the whole
        (GATE, "wash", float("nan"), 0.1),  # no number
        (GATE, "wash", 1.0, -0.1),  # water cannot be taken away
    ],
)
def test_a_treatment_that_cannot_be_is_refused(
    district: District, segment: str, treatment: str, share: float, water: float
) -> None:
    """A wrong segment, treatment, share or amount is an error before anything changes."""
    street = Street(district, load_scenario("ordinary"), 1, graph=graph_of(district))
    with pytest.raises(ValueError, match=r"XH99|polish|share|litres"):
        street.treat(segment, treatment, share, water)
    assert street.waiting() == []


def test_a_failure_at_an_unknown_site_is_refused(district: District) -> None:
    """A scenario for another district is refused with the sites that there are."""
    scenario = dataclasses.replace(
        load_scenario("ordinary"), gate_failures=(GateFailure("SITE-X", 1.0, 1.0),)
    )
    with pytest.raises(ValueError, match=r"SITE-X.*SITE-SPOIL-1"):
        Street(district, scenario, 1, graph=graph_of(district))
