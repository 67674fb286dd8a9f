"""Plumes of streets and sites: against sums of point sources, and worked by hand."""

import itertools

import numpy as np
import pytest
import shapely

from analytics.street.dispersion import CLASSES, STILL_MS, Dispersion, stability

WIDTH_M = 10.5
HEIGHT_M = 3.0
BENT = shapely.LineString([(0.0, 0.0), (200.0, 0.0), (300.0, 120.0)])
STRAIGHT = shapely.LineString([(0.0, -200.0), (0.0, 200.0)])
PLACES = np.array(
    [(150.0, 9.0), (150.0, -9.0), (20.0, 12.0), (310.0, 123.0), (-15.0, 5.0), (150.0, 40.0),
     (100.0, 120.0), (400.0, 50.0), (700.0, -200.0), (1500.0, 400.0)]
)  # fmt: skip
NEAR = shapely.distance(shapely.points(PLACES), BENT) < 400.0
NO_SITES = np.empty((0, 2))
EVERY_CLASS = range(len(CLASSES))


def of(lines, places=PLACES, sites=NO_SITES, **settings) -> Dispersion:
    heights = np.full(len(places), HEIGHT_M)
    return Dispersion(lines, np.full(len(lines), WIDTH_M), places, heights, sites, **settings)


def briggs(x, cls):
    """σy and σz over a town, as Briggs (1973) tabulates them."""
    bent = 1 + 0.0004 * x
    return {
        "B": (0.32 * x / np.sqrt(bent), 0.24 * x * np.sqrt(1 + 0.001 * x)),
        "C": (0.22 * x / np.sqrt(bent), 0.20 * x),
        "D": (0.16 * x / np.sqrt(bent), 0.14 * x / np.sqrt(1 + 0.0003 * x)),
        "F": (0.11 * x / np.sqrt(bent), 0.08 * x / np.sqrt(1 + 0.0015 * x)),
    }[cls]


def point_source(along, across, cls, width_m, deep_m):
    """µg/m³ at HEIGHT_M for 1 µg/s at 1 m over the ground and 1 m/s; nothing upwind."""
    sigma_y, sigma_z = briggs(np.maximum(along, 0.0), cls)
    sigma_y, sigma_z = np.hypot(sigma_y, width_m), np.hypot(sigma_z, deep_m)
    up_and_down = sum(np.exp(-((HEIGHT_M - high) ** 2) / (2 * sigma_z**2)) for high in (1.0, -1.0))
    bell = np.exp(-(across**2) / (2 * sigma_y**2)) * up_and_down
    return np.where(along > 0, bell / (2 * np.pi * sigma_y * sigma_z), 0.0)


def integrated(place, wind_from_deg, cls):
    """A street as points 10 cm apart."""
    angle = np.radians(wind_from_deg)
    down, left = (
        -np.array([np.sin(angle), np.cos(angle)]),
        np.array([np.cos(angle), -np.sin(angle)]),
    )
    total = 0.0
    for begin, end in itertools.pairwise(np.asarray(BENT.coords)):
        length = float(np.hypot(*(end - begin)))
        at = np.linspace(0.0, length, 2001)
        away = place - (begin + at[:, None] * (end - begin) / length)
        value = point_source(away @ down, away @ left, cls, WIDTH_M / 2 / 2.15, 2.5)
        total += float(np.trapezoid(value, at))
    return total


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_a_street_is_the_sum_of_its_points(cls):
    """For winds all round within 3 %, and within 10 % where a bent street counts as straight,
    beyond 400 m; or half a percent of what a kerb across the wind gets."""
    street = of([BENT])
    kerb = street.at(180.0, 1.0, cls)[0, 0]
    for wind_from_deg in range(0, 360, 30):
        got = street.at(wind_from_deg, 1.0, cls)[: len(PLACES), 0]
        want = np.array([integrated(place, wind_from_deg, CLASSES[cls]) for place in PLACES])
        np.testing.assert_allclose(got[NEAR], want[NEAR], rtol=0.03, atol=0.005 * kerb)
        np.testing.assert_allclose(got[~NEAR], want[~NEAR], rtol=0.1, atol=0.005 * kerb)


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_nothing_blows_upwind(cls):
    """West of a street there is nothing of it in a wind from the west, and east of it there is;
    the kerb on the lee side takes all that the mean of both has."""
    places = np.array([(-30.0, 0.0), (-6.26, 0.0), (6.26, 0.0), (30.0, 0.0), (800.0, 0.0)])
    got = of([STRAIGHT], places).at(270.0, 2.0, cls)[: len(places), 0]
    assert (got[:2] == 0).all()
    assert (got[2:] > 0).all()


@pytest.mark.parametrize("wind_from_deg", [0.0, 40.0, 90.0, 130.0, 270.0])
def test_a_kerb_is_the_mean_of_both_sides(wind_from_deg):
    """Half of what two receptors have that stand a metre off either edge, at 1.5 m."""
    sides = np.array([(WIDTH_M / 2 + 1.0, 0.0), (-WIDTH_M / 2 - 1.0, 0.0)])
    site = np.array([(150.0, 60.0)])
    both = Dispersion([STRAIGHT], np.array([WIDTH_M]), sides, np.full(2, 1.5), site)
    got = both.at(wind_from_deg, 2.0, 2)
    np.testing.assert_allclose(got[2], got[:2].mean(axis=0), rtol=1e-5, atol=1e-12)


def test_between_two_tables_lies_what_is_between_them():
    """Part of the way from ten degrees to the next is that part of both; 360 is 0."""
    street = of([BENT, STRAIGHT], sites=np.array([(50.0, 70.0)]))
    for low in (0.0, 40.0, 350.0):
        a, b = street.at(low, 2.0, 1), street.at(low + 10.0, 2.0, 1)
        got = street.at(low + 2.5, 2.0, 1)
        np.testing.assert_allclose(got, 0.75 * a + 0.25 * b, rtol=1e-5, atol=1e-12)
    np.testing.assert_array_equal(street.at(360.0, 2.0, 1), street.at(0.0, 2.0, 1))
    np.testing.assert_array_equal(street.at(-10.0, 2.0, 1), street.at(350.0, 2.0, 1))


def test_twice_the_wind_half_the_dust():
    """A plume thins with the wind; below what traffic stirs, it gets no thicker."""
    street = of([BENT], sites=np.array([(50.0, 70.0)]))
    once = street.at(200.0, 2.0, 2)
    np.testing.assert_allclose(2 * street.at(200.0, 4.0, 2), once, rtol=1e-6)
    still = street.at(200.0, STILL_MS, 2)
    np.testing.assert_array_equal(street.at(200.0, 0.0, 2), still)
    assert (still >= once).all()


def test_a_wind_that_nobody_measures_comes_from_all_sides():
    """The mean over winds from every thirty degrees."""
    street = of([BENT], sites=np.array([(50.0, 70.0)]))
    sides = np.mean([street.at(deg, 1.5, 2) for deg in range(0, 360, 30)], axis=0)
    np.testing.assert_allclose(street.from_all_sides(1.5, 2), sides, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_a_site_is_a_plume_as_wide_as_its_yard(cls):
    """15 m wide and 5 m deep from 15 m upwind on; nothing beyond that."""
    places = np.array([(0.0, 50.0), (10.0, 200.0), (-60.0, 400.0), (0.0, -14.0), (0.0, -16.0)])
    got = of([STRAIGHT], places, np.zeros((1, 2))).at(180.0, 3.0, cls)[: len(places), 1]
    want = point_source(places[:, 1] + 15.0, places[:, 0], CLASSES[cls], 15.0, 5.0) / 3.0
    np.testing.assert_allclose(got, want, rtol=1e-4)
    assert got[3] > 0
    assert got[4] == 0


def test_a_small_store_of_tables_gives_the_same():
    """What is kept in memory changes no result."""
    wide, narrow = of([BENT]), of([BENT], keep_mb=0.0)
    for deg in (5.0, 95.0, 5.0, 275.0, 95.0):
        np.testing.assert_array_equal(wide.at(deg, 2.0, 1), narrow.at(deg, 2.0, 1))


def test_where_nobody_measures_there_are_kerbs():
    """Without stations and sites a table is of kerbs and streets."""
    assert of([BENT], np.empty((0, 2))).at(10.0, 2.0, 1).shape == (1, 1)


def test_a_bend_takes_no_dust_away():
    """Far off, a street that turns back gives as much as one as long that does not."""
    hairpin = shapely.LineString([(0.0, 0.0), (100.0, 0.0), (100.0, 5.0), (0.0, 5.0)])
    plain = shapely.LineString([(0.0, 2.5), (205.0, 2.5)])
    far = np.array([(50.0, -1200.0)])
    got, want = of([hairpin], far).at(0.0, 2.0, 1)[0, 0], of([plain], far).at(0.0, 2.0, 1)[0, 0]
    assert got == pytest.approx(want, rel=0.15)


@pytest.mark.parametrize(
    ("wind_ms", "sun", "cls"),
    [
        (1.0, 0.9, "B"),  # strong sun, hardly any wind: A, which counts as B
        (2.9, 0.9, "B"),
        (4.0, 0.9, "C"),  # B to C
        (6.0, 0.9, "D"),  # the table has C: near the ground of a town it makes no odds
        (1.5, 0.3, "B"),  # slight sun
        (3.0, 0.3, "C"),
        (5.0, 0.3, "D"),
        (1.5, 0.0, "F"),  # night
        (2.9, 0.0, "F"),
        (3.0, 0.0, "D"),
        (6.0, 0.0, "D"),
    ],
)
def test_pasquills_classes(wind_ms, sun, cls):
    """Calm sunny air is unstable, calm nights are stable, wind makes all neutral."""
    assert CLASSES[int(stability(np.array(wind_ms), np.array(sun)))] == cls
