"""What no minute changes: where soil falls off trucks, how far a word reaches, traffic's hours."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.street import traffic
from analytics.street.ground import SOIL_LEAST, _fade
from analytics.street.weather import local_hours
from geo.district import load_district
from tests.analytics.street_minutes import NOON, model_of
from tests.analytics.streets import district as xinghai
from tests.street import write_street


def with_segments(district, **changes):
    """All segments changed alike."""
    return replace(
        district,
        segments={name: replace(s, **changes) for name, s in district.segments.items()},
    )


def with_gates(district, *gates):
    """The site's gates are on these segments."""
    site = district.sites["Q1"]
    return replace(district, sites={"Q1": replace(site, gates=gates)})


def shares(district) -> dict[str, float]:
    """By segment, of the soil that comes out of the site."""
    ground = model_of(district).ground
    return {
        ground.segments[g]: share
        for g, share in zip(ground.pair_segment, ground.pair_share, strict=True)
    }


@pytest.fixture(scope="module")
def long_street(tmp_path_factory):
    """Eight segments in a row, some 220 m each."""
    return load_district(write_street(tmp_path_factory.mktemp("long"), 8))


def test_soil_halves_over_three_hundred_metres(long_street):
    """On a one-way street from a gate on: half of it falls on the gate's own segment's second
    half and what follows within 300 m, by hand."""
    oneway = with_gates(with_segments(long_street, oneway=True), "S2")
    length = long_street.segments["S2"].length_m
    got = shares(oneway)
    left = 1.0
    for name, metres in (("S2", length / 2), ("S3", length), ("S4", length), ("S5", length)):
        fallen = left * (1 - 0.5 ** (metres / 300))
        assert got[name] == pytest.approx(fallen, rel=0.01)
        left -= fallen


def test_soil_follows_one_way_streets(long_street):
    """Nothing falls behind a gate that may only be left forwards; both ways alike where trucks
    may go either way."""
    forwards = shares(with_gates(with_segments(long_street, oneway=True), "S4"))
    assert set(forwards) <= {"S4", "S5", "S6", "S7", "S8"}
    both = shares(with_gates(long_street, "S4"))
    assert both["S3"] == pytest.approx(both["S5"], rel=0.01)
    assert both["S2"] == pytest.approx(both["S6"], rel=0.01)
    assert both["S3"] == pytest.approx(forwards["S5"] / 2, rel=0.01)


def test_of_two_gates_each_has_half(long_street):
    """Soil out of two gates is the mean of both."""
    one, other = (shares(with_gates(long_street, name)) for name in ("S3", "S6"))
    both = shares(with_gates(long_street, "S3", "S6"))
    for name, share in both.items():
        assert share == pytest.approx((one.get(name, 0) + other.get(name, 0)) / 2, abs=SOIL_LEAST)


@pytest.mark.parametrize("make", [xinghai, None])
def test_no_more_soil_falls_than_comes_out(make, long_street):
    """Over all segments at most 1 of a gate's, each at least what is worth following."""
    ground = model_of(make() if make else long_street).ground
    whole = np.bincount(ground.pair_site, ground.pair_share, len(ground.sites))
    assert (whole <= 1 + 1e-9).all()
    assert (whole > 0.5).all()
    assert (ground.pair_share >= SOIL_LEAST).all()


def test_deviations_alike_have_the_spread_asked_for(long_street):
    """The root of how silt varies together gives every street the same variance, and neighbours
    more in common than the ends."""
    root = model_of(long_street).ground.alike.astype(np.float64)
    together = root @ root.T
    np.testing.assert_allclose(np.diag(together), 1.0, atol=0.002)
    apart = long_street.segments["S1"].length_m
    assert together[0, 1] == pytest.approx(np.exp(-apart / 400), rel=0.01)
    assert (np.diff(together[0]) < 0).all()


@given(st.lists(st.floats(0, 5), min_size=2, max_size=20))
def test_a_word_fades_with_distance(distances):
    """Gaspari and Cohn: 1 at 0, 5/24 at 1, 0 from 2 on, never rising."""
    ordered = np.sort(distances)
    got = _fade(ordered)
    assert (np.diff(got) <= 1e-12).all()
    assert ((got >= 0) & (got <= 1)).all()
    assert (got[ordered >= 2] == 0).all()
    np.testing.assert_allclose(_fade(np.array([0.0, 1.0, 2.0])), [1, 5 / 24, 0], atol=1e-12)


def test_stations_speak_for_what_is_near(street):
    """Most for their own street, less for others, not at all a kilometre away; background stations
    reach no street."""
    ground = model_of(street).ground
    assert (ground.speaks[:4].argmax(axis=1) == [0, 1, 2, 3]).all()
    assert (ground.speaks[ground.background] == 0).all()
    np.testing.assert_allclose(np.diag(ground.together), 1.0)
    np.testing.assert_array_equal(ground.together, ground.together.T)


def test_hours_of_light_traffic_sum_to_a_day():
    """The minutes of a day have one of a vehicle a day, and of trucks in a week seven."""
    hour, weekday = np.arange(1440) / 60, np.zeros(1440, np.int64)
    assert traffic.light_at(hour).sum() == pytest.approx(1.0)
    days = [traffic.heavy_at(hour, weekday + day).sum() for day in range(7)]
    assert sum(days) == pytest.approx(7.0)
    assert days[6] == pytest.approx(0.75 * days[0])
    assert days[:6] == pytest.approx([days[0]] * 6)


def test_traffic_has_no_jump_at_midnight(street):
    """Neighbouring minutes differ by a few percent, over midnight, too, but into and out of a
    Sunday."""
    hour, weekday = local_hours(NOON + 2 * 1440, 1440, street.timezone)
    heavy, light = traffic.heavy_at(hour, weekday), traffic.light_at(hour)
    for flow in (heavy, light):
        assert (np.abs(np.diff(np.log(flow))) < 0.03).all()


LATELY = NOON - 30


def test_a_segment_goes_by_its_own_camera():
    """Many trucks seen where few are expected: busy; others without a camera by what all see."""
    counted, expected = np.array([2000.0, 500.0, 0.0]), np.array([1000.0, 1000.0, 1000.0])
    seen_at = np.array([LATELY, LATELY, -(10**9)])
    got = traffic.activity(counted, expected, seen_at, NOON)
    assert got[0] == pytest.approx(2.0, rel=0.02)
    assert got[1] == pytest.approx(0.5, rel=0.03)
    assert got[2] == pytest.approx(2500 / 2000, rel=0.01)


def test_a_few_trucks_prove_little():
    """A camera's word outweighs the timetable's only when enough were expected."""
    seen_at = np.array([LATELY])
    few = traffic.activity(np.array([2.0]), np.array([1.0]), seen_at, NOON)[0]
    many = traffic.activity(np.array([2000.0]), np.array([1000.0]), seen_at, NOON)[0]
    assert 1 < few < 1.3
    assert many > 1.9


def test_a_dead_camera_does_not_empty_the_road():
    """One that has been silent for a day says nothing, of its street or of others; one that has
    been for an hour says that few drive."""
    counted, expected = np.array([0.0, 1000.0]), np.array([1000.0, 1000.0])
    dead = np.array([NOON - traffic.ALIVE_MIN, LATELY])
    np.testing.assert_allclose(traffic.activity(counted, expected, dead, NOON), 1.0)
    quiet = traffic.activity(counted, expected, np.array([NOON - 60, LATELY]), NOON)
    assert quiet[0] < 0.2


def test_without_cameras_the_timetable_holds():
    """Nobody counts: as busy as usual."""
    never = np.full(3, -(10**9))
    np.testing.assert_array_equal(traffic.activity(np.zeros(3), np.zeros(3), never, NOON), 1.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 3000)),
        min_size=1,
        max_size=6,
    )
)
def test_activity_stays_within_reason(rows):
    """Whatever cameras count, between a tenth and four times the timetable."""
    counted, expected, ago = (np.array(column) for column in zip(*rows, strict=True))
    got = traffic.activity(counted, expected, NOON - ago, NOON)
    assert ((got >= 0.1) & (got <= 4.0)).all()
