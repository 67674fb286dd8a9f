"""Datum conversion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import datum

METRES_PER_DEGREE = 111_320.0

# Worked out with an independent library: WGS 84, GCJ-02, BD-09.
KNOWN = [
    ((113.89, 22.49), (113.894873451, 22.486947942), (113.901337823, 22.493193591)),
    ((116.404, 39.915), (116.410244499, 39.916404282), (116.416627244, 39.922699552)),
    ((87.6, 43.8), (87.602838972, 43.801212030), (87.609210152, 43.807472508)),
    ((126.5, 45.8), (126.506185685, 45.802081367), (126.512641213, 45.808150429)),
]

# Bus stops of Xinghai Avenue in a city list, which gives both: GCJ-02, WGS 84.
STOPS = [
    ((113.891365, 22.493651), (113.886487, 22.496701)),
    ((113.899393, 22.482032), (113.894525, 22.485086)),
    ((113.895339, 22.464588), (113.890468, 22.467640)),
]

# Two kilometres inside the rectangle where the shift applies; on its very edge a shifted place
# cannot be told from an unshifted one outside.
CHINA = st.tuples(st.floats(72.024, 137.8147), st.floats(0.8493, 55.8071))

THERE_AND_BACK = [
    (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
    (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
    (datum.wgs84_to_bd09, datum.bd09_to_wgs84),
]


@pytest.mark.parametrize(("wgs84", "gcj02", "bd09"), KNOWN)
def test_known_places(
    wgs84: tuple[float, float], gcj02: tuple[float, float], bd09: tuple[float, float]
) -> None:
    """Known places come out in each datum as an independent library has them."""
    assert datum.wgs84_to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-9)
    assert datum.gcj02_to_wgs84(*gcj02) == pytest.approx(wgs84, abs=2e-9)
    assert datum.gcj02_to_bd09(*gcj02) == pytest.approx(bd09, abs=2e-9)
    assert datum.bd09_to_gcj02(*bd09) == pytest.approx(gcj02, abs=2e-9)
    assert datum.wgs84_to_bd09(*wgs84) == pytest.approx(bd09, abs=2e-9)
    assert datum.bd09_to_wgs84(*bd09) == pytest.approx(wgs84, abs=2e-9)


@pytest.mark.parametrize(("gcj02", "wgs84"), STOPS)
def test_bus_stops(gcj02: tuple[float, float], wgs84: tuple[float, float]) -> None:
    """Stops on the avenue come out where the city's list has them, to its last digit."""
    assert datum.gcj02_to_wgs84(*gcj02) == pytest.approx(wgs84, abs=1e-6)


@pytest.mark.parametrize(("there", "back"), THERE_AND_BACK)
@given(place=CHINA)
def test_round_trip(there, back, place: tuple[float, float]) -> None:  # type: ignore[no-untyped-def]
    """There and back is less than a millimetre off, everywhere in China."""
    lon, lat = back(*there(*place))
    off_deg = np.hypot(lon - place[0], lat - place[1])
    assert off_deg * METRES_PER_DEGREE < 1e-3


@pytest.mark.parametrize("place", [(2.35, 48.86), (-74.0, 40.7), (139.7, 35.7), (151.2, -33.9)])
@pytest.mark.parametrize("change", [one for pair in THERE_AND_BACK for one in pair])
def test_unchanged_abroad(change, place: tuple[float, float]) -> None:  # type: ignore[no-untyped-def]
    """Outside China every conversion gives back what it got."""
    assert change(*place) == place


@pytest.mark.parametrize("change", [one for pair in THERE_AND_BACK for one in pair])
def test_arrays_are_as_numbers(change) -> None:  # type: ignore[no-untyped-def]
    """An array of any shape comes out as its numbers one by one, China and abroad mixed."""
    lon = np.array([[113.89, 2.35], [116.4, 139.7]])
    lat = np.array([[22.49, 48.86], [39.9, 35.7]])
    together = np.array(change(lon, lat))
    alone = [change(a, b) for a, b in zip(lon.ravel(), lat.ravel(), strict=True)]
    assert np.allclose(together.reshape(2, -1).T, alone, rtol=0, atol=1e-12)
