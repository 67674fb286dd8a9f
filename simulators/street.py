"""The streets of a district as arrays, and how soil travels over them."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array

from geo.district import District
from geo.graph import RoadGraph
from simulators.dispersion import Receptors

Floats = NDArray[np.float64]

KERB_M = 4.0
BREATHING_M = 2.0


@dataclass(frozen=True, slots=True)
class Streets:
    """What of the segments does not change; (segment,) unless said otherwise.

    onward is (segment, segment): the share of what leaves on tyres that gets to each other
    segment; a row sums to less than 1 where traffic leaves the district.
    """

    ids: tuple[str, ...]
    index: dict[str, int]
    lines: list[shapely.LineString]
    length_m: Floats
    width_m: Floats
    area_m2: Floats
    heavy_per_day: Floats
    lanes: Floats
    residents: Floats
    treatable: NDArray[np.bool_]
    onward: csr_array

    @classmethod
    def of(cls, district: District, graph: RoadGraph) -> "Streets":
        """The streets of a district."""
        segments = list(district.segments.values())
        length = np.array([segment.length_m for segment in segments])
        width = np.array([segment.width_m for segment in segments])
        heavy = np.array([segment.heavy_trucks_per_day for segment in segments])
        return cls(
            ids=tuple(segment.id for segment in segments),
            index={segment.id: at for at, segment in enumerate(segments)},
            lines=[district.projection.to_xy(segment.line) for segment in segments],
            length_m=length,
            width_m=width,
            area_m2=length * width,
            heavy_per_day=heavy,
            lanes=np.array([float(segment.lanes) for segment in segments]),
            residents=np.array([float(segment.residents) for segment in segments]),
            treatable=np.array([segment.treat for segment in segments]),
            onward=_onward(district, graph, heavy),
        )

    def kerbs(self) -> Receptors:
        """Two receptors for each segment, on either side of its middle: left ones, then right."""
        sides = []
        for sign in (1.0, -1.0):
            for line, width in zip(self.lines, self.width_m, strict=True):
                middle = line.length / 2.0
                ends = shapely.get_coordinates(
                    shapely.line_interpolate_point(line, [max(middle - 1.0, 0.0), middle + 1.0])
                )
                along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
                at = shapely.get_coordinates(shapely.line_interpolate_point(line, middle))[0]
                off = sign * (width / 2.0 + KERB_M)
                sides.append(at + off * np.array([-along[1], along[0]]))
        return Receptors(np.array(sides), np.full(len(sides), BREATHING_M))


def _onward(district: District, graph: RoadGraph, heavy: Floats) -> csr_array:
    """Shares by which traffic goes on from a segment: like the trucks of those it can take."""
    index = {segment: at for at, segment in enumerate(district.segments)}
    # A two-way street carries half of its trucks in each direction.
    share = {segment: heavy[index[segment]] / len(graph.directions(segment)) for segment in index}
    leaving: dict[int, list[str]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.tail, []).append(edge.segment)
    onward = np.zeros((len(index), len(index)))
    for edge in graph.edges:
        others = [name for name in leaving.get(edge.head, ()) if name != edge.segment]
        total = sum(share[name] for name in others)
        own = share[edge.segment]
        # Where fewer trucks go on than come, the rest has left the district.
        goes_on = max(total, own)
        for name in others if goes_on > 0.0 else ():
            onward[index[edge.segment], index[name]] += (
                share[name] / goes_on / len(graph.directions(edge.segment))
            )
    return csr_array(onward)
