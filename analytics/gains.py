"""Has a station's gain drifted? What is coarse is the street's, what is fine has blown in.

A gain that is off multiplies all channels of one optical cell; dust of the street adds much PM10
and little PM2.5. So each minute's pair, g (b10 + s) and g (b25 + f s), with what blows in (b10,
b25) known from other stations and the fine share f of fresh dust from the literature, gives the
gain g and the street's s: a plume or a failing gate leaves g alone. Minutes with much dust of the
street depend on f too much and are passed over. A station is held against what it was itself,
since its place and its make bias g for good.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.settings import GainSettings

LEAST_SHARE = 0.2
"""PM2.5 that blows in beyond what fresh dust would have of it, of PM10: less tells nothing."""
FEWEST = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GainState:
    """By station (S,): usual, recent: mean logarithm of the gain, over days and of late; minutes:
    (S,) that the former rests on; off: whether it is held to have drifted."""

    usual: Floats
    recent: Floats
    minutes: NDArray[np.int64]
    off: NDArray[np.bool_]

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known."""
        return cls(
            np.zeros(stations),
            np.zeros(stations),
            np.zeros(stations, np.int64),
            np.zeros(stations, bool),
        )


def gains(
    state: GainState,
    pm10: Floats,
    pm25: Floats,
    blown10: Floats,
    blown25: Floats,
    settings: GainSettings,
) -> tuple[GainState, NDArray[np.bool_], Floats]:
    """Carry the state over minutes: (T, S) whether each station has drifted, and by what factor
    against its usual gain. pm10, pm25: (T, S), NaN where none is believed; blown10, blown25: (T,)
    µg/m³ that blow in, NaN where not known."""
    new = GainState(*(np.array(getattr(state, f.name)) for f in fields(GainState)))
    fine = settings.fine_share
    excess = blown25 - fine * blown10
    excess = np.where(excess > LEAST_SHARE * blown10, excess, np.nan)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = (pm25 - fine * pm10) / excess
        street = pm10 / gain / blown10[:, None] - 1.0
    tells = (gain > 0.05) & (street < settings.street_share) & (blown10 > settings.least)[:, None]
    # Rounded, so that it does not matter which way a logarithm was worked out.
    log_gain = np.round(np.log(np.where(tells, gain, 1.0)), 9)
    off: NDArray[np.bool_] = np.zeros(pm10.shape, np.bool_)
    factor: Floats = np.zeros(pm10.shape)
    for t in range(len(pm10)):
        factor[t] = _minute(new, log_gain[t], tells[t], settings)
        off[t] = new.off
    return new, off, np.asarray(np.round(np.exp(factor), 4), np.float64)


def apart(state: GainState, settings: GainSettings) -> Floats:
    """(S,) logarithm of recent over usual gain; 0 for stations that are not known yet.

    When what blows in is misjudged, all seem to drift, and none is blamed: the middle is taken off.
    """
    ready = state.minutes >= settings.learn_min
    off = np.where(ready, state.recent - state.usual, 0.0)
    if ready.sum() >= FEWEST:
        off = np.where(ready, off - np.median(off[ready]), 0.0)
    return off


def _minute(
    state: GainState, log_gain: Floats, tells: NDArray[np.bool_], settings: GainSettings
) -> Floats:
    """One minute, `state` is changed in place; (S,) logarithm of recent over usual gain."""
    known = state.minutes[tells]
    first = known < settings.learn_min
    # What is far off at once is noise, or a step that the next minutes will show as well.
    now = np.where(
        first, log_gain[tells],
        np.clip(log_gain[tells], state.recent[tells] - 0.3, state.recent[tells] + 0.3),
    )  # fmt: skip
    state.recent[tells] += (now - state.recent[tells]) / np.minimum(known + 1, settings.recent_min)
    share = np.where(first, 1.0 / (known + 1), 1.0 / settings.usual_min)
    # A gain that has drifted does not become usual.
    share[state.off[tells]] = 0.0
    state.usual[tells] += (now - state.usual[tells]) * share
    state.minutes[tells] = np.minimum(known + 1, settings.usual_min)

    off = apart(state, settings)
    limit = np.log(settings.off)
    state.off[:] = np.abs(off) > np.where(state.off, settings.release * limit, limit)
    return off
