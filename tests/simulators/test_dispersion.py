"""Plumes: the finite line source against the point source that it is made of."""

import itertools

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from simulators.dispersion import (
    LANE_SPREAD,
    LineSources,
    PointSources,
    Receptors,
    Stability,
    WindTable,
    briggs_urban,
    point_source,
    stability,
    wind_vector,
)

WIDTH_M = 10.5
BENT = shapely.LineString([(0.0, 0.0), (200.0, 0.0), (300.0, 120.0)])
PLACES = np.array(
    [(150.0, 9.0), (150.0, -9.0), (20.0, 12.0), (310.0, 123.0), (-15.0, 5.0), (150.0, 40.0),
     (100.0, 120.0), (400.0, 50.0), (700.0, -200.0), (1500.0, 400.0)]
)  # fmt: skip
HEIGHT_M = 3.0


def sources(places: NDArray[np.float64] = PLACES) -> LineSources:
    receptors = Receptors(places, np.full(len(places), HEIGHT_M))
    return LineSources([BENT], np.array([WIDTH_M]), receptors)


def integrated(place: NDArray[np.float64], wind_from_deg: float, cls: Stability) -> float:
    """The point-source formula summed along the street in steps of a centimetre or so."""
    east, north = wind_vector(wind_from_deg)
    total = 0.0
    corners = np.asarray(BENT.coords)
    for begin, end in itertools.pairwise(corners):
        length = float(np.hypot(*(end - begin)))
        along = np.linspace(0.0, length, 20_001)
        away = place - (begin + along[:, None] * (end - begin) / length)
        value = point_source(
            away @ np.array([east, north]),
            away @ np.array([-north, east]),
            np.full(len(along), HEIGHT_M),
            cls,
            sigma_y0_m=WIDTH_M / LANE_SPREAD,
        )
        total += float(np.trapezoid(value, along))
    return total


@pytest.mark.parametrize("cls", ["B", "C", "D", "F"])
def test_line_source_is_the_integral_of_point_sources(cls: Stability) -> None:
    """For winds all round, within 1 % (or 2e-5, where the kerb has 0.16)."""
    line = sources()
    for wind_from_deg in range(0, 360, 15):
        got = line.coefficients(wind_from_deg, cls)[:, 0]
        want = [integrated(place, wind_from_deg, cls) for place in PLACES]
        np.testing.assert_allclose(got, want, rtol=0.01, atol=2e-5)


def test_an_endless_street_across_the_wind() -> None:
    """Far from its ends a street gives 2 q / (sqrt(2 π) σz u) times the plume's vertical term."""
    line = shapely.LineString([(0.0, -2000.0), (0.0, 2000.0)])
    receptors = Receptors(np.array([(50.0, 0.0)]), np.zeros(1))
    got = LineSources([line], np.array([WIDTH_M]), receptors).coefficients(270.0, "D")[0, 0]
    sigma_z = np.hypot(briggs_urban(50.0, "D")[1], 2.5)
    want = 2.0 / (np.sqrt(2.0 * np.pi) * sigma_z) * np.exp(-(1.5**2) / (2.0 * sigma_z**2))
    assert got == pytest.approx(want, rel=0.01)


def test_nothing_reaches_upwind() -> None:
    """A receptor upwind of the whole street has no dust of it, one downwind has."""
    upwind_and_down = np.array([(150.0, 200.0), (150.0, -200.0)])
    north_wind = sources(upwind_and_down).coefficients(0.0, "D")[:, 0]
    assert north_wind[0] == 0.0
    assert north_wind[1] > 0.0


def test_wind_comes_from_where_it_says() -> None:
    """A wind from the west blows east."""
    assert wind_vector(270.0) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_tables_stand_in_for_any_wind() -> None:
    """Between two tabulated directions the error is under 5 % of the kerb's share."""
    line = sources()
    table = WindTable(line)
    kerb = line.coefficients(180.0, "D")[0, 0]
    for wind_from_deg in (0.0, 3.0, 44.0, 91.5, 187.5, 359.0):
        exact = line.coefficients(wind_from_deg, "D")
        got = table.concentrations(np.ones((1, 1)), wind_from_deg, 2.0, "D")
        np.testing.assert_allclose(2.0 * got, exact, rtol=0.05, atol=0.05 * kerb)


def test_a_small_store_of_tables_gives_the_same() -> None:
    """What is kept in memory changes no result."""
    line = sources()
    wide, narrow = WindTable(line), WindTable(line, keep_mb=0.0)
    strengths = np.array([[1e-4]])
    for wind_from_deg in (5.0, 95.0, 5.0, 275.0, 95.0):
        np.testing.assert_array_equal(
            wide.concentrations(strengths, wind_from_deg, 2.0, "C"),
            narrow.concentrations(strengths, wind_from_deg, 2.0, "C"),
        )


def test_a_table_takes_the_mean_of_both_kerbs() -> None:
    """Receptors that stand in pairs are one in the table, single ones before them stay."""
    places = np.array([(150.0, 40.0), (100.0, 9.0), (150.0, 9.0), (100.0, -9.0), (150.0, -9.0)])
    exact = sources(places).coefficients(100.0, "D")
    got = WindTable(sources(places), pairs=2).coefficients(100.0, 1.0, "D")
    want = [exact[0], (exact[1] + exact[3]) / 2.0, (exact[2] + exact[4]) / 2.0]
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_streets_and_points_stand_side_by_side_in_a_table() -> None:
    """Columns are the sources in the order in which they were given; a point's are exact."""
    receptors = Receptors(PLACES, np.full(len(PLACES), HEIGHT_M))
    centre = np.array([(400.0, 300.0)])
    site = PointSources(centre, receptors, height_m=2.0, sigma_y0_m=15.0, sigma_z0_m=4.0)
    table = WindTable(sources(), site).coefficients(45.0, 2.0, "C")
    assert table.shape == (len(PLACES), 2)
    to = PLACES - centre
    away = np.array([-1.0, -1.0]) / np.sqrt(2.0)
    for place, got in zip(to, table[:, 1], strict=True):
        along, across = float(place @ away), float(place @ [-away[1], away[0]])
        want = point_source(
            np.array([along + 15.0]), np.array([across]), np.array([HEIGHT_M]), "C",
            height_m=2.0, sigma_y0_m=15.0, sigma_z0_m=4.0,
        )  # fmt: skip
        assert got == pytest.approx(want[0] / 2.0, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize(
    ("wind_m_s", "sun", "cls"),
    [
        (1.0, 1.0, "A"),  # still and sunny: the air turns over
        (4.0, 1.0, "C"),
        (8.0, 1.0, "D"),  # wind mixes as much as the sun does
        (1.0, 0.0, "F"),  # still night: it lies in layers
        (2.5, 0.0, "E"),
        (6.0, 0.0, "D"),
    ],
)
def test_stability_classes(wind_m_s: float, sun: float, cls: str) -> None:
    """Pasquill's classes by wind and sun."""
    assert stability(wind_m_s, sun) == cls
