"""Does a reading fit the street? PM10 against what the model of the street foresaw for its minute.

Two things no street explains: values that stay far below what blows in, and one reading that leaps
out of a calm stretch. A plume or a failing gate beside one station is neither: a leap that goes on
for a second reading, or that PM2.5 shares, is believed. That a gain has drifted is told without
the model, in `gains`.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import MILLI, Bools, Ints
from analytics.quality import GOOD, SUSPECT, Flags
from analytics.settings import NeighbourSettings

LEAST_SPREAD = 0.05
LEAST_PM10 = 1.0
CALM_SPREADS = 2.0
"""A reading this near what was foreseen is calm."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NeighbourState:
    """By station (S,): below: minutes far under what blows in, running; calm: whether the reading
    before was as foreseen."""

    below: Ints
    calm: Bools

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known."""
        return cls(np.zeros(stations, np.int64), np.zeros(stations, bool))


def disagreement(
    state: NeighbourState,
    pm10: Ints,
    known: Bools,
    expected: Floats,
    spread: Floats,
    background: Ints,
    settings: NeighbourSettings,
    *,
    borne_out: Bools | None = None,
) -> tuple[NeighbourState, Flags, Floats]:
    """Judge minutes: flags (T, S) as in `quality`, and the µg/m³ (T, S) that the reasons name.

    Arrays are (T, S), `background` (T,); PM10 is in thousandths of µg/m³. known: where there is a
    reading that passed every other test; expected, spread: logarithm of PM10 in µg/m³ as foreseen
    before the reading was used, NaN where nothing was, and its standard deviation; borne_out:
    readings whose PM2.5 has risen along.
    """
    new = NeighbourState(*(np.array(getattr(state, f.name)) for f in fields(NeighbourState)))
    flags = np.full(pm10.shape, GOOD, np.int8)
    foreseen = np.asarray(np.round(np.exp(np.nan_to_num(expected)), 1), np.float64)
    for t in range(len(pm10)):
        value = pm10[t] / MILLI
        there = known[t] & np.isfinite(expected[t])
        sure = np.maximum(np.nan_to_num(spread[t], nan=1.0), LEAST_SPREAD)
        apart = np.log(np.maximum(value, LEAST_PM10)) - np.nan_to_num(expected[t])
        low = there & (value < settings.below_share * background[t] / MILLI)
        low &= apart < -CALM_SPREADS * sure
        new.below[:] = np.where(low, new.below + 1, np.where(there, 0, new.below))
        leaps = there & new.calm & (apart > settings.leap_spreads * sure)
        leaps &= value > foreseen[t] + settings.leap_min
        if borne_out is not None:
            leaps &= ~borne_out[t]
        new.calm[:] = np.where(there, np.abs(apart) < CALM_SPREADS * sure, new.calm)
        flags[t, leaps | (low & (new.below >= settings.below_min))] = SUSPECT
    return new, flags, foreseen
