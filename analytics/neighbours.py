"""Does a reading fit the street? PM10 against what the model of the street foresaw for its minute.

Two things no street explains: values that stay far below what blows in, and one reading that leaps
out of a calm stretch. A plume or a failing gate beside one station is neither: a leap that goes on
for a second reading, or that PM2.5 shares, is believed. That a gain has drifted is told without
the model, in `gains`. The model itself takes what is far off for less, and needs no flags.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import MILLI, Bools, Ints, minute_of
from analytics.quality import GOOD, MISSING, PM, SUSPECT, TESTS, Checked, Flags
from analytics.readings import PM10, PM25
from analytics.settings import NeighbourSettings

LEAST_SPREAD = 0.05
LEAST_PM10 = 1.0
CALM_SPREADS = 2.0
"""A reading this near what was foreseen is calm."""
WITNESS_SHARE = 0.08
"""PM2.5 that rises by this share of PM10's rise bears it out."""
NEIGHBOUR = TESTS.index("neighbour")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NeighbourState:
    """By station (S,): below: readings far under what blows in, running; calm: whether the reading
    before was as foreseen. fits: (tail,) of the readings that are kept as the tail, which do."""

    below: Ints
    calm: Bools
    fits: Bools

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known."""
        return cls(np.zeros(stations, np.int64), np.zeros(stations, bool), np.zeros(0, bool))


def doubted(
    state: NeighbourState,
    checked: Checked,
    pm10: Ints,
    expected: Floats,
    spread: Floats,
    background: Ints,
    settings: NeighbourSettings,
    *,
    after: int,
) -> tuple[NeighbourState, Checked]:
    """The readings of minutes after+1, … with those in doubt flagged, and no longer believed.

    pm10: (T, S) means of minutes in thousandths; expected, spread: (T, S) and background: (T,) as
    for `disagreement`.
    """
    readings = checked.readings
    minute = minute_of(readings.ts_ms)
    late = minute > after
    fits = np.ones(len(readings), bool)
    fits[~late] = state.fits
    rows = np.flatnonzero(late & checked.believed[:, 0])
    place = (minute[rows] - after - 1, readings.station[rows])
    spoke, risen = np.zeros(pm10.shape, bool), np.zeros(pm10.shape, bool)
    spoke[place] = True
    before = np.maximum(rows - 1, 0)
    rise = readings.values[rows] - readings.values[before]
    risen[place] = readings.previous(1)[rows] & (rise[:, PM25] >= WITNESS_SHARE * rise[:, PM10])
    kept, flags, foreseen = disagreement(
        state, pm10, spoke, expected, spread, background, settings, borne_out=risen
    )
    fits[rows] = flags[place] == GOOD
    kept = replace(kept, fits=fits[readings.in_tail()])
    if fits.all():
        return kept, checked
    believed = checked.believed.copy()
    believed[:, 0] &= fits
    return kept, _flagged(replace(checked, believed=believed), rows[~fits[rows]], foreseen, after)


def _flagged(checked: Checked, rows: Ints, foreseen: Floats, after: int) -> Checked:
    """With these rows among what is flagged, in the order of the readings."""
    if not len(rows):
        return checked
    readings = checked.readings
    every = np.union1d(checked.rows, rows)
    flags = np.full((len(every), *checked.flags.shape[1:]), GOOD, np.int8)
    flags[np.isnan(readings.values[every][:, PM])] = MISSING
    numbers = np.full(flags.shape, np.nan, np.float32)
    old, new = np.searchsorted(every, checked.rows), np.searchsorted(every, rows)
    flags[old], numbers[old] = checked.flags, checked.numbers
    flags[new, 0, NEIGHBOUR] = SUSPECT
    at = minute_of(readings.ts_ms[rows]) - after - 1
    numbers[new, 0, NEIGHBOUR] = foreseen[at, readings.station[rows]]
    return replace(checked, rows=every, flagged=readings[every], flags=flags, numbers=numbers)


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
    there = known & np.isfinite(expected)
    value = pm10 / MILLI
    foreseen = np.asarray(np.round(np.exp(np.nan_to_num(expected)), 1), np.float64)
    sure = np.maximum(np.nan_to_num(spread, nan=1.0), LEAST_SPREAD)
    # Rounded, so that it does not matter which way a logarithm was worked out.
    apart = np.round(np.log(np.maximum(value, LEAST_PM10)) - np.nan_to_num(expected), 9)
    low = there & (apart < -CALM_SPREADS * sure)
    low &= value < settings.below_share * background[:, None] / MILLI
    below = _running(state.below, low, there & ~low)
    near = np.abs(apart) < CALM_SPREADS * sure
    calm = _held(state.calm, near, there)
    leaps = there & calm[:-1] & (apart > settings.leap_spreads * sure)
    leaps &= value > foreseen + settings.leap_min
    if borne_out is not None:
        leaps &= ~borne_out
    suspect = leaps | (low & (below[1:] >= settings.below_min))
    flags = np.where(suspect, SUSPECT, GOOD).astype(np.int8)
    return replace(state, below=below[-1].copy(), calm=calm[-1].copy()), flags, foreseen


def _running(carry: Ints, more: Bools, none: Bools) -> Ints:
    """(1 + T, S) how often `more` since the last `none`, the first row being what is carried."""
    count = np.cumsum(np.concatenate((carry[None], more)), axis=0, dtype=np.int64)
    at_none = np.concatenate((np.zeros_like(carry)[None], np.where(none, count[1:], 0)))
    return np.asarray(count - np.maximum.accumulate(at_none, axis=0), np.int64)


def _held(carry: Bools, value: Bools, there: Bools) -> Bools:
    """(1 + T, S) what `value` was when it was last `there`, the first row being what is carried."""
    rows = np.arange(1, len(value) + 1)[:, None]
    last = np.concatenate((np.zeros((1, len(carry)), np.int64), np.where(there, rows, 0)))
    np.maximum.accumulate(last, axis=0, out=last)
    long = np.concatenate((carry[None], value))
    return np.asarray(np.take_along_axis(long, last, axis=0))
