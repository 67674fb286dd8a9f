"""Where segments meet: ends within a metre of each other are one junction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

SAME_JUNCTION_M = 1.0


@dataclass(frozen=True, slots=True)
class Junctions:
    """The junctions of a street network.

    Attributes
    ----------
    start, end
        (segment,) the junction at each segment's drawn start and end.
    xy
        (junction, 2) the middle of the ends that meet there, metres.
    """

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    xy: NDArray[np.float64]

    def degree(self) -> NDArray[np.intp]:
        """Count the segment ends that meet at each junction, (junction,)."""
        return np.bincount(np.concatenate([self.start, self.end]), minlength=len(self.xy))


def join_ends(start_xy: NDArray[np.float64], end_xy: NDArray[np.float64]) -> Junctions:
    """Join the ends of segments, both (segment, 2) in metres, into junctions.

    Junctions are numbered in the order in which the segments reach them, so that the same
    drawing always gives the same numbers.
    """
    count = len(start_xy)
    ends = np.empty((2 * count, 2))
    ends[0::2], ends[1::2] = start_xy, end_xy
    pairs = KDTree(ends).query_pairs(SAME_JUNCTION_M, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(2 * count, 2 * count))
    _, found = connected_components(links, directed=False)
    _, first, group = np.unique(found, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    label: NDArray[np.intp] = rank[group]
    size = np.bincount(label)
    xy = np.column_stack([np.bincount(label, weights=ends[:, axis]) / size for axis in (0, 1)])
    return Junctions(start=label[0::2], end=label[1::2], xy=xy)


def reachable_junctions(junctions: Junctions, oneway: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each junction whether it lies in the largest part of the network.

    In that part every junction can be driven to from every other. Of parts of equal size the
    one with the lowest junction number counts.
    """
    tails = np.concatenate([junctions.start, junctions.end[~oneway]])
    heads = np.concatenate([junctions.end, junctions.start[~oneway]])
    count = len(junctions.xy)
    links = coo_array((np.ones(len(tails)), (tails, heads)), shape=(count, count))
    _, part = connected_components(links, directed=True, connection="strong")
    size = np.bincount(part)[part]
    return np.asarray(part == part[np.argmax(size)])
