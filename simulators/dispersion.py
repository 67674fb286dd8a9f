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

# A piece of a street is no longer than the second figure, in m, where it is within the first of
# a receptor; what is farther away than the last adds less than a hundredth of a µg/m³.
PIECES_M = (
    (25.0, 0.75), (80.0, 3.0), (250.0, 10.0), (800.0, 25.0), (2000.0, 150.0), (4000.0, 400.0),
)  # fmt: skip

# Beyond this distance bends of a street do not matter that are less than so far off its chord.
FAR_M, BEND_M = 800.0, 10.0

# Where a plume is this many sigmas away, nothing of it is felt.
EDGE_SIGMAS = 5.0

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

    ``start`` and ``end`` lead from the ends of the piece to the receptor, (2, pair).
    """

    start: Rows
    end: Rows
    z_m: Rows
    spread_m: Rows
    cell: Ints

    def __len__(self) -> int:
        return len(self.cell)

    def some(self, chosen: slice | NDArray[np.bool_] | Ints) -> "_Pairs":
        return _Pairs(
            self.start[:, chosen],
            self.end[:, chosen],
            self.z_m[chosen],
            self.spread_m[chosen],
            self.cell[chosen],
        )

    def away_m(self) -> Rows:
        """From the receptor to the nearest point of the piece."""
        along = self.end - self.start
        square = np.maximum((along**2).sum(axis=0), 1e-12)
        part = np.clip(-(self.start * along).sum(axis=0) / square, 0.0, 1.0)
        return np.asarray(np.hypot(*(self.start + part * along)), np.float32)

    def cut(self, piece_m: float) -> "_Pairs":
        """The same in equal pieces no longer than that."""
        along = self.end - self.start
        parts = np.maximum(np.ceil(np.hypot(*along) / piece_m - 1e-3), 1.0).astype(np.intp)
        of = np.repeat(np.arange(len(self)), parts)
        number = np.arange(len(of)) - np.repeat(np.cumsum(parts) - parts, parts)
        share = (number / parts[of]).astype(np.float32)
        step = along[:, of] / parts[of].astype(np.float32)
        start = self.start[:, of] + share * along[:, of]
        return _Pairs(start, start + step, self.z_m[of], self.spread_m[of], self.cell[of])


def _joined(parts: list[_Pairs]) -> _Pairs:
    def one(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(part, name) for part in parts], axis=-1)

    return _Pairs(*(one(name) for name in ("start", "end", "z_m", "spread_m", "cell")))  # type: ignore[arg-type]


class LineSources:
    """Streets as sources, to fixed receptors.

    lines: in metres; width_m: (segment,) of the carriageway. Pieces near a receptor are short,
    those far away long; over a piece the plume's width is that at its middle.
    """

    def __init__(
        self, lines: list[shapely.LineString], width_m: Floats, receptors: Receptors
    ) -> None:
        self._shape = (len(receptors.xy_m), len(lines))
        parts = []
        spread_m = width_m / LANE_SPREAD
        chords = list(shapely.simplify(np.array(lines, dtype=object), BEND_M))
        # A few receptors at a time, so that what is passed over does not take memory.
        for first in range(0, self._shape[0], 100):
            far = _pair_up(chords, spread_m, receptors, first, first + 100)
            away_m = np.full(self._shape[0] * len(lines), np.inf, np.float32)
            np.minimum.at(away_m, far.cell, far.away_m())
            near = _pair_up(lines, spread_m, receptors, first, first + 100)
            pairs = _joined(
                [far.some(away_m[far.cell] > FAR_M), near.some(away_m[near.cell] <= FAR_M)]
            )
            for within_m, piece_m in PIECES_M[::-1]:
                close = pairs.away_m() <= within_m
                # What is not so close is as short as it need be already.
                if piece_m != PIECES_M[-1][1]:
                    parts.append(pairs.some(~close))
                pairs = pairs.some(close).cut(piece_m)
            parts.append(pairs)
        self._pairs = _joined(parts)

    def coefficients(self, wind_from_deg: float, cls: Stability) -> Floats:
        """(receptor, segment): concentration in g/m³ at 1 m/s per g/(m s) of each street."""
        count = self._shape[0] * self._shape[1]
        sums = np.zeros(count)
        for first in range(0, len(self._pairs), PAIRS_AT_ONCE):
            some = self._pairs.some(slice(first, first + PAIRS_AT_ONCE))
            cell, value = _of_pieces(some, wind_from_deg, cls)
            sums += np.bincount(cell, value, count)
        return sums.reshape(self._shape)


def _of_pieces(pairs: _Pairs, wind_from_deg: float, cls: Stability) -> tuple[Ints, Floats]:
    """The cells of pieces whose plumes reach their receptors, and what they give."""
    east, north = (np.float32(part) for part in wind_vector(wind_from_deg))
    x0, y0 = east * pairs.start[0] + north * pairs.start[1], east * pairs.start[1]
    x1, y1 = east * pairs.end[0] + north * pairs.end[1], east * pairs.end[1]
    y0 -= north * pairs.start[0]
    y1 -= north * pairs.end[0]
    # What lies downwind of a receptor does not reach it, nor what blows by on one side. No
    # plume is wider at x than its widening at the source, and its first width, would have it.
    widest = _URBAN[cls][0] * np.maximum(x0, x1)
    nearest = np.where((y0 > 0.0) == (y1 > 0.0), np.minimum(np.abs(y0), np.abs(y1)), 0.0)
    on = np.flatnonzero((widest > 0.0) & (nearest < EDGE_SIGMAS * (widest + pairs.spread_m)))
    x0, y0, x1, y1 = (part[on].astype(np.float64) for part in (x0, y0, x1, y1))
    rise = x1 - x0
    # Cut the piece where what is downwind begins.
    crossing = np.divide(-x0, rise, out=np.zeros_like(x0), where=rise != 0.0)
    low = np.where(x0 < 0.0, crossing, 0.0)
    high = np.where(x1 < 0.0, crossing, 1.0)
    begin, end = y0 + low * (y1 - y0), y0 + high * (y1 - y0)
    length = (high - low) * np.hypot(rise, y1 - y0)
    sigma_y, sigma_z = briggs_urban(x0 + (low + high) / 2.0 * rise, cls)
    sigma_y = np.hypot(sigma_y, pairs.spread_m[on])
    sigma_z = np.hypot(sigma_z, MIXED_SIGMA_Z_M)
    seen = length * _mean_gauss(begin, end, sigma_y)
    vertical = _vertical(pairs.z_m[on].astype(np.float64), SOURCE_HEIGHT_M, sigma_z)
    return pairs.cell[on], seen * vertical / (2.0 * np.pi * sigma_y * sigma_z)


def _mean_gauss(begin: Floats, end: Floats, sigma: Floats) -> Floats:
    """Mean of exp(-y²/2σ²) for y between two values."""
    step = end - begin
    flat = np.abs(step) < 1e-3 * sigma
    safe = np.where(flat, 1.0, step)
    scale = np.sqrt(2.0) * sigma
    area = sigma * np.sqrt(np.pi / 2.0) * (erf(end / scale) - erf(begin / scale))
    return np.where(flat, np.exp(-((begin + end) ** 2) / (8.0 * sigma**2)), area / safe)


def _pair_up(
    lines: list[shapely.LineString],
    spread_m: Floats,
    receptors: Receptors,
    first: int,
    last: int,
) -> _Pairs:
    """The straight parts of all streets against receptors ``first:last``."""
    corners = [shapely.get_coordinates(line) for line in lines]
    start = np.concatenate([line[:-1] for line in corners])
    end = np.concatenate([line[1:] for line in corners])
    owner = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in corners])
    at = receptors.xy_m[first:last]
    receptor = np.repeat(np.arange(first, first + len(at)), len(owner))
    return _Pairs(
        start=(at[:, None] - start).reshape(-1, 2).T.astype(np.float32),
        end=(at[:, None] - end).reshape(-1, 2).T.astype(np.float32),
        z_m=receptors.z_m[receptor].astype(np.float32),
        spread_m=np.tile(spread_m[owner], len(at)).astype(np.float32),
        cell=receptor * len(lines) + np.tile(owner, len(at)),
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
