"""From a street's emission to the air beside it: what each source gives each receptor.

Gaussian plumes with Briggs' urban curves (Briggs 1973). A street is cut into straight pieces, each
a finite line source across the wind; the nearer a receptor, the shorter the pieces.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Ints = NDArray[np.intp]

SOURCE_M = 1.0
"""Height at which vehicles leave dust in the air."""
MIXED_M = 2.5
"""σz where dust leaves the street: vehicles stir the air to about their own height
(US EPA R-LINE takes 1.7 times a vehicle's height over 2.15)."""
EDGE = 2.15
"""Half of a plume's width in σ: where it has a tenth of its middle."""
SITE_SPREAD_M = 15.0
STILL_MS = 0.7
"""Traffic and buildings keep the air moving; below this a plume gets no thicker."""

NEAR_M, NEAR_PIECE_M = 60.0, 4.0
MID_M, MID_PIECE_M = 400.0, 25.0
FAR_M = 2500.0
"""Beyond it a street adds next to nothing."""

TURN_DEG = 10
CLASSES = "BCDF"
"""Pasquill's classes as far as the urban curves tell them apart: A is B and E is F there."""

# (σy, σz) are a·x/√(1 + 0.0004 x) and b·x·(1 + c·x)^p, x in m.
_CURVES = (
    (0.32, 0.24, 0.001, 0.5),
    (0.22, 0.20, 0.0, 0.0),
    (0.16, 0.14, 0.0003, -0.5),
    (0.11, 0.08, 0.0015, -0.5),
)


def stability(wind_ms: float, sun: float) -> int:
    """Index in CLASSES of Pasquill's class, from wind and sun (0 at night to 1 at a clear noon)."""
    if sun > 0.5:
        return 0 if wind_ms < 3.0 else 1 if wind_ms < 5.5 else 2
    if sun > 0.05:
        return 0 if wind_ms < 2.0 else 1 if wind_ms < 4.0 else 2
    return 3 if wind_ms < 3.0 else 2


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Pieces of streets against receptors: seen from the receptor, where each begins and ends;
    metres is a piece's length along the street, which a bend makes longer than the way across."""

    x0: Rows
    y0: Rows
    x1: Rows
    y1: Rows
    metres: Rows
    spread_m: Rows
    height_m: Rows
    cell: Ints


class Dispersion:
    """Coefficients (receptor, source) in g/m³ for 1 g/(m s) of a street or 1 g/s of a site.

    Receptors are the stations, then one kerb a segment: the mean of both sides of its middle.
    Sources are the segments, then the sites. Tables for ten degrees of wind and a class are worked
    out when they are first asked for; the oldest go when they take more than `keep_mb`.
    """

    def __init__(
        self,
        lines: list[shapely.LineString],
        width_m: Floats,
        stations_xy: Floats,
        stations_z: Floats,
        sites_xy: Floats,
        keep_mb: float = 300.0,
    ) -> None:
        self._stations, self._segments, self._sites = len(stations_xy), len(lines), len(sites_xy)
        self._xy = np.concatenate((stations_xy.reshape(-1, 2), _kerbs(lines, width_m)))
        self._z = np.concatenate((stations_z, np.full(2 * self._segments, 1.5)))
        self._sites_xy = sites_xy.reshape(-1, 2)
        self._pieces = self._cut(lines, width_m)
        self._keep = keep_mb * 1e6
        self._tables: OrderedDict[tuple[int, int], Rows] = OrderedDict()

    def at(self, wind_from_deg: float, wind_ms: float, cls: int) -> Rows:
        """(stations + segments, segments + sites) for a wind, between the nearest two tables."""
        turn, part = divmod(wind_from_deg % 360.0 / TURN_DEG, 1.0)
        speed = max(wind_ms, STILL_MS)
        mixed: Rows = self._table(int(turn), cls) * np.float32((1.0 - part) / speed)
        mixed += self._table(int(turn) + 1, cls) * np.float32(part / speed)
        return mixed

    def from_all_sides(self, wind_ms: float, cls: int) -> Rows:
        """The mean over all directions: where nobody measures the wind."""
        turns = range(0, 360 // TURN_DEG, 3)
        mean: Rows = np.mean([self._table(turn, cls) for turn in turns], axis=0)
        return mean / np.float32(max(wind_ms, STILL_MS))

    def _table(self, turn: int, cls: int) -> Rows:
        key = (turn % (360 // TURN_DEG), cls)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._work_out(key[0] * TURN_DEG, cls)
            if len(self._tables) * table.nbytes > self._keep:
                self._tables.popitem(last=False)
        else:
            self._tables.move_to_end(key)
        return table

    def _work_out(self, wind_from_deg: float, cls: int) -> Rows:
        receptors = len(self._xy)
        shape = (receptors, self._segments)
        cell, given = _line_sources(self._pieces, wind_from_deg, cls)
        roads = np.bincount(cell, given, receptors * self._segments).reshape(shape)
        sites = self._point_sources(wind_from_deg, cls)
        full = np.hstack((roads, sites))
        kerbs = full[self._stations :].reshape(2, self._segments, -1).mean(axis=0)
        return np.vstack((full[: self._stations], kerbs)).astype(np.float32)

    def _point_sources(self, wind_from_deg: float, cls: int) -> Floats:
        away = self._xy[:, None] - self._sites_xy[None]
        east, north = _downwind(wind_from_deg)
        along = away[..., 0] * east + away[..., 1] * north + SITE_SPREAD_M
        across = away[..., 1] * east - away[..., 0] * north
        x = np.maximum(along, 0.0)
        sigma_y, sigma_z = _sigmas(x, cls)
        sigma_y, sigma_z = np.hypot(sigma_y, SITE_SPREAD_M), np.hypot(sigma_z, 2 * MIXED_M)
        plume = np.exp(-(across**2) / (2 * sigma_y**2)) * _vertical(self._z[:, None], sigma_z)
        return np.where(along > 0, plume / (2 * np.pi * sigma_y * sigma_z), 0.0)

    def _cut(self, lines: list[shapely.LineString], width_m: Floats) -> _Pieces:
        points = shapely.points(self._xy)
        parts: list[list[NDArray[np.generic]]] = []
        for g, line in enumerate(lines):
            away = shapely.distance(points, line)
            spread = width_m[g] / 2 / EDGE
            for low, high, piece_m in (
                (-1.0, NEAR_M, NEAR_PIECE_M),
                (NEAR_M, MID_M, MID_PIECE_M),
                (MID_M, FAR_M, np.inf),
            ):
                who = np.flatnonzero((away > low) & (away <= high))
                if not len(who):
                    continue
                ends = _piece_ends(line, piece_m)
                # As seen from the receptor: where it stands less where the piece is.
                begin = self._xy[who, None] - ends[None, :-1]
                end = self._xy[who, None] - ends[None, 1:]
                shape = begin.shape[:2]
                parts.append(
                    [
                        begin[..., 0].ravel(), begin[..., 1].ravel(),
                        end[..., 0].ravel(), end[..., 1].ravel(),
                        np.full(begin[..., 0].size, line.length / shape[1]),
                        np.full(begin[..., 0].size, spread),
                        np.broadcast_to(self._z[who, None], shape).ravel(),
                        np.broadcast_to(who[:, None] * len(lines) + g, shape).ravel(),
                    ]
                )  # fmt: skip
        if not parts:
            nothing = np.empty(0)
            parts = [[nothing] * 8]
        x0, y0, x1, y1, metres, spread_m, height, cell = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        a, b, c, d, long, e, f = (
            part.astype(np.float32) for part in (x0, y0, x1, y1, metres, spread_m, height)
        )
        return _Pieces(a, b, c, d, long, e, f, cell.astype(np.intp))


def _kerbs(lines: list[shapely.LineString], width_m: Floats) -> Floats:
    """(2 · segments, 2): left of each middle, then right of each."""
    sides = []
    for sign in (1.0, -1.0):
        for line, width in zip(lines, width_m, strict=True):
            middle = line.length / 2
            a, b = (
                shapely.get_coordinates(line.interpolate(max(at, 0.0)))[0]
                for at in (middle - 1.0, middle + 1.0)
            )
            along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
            off = sign * (width / 2 + 1.0)
            sides.append((a + b) / 2 + off * np.array([-along[1], along[0]]))
    return np.array(sides).reshape(-1, 2)


def _piece_ends(line: shapely.LineString, piece_m: float) -> Floats:
    """(n + 1, 2) points along a line, no farther apart than piece_m."""
    count = 1 if np.isinf(piece_m) else max(int(np.ceil(line.length / piece_m)), 1)
    places = np.linspace(0.0, line.length, count + 1)
    return shapely.get_coordinates(shapely.line_interpolate_point(line, places))


def _downwind(wind_from_deg: float) -> tuple[float, float]:
    angle = np.radians(wind_from_deg)
    return -float(np.sin(angle)), -float(np.cos(angle))


def _sigmas(x: NDArray[np.floating], cls: int) -> tuple[Floats, Floats]:
    across, up, bend, power = _CURVES[cls]
    return across * x / np.sqrt(1 + 0.0004 * x), up * x * (1 + bend * x) ** power


def _vertical(z_m: NDArray[np.floating], sigma_z: Floats) -> Floats:
    """The plume and its image below the ground."""
    twice = 2 * sigma_z**2
    return np.exp(-((z_m - SOURCE_M) ** 2) / twice) + np.exp(-((z_m + SOURCE_M) ** 2) / twice)


def _line_sources(pieces: _Pieces, wind_from_deg: float, cls: int) -> tuple[Ints, Floats]:
    """Cells that a plume reaches, and what each piece gives there at 1 m/s."""
    east, north = (np.float32(part) for part in _downwind(wind_from_deg))
    x0, x1 = east * pieces.x0 + north * pieces.y0, east * pieces.x1 + north * pieces.y1
    y0, y1 = east * pieces.y0 - north * pieces.x0, east * pieces.y1 - north * pieces.x1
    # What lies downwind of the receptor, and what blows past it, needs no further thought.
    widest = _CURVES[cls][0] * np.maximum(x0, x1) + pieces.spread_m
    past = np.where((y0 > 0) == (y1 > 0), np.minimum(np.abs(y0), np.abs(y1)), 0)
    on = np.flatnonzero((np.maximum(x0, x1) > 0) & (past < 4 * widest))
    x0, x1, y0, y1 = (part[on].astype(np.float64) for part in (x0, x1, y0, y1))
    rise = x1 - x0
    crossing = np.divide(-x0, rise, out=np.zeros_like(x0), where=rise != 0)
    low, high = np.where(x0 < 0, crossing, 0.0), np.where(x1 < 0, crossing, 1.0)
    begin, end = y0 + low * (y1 - y0), y0 + high * (y1 - y0)
    length = (high - low) * pieces.metres[on]
    sigma_y, sigma_z = _sigmas(x0 + (low + high) / 2 * rise, cls)
    sigma_y = np.hypot(sigma_y, pieces.spread_m[on])
    sigma_z = np.hypot(sigma_z, MIXED_M)
    # The mean of the bell curve over the piece's reach across the wind.
    step = end - begin
    flat = np.abs(step) < 1e-3 * sigma_y
    scale = np.sqrt(2) * sigma_y
    area = sigma_y * np.sqrt(np.pi / 2) * (erf(end / scale) - erf(begin / scale))
    middle = np.exp(-((begin + end) ** 2) / (8 * sigma_y**2))
    bell = np.where(flat, middle, area / np.where(flat, 1.0, step))
    high_up = _vertical(pieces.height_m[on].astype(np.float64), sigma_z)
    return pieces.cell[on], length * bell * high_up / (2 * np.pi * sigma_y * sigma_z)
