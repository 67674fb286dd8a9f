"""Places along segments: from a longitude and latitude to an offset on a street, and back."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.district import District


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point on a segment, ``offset_m`` metres from its drawn start."""

    segment: str
    offset_m: float


class PlaceIndex:
    """Finds places on the segments of a district, and turns them back into degrees."""

    def __init__(self, district: District) -> None:
        segments = list(district.segments.values())
        self._projection = district.projection
        self._ids = [segment.id for segment in segments]
        self._lines: dict[str, shapely.LineString] = {
            segment.id: district.projection.to_xy(segment.line) for segment in segments
        }
        lines = np.array(list(self._lines.values()), dtype=object)
        treated = np.flatnonzero([segment.treat for segment in segments])
        everything = np.arange(len(segments))
        self._trees = {
            False: (shapely.STRtree(lines), everything, lines),
            True: (shapely.STRtree(lines[treated]), treated, lines[treated]),
        }

    def nearest(
        self, lon: float, lat: float, within_m: float | None = None, treatable_only: bool = False
    ) -> tuple[Place, float] | None:
        """Give the place nearest to a longitude and latitude, and how many metres away it is.

        None if no segment lies within ``within_m``. Of segments equally near, the first in the
        district's order.
        """
        return self.nearest_many(np.array([[lon, lat]]), within_m, treatable_only)[0]

    def nearest_many(
        self, lonlat: ArrayLike, within_m: float | None = None, treatable_only: bool = False
    ) -> list[tuple[Place, float] | None]:
        """Give what `nearest` gives for each row of ``lonlat``, shape (n, 2)."""
        tree, order, lines = self._trees[treatable_only]
        points = np.asarray(shapely.points(self._projection.to_xy(lonlat)), dtype=object)
        found: list[tuple[Place, float] | None] = [None] * len(points)
        pairs, away_m = tree.query_nearest(
            points, max_distance=within_m, return_distance=True, all_matches=True
        )
        # Sorted by point, then by segment: of equals the first segment is met first.
        ranked = np.lexsort((pairs[1], pairs[0]))
        rows, first = np.unique(pairs[0][ranked], return_index=True)
        chosen = pairs[1][ranked][first]
        offsets_m = np.asarray(shapely.line_locate_point(lines[chosen], points[rows]))
        for row, which, offset_m, metres in zip(
            rows, order[chosen], offsets_m, away_m[ranked][first], strict=True
        ):
            found[row] = Place(self._ids[which], float(offset_m)), float(metres)
        return found

    def point(self, place: Place) -> tuple[float, float]:
        """Give the longitude and latitude of a place; offsets beyond an end give that end.

        Raises KeyError if the district has no such segment.
        """
        line = self._line(place.segment)
        at = shapely.line_interpolate_point(line, min(max(place.offset_m, 0.0), line.length))
        lon, lat = self._projection.to_lonlat(shapely.get_coordinates(at))[0]
        return float(lon), float(lat)

    def line_between(self, segment: str, from_m: float, to_m: float) -> shapely.LineString:
        """Give the piece of a segment between two offsets, as driven from one to the other.

        Raises KeyError if the district has no such segment.
        """
        line = self._line(segment)
        return self._projection.to_lonlat(_between(line, from_m, to_m))

    def _line(self, segment: str) -> shapely.LineString:
        try:
            return self._lines[segment]
        except KeyError:
            raise KeyError(f"the district has no segment {segment!r}") from None


def _between(line: shapely.LineString, from_m: float, to_m: float) -> shapely.LineString:
    low, high = (min(max(offset, 0.0), line.length) for offset in sorted((from_m, to_m)))
    coordinates = shapely.get_coordinates(line)
    steps = np.hypot(*np.diff(coordinates, axis=0).T)
    offsets: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(steps)])
    inner = coordinates[(offsets > low) & (offsets < high)]
    ends = shapely.get_coordinates(shapely.line_interpolate_point(line, [low, high]))
    piece = np.vstack([ends[:1], inner, ends[1:]])
    return shapely.LineString(piece if from_m <= to_m else piece[::-1])
