"""Is it an exceedance? The contract's rules with hold and release, minute by minute.

Everything here is an array over (places, rules): a place is a segment or a site that has a station
of its own. The step of a minute needs only the step before, so it can stop and go on anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analytics.minutes import MILLI, Bools, Ints
from analytics.settings import QUANTITIES, AnalyticsSettings, Rule

NONE, PENDING, ACTIVE, RECOVERING = range(4)
STATES = ("closed", "pending", "active", "recovering")
BEYOND = np.int64(2**62)
BACKGROUND = len(QUANTITIES)
CHANNELS = len(QUANTITIES) + 1
"""What is kept of a place's minutes: the quantities that rules judge, and the background."""

Change = Literal["opened", "activated", "level", "recovering", "reopened", "closed"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where every rule stands at every place; arrays (P, R), counters (P, R, 3 levels).

    above: minutes running at or over the limit; below: under its release; level: the one entered;
    phase: NONE, PENDING, ACTIVE, RECOVERING; blind: minutes without a mean; started, peak_at:
    minutes; peak: thousandths; top: highest level entered in this episode.
    """

    above: Ints
    below: Ints
    level: Ints
    phase: Ints
    blind: Ints
    started: Ints
    peak: Ints
    peak_at: Ints
    top: Ints

    @classmethod
    def rest(cls, places: int, rules: int) -> "Machine":
        flat = [np.zeros((places, rules), np.int64) for _ in range(7)]
        counters = [np.zeros((places, rules, 3), np.int64) for _ in range(2)]
        return cls(*counters, *flat)


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one episode in one minute."""

    minute: int
    place: int
    rule: int
    change: Change
    phase: int
    level: int
    top: int
    value: int
    started: int
    peak: int
    peak_at: int


def trailing_means(
    values: Ints, known: Bools, rules: Sequence[Rule], mean_share: float
) -> tuple[Ints, Bools]:
    """(T, P, R) thousandths and whether there is one, from (60 + T, P, CHANNELS) minutes.

    PM10 of which the background is the larger part is explained by it, and judged as nothing.
    """
    total = np.cumsum(np.where(known, values, 0), axis=0)
    count: Ints = np.cumsum(known, axis=0, dtype=np.int64)
    steps = len(values) - 60
    means = np.zeros((steps, values.shape[1], len(rules)), np.int64)
    there = np.zeros(means.shape, bool)
    for r, rule in enumerate(rules):
        mean, n = _trailing(total, count, QUANTITIES.index(rule.quantity), rule.window_min)
        if rule.quantity == "pm10":
            background, _ = _trailing(total, count, BACKGROUND, rule.window_min)
            mean = np.where(2 * background > mean, 0, mean)
        there[:, :, r] = n >= mean_share * rule.window_min
        means[:, :, r] = mean
    return means, there


def _trailing(total: Ints, count: Ints, channel: int, window: int) -> tuple[Ints, Ints]:
    """Means over the last `window` minutes of one channel, and of how many minutes they are."""
    n: Ints = count[60:, :, channel] - count[60 - window : -window, :, channel]
    s = total[60:, :, channel] - total[60 - window : -window, :, channel]
    return np.rint(s / np.maximum(n, 1)).astype(np.int64), n


class Judge:
    """Carries the machine through minutes of trailing means."""

    def __init__(self, settings: AnalyticsSettings) -> None:
        limits = np.array([rule.limits for rule in settings.rules.values()], np.float64)
        limited = np.isfinite(limits)
        milli = np.where(limited, limits * MILLI, 0).astype(np.int64)
        self.names = tuple(settings.rules)
        self._limit = np.where(limited, milli, BEYOND)
        self._release = np.where(
            limited, np.rint(milli * settings.release_share).astype(np.int64), BEYOND
        )
        self._limited = limited
        self._lowest = np.argmax(limited, axis=1)
        self._hold, self._release_min = settings.hold_min, settings.release_min
        self._blind_min = settings.blind_min

    def run(
        self, machine: Machine, first: int, means: Ints, there: Bools
    ) -> tuple[Machine, list[Transition], Ints]:
        """The machine after all minutes, its transitions, and (T, P) the highest level of a rule.

        means, there: (T, P, R), the first of minute `first`. Stretches in which nothing is open
        and nothing passes a limit are taken in one go: a quiet year of minutes costs seconds
        instead of minutes.
        """
        level = np.zeros(means.shape[:2], np.int64)
        lowest = self._limit[np.arange(len(self._lowest)), self._lowest]
        loud = np.flatnonzero((there & (means >= lowest)).any(axis=(1, 2)))
        transitions: list[Transition] = []
        t = 0
        while t < len(means):
            until = int(loud[at]) if (at := np.searchsorted(loud, t)) < len(loud) else len(means)
            if until > t and not machine.phase.any():
                machine = self._rest(machine, means[t:until], there[t:until])
                t = until
                continue
            machine, changed = self._step(machine, first + t, means[t], there[t])
            transitions += changed
            level[t] = machine.level.max(axis=1, initial=0)
            t += 1
        return machine, transitions, level

    def _rest(self, m: Machine, value: Ints, there: Bools) -> Machine:
        """What `_step` comes to over minutes (T, P, R) at rest: only counters move."""
        low = there[..., None] & (value[..., None] < self._release)
        high = there[..., None] & ~low
        since = len(value) - 1 - np.argmax(high[::-1], axis=0)
        since = np.where(high.any(axis=0), since, -1)
        counts = np.arange(len(value))[:, None, None, None] > since
        below = np.where(since < 0, m.below, 0) + (low & counts).sum(axis=0)
        seen_last = np.argmax(there[::-1], axis=0)
        blind = np.where(there.any(axis=0), seen_last, m.blind + len(value))
        return replace(m, below=below, blind=blind)

    def _step(
        self, m: Machine, minute: int, value: Ints, there: Bools
    ) -> tuple[Machine, list[Transition]]:
        v, seen = value[:, :, None], there[:, :, None]
        above = np.where(seen, np.where(v >= self._limit, m.above + 1, 0), m.above)
        below = np.where(seen, np.where(v < self._release, m.below + 1, 0), m.below)

        ranks = np.arange(1, 4)
        entered = np.where(above >= self._hold, ranks, 0).max(axis=2)
        kept = np.where((below < self._release_min) & self._limited, ranks, 0)
        kept = np.where(ranks <= m.level[:, :, None], kept, 0).max(axis=2)
        level = np.maximum(entered, kept)

        blind = np.where(there, 0, m.blind + 1)
        gone = (blind >= self._blind_min) & (m.phase != NONE)
        level = np.where(gone, 0, level)

        lowest = self._lowest[None, :, None]
        over = np.take_along_axis(above, np.broadcast_to(lowest, (*level.shape, 1)), 2)[:, :, 0] > 0
        low = np.take_along_axis(below, np.broadcast_to(lowest, (*level.shape, 1)), 2)[:, :, 0] > 0
        phase = np.select(
            [gone, (level > 0) & low, level > 0, over], [NONE, RECOVERING, ACTIVE, PENDING], NONE
        )

        fresh = (m.phase == NONE) & (phase != NONE)
        peaks = (fresh | (there & (value > m.peak))) & (phase != NONE)
        started = np.where(fresh, minute, m.started)
        peak = np.where(peaks, value, m.peak)
        peak_at = np.where(peaks, minute, m.peak_at)
        top = np.where(fresh, level, np.maximum(m.top, level))
        new = Machine(above, below, level, phase, blind, started, peak, peak_at, top)

        transitions = []
        for p, r in np.argwhere((phase != m.phase) | ((level != m.level) & (phase != NONE))):
            change = _change(m.phase[p, r], phase[p, r])
            if change is None:
                continue
            transitions.append(
                Transition(
                    minute, int(p), int(r), change, int(phase[p, r]), int(level[p, r]),
                    int(top[p, r]), int(value[p, r]), int(started[p, r]), int(peak[p, r]),
                    int(peak_at[p, r]),
                )
            )  # fmt: skip
        if gone.any():
            new = replace(
                new,
                above=np.where(gone[:, :, None], 0, above),
                below=np.where(gone[:, :, None], 0, below),
            )
        return new, transitions


def _change(before: np.int64, after: np.int64) -> Change | None:
    changes: dict[tuple[int, int], Change] = {
        (NONE, PENDING): "opened",
        (NONE, ACTIVE): "opened",
        (PENDING, ACTIVE): "activated",
        (PENDING, RECOVERING): "activated",
        (ACTIVE, RECOVERING): "recovering",
        (RECOVERING, ACTIVE): "reopened",
        (ACTIVE, ACTIVE): "level",
        (RECOVERING, RECOVERING): "level",
    }
    return "closed" if after == NONE else changes.get((int(before), int(after)))
