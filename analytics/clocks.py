"""Is a station's clock right? Its weather against the weather of the others.

Wind and temperature wander from minute to minute, and they do so over the whole district. The
readings of a clock that is 18 minutes slow agree with what the others said 18 minutes later, and
not with what they say now. For every lag a sum of log likelihood ratios is carried along (Page's
CUSUM: it stays at zero while the clock is right, and it is capped, so that it falls quickly once
the clock is right again). Offsets and noise of each station are learned, so that a sheltered vane
is not taken for a wrong clock.

A reading of a slow clock agrees with a later minute of the others. Until that minute has come,
its weather only disagrees: that is held against it for `SEARCH_MIN` a day, since a broken vane
disagrees for good, and tells nothing of the clock.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.readings import TEMP, WIND_DIR, WIND_SPEED, Readings

LAGS_MIN = np.concatenate((np.arange(3, 41), -np.arange(3, 41)))
"""How far a clock may be ahead, and behind."""
LONGEST_MIN = 40
SEARCH_MIN = 60
"""Weather that only disagrees is held against the clock for no longer a day."""

CHANNELS = 4
"""East and north of the wind's direction, logarithm of its speed, temperature."""
USUAL_NOISE = np.array([0.15, 0.15, 0.2, 0.3], np.float32)
"""Standard deviations of a station about the others, before they are learned."""
LEAST_NOISE = np.array([0.03, 0.03, 0.05, 0.05], np.float32)
LEARN_MIN = 720
FIRST_MIN = 60
"""So long a station is only learned from."""
OUTLIER = 9.0
"""One channel of one minute says no more than three standard deviations do."""

DRIFT = 1.0
"""Taken off each minute's log likelihood ratio: neighbouring minutes are not independent."""
ALARM, CAP = 14.0, 22.0
MISMATCH = 4.5
"""Half the squared distance, over all channels, that right clocks stay under on average: 2."""
PAUSE_MIN = 3
"""After a pause as long a clock may have been set: what was known of it no longer holds."""
STILL_M_S = 0.3
FEWEST = 4
"""Stations without which there is no telling what the weather is."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClockState:
    """What later minutes need of earlier ones; the newest minute is the last of each history.

    own: (LONGEST_MIN, CHANNELS, S) weather with its offset taken off, NaN where there is none;
    apart: (LONGEST_MIN, S) its distance to the others in the same minute; others:
    (LONGEST_MIN, CHANNELS) their median; offset, noise: (CHANNELS, S), variances; turn: (2, S)
    the mean product of own and others' direction; evidence, gain: (lags, S) its CUSUM and its
    mean of late; mismatch: (S,) the same of the distance itself; patience: (S,) minutes left to
    hold that against the clock; silent: (S,) minutes since the last reading; learned: (S,)
    minutes learned from.
    """

    own: Floats
    apart: Floats
    others: Floats
    offset: Floats
    noise: Floats
    turn: Floats
    evidence: Floats
    gain: Floats
    mismatch: Floats
    patience: Floats
    silent: NDArray[np.int64]
    learned: NDArray[np.int64]

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known; offsets of nothing and the usual noise."""
        shape = (CHANNELS, stations)
        return cls(
            own=np.full((LONGEST_MIN, *shape), np.nan, np.float32),
            apart=np.full((LONGEST_MIN, stations), np.nan, np.float32),
            others=np.full((LONGEST_MIN, CHANNELS), np.nan, np.float32),
            offset=np.zeros(shape, np.float32),
            noise=np.broadcast_to(USUAL_NOISE[:, None] ** 2, shape).astype(np.float32),
            turn=np.repeat(np.array([[1.0], [0.0]], np.float32), stations, axis=1),
            evidence=np.zeros((len(LAGS_MIN), stations), np.float32),
            gain=np.zeros((len(LAGS_MIN), stations), np.float32),
            mismatch=np.zeros(stations, np.float32),
            patience=np.full(stations, SEARCH_MIN, np.float32),
            silent=np.zeros(stations, np.int64),
            learned=np.zeros(stations, np.int64),
        )


@dataclass(frozen=True, slots=True)
class ClockVerdicts:
    """wrong: (T, S) whether the clock is held to be wrong; lag_min: (T, S) by how much it is
    ahead (negative: behind), NaN where that is not known yet."""

    wrong: NDArray[np.bool_]
    lag_min: Floats


def weather(
    readings: Readings, minute: NDArray[np.int64], first: int, minutes: int, stations: int
) -> Floats:
    """(T, CHANNELS, S) of sorted readings on the minutes from `first` on; NaN where none."""
    grid = np.full((minutes, CHANNELS, stations), np.nan, np.float32)
    direction = np.radians(readings.values[:, WIND_DIR])
    speed = np.maximum(readings.values[:, WIND_SPEED], STILL_M_S)
    channels = (np.sin(direction), np.cos(direction), np.log(speed), readings.values[:, TEMP])
    for c, channel in enumerate(channels):
        # Rounded, so that it does not matter which way a sine was worked out.
        grid[minute - first, c, readings.station] = np.round(channel, 4)
    return grid


def clocks(state: ClockState, own: Floats) -> tuple[ClockState, ClockVerdicts]:
    """Carry the state over the minutes of `own` (T, CHANNELS, S), and judge each of them."""
    minutes, _, stations = own.shape
    others = _median(own)
    wrong = np.zeros((minutes, stations), bool)
    lag_min = np.full((minutes, stations), np.nan, np.float32)
    histories = (
        np.concatenate((state.own, np.empty_like(own))),
        np.concatenate((state.apart, np.empty((minutes, stations), np.float32))),
        np.concatenate((state.others, others)),
    )
    new = ClockState(*(np.array(getattr(state, f.name)) for f in fields(ClockState)))
    heard: NDArray[np.bool_] = np.any(~np.isnan(own), axis=1)
    for t in range(minutes):
        if np.isnan(others[t]).all():
            for history in histories[:2]:
                history[LONGEST_MIN + t] = np.nan
            new.silent[:] = np.where(heard[t], 0, new.silent + 1)
            continue
        _minute(new, own[t], heard[t], others[t], histories, t)
        found = new.evidence.max(axis=0) > ALARM
        searching = ~found & (new.mismatch > ALARM) & (new.patience >= 1) & heard[t]
        wrong[t] = (found & heard[t]) | searching
        new.patience[:] += np.where(searching, np.float32(-1), np.float32(SEARCH_MIN / 1440))
        np.minimum(new.patience, SEARCH_MIN, out=new.patience)
        _learn(new, own[t], others[t], heard[t] & ~wrong[t])
        lag_min[t, found] = LAGS_MIN[new.gain[:, found].argmax(axis=0)]
    owns, aparts, medians = (history[-LONGEST_MIN:].copy() for history in histories)
    return replace(new, own=owns, apart=aparts, others=medians), ClockVerdicts(wrong, lag_min)


def _minute(
    state: ClockState,
    own: Floats,
    heard: NDArray[np.bool_],
    others: Floats,
    histories: tuple[Floats, Floats, Floats],
    t: int,
) -> None:
    """One minute: `state` is changed in place, `histories` get their row."""
    owns, aparts, medians = histories
    here = LONGEST_MIN + t
    _forget(state, owns[here - LONGEST_MIN : here], heard)
    corrected = _corrected(state, own)
    owns[here] = corrected
    weight = 1.0 / state.noise
    now = np.minimum(np.square(corrected - others[:, None]) * weight, OUTLIER)
    apart = np.nansum(now, axis=0)
    aparts[here] = np.where(heard, apart, np.nan)

    half = len(LAGS_MIN) // 2
    lags = LAGS_MIN[:half]
    ahead = _distance(corrected[None], medians[here - lags][:, :, None], weight)
    behind = _distance(owns[here - lags], others[None, :, None], weight)
    gain = np.concatenate((apart[None] - ahead, aparts[here - lags] - behind)) / 2.0 - DRIFT
    gain[:half, ~heard] = np.nan
    gain[np.isnan(gain)] = 0.0
    np.clip(state.evidence + gain, 0.0, CAP, out=state.evidence)
    state.gain[:] += np.float32(0.1) * (gain - state.gain)

    state.mismatch[heard] = np.clip(state.mismatch[heard] + apart[heard] / 2.0 - MISMATCH, 0.0, CAP)
    for part in (state.evidence, state.gain, state.mismatch):
        part[..., state.learned < FIRST_MIN] = 0


def _forget(state: ClockState, owns: Floats, heard: NDArray[np.bool_]) -> None:
    """Begin anew with the stations that are heard again after a pause."""
    back = heard & (state.silent >= PAUSE_MIN)
    state.silent[:] = np.where(heard, 0, state.silent + 1)
    if back.any():
        owns[:, :, back] = np.nan
        for part in (state.evidence, state.gain, state.mismatch):
            part[..., back] = 0


def _distance(own: Floats, others: Floats, weight: Floats) -> Floats:
    """(lags, S) squared, over the channels that are there, in variances; NaN where none is."""
    each = np.square(own - others)
    each *= weight
    np.minimum(each, OUTLIER, out=each)
    missing = np.isnan(each)
    if missing.any():
        total: Floats = np.where(missing, np.float32(0.0), each).sum(axis=1)
        total[missing.all(axis=1)] = np.nan
        return total
    return np.asarray(each[:, 0] + each[:, 1] + each[:, 2] + each[:, 3], np.float32)


def _corrected(state: ClockState, own: Floats) -> Floats:
    """Weather with what the station always differs by taken off."""
    out = own - state.offset
    length = np.sqrt(np.square(state.turn[0]) + np.square(state.turn[1]))
    cos, sin = state.turn / np.maximum(length, 1e-3)
    out[0] = own[0] * cos - own[1] * sin
    out[1] = own[1] * cos + own[0] * sin
    return out


def _learn(state: ClockState, own: Floats, others: Floats, fair: NDArray[np.bool_]) -> None:
    """Offsets and noise, at first as plain means and later slowly, so that no minute moves them
    far; `fair` (S,) from which stations."""
    there = ~np.isnan(own) & ~np.isnan(others)[:, None] & fair
    share = np.float32(1.0) / np.minimum(state.learned + 1, LEARN_MIN).astype(np.float32)
    far = np.where(there, own - others[:, None] - state.offset, 0.0).astype(np.float32)
    bound = np.where(state.learned < FIRST_MIN, np.float32(np.inf), 3 * np.sqrt(state.noise))
    step = np.clip(far, -bound, bound) * share
    # The direction has no offset but a turn: the one that brings own onto the others.
    state.offset[2:] += step[2:]
    both = there[0] & there[1]
    along = own[0] * others[0] + own[1] * others[1]
    across = own[0] * others[1] - own[1] * others[0]
    state.turn[0] += np.where(both, share * (along - state.turn[0]), 0.0)
    state.turn[1] += np.where(both, share * (across - state.turn[1]), 0.0)
    # What is left is noise; its first minutes are those of an offset not yet known.
    left = np.minimum(np.square(_corrected(state, own) - others[:, None]), OUTLIER * state.noise)
    share = np.where(state.learned < FIRST_MIN // 2, 0, 2 * share).astype(np.float32)
    state.noise[:] += np.where(there, share * (left - state.noise), 0.0)
    np.maximum(state.noise, np.square(LEAST_NOISE)[:, None], out=state.noise)
    state.learned[:] += fair


def _median(own: Floats) -> Floats:
    """(T, CHANNELS) over the stations; NaN where too few speak."""
    ordered = np.sort(own, axis=2)
    count = (~np.isnan(ordered)).sum(axis=2)
    low = np.maximum(count - 1, 0) // 2
    high = count // 2
    pick = np.take_along_axis(ordered, np.stack((low, np.minimum(high, own.shape[2] - 1)), 2), 2)
    middle = pick.mean(axis=2, dtype=np.float32)
    middle[count < FEWEST] = np.nan
    return np.asarray(middle, np.float32)
