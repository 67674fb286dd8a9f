"""Is it an exceedance? The contract's rules with hold and release, minute by minute.

Everything here is an array over (places, rules): a place is a treated segment, or a site that has
a station of its own. The step of a minute needs only the step before, so it can stop and go on
anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import MILLI, Bools, Ints
from analytics.settings import QUANTITIES, AnalyticsSettings, Rule

NONE, PENDING, ACTIVE, RECOVERING = range(4)
STATES = ("closed", "pending", "active", "recovering")
BEYOND = np.int64(2**62)
LONG_AGO = np.int64(-(2**40))
CAPPED, INCREMENT, PM10, TSP, CUSUM, GATE = range(len(QUANTITIES))
BACKGROUND = len(QUANTITIES)
CHANNELS = len(QUANTITIES) + 1
"""What is kept of a place's minutes: the quantities that rules judge, and the background."""
STRETCH = 60
"""Minutes over which quiet places are taken in one go ..."""
SHORT = 8
"""... unless there are so few that telling them apart costs more."""

Change = Literal["opened", "activated", "level", "recovering", "reopened", "closed"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where every rule stands at every place; arrays (P, R), counters (P, R, 3 levels).

    above: minutes running at or over the limit; below: under its release; level: the one entered;
    phase: NONE, PENDING, ACTIVE, RECOVERING; blind: minutes without a mean; started, peak_at:
    minutes; peak: thousandths; top: highest level entered in this episode; closed_at: minute at
    which an episode that had entered a level was last closed. What is said of an episode stays
    until another one begins.
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
    closed_at: Ints

    @classmethod
    def rest(cls, places: int, rules: int) -> "Machine":
        above, below = (np.zeros((places, rules, 3), np.int64) for _ in range(2))
        level, phase, blind, started, peak, peak_at, top = (
            np.zeros((places, rules), np.int64) for _ in range(7)
        )
        closed_at = np.full((places, rules), LONG_AGO)
        return cls(above, below, level, phase, blind, started, peak, peak_at, top, closed_at)

    def of(self, places: NDArray[np.intp]) -> "Machine":
        """Some of the places."""
        return Machine(*(getattr(self, field.name)[places] for field in fields(self)))

    def put(self, places: NDArray[np.intp], part: "Machine") -> "Machine":
        """This, with `part` at some of the places."""
        arrays = []
        for field in fields(self):
            array = getattr(self, field.name).copy()
            array[places] = getattr(part, field.name)
            arrays.append(array)
        return Machine(*arrays)


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one episode in one minute.

    reopened: a closed one has come back; risen: it has entered a higher level than ever. An
    operator who had acknowledged it has to look again after either.
    """

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
    reopened: bool = False
    risen: bool = False


def may_return(machine: Machine, minute: int, settings: AnalyticsSettings) -> Bools:
    """(P, R) whether an episode that is closed at `minute` may yet come back as the same one.

    It comes back once its level's hold is over, which gaps in the data may stretch.
    """
    stretched = settings.hold_min * (settings.gap_min + 1)
    recent = machine.closed_at >= minute - settings.join_min - stretched
    return np.asarray((machine.phase == NONE) & (machine.top > 0) & recent)


def trailing_means(
    values: Ints,
    known: Bools,
    rules: Sequence[Rule],
    mean_share: float,
    measured: Bools | None = None,
    *,
    regional_explains: bool = True,
) -> tuple[Ints, Bools]:
    """(T, P, R) thousandths and whether there is one, from (60 + T, P, CHANNELS) minutes.

    measured: (60 + T, P), which minutes were measured and not estimated; all when None. A mean is
    of measured minutes alone where there are enough of them.

    PM10 or TSP of which the background is the larger part is explained by it, and judged as
    nothing. Where `regional_explains`, a capped increment of which the background above the cap is
    the larger part is judged by the rest.
    """
    means, there = _means_of(values, known, rules, mean_share, regional_explains)
    if measured is not None:
        mixed = np.flatnonzero(measured.any(axis=0) & (known.any(axis=2) & ~measured).any(axis=0))
        if len(mixed):
            own = known[:, mixed] & measured[:, mixed, None]
            better, enough = _means_of(values[:, mixed], own, rules, mean_share, regional_explains)
            means[:, mixed] = np.where(enough, better, means[:, mixed])
    return means, there


def _means_of(
    values: Ints, known: Bools, rules: Sequence[Rule], mean_share: float, regional_explains: bool
) -> tuple[Ints, Bools]:
    windows = {rule.window_min for rule in rules}
    masked: Ints = np.where(known, values, 0)
    totals = _trailing_sums(masked, windows)
    counts = _trailing_sums(known, windows)
    steps = len(values) - 60
    means = np.zeros((steps, values.shape[1], len(rules)), np.int64)
    there = np.zeros(means.shape, bool)
    for r, rule in enumerate(rules):
        total, count = totals[rule.window_min], counts[rule.window_min]

        def mean_of(channel: int, total: Ints = total, count: Ints = count) -> Ints:
            n = np.maximum(count[:, :, channel], 1)
            return np.asarray(np.rint(total[:, :, channel] / n).astype(np.int64))

        judged = QUANTITIES.index(rule.quantity)
        mean = mean_of(judged)
        if rule.quantity in ("pm10", "tsp"):
            explained = 2 * mean_of(BACKGROUND) > mean_of(PM10)
            mean = np.where((count[:, :, PM10] > 0) & explained, 0, mean)
        elif rule.quantity == "increment_capped" and regional_explains:
            own = mean_of(INCREMENT)
            mean = np.where(2 * own < mean, own, mean)
        there[:, :, r] = count[:, :, judged] >= mean_share * rule.window_min
        means[:, :, r] = mean
    return means, there


def _trailing_sums(minutes: Ints | Bools, windows: Iterable[int]) -> dict[int, Ints]:
    """(T, P, CHANNELS) over the last so many minutes, from (60 + T, P, CHANNELS)."""
    if len(minutes) == 61:  # live, minute by minute: nothing is worth summing up
        return {w: minutes[-w:].sum(axis=0, dtype=np.int64, keepdims=True) for w in windows}
    total = np.cumsum(minutes, axis=0, dtype=np.int64)
    return {w: total[60:] - total[60 - w : -w] for w in windows}


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
        lowest = np.argmax(limited, axis=1)
        self._lowest_limit = self._limit[np.arange(len(lowest)), lowest]
        self._at_lowest = lowest[:, None] == np.arange(3)
        self._early = np.array([rule.quantity == "cusum" for rule in settings.rules.values()])
        self._hold, self._release_min = settings.hold_min, settings.release_min
        self._blind_min, self._gap_min = settings.blind_min, settings.gap_min
        self._join_min = settings.join_min

    def run(
        self, machine: Machine, first: int, means: Ints, there: Bools
    ) -> tuple[Machine, list[Transition], Ints]:
        """The machine after all minutes, its transitions, and (T, P) the highest level of a rule.

        means, there: (T, P, R), the first of minute `first`. Places where nothing is open and
        nothing passes a limit are taken in one go: a quiet year of minutes costs seconds instead
        of minutes.
        """
        level = np.zeros(means.shape[:2], np.int64)
        transitions: list[Transition] = []
        for begin in range(0, len(means), STRETCH):
            part = slice(begin, begin + STRETCH)
            steps = len(means[part])
            loud = (there[part] & (means[part] >= self._lowest_limit)).any(axis=(0, 2))
            stirred = loud | machine.phase.any(axis=1) | machine.above.any(axis=(1, 2))
            busy = np.flatnonzero(stirred | (steps < SHORT))
            quiet = np.flatnonzero(~stirred & (steps >= SHORT))
            moving, resting = machine, machine
            if len(quiet):
                moving, resting = machine.of(busy), machine.of(quiet)
                resting = self._rest(resting, means[part][:, quiet], there[part][:, quiet])
            some_means, some_there = means[part][:, busy], there[part][:, busy]
            for t in range(steps if len(busy) else 0):
                moving, changed = self._step(
                    moving, first + begin + t, some_means[t], some_there[t]
                )
                transitions += [replace(one, place=int(busy[one.place])) for one in changed]
                level[begin + t, busy] = moving.level.max(axis=1, initial=0)
            machine = machine.put(quiet, resting).put(busy, moving) if len(quiet) else moving
        return machine, transitions, level

    def _rest(self, m: Machine, value: Ints, there: Bools) -> Machine:
        """What `_step` comes to over minutes (T, P, R) at rest: only counters move."""
        if not value.size:
            return m
        at = np.arange(len(value))[:, None, None]
        seen = np.maximum.accumulate(np.where(there, at, -1), axis=0)
        blind = np.where(seen >= 0, at - seen, m.blind + 1 + at)
        low = there[..., None] & (value[..., None] < self._release)
        reset = (there[..., None] & ~low) | (blind > self._gap_min)[..., None]
        since = len(value) - 1 - np.argmax(reset[::-1], axis=0)
        since = np.where(reset.any(axis=0), since, -1)
        below = np.where(since < 0, m.below, 0) + (low & (at[..., None] > since)).sum(axis=0)
        return replace(m, below=below, blind=blind[-1])

    def _step(
        self, m: Machine, minute: int, value: Ints, there: Bools
    ) -> tuple[Machine, list[Transition]]:
        blind = np.where(there, 0, m.blind + 1)
        v, seen, cut = value[:, :, None], there[:, :, None], (blind > self._gap_min)[:, :, None]
        kept_above, kept_below = np.where(cut, 0, m.above), np.where(cut, 0, m.below)
        # Of what a limit has told already nobody needs to be warned.
        told: Bools = np.asarray((m.level[:, ~self._early] > 0).any(axis=1))
        over = (v >= self._limit) & ~(told[:, None] & self._early)[:, :, None]
        above = np.where(seen, np.where(over, kept_above + 1, 0), kept_above)
        below = np.where(seen, np.where(v < self._release, kept_below + 1, 0), kept_below)

        ranks = np.arange(1, 4)
        entered = np.where(above >= self._hold, ranks, 0).max(axis=2)
        kept = np.where((below < self._release_min) & self._limited, ranks, 0)
        kept = np.where(ranks <= m.level[:, :, None], kept, 0).max(axis=2)
        gone = (blind >= self._blind_min) & (m.phase != NONE)
        level = np.where(gone, 0, np.maximum(entered, kept))

        running = np.where(self._at_lowest, above, 0).max(axis=2)
        low = np.where(self._at_lowest, below, 0).max(axis=2) > 0
        low |= (m.phase == RECOVERING) & ~there
        # What came back soon is the old episode, and shows itself once its level is entered.
        came_at = minute - running + 1
        back = (m.phase == NONE) & (m.top > 0) & (came_at - m.closed_at <= self._join_min)
        pending = (running > 0) & ~gone & ~back
        phase = np.where(
            level > 0, np.where(low, RECOVERING, ACTIVE), np.where(pending, PENDING, NONE)
        )

        begins = (m.phase == NONE) & (phase != NONE)
        fresh, reopened = begins & ~back, begins & back
        peaks = (fresh | (there & (value > m.peak))) & (phase != NONE)
        ends = (m.phase != NONE) & (phase == NONE) & (m.top > 0)
        top = np.where(fresh, level, np.maximum(m.top, level))
        risen = ~fresh & (m.top > 0) & (level > m.top)
        new = Machine(
            above=above,
            below=below,
            level=level,
            phase=phase,
            blind=blind,
            started=np.where(fresh, minute, m.started),
            peak=np.where(peaks, value, m.peak),
            peak_at=np.where(peaks, minute, m.peak_at),
            top=top,
            closed_at=np.where(ends, minute, m.closed_at),
        )
        transitions = []
        for p, r in np.argwhere((phase != m.phase) | ((level != m.level) & (phase != NONE))):
            change = "reopened" if reopened[p, r] else _change(m.phase[p, r], phase[p, r])
            if change is None:
                continue
            transitions.append(
                Transition(
                    minute, int(p), int(r), change, int(phase[p, r]), int(level[p, r]),
                    int(top[p, r]), int(value[p, r]), int(new.started[p, r]),
                    int(new.peak[p, r]), int(new.peak_at[p, r]), bool(reopened[p, r]),
                    bool(risen[p, r]),
                )
            )  # fmt: skip
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
