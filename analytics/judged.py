"""What the rules judge of every place, minute by minute, measured or estimated.

The one seam between whoever says what a street adds (the plain interpolation, or a model of the
street) and the rules: an increment and a confidence per segment come in, channels per place go out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.layout import Layout
from analytics.minutes import MILLI, Bools, Ints
from analytics.rules import BACKGROUND, CHANNELS, CUSUM, GATE
from analytics.settings import AnalyticsSettings

SHARED_SHARE = 0.1
"""A rise that all but this share of the street's stations see together is not one street's ..."""
SHARED_STATIONS = 5
"""... if there are as many to tell."""
CERTAIN = 1000
"""Confidence in thousandths."""
UNKNOWN = np.iinfo(np.int64).max
"""Of the background in a minute without one: higher than any."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Minutes of places: values, known (T, P, CHANNELS) in thousandths; measured (T, P), whether
    by a station of the place's own; confidence (T, P) in thousandths."""

    values: Ints
    known: Bools
    measured: Bools
    confidence: Ints

    @classmethod
    def none(cls, minutes: int, places: int) -> "Judged":
        """Nothing known."""
        return cls(
            np.zeros((minutes, places, CHANNELS), np.int64),
            np.zeros((minutes, places, CHANNELS), bool),
            np.zeros((minutes, places), bool),
            np.zeros((minutes, places), np.int64),
        )

    def then(self, later: "Judged") -> "Judged":
        return Judged(
            np.concatenate((self.values, later.values)),
            np.concatenate((self.known, later.known)),
            np.concatenate((self.measured, later.measured)),
            np.concatenate((self.confidence, later.confidence)),
        )

    def last(self, minutes: int) -> "Judged":
        return Judged(
            self.values[-minutes:],
            self.known[-minutes:],
            self.measured[-minutes:],
            self.confidence[-minutes:],
        )

    def window(self, upto: int, minutes: int, place: int) -> tuple[Ints, bool, float]:
        """One place's minutes before index `upto`: means (CHANNELS,) as the rules take them,
        whether they are measured, and the mean confidence 0 to 1."""
        at = slice(upto - minutes, upto)
        there, measured = self.known[at, place], self.measured[at, place]
        judged = self.confidence[at, place] > 0
        own = bool(2 * (measured & judged).sum() >= judged.sum())
        if own:
            there = there & measured[:, None]
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.rint(np.where(there, self.values[at, place], 0).sum(axis=0) / count)
        sure = self.confidence[at, place][judged]
        return mean.astype(np.int64), own, float(sure.mean()) / CERTAIN if len(sure) else 0.0


def judged_minutes(
    means: Ints,
    known: Bools,
    background: Ints,
    background_known: Bools,
    as_read: Ints,
    increment: Ints,
    confidence: NDArray[np.float64],
    blind: Bools,
    noticed: Bools,
    before: Ints,
    layout: Layout,
    settings: AnalyticsSettings,
) -> Judged:
    """The channels of every place but the early warning's, which `analytics.early` adds.

    means, known: (T, S, 3) PM10, PM2.5, TSP of stations. background, background_known: (T,);
    as_read: (T, S) the background as each station's instrument reads it.
    increment, confidence: (T, G) of segments as estimated; what a place's own station says goes
    before it, but where blind (T, G): the wind keeps the street's dust away from the station, and
    the higher of the two counts.
    noticed: (T,) whether a notice of sand dust or haze holds. before: (60,) the background's last
    hour, UNKNOWN where there is none. All in thousandths.
    """
    steps, places = len(background), len(layout.places)
    of = layout.place_of.astype(np.int64).T
    count10 = known[:, :, 0].astype(np.int64) @ of
    sum10 = np.where(known[:, :, 0], means[:, :, 0], 0) @ of
    back10 = np.where(known[:, :, 0], as_read, 0) @ of
    count_tsp = known[:, :, 2].astype(np.int64) @ of
    sum_tsp = np.where(known[:, :, 2], means[:, :, 2], 0) @ of
    blown, there = background[:, None], background_known[:, None]

    g = layout.place_segment
    street = g >= 0
    guess = np.where(street, increment[:, g], 0)
    sure = np.where(street, np.rint(confidence[:, g] * CERTAIN), 0).astype(np.int64)
    measured = count10 > 0
    could = there & (sure >= settings.estimate_confidence * CERTAIN) & (sure > 0)

    own = np.rint(sum10 / np.maximum(count10, 1)).astype(np.int64)
    lee = measured & could & blind[:, g] & street & (blown + guess > own)
    measured = measured & ~lee
    guessed = could & ~measured
    pm10 = np.where(measured, own, blown + guess)
    own_back = np.rint(back10 / np.maximum(count10, 1)).astype(np.int64)
    over = pm10 - np.where(measured, own_back, blown)
    on_street = over[:, street & layout.place_of.any(axis=1)]
    seen = (measured & there)[:, street & layout.place_of.any(axis=1)]
    known_background = np.where(background_known, background, UNKNOWN)
    doubt = _margin(known_background, before, on_street, seen, settings)[:, None]
    lifted = noticed & settings.regional_explains
    cap = np.where(lifted, UNKNOWN, round(settings.background_cap * MILLI))
    above_cap = np.maximum(blown - cap[:, None], 0)

    judged = Judged.none(steps, places)
    pm10_known = measured | guessed
    channels = (
        (over - doubt + above_cap, pm10_known & there),
        (over - doubt, pm10_known & there),
        (pm10, pm10_known),
        (np.rint(sum_tsp / np.maximum(count_tsp, 1)).astype(np.int64), count_tsp > 0),
    )
    for channel, (value, is_known) in enumerate(channels):
        judged.values[:, :, channel], judged.known[:, :, channel] = value, is_known
    judged.values[:, :, BACKGROUND], judged.known[:, :, BACKGROUND] = blown, there
    judged.measured[:] = measured | (count_tsp > 0)
    judged.confidence[:] = np.where(judged.measured, CERTAIN, np.where(guessed, sure, 0))
    judged.known[:, :, (CUSUM, GATE)] = False
    return judged


def _margin(
    background: Ints, before: Ints, over: Ints, seen: Bools, settings: AnalyticsSettings
) -> Ints:
    """(T,) what an increment may come to without any dust: two instruments differ in proportion
    to a high background, and while it rises it has not risen everywhere at once.

    The second part is what nearly all stations of the street have in common, and no more than
    twice what the background has lately risen by. over, seen: (T, n) of places with a station.
    """
    there = background < UNKNOWN
    long = np.concatenate((before, background))
    lowest = np.lib.stride_tricks.sliding_window_view(long, len(before) + 1).min(axis=1)
    high = np.where(there, background - round(settings.gain_from * MILLI), 0)
    gain = settings.gain_share * np.maximum(high, 0)
    rise = 2 * np.where(there, background - lowest, 0)
    count = seen.sum(axis=1)
    ordered = np.sort(np.where(seen, over, UNKNOWN), axis=1)
    rank = np.floor(SHARED_SHARE * np.maximum(count - 1, 0)).astype(np.intp)
    enough = count >= SHARED_STATIONS
    shared = np.zeros(len(background), np.int64)
    if over.shape[1]:
        lowest_over = np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0]
        shared = np.where(enough, np.clip(lowest_over, 0, rise), 0)
    return np.rint(gain).astype(np.int64) + shared
