"""The ensemble: rows of one matrix, one column a member, and how stations' words move it.

The update is the deterministic ensemble Kalman filter (Sakov and Oke 2008, Tellus 60A:361): the
mean takes the whole gain, the deviations half of it, and nothing is drawn. Covariances are
localised: a station speaks for what is near it; the background alone is common to all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    background in µg/m³.
    """

    silt: slice
    usual: slice
    tracked: slice
    soil: slice
    haul: slice
    plume: slice
    burst: slice
    gain: slice
    swell: slice
    local: slice
    theta: slice
    back: int
    count: int

    @classmethod
    def of(cls, ground: Ground) -> "Parts":
        m, s, k = len(ground.segments), len(ground.own), len(ground.sites)
        sizes = {
            "silt": m, "usual": m, "tracked": len(ground.pair_site), "soil": k, "haul": k,
            "plume": k, "burst": m, "gain": s, "swell": s, "local": s, "theta": len(THETA),
        }  # fmt: skip
        parts, at = {}, 0
        for name, size in sizes.items():
            parts[name] = slice(at, at + size)
            at += size
        return cls(**parts, back=at, count=at + 1)

    def reach(self, ground: Ground, theta: float, gain: float) -> Rows:
        """(rows, S): how much of each station's word each row heeds; `back` is dealt with apart."""
        stations = len(ground.own)
        reach = np.zeros((self.count, stations), np.float32)
        streets = ground.speaks.T
        for part in (self.silt, self.usual, self.burst):
            reach[part] = streets
        reach[self.tracked] = streets[ground.pair_segment]
        soil = np.zeros((len(ground.sites), stations))
        np.maximum.at(soil, ground.pair_site, streets[ground.pair_segment])
        reach[self.soil] = reach[self.haul] = soil
        reach[self.plume] = ground.speaks_site.T
        # An instrument changes within weeks: what moves faster is the air.
        for part in (self.gain, self.swell):
            reach[part] = gain * np.eye(stations)
        reach[self.local] = np.eye(stations)
        reach[self.theta] = theta
        return reach


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
) -> None:
    """Correct the members x (rows, N) in place by what stations said.

    foreseen: (s, N) log PM10 that each member foresees; by_back: (s, N) the part of its deviation
    that the background makes; spoken: (s,) log PM10 as read; error: (s,) standard deviation of
    reading and representativeness; reach: (rows, s); together: (s, s); far: (s,) which of
    them no street is near.
    """
    n = x.shape[1]
    mean = foreseen.mean(axis=1, dtype=np.float64)
    local = foreseen - mean[:, None].astype(np.float32) - by_back
    innovation = spoken - mean

    # Where all stations differ one way at once, it is the background that has moved.
    tells = far if far.any() else np.full(len(far), len(far) >= 3)
    common = float(np.median(innovation[tells])) if tells.any() else 0.0
    weight = float(np.median(np.abs(by_back).mean(axis=1))) * 1.25
    if weight > 0 and abs(common) > 2 * weight:
        grown = np.float32(min(abs(common) / weight, 30.0))
        middle = x[back].mean()
        x[back] = middle + (x[back] - middle) * grown
        by_back = by_back * grown

    shared = (by_back @ by_back.T).astype(np.float64) / (n - 1)
    near = (local @ local.T).astype(np.float64) / (n - 1) * together
    foreseen_var = np.diag(shared) + np.diag(near)
    usual = np.sqrt(foreseen_var + error**2)
    # What is far from streets is taken at its word: it has nothing but the background to tell.
    outlier = (np.abs(innovation) > OUTLIER * usual) & ~far
    noise = np.where(outlier, (innovation / OUTLIER) ** 2 - foreseen_var, error**2)
    total = shared + near + np.diag(noise)
    pull = innovation.astype(np.float32)[:, None] - np.float32(0.5) * (local + by_back)
    weighed = (np.linalg.inv(total).astype(np.float32) @ pull) / np.float32(n - 1)

    deviations = x - x.mean(axis=1, keepdims=True)
    gain = (deviations @ local.T) * reach
    gain[back] = by_back @ deviations[back]
    x += gain @ weighed
