"""From a street's emission to the air beside it: Gaussian plumes of finite line sources."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Ints = NDArray[np.intp]
Stability = Literal["A", "B", "C", "D", "E", "F"]

# Vehicles stir the air to about their own height before the wind takes it.
SOURCE_HEIGHT_M = 1.5
MIXED_SIGMA_Z_M = 2.5

# Half the width of a lane pair over 2.15: where the plume's edge is a tenth of its middle.
LANE_SPREAD = 4.3

# Below this a plume does not get thinner: traffic and buildings keep the air moving.
STILL_M_S = 0.7

# Pieces of a street no longer than the second figure, in m, for receptors within the first of
# it; a street farther away than the last adds less than a hundredth of a µg/m³.
PIECES_M = ((25.0, 0.75), (80.0, 3.0), (250.0, 12.0), (800.0, 50.0), (4000.0, 150.0))

# How many pairs of piece and receptor are worked on at a time; bounds memory.
PAIRS_AT_ONCE = 200_000


def stability(wind_m_s: float, sun: float) -> Stability:
    """Pasquill's class from the wind and the sun (0 at night, 1 at a clear noon)."""
    if sun > 0.5:
        return "A" if wind_m_s < 1.5 else "B" if wind_m_s < 3.0 else "C" if wind_m_s < 5.5 else "D"
    if sun > 0.05:
        return "B" if wind_m_s < 1.5 else "C" if wind_m_s < 3.0 else "D"
    return "F" if wind_m_s < 2.0 else "E" if wind_m_s < 3.0 else "D"


# (σy, σz) as a x (1 + b x)^p, x in m; Briggs' urban curves.
_URBAN: dict[str, tuple[float, float, float, float]] = {
    "A": (0.32, 0.24, 0.001, 0.5),
    "B": (0.32, 0.24, 0.001, 0.5),
    "C": (0.22, 0.20, 0.0, 0.0),
    "D": (0.16, 0.14, 0.0003, -0.5),
    "E": (0.11, 0.08, 0.0015, -0.5),
    "F": (0.11, 0.08, 0.0015, -0.5),
}


def briggs_urban(downwind_m: ArrayLike, cls: Stability) -> tuple[Floats, Floats]:
    """σy and σz in m at a distance downwind over a town (Briggs 1973)."""
    x = np.maximum(np.asarray(downwind_m, np.float64), 0.0)
    across, up, bend, power = _URBAN[cls]
    return across * x / np.sqrt(1.0 + 0.0004 * x), up * x * (1.0 + bend * x) ** power


def wind_vector(wind_from_deg: float) -> tuple[float, float]:
    """Where the wind blows to, as a unit vector east and north."""
    angle = np.radians(wind_from_deg)
    return -float(np.sin(angle)), -float(np.cos(angle))


def _vertical(z_m: Floats, height_m: float, sigma_z: Floats) -> Floats:
    """Plume and its reflection at the ground."""
    below = np.exp(-((z_m - height_m) ** 2) / (2.0 * sigma_z**2))
    above = np.exp(-((z_m + height_m) ** 2) / (2.0 * sigma_z**2))
    return np.asarray(below + above, np.float64)


def point_source(
    downwind_m: Floats,
    across_m: Floats,
    z_m: Floats,
    cls: Stability,
    *,
    height_m: float = SOURCE_HEIGHT_M,
    sigma_y0_m: float = 0.0,
    sigma_z0_m: float = MIXED_SIGMA_Z_M,
) -> Floats:
    """Concentration times wind speed over strength, 1/m², of a point source; 0 upwind of it."""
    sigma_y, sigma_z = briggs_urban(downwind_m, cls)
    sigma_y, sigma_z = np.hypot(sigma_y, sigma_y0_m), np.hypot(sigma_z, sigma_z0_m)
    spread = np.exp(-(across_m**2) / (2.0 * sigma_y**2)) * _vertical(z_m, height_m, sigma_z)
    return np.where(downwind_m > 0.0, spread / (2.0 * np.pi * sigma_y * sigma_z), 0.0)


@dataclass(frozen=True, slots=True)
class Receptors:
    """Points in the air; xy_m is (receptor, 2), z_m (receptor,) above the ground."""

    xy_m: Floats
    z_m: Floats


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pieces of streets against receptors, flattened; ``cell`` is receptor times segment.

    ``start`` and ``end`` lead from the ends of the piece to the receptor, (pair, 2).
    """

    start: Floats
    end: Floats
    z_m: Floats
    spread_m: Floats
    cell: Ints

    def __len__(self) -> int:
        return len(self.cell)

    def __getitem__(self, some: slice) -> "_Pairs":
        return _Pairs(
            self.start[some],
            self.end[some],
            self.z_m[some],
            self.spread_m[some],
            self.cell[some],
        )


class LineSources:
    """Streets as sources, to fixed receptors.

    lines: in metres; width_m: (segment,) of the carriageway. Pieces near a receptor are short,
    those far away long; over a piece the plume's width is that at its middle.
    """

    def __init__(
        self, lines: list[shapely.LineString], width_m: Floats, receptors: Receptors
    ) -> None:
        self._shape = (len(receptors.xy_m), len(lines))
        points = np.asarray(shapely.points(receptors.xy_m), dtype=object)
        away_m = shapely.distance(points[:, None], np.array(lines, dtype=object)[None, :])
        spread_m = width_m / LANE_SPREAD
        self._pairs = []
        beyond_m = -1.0
        for within_m, piece_m in PIECES_M:
            wanted = (away_m > beyond_m) & (away_m <= within_m)
            self._pairs.append(_pair_up(lines, spread_m, receptors, wanted, piece_m))
            beyond_m = within_m

    def coefficients(self, wind_from_deg: float, cls: Stability) -> Floats:
        """(receptor, segment): concentration in g/m³ at 1 m/s per g/(m s) of each street."""
        sums = np.zeros(self._shape[0] * self._shape[1])
        for pairs in self._pairs:
            for first in range(0, len(pairs), PAIRS_AT_ONCE):
                some = pairs[first : first + PAIRS_AT_ONCE]
                on, value = _of_pieces(some, wind_from_deg, cls)
                np.add.at(sums, some.cell[on], value)
        return sums.reshape(self._shape)


def _of_pieces(
    pairs: _Pairs, wind_from_deg: float, cls: Stability
) -> tuple[NDArray[np.bool_], Floats]:
    """Which pieces lie upwind of their receptors at least in part, and what those give."""
    east, north = wind_vector(wind_from_deg)
    x0, y0 = pairs.start @ (east, north), pairs.start @ (-north, east)
    x1, y1 = pairs.end @ (east, north), pairs.end @ (-north, east)
    # What lies downwind of a receptor does not reach it: cut the piece where that begins.
    on = (x0 > 0.0) | (x1 > 0.0)
    x0, y0, x1, y1 = x0[on], y0[on], x1[on], y1[on]
    rise = x1 - x0
    crossing = np.divide(-x0, rise, out=np.zeros_like(x0), where=rise != 0.0)
    low = np.where(x0 < 0.0, crossing, 0.0)
    high = np.where(x1 < 0.0, crossing, 1.0)
    begin, end = y0 + low * (y1 - y0), y0 + high * (y1 - y0)
    length = (high - low) * np.hypot(rise, y1 - y0)
    sigma_y, sigma_z = briggs_urban(x0 + (low + high) / 2.0 * rise, cls)
    sigma_y = np.hypot(sigma_y, pairs.spread_m[on])
    sigma_z = np.hypot(sigma_z, MIXED_SIGMA_Z_M)
    seen = length * _mean_gauss(begin, end, sigma_y)
    vertical = _vertical(pairs.z_m[on], SOURCE_HEIGHT_M, sigma_z)
    return on, np.asarray(seen * vertical / (2.0 * np.pi * sigma_y * sigma_z), np.float64)


def _mean_gauss(begin: Floats, end: Floats, sigma: Floats) -> Floats:
    """Mean of exp(-y²/2σ²) for y between two values."""
    step = end - begin
    flat = np.abs(step) < 1e-3 * sigma
    safe = np.where(flat, 1.0, step)
    scale = np.sqrt(2.0) * sigma
    area = sigma * np.sqrt(np.pi / 2.0) * (erf(end / scale) - erf(begin / scale))
    return np.where(flat, np.exp(-((begin + end) ** 2) / (8.0 * sigma**2)), area / safe)


def _pieces(lines: list[shapely.LineString], piece_m: float) -> tuple[Floats, Floats, Ints]:
    starts, ends, owner = [], [], []
    for index, line in enumerate(lines):
        corners = shapely.get_coordinates(shapely.segmentize(line, piece_m))
        starts.append(corners[:-1])
        ends.append(corners[1:])
        owner.append(np.full(len(corners) - 1, index, np.intp))
    return np.vstack(starts), np.vstack(ends), np.concatenate(owner)


def _pair_up(
    lines: list[shapely.LineString],
    spread_m: Floats,
    receptors: Receptors,
    wanted: NDArray[np.bool_],
    piece_m: float,
) -> _Pairs:
    start, end, owner = _pieces(lines, piece_m)
    receptor, piece = np.nonzero(wanted[:, owner])
    at = receptors.xy_m[receptor]
    return _Pairs(
        start=at - start[piece],
        end=at - end[piece],
        z_m=receptors.z_m[receptor],
        spread_m=spread_m[owner[piece]],
        cell=receptor * len(lines) + owner[piece],
    )


class PointSources:
    """Sites as sources, to fixed receptors; centres_m is (site, 2).

    A site is an area: its plume begins as wide and as high as the sigmas say, and what stands
    in it is a little downwind of some of it.
    """

    def __init__(
        self,
        centres_m: Floats,
        receptors: Receptors,
        *,
        height_m: float,
        sigma_y0_m: float,
        sigma_z0_m: float,
    ) -> None:
        self._away_m = receptors.xy_m[:, None, :] - centres_m[None, :, :]
        self._z_m = receptors.z_m[:, None]
        self._height_m = height_m
        self._sigma_y0_m, self._sigma_z0_m = sigma_y0_m, sigma_z0_m

    def coefficients(self, wind_from_deg: float, cls: Stability) -> Floats:
        """(receptor, site): concentration in g/m³ at 1 m/s per g/s of each site."""
        east, north = wind_vector(wind_from_deg)
        return point_source(
            self._away_m @ np.array([east, north]) + self._sigma_y0_m,
            self._away_m @ np.array([-north, east]),
            self._z_m,
            cls,
            height_m=self._height_m,
            sigma_y0_m=self._sigma_y0_m,
            sigma_z0_m=self._sigma_z0_m,
        )


class Sources(Protocol):
    """What gives coefficients (receptor, source) for a wind and a class."""

    def coefficients(self, wind_from_deg: float, cls: Stability) -> Floats: ...


class WindTable:
    """Coefficients of all sources for any wind, worked out once per 5° and class.

    Between two directions it interpolates; the least recently used tables are dropped, so that
    memory stays bounded on a large district. Of receptors that stand on both sides of a street
    only the mean is kept: ``pairs`` is how many there are, at the end, left ones before right.
    """

    STEP_DEG = 5

    def __init__(self, *sources: Sources, pairs: int = 0, keep_mb: float = 128.0) -> None:
        self._sources = sources
        self._pairs = pairs
        self._keep_bytes = keep_mb * 1e6
        self._tables: OrderedDict[tuple[int, Stability], Rows] = OrderedDict()

    def coefficients(self, wind_from_deg: float, wind_m_s: float, cls: Stability) -> Rows:
        """(receptor, source) concentration in g/m³ per g/(m s) of streets or g/s of points.

        Sources are in the order in which they were given.
        """
        turn, weight = divmod(wind_from_deg % 360.0 / self.STEP_DEG, 1.0)
        here, there = self._table(int(turn), cls), self._table(int(turn) + 1, cls)
        speed = max(wind_m_s, STILL_M_S)
        mixed = here * np.float32((1.0 - weight) / speed)
        mixed += there * np.float32(weight / speed)
        return mixed

    def concentrations(
        self, strengths: Floats, wind_from_deg: float, wind_m_s: float, cls: Stability
    ) -> Floats:
        """(receptor, k) in g/m³ for ``strengths`` (source, k)."""
        table = self.coefficients(wind_from_deg, wind_m_s, cls)
        return np.asarray(table @ strengths, np.float64)

    def _table(self, turn: int, cls: Stability) -> Rows:
        # Classes A and B share their curves over a town, and so do E and F.
        same: Stability = "B" if cls == "A" else "F" if cls == "E" else cls
        key = (turn % (360 // self.STEP_DEG), same)
        if key not in self._tables:
            self._tables[key] = self._work_out(*key)
            size = len(self._tables) * self._tables[key].nbytes
            if len(self._tables) > 1 and size > self._keep_bytes:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]

    def _work_out(self, turn: int, cls: Stability) -> Rows:
        parts = [source.coefficients(turn * self.STEP_DEG, cls) for source in self._sources]
        full = np.hstack(parts)
        single = len(full) - 2 * self._pairs
        left, right = full[single : single + self._pairs], full[single + self._pairs :]
        return np.vstack([full[:single], (left + right) / 2.0]).astype(np.float32)
