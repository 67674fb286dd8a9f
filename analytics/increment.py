"""What a segment feels: measured where a station stands, estimated near one, unknown elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import Bools, Ints

WEIGHT_ONE = 1000
"""Weights are whole thousandths, so that sums do not depend on their order."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which station speaks for which segment, and how loudly.

    own: (G, S) the station stands on this segment.
    weight: (G, S) int64, exp(-(distance / reach)²) in thousandths, 0 for stations that measure a
    site or the background.
    """

    own: Bools
    weight: Ints

    @classmethod
    def of(
        cls,
        distance_m: NDArray[np.float64],
        own: Bools,
        road: Bools,
        *,
        reach_m: float,
        min_confidence: float,
    ) -> "Reach":
        """distance_m, own: (G, S); road: (S,) which stations measure a road."""
        weight = np.rint(np.exp(-((distance_m / reach_m) ** 2)) * WEIGHT_ONE).astype(np.int64)
        weight[:, ~road] = 0
        weight[weight < min_confidence * WEIGHT_ONE] = 0
        return cls(own, weight)


def segment_increments(
    pm10: Ints, known: Bools, background: Ints, background_known: Bools, reach: Reach
) -> tuple[Ints, NDArray[np.float64]]:
    """Increment (T, G) in thousandths, and the confidence 0 to 1: 1 where it is measured on the
    segment itself, 0 where nobody speaks for it, as without a background.

    pm10, known: (T, S); background, background_known: (T,).
    """
    known = known & background_known[:, None]
    above = np.where(known, pm10 - background[:, None], 0)
    speaks = known.astype(np.int64)

    own = reach.own.astype(np.int64).T
    own_count = speaks @ own
    measured = own_count > 0
    weights = reach.weight.T
    weight_sum = speaks @ weights
    increment = np.where(
        measured,
        np.rint((above @ own) / np.maximum(own_count, 1)),
        np.rint((above @ weights) / np.maximum(weight_sum, 1)),
    ).astype(np.int64)

    loudest = (speaks[:, :, None] * weights[None]).max(axis=1, initial=0)
    confidence = np.where(measured, 1.0, loudest / WEIGHT_ONE)
    return increment, confidence
