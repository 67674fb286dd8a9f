"""Places along segments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.district import District
from geo.places import Place, PlaceIndex

STREETS: list[dict[str, Any]] = [
    {"id": "bend", "points": [(0, 0), (100, 0), (100, 100)]},
    {"id": "through", "points": [(0, 50), (300, 50)], "treat": False},
    {"id": "far", "points": [(0, 400), (300, 400)]},
]


@pytest.fixture(scope="module")
def district(district_of: Callable[..., District]) -> District:
    """A bend, a street only driven on, and a street far off."""
    return district_of(STREETS)


def at(district: District, x: float, y: float) -> tuple[float, float]:
    """Degrees of a point given in metres."""
    lon, lat = district.projection.to_lonlat([[x, y]])[0]
    return float(lon), float(lat)


@pytest.mark.parametrize(
    ("x", "y", "segment", "offset_m", "away_m"),
    [
        (30, -10, "bend", 30, 10),  # beside the first leg
        (110, 90, "bend", 190, 10),  # beside the second leg, counted round the corner
        (-30, -40, "bend", 0, 50),  # before the start
        (200, 60, "through", 200, 10),
        (310, 400, "far", 300, 10),  # beyond the end
    ],
)
def test_nearest(
    district: District, x: float, y: float, segment: str, offset_m: float, away_m: float
) -> None:
    """The nearest place has the offset along its segment and the distance to it."""
    found = PlaceIndex(district).nearest(*at(district, x, y))
    assert found is not None
    assert found[0].segment == segment
    assert found[0].offset_m == pytest.approx(offset_m, abs=1e-4)
    assert found[1] == pytest.approx(away_m, abs=1e-4)


def test_within(district: District) -> None:
    """Nothing is found where the nearest segment lies farther than asked."""
    index = PlaceIndex(district)
    assert index.nearest(*at(district, 200, 70), within_m=19.9) is None
    assert index.nearest(*at(district, 200, 70), within_m=20.1) is not None


def test_treatable_only(district: District) -> None:
    """Streets only driven on are passed over when a treatable segment is wanted."""
    found = PlaceIndex(district).nearest(*at(district, 200, 60), treatable_only=True)
    assert found is not None
    assert found[0].segment == "bend"
    assert found[1] == pytest.approx(100, abs=1e-4)


def test_first_of_equals(district_of: Callable[..., District]) -> None:
    """Of segments equally near, the first in the district's order is given."""
    district = district_of(
        [
            {"id": "second", "points": [(0, 0), (100, 0)]},
            {"id": "first", "points": [(0, 0), (-100, 0)]},
        ]
    )
    lonlat = np.array([at(district, 0, 30)] * 3)
    found = PlaceIndex(district).nearest_many(lonlat)
    assert [one[0].segment for one in found if one] == ["second"] * 3


def test_many_as_one(district: District) -> None:
    """Many points at once give what they give one by one, misses in their places."""
    index = PlaceIndex(district)
    grid = [at(district, x, y) for x in range(-50, 400, 37) for y in range(-50, 500, 41)]
    for treatable_only in (False, True):
        together = index.nearest_many(np.array(grid), 60.0, treatable_only)
        alone = [index.nearest(lon, lat, 60.0, treatable_only) for lon, lat in grid]
        assert together == alone
        assert None in together


def test_nothing_asked(district: District) -> None:
    """No points give no places."""
    assert PlaceIndex(district).nearest_many(np.empty((0, 2))) == []


@given(st.sampled_from(["bend", "through", "far"]), st.floats(0, 1))
def test_point_and_back(district_of: Callable[..., District], segment: str, share: float) -> None:
    """The point of a place lies on its segment, at that offset."""
    district = district_of([row for row in STREETS if row["id"] == segment])
    index = PlaceIndex(district)
    place = Place(segment, share * district.segments[segment].length_m)
    found = index.nearest(*index.point(place))
    assert found is not None
    assert found[0].offset_m == pytest.approx(place.offset_m, abs=1e-4)
    assert found[1] < 1e-4


def test_line_between(district: District) -> None:
    """A piece keeps the corners between its ends, and turns round when driven backward."""
    index = PlaceIndex(district)
    ahead = district.projection.to_xy(index.line_between("bend", 60, 150))
    assert np.allclose(ahead.coords, [(60, 0), (100, 0), (100, 50)], atol=1e-4)
    back = district.projection.to_xy(index.line_between("bend", 150, 60))
    assert np.allclose(back.coords, [(100, 50), (100, 0), (60, 0)], atol=1e-4)


def test_offsets_are_held_to_the_segment(district: District) -> None:
    """Offsets before the start or beyond the end give the end."""
    index = PlaceIndex(district)
    assert index.point(Place("far", -5)) == index.point(Place("far", 0))
    assert index.point(Place("far", 1e6)) == pytest.approx(at(district, 300, 400), abs=1e-9)
    whole = district.projection.to_xy(index.line_between("bend", -10, 1e6))
    assert whole.length == pytest.approx(200, abs=1e-4)


def test_unknown_segment(district: District) -> None:
    """A segment that the district has not is named in the error."""
    with pytest.raises(KeyError, match="no segment 'X9'"):
        PlaceIndex(district).point(Place("X9", 0))
