"""The local projection."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.projection import LocalProjection

KM_20 = st.floats(-20_000, 20_000)
ORIGINS = st.tuples(st.floats(-180, 180), st.floats(-80, 80))


def earth_centred(lon: float, lat: float) -> np.ndarray:
    """Metres in space of a place on the WGS 84 ellipsoid."""
    a, f = 6_378_137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    lam, phi = math.radians(lon), math.radians(lat)
    n = a / math.sqrt(1 - e2 * math.sin(phi) ** 2)
    return np.array(
        [
            n * math.cos(phi) * math.cos(lam),
            n * math.cos(phi) * math.sin(lam),
            n * (1 - e2) * math.sin(phi),
        ]
    )


@given(ORIGINS, KM_20, KM_20)
def test_round_trip(origin: tuple[float, float], x: float, y: float) -> None:
    """Metres to degrees and back come out the same to a micrometre within 20 km."""
    projection = LocalProjection(*origin)
    back = projection.to_xy(projection.to_lonlat([[x, y]]))[0]
    assert np.hypot(*(back - [x, y])) < 1e-6


@given(ORIGINS, KM_20, KM_20, st.floats(0, 2 * math.pi))
def test_lengths_are_true(origin: tuple[float, float], x: float, y: float, heading: float) -> None:
    """Two places 1 km apart on the plane are 1 km apart on the earth, to a centimetre."""
    projection = LocalProjection(*origin)
    step = 1000 * np.array([math.sin(heading), math.cos(heading)])
    lonlat = projection.to_lonlat(np.array([[x, y], [x + step[0], y + step[1]]]))
    # Over a kilometre the chord is a micrometre shorter than the arc.
    apart = np.linalg.norm(earth_centred(*lonlat[0]) - earth_centred(*lonlat[1]))
    assert abs(apart - 1000) < 0.01


def test_axes() -> None:
    """The origin is zero, x grows eastward and y northward."""
    projection = LocalProjection(113.89, 22.49)
    origin, east, north = projection.to_xy([[113.89, 22.49], [113.90, 22.49], [113.89, 22.50]])
    assert np.allclose(origin, 0, atol=1e-6)
    assert east[0] > 1000
    assert abs(east[1]) < 1
    assert north[1] > 1000
    assert abs(north[0]) < 1e-6


def test_geometries() -> None:
    """A geometry is projected as its coordinates are, and keeps its type."""
    projection = LocalProjection(113.89, 22.49)
    line = shapely.LineString([(113.89, 22.48), (113.9, 22.5)])
    metres = projection.to_xy(line)
    assert isinstance(metres, shapely.LineString)
    assert np.array_equal(metres.coords, projection.to_xy(np.array(line.coords)))
    assert projection.to_lonlat(metres).equals_exact(line, 1e-12)


@pytest.mark.parametrize(
    "values",
    [
        [113.89, 22.49],  # one pair, not a list of pairs
        [[113.89, 22.49, 3.0]],  # with a height
        [[[113.89, 22.49]]],  # a list of lists of pairs
    ],
)
def test_bad_shapes(values: list[Any]) -> None:
    """Anything but an (n, 2) array is refused with the shape it has."""
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        LocalProjection(113.89, 22.49).to_xy(values)


@pytest.mark.parametrize("origin", [(113.89, 95.0), (200.0, 22.0), (math.nan, 22.0)])
def test_bad_origin(origin: tuple[float, float]) -> None:
    """An origin that is no longitude and latitude is refused."""
    with pytest.raises(ValueError, match="projection origin"):
        LocalProjection(*origin)


def test_poles() -> None:
    """A pole has a place like any other, without a warning."""
    projection = LocalProjection(114.0, 22.5)
    x, y = projection.to_xy([(-180.0, 90.0), (114.0, -90.0)]).T
    assert np.allclose(x, 0, atol=1e-3)
    assert y[1] < -10e6 < 7e6 < y[0]
