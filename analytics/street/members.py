"""The ensemble: rows of one matrix, one column a member, and how stations' words move it.

The update is the deterministic ensemble Kalman filter (Sakov and Oke 2008, Tellus 60A:361): the
mean takes the whole gain, the deviations half of it, and nothing is drawn. Covariances are
localised: a station speaks for what is near it; the background alone is common to all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import sposv
from scipy.special import ndtri

from analytics.street.ground import Ground

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

TREATMENTS = ("wash", "sweep", "fog", "heavy_clean", "hand_wash")
THETA = ("drying", "binding", "turnover", *TREATMENTS)
"""Parameters that all streets share: factors on how fast water dries, how deep a film binds, how
fast silt renews itself (logarithms), and what each treatment takes off a soiled street (logit)."""

OUTLIER = 3.0
"""Innovations beyond so many standard deviations count for less: something else is going on."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which rows are what. Everything is a logarithm but `theta`'s logits.

    silt: (M) g/m² that no site brought; usual: (M) what it comes back to; tracked: (pairs) g/m²
    from a gate; soil: (K) g that a truck brings out, now; haul: (K) how that differs from site to
    site; plume: (K) g/s off a site's ground; burst: (M) how
    this minute's traffic differs from the usual; gain, swell: (S) of an instrument, and for the
    fine dust's water; local: (S) how the air near the station differs from the model's; back: the
    background in µg/m³. The order is told by what is done to rows together: see `streets`
    and `slow`.
    """

    silt: slice
    tracked: slice
    soil: slice
    plume: slice
    burst: slice
    usual: slice
    haul: slice
    theta: slice
    gain: slice
    swell: slice
    local: slice
    back: int
    count: int

    @classmethod
    def of(cls, ground: Ground) -> "Parts":
        m, s, k = len(ground.segments), len(ground.own), len(ground.sites)
        sizes = {
            "silt": m, "tracked": len(ground.pair_site), "soil": k, "plume": k, "burst": m,
            "usual": m, "haul": k, "theta": len(THETA), "gain": s, "swell": s, "local": s,
        }  # fmt: skip
        parts, at = {}, 0
        for name, size in sizes.items():
            parts[name] = slice(at, at + size)
            at += size
        return cls(**parts, back=at, count=at + 1)

    @property
    def streets(self) -> slice:
        """Rows that belong to no station, and not to the background."""
        return slice(0, self.theta.stop)

    @property
    def slow(self) -> slice:
        """Rows that take days to change by themselves."""
        return slice(self.usual.start, self.swell.stop)

    def reach(self, ground: Ground, theta: float) -> Rows:
        """(rows of `streets`, S): how much of each station's word each row heeds."""
        reach = np.zeros((self.theta.stop, len(ground.own)), np.float32)
        streets = ground.speaks.T
        for part in (self.silt, self.usual, self.burst):
            reach[part] = streets
        reach[self.tracked] = streets[ground.pair_segment]
        soil = np.zeros((len(ground.sites), len(ground.own)))
        np.maximum.at(soil, ground.pair_site, streets[ground.pair_segment])
        reach[self.soil] = reach[self.haul] = soil
        reach[self.plume] = ground.speaks_site.T
        reach[self.theta] = theta
        return reach


def mean_of(rows: Rows) -> Rows:
    """(…) the mean over members."""
    n = rows.shape[-1]
    mean: Rows = rows @ np.full(n, 1 / n, np.float32)
    return mean


_NORMAL = ndtri((np.arange(65_536) + 0.5) / 65_536).astype(np.float32)


def normals(rng: np.random.Generator, shape: tuple[int, ...]) -> Rows:
    """Standard normal numbers, one of 65,536 that are equally likely: the filter needs no finer
    ones, and drawing was a sixth of a minute's time."""
    drawn = np.frombuffer(rng.bytes(2 * int(np.prod(shape))), np.uint16)
    return _NORMAL[drawn].reshape(shape)


def moments(rows: Rows) -> tuple[Floats, Floats]:
    """(…) mean and standard deviation over members."""
    mean = mean_of(rows)
    away = rows - mean[:, None]
    away *= away
    return mean.astype(np.float64), np.sqrt(mean_of(away).astype(np.float64))


def middle(values: Floats) -> float:
    """The median of some, not NaN; np.median takes ten times as long over a few."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def heed(
    x: Rows,
    foreseen: Rows,
    by_back: Rows,
    spoken: Floats,
    error: Floats,
    reach: Rows,
    together: Floats,
    back: int,
    far: NDArray[np.bool_],
    own: Sequence[tuple[NDArray[np.intp], float]] = (),
) -> None:
    """Correct the members x (rows, N) in place by what stations said.

    foreseen: (s, N) log PM10 that each member foresees; by_back: (s, N) the part of its deviation
    that the background makes; spoken: (s,) log PM10 as read; error: (s,) standard deviation of
    reading and representativeness; reach: (first rows, s); together: (s, s); far: (s,) which of
    them no street is near; own: (s,) rows that heed one station
    each, and how much of its word.
    """
    n = x.shape[1]
    mean = mean_of(foreseen)
    local = foreseen - mean[:, None] - by_back
    innovation = spoken - mean.astype(np.float64)

    # Where all stations differ one way at once, it is the background that has moved.
    tells = far if far.any() else np.full(len(far), len(far) >= 3)
    common = middle(innovation[tells]) if tells.any() else 0.0
    weight = middle(mean_of(np.abs(by_back)).astype(np.float64)) * 1.25
    if weight > 0 and abs(common) > 2 * weight:
        grown = np.float32(min(abs(common) / weight, 30.0))
        level = x[back].mean()
        x[back] = level + (x[back] - level) * grown
        by_back = by_back * grown

    shared = (by_back @ by_back.T).astype(np.float64) / (n - 1)
    near = (local @ local.T).astype(np.float64) / (n - 1) * together
    foreseen_var = np.diag(shared) + np.diag(near)
    usual = np.sqrt(foreseen_var + error**2)
    # What is far from streets is taken at its word: it has nothing but the background to tell.
    outlier = (np.abs(innovation) > OUTLIER * usual) & ~far
    noise = np.where(outlier, (innovation / OUTLIER) ** 2 - foreseen_var, error**2)
    total = shared + near
    total[np.diag_indices(len(total))] += noise
    pull = innovation.astype(np.float32)[:, None] - np.float32(0.5) * (local + by_back)
    _, solved, wrong = sposv(total.astype(np.float32), pull)
    if wrong:
        solved = np.linalg.solve(total, pull)
    weighed = np.ascontiguousarray(solved, np.float32) / np.float32(n - 1)

    # Before anything is corrected: every gain is of the same members.
    by_background = by_back @ (x[back] - x[back].mean())
    wide = x[: len(reach)]
    gain = (wide - mean_of(wide)[:, None]) @ local.T
    gain *= reach
    gain[back:] = 0
    wide += gain @ weighed
    for rows, share in own:
        narrow = x[rows]
        of_own = np.einsum("sn,sn->s", narrow - mean_of(narrow)[:, None], local)
        x[rows] += (np.float32(share) * of_own)[:, None] * weighed
    x[back] += by_background @ weighed
