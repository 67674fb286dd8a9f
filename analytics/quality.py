"""Is this value believable? Tests after IOOS QARTOD as pure functions from readings to flags.

Every test gives (n, 3) for PM10, PM2.5 and TSP: 1 good, 3 suspect, 4 fail, 9 missing; what is
suspect or fails is kept out of decisions and stays in the store as it came. Tests look back, never
forward: over the last `readings.TAIL` readings of a station, and over what `QualityState` carries
along. So a minute's answer never changes because of later ones, and does not depend on how time
was cut into blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from analytics.clocks import ClockState, clocks, weather
from analytics.gains import GainState, gains
from analytics.minutes import minute_of
from analytics.readings import PM10, PM25, TSP, Readings
from analytics.repeats import RepeatState, repeats
from analytics.settings import STATION_KINDS, QualitySettings

GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9
PM = (PM10, PM25, TSP)
PM_NAMES = ("pm10", "pm25", "tsp")
TESTS = (
    "range",
    "status",
    "order",
    "flat",
    "spike",
    "rate",
    "repeat",
    "low",
    "gain",
    "clock",
    "neighbour",
)
"""The last one needs the model of the street: `neighbours.disagreement`."""
CHANNELS = len(PM)
TOGETHER = CHANNELS
"""Column of runs in which all channels stood still at once."""

Flags = NDArray[np.int8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TRUSTED = (ord("N"), ord("S"))  # normal, and set by hand
_MINUTE_MS = 60_000
_DAY_MIN = 1440
_FOREVER_MS = -1
_CLEAN = 5.0
"""µg/m³; while no channel reads more, one may read zero for as long as it likes."""
_HELD_MIN = 20
"""A station still speaks for what blows in so long after its last reading."""
_ALONE_TIMES = 2.5
"""A jump without finer dust is so many times what was usual."""
_WITNESS_SHARE = 0.08
"""PM2.5 that rises by this share of PM10's rise bears it out."""
_KEPT, _LEFT = 0.2, 0.5
"""A value within this share of what was usual has kept it; one beyond the other has left it."""
_SPIKE_SPAN_MIN = 30.0
"""Five readings within so long are of minutes, not of hours."""
_OVERLAP = 0.2
"""Of the usual wait: a reading that comes sooner lies on another's time."""


class Finding(NamedTuple):
    """Flags (n, 3) of one test, the number (n, 3) that its reason names, and what later readings
    need of these, by the names of `QualityState`."""

    flags: Flags
    number: Floats
    kept: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class QualityState:
    """What later readings need of earlier ones, by station.

    believed: (tail, 3) of the readings that are kept as the tail; run, run_since_ms: (S, 4)
    readings for which each channel, and all together, have stood still, and since when; runs,
    stalls: (2, S, 4) runs of equal values that began yesterday and today, and those that were
    longer than one reading; low, low_since_ms: (S, 3) readings far under the others; last,
    last_minute: (S, 3) what last passed every other test.
    """

    believed: Bools
    run: Ints
    run_since_ms: Ints
    runs: Ints
    stalls: Ints
    low: Ints
    low_since_ms: Ints
    last: Floats
    last_minute: Ints
    repeat: RepeatState
    gain: GainState
    clock: ClockState

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known."""
        return cls(
            believed=np.zeros((0, CHANNELS), bool),
            run=np.zeros((stations, CHANNELS + 1), np.int64),
            run_since_ms=np.zeros((stations, CHANNELS + 1), np.int64),
            runs=np.zeros((2, stations, CHANNELS + 1), np.int64),
            stalls=np.zeros((2, stations, CHANNELS + 1), np.int64),
            low=np.zeros((stations, CHANNELS), np.int64),
            low_since_ms=np.zeros((stations, CHANNELS), np.int64),
            last=np.full((stations, CHANNELS), np.nan),
            last_minute=np.full((stations, CHANNELS), -(10**9), np.int64),
            repeat=RepeatState.start(stations),
            gain=GainState.start(stations),
            clock=ClockState.start(stations),
        )

    def arrays(self) -> dict[str, Any]:
        """As kept in a checkpoint."""
        kept: dict[str, Any] = {}
        for field in fields(self):
            part = getattr(self, field.name)
            if field.name in _PARTS:
                kept |= {f"{field.name}_{f.name}": getattr(part, f.name) for f in fields(part)}
            else:
                kept[field.name] = part
        return kept

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Back from `arrays`."""
        own = {
            name: part(*(kept[f"{name}_{f.name}"] for f in fields(part)))
            for name, part in _PARTS.items()
        }
        return cls(**{f.name: own[f.name] if f.name in own else kept[f.name] for f in fields(cls)})


_PARTS: dict[str, Any] = {"repeat": RepeatState, "gain": GainState, "clock": ClockState}


@dataclass(frozen=True, slots=True)
class Checked:
    """Readings (n), the tail and what has arrived, sorted; believed: (n, 3) which count.

    flagged: those that have arrived and have a flag that is not good, with flags
    (m, 3, len(TESTS)) and numbers of the same shape, which their reasons name; rows: (m,) of them.
    """

    readings: Readings
    believed: Bools
    rows: Ints
    flagged: Readings
    flags: Flags
    numbers: NDArray[np.float32]


def check(
    state: QualityState,
    tail: Readings,
    arrived: Readings,
    kinds: Ints,
    settings: QualitySettings,
    *,
    after: int,
    upto: int,
) -> tuple[QualityState, Checked]:
    """Judge the readings of the minutes after+1..upto, all of which are in `arrived`.

    tail: what was kept of earlier readings; kinds: (S,) of the stations as indices of
    STATION_KINDS.
    """
    readings = tail.then(arrived)
    minute = minute_of(readings.ts_ms)
    new = np.flatnonzero(minute > after)
    rows = Rows.of(readings, new, minute[new], kinds)
    findings = {
        "range": gross_range(rows, settings),
        "status": device_status(rows),
        "order": size_order(rows, settings),
        "flat": flat_line(rows, state, settings, after=after, upto=upto),
        "spike": spike(rows, settings),
        "rate": rate(rows, settings),
        "repeat": repeated(rows, state, settings, upto=upto),
        "clock": clock(rows, state, after=after, upto=upto, stations=len(kinds)),
    }
    passed = np.logical_and.reduce([finding.flags == GOOD for finding in findings.values()])
    away = kinds == STATION_KINDS.index("background")
    grid = _Grid.of(rows, state, passed, away, after=after, upto=upto)
    findings["low"] = low(rows, state, grid, settings)
    findings["gain"] = gain(rows, state, grid, settings)
    flags = np.full((len(new), CHANNELS, len(TESTS)), GOOD, np.int8)
    for name, finding in findings.items():
        flags[:, :, TESTS.index(name)] = finding.flags
    flags[np.isnan(rows.pm)] = MISSING

    believed = np.zeros((len(readings), CHANNELS), bool)
    believed[np.flatnonzero(minute <= after)] = state.believed
    believed[new] = good(flags)
    bad = np.flatnonzero(((flags == SUSPECT) | (flags == FAIL)).any(axis=(1, 2)))
    numbers = np.full((len(bad), CHANNELS, len(TESTS)), np.nan, np.float32)
    for name, finding in findings.items():
        numbers[:, :, TESTS.index(name)] = finding.number[bad]
    kept: dict[str, Any] = {"believed": believed[readings.in_tail()]}
    for finding in findings.values():
        kept |= finding.kept
    return QualityState(**kept), Checked(
        readings, believed, new[bad], readings[new[bad]], flags[bad], numbers
    )


def good(flags: Flags) -> Bools:
    """(n, 3): every test passed."""
    passed: Bools = (flags == GOOD).all(axis=2)
    return passed


@dataclass(frozen=True, slots=True)
class Rows:
    """What has arrived, with the five readings before each; rows are sorted by station and time.

    pm: (n, 3); before: five of (n, 3), NaN where the station said nothing; gap_min: (n, 5) since
    each of those; usual: (n, 3) the median of those that are there; first: (n,) row at which the
    station begins; all: the tail too, of which `at` are the rows.
    """

    all: Readings
    at: Ints
    station: Ints
    ts_ms: Ints
    minute: Ints
    pm: Floats
    before: tuple[Floats, ...]
    gap_min: Floats
    usual: Floats
    first: Ints
    kind: Ints

    @classmethod
    def of(cls, readings: Readings, new: Ints, minute: Ints, kinds: Ints) -> Self:
        pm = np.ascontiguousarray(readings.values[:, PM])
        station = readings.station[new]
        before, gaps = [], []
        for steps in range(1, 6):
            earlier = np.maximum(new - steps, 0)
            known = (new >= steps) & (readings.station[earlier] == station)
            before.append(np.where(known[:, None], pm[earlier], np.nan))
            gap = (readings.ts_ms[new] - readings.ts_ms[earlier]) / _MINUTE_MS
            gaps.append(np.where(known, gap, np.nan))
        changes = np.flatnonzero(np.diff(station, prepend=-1))
        first = np.repeat(changes, np.diff(np.append(changes, len(station))))
        return cls(
            all=readings,
            at=new,
            station=station,
            ts_ms=readings.ts_ms[new],
            minute=minute,
            pm=pm[new],
            before=tuple(before),
            gap_min=np.stack(gaps, axis=1),
            usual=_usual(pm[new], before),
            first=first,
            kind=kinds[station],
        )

    def __len__(self) -> int:
        return len(self.station)

    def threshold(self, name: str, settings: QualitySettings) -> Floats:
        """(n, 1) what the settings say for the kind of each row's station."""
        by_kind = [float(getattr(getattr(settings, kind), name)) for kind in STATION_KINDS]
        return np.array(by_kind)[self.kind][:, None]


def _usual(pm: Floats, before: list[Floats]) -> Floats:
    """(n, 3) the median of the five readings before, or of those of them that are there."""
    usual = _median_of_five(*before)
    some = np.isnan(usual) & ~np.isnan(pm)
    some &= ~np.logical_and.reduce([np.isnan(each) for each in before])
    if some.any():
        usual[some] = np.nanmedian([each[some] for each in before], axis=0)
    return usual


def _median_of_five(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats) -> Floats:
    """Element by element; NaN where one of them is."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    low_2, high_2 = np.minimum(c, d), np.maximum(c, d)
    # The least and the greatest of four cannot be the median of five.
    x, y = np.maximum(low, low_2), np.minimum(high, high_2)
    x, y = np.minimum(x, y), np.maximum(x, y)
    middle: Floats = np.maximum(x, np.minimum(y, e))
    return middle


# One reading by itself --------------------------------------------------------------------------


def gross_range(rows: Rows, settings: QualitySettings) -> Finding:
    """Negative, at the end of the instrument's range, or a number that means "none"."""
    bad = (rows.pm < 0) | (rows.pm >= rows.threshold("pm_max", settings))
    for sentinel in settings.sentinels:
        bad |= rows.pm == sentinel
    return Finding(np.where(bad, FAIL, GOOD).astype(np.int8), rows.pm)


def device_status(rows: Rows) -> Finding:
    """What the device says of itself: anything but normal or manual fails."""
    status = rows.all.status[rows.at]
    bad = np.repeat(~np.isin(status, _TRUSTED)[:, None], CHANNELS, axis=1)
    number = np.repeat(status[:, None], CHANNELS, axis=1).astype(np.float64)
    return Finding(np.where(bad, FAIL, GOOD).astype(np.int8), number)


def size_order(rows: Rows, settings: QualitySettings) -> Finding:
    """PM2.5 is part of PM10 and PM10 of TSP; both of a pair that contradicts are suspect, or the
    one that has left its usual value while the other has kept it."""
    flags = np.full(rows.pm.shape, GOOD, np.int8)
    number = np.full(rows.pm.shape, np.nan)
    for fine, coarse in ((1, 0), (0, 2)):  # columns of PM_NAMES
        at_most = rows.pm[:, coarse] * settings.order_tolerance + settings.order_margin
        wrong = np.flatnonzero(rows.pm[:, fine] > at_most)
        left = {one: _left(rows.pm[wrong, one], rows.usual[wrong, one]) for one in (fine, coarse)}
        for one, other in ((fine, coarse), (coarse, fine)):
            blamed = wrong[~((left[one] < _KEPT) & (left[other] > _LEFT))]
            flags[blamed, one] = SUSPECT
            number[blamed, one] = rows.pm[blamed, other]
    return Finding(flags, number)


def _left(pm: Floats, usual: Floats) -> Floats:
    """(n,) by which share values have left what was usual; NaN where nothing was."""
    away: Floats = np.abs(pm - usual) / np.maximum(usual, 1.0)
    return away


# One station and its past -----------------------------------------------------------------------


def flat_line(
    rows: Rows, state: QualityState, settings: QualitySettings, *, after: int, upto: int
) -> Finding:
    """Equal values running, of one channel or of all together: the sensor is stuck.

    How many are too many depends on how often a station's values repeat by chance, which its
    resolution and the air decide: that is learned from its runs of today and yesterday. A stuck
    spell is one run, however long, so it does not teach that being stuck is usual. Zero may last in
    clean air, and not beside another channel that measures something.
    """
    same = np.empty((len(rows), CHANNELS + 1), bool)
    same[:, :CHANNELS] = rows.pm == rows.before[0]
    both_missing = np.isnan(rows.pm) & np.isnan(rows.before[0])
    same[:, TOGETHER] = (same[:, :CHANNELS] | both_missing).all(axis=1) & (
        (same[:, :CHANNELS] & (rows.pm != 0)).sum(axis=1) > 1
    )
    steps, since_ms = _running(rows, same, state.run, state.run_since_ms)
    chance, kept = _chance(rows, same, steps, state, after, upto)
    kept |= _carried(rows, state, steps, since_ms, "run")
    log_chance = np.log(np.where(steps > 1, chance, 0.5))
    stuck = (steps > 1) & (steps * log_chance <= np.log(settings.flat_chance))
    stuck |= (steps > 1) & (rows.ts_ms[:, None] - since_ms >= settings.flat_h * 3_600_000)
    clean = np.nan_to_num(rows.pm).max(axis=1, initial=0.0) < _CLEAN
    bad = stuck[:, :CHANNELS] | (stuck[:, TOGETHER:] & same[:, :CHANNELS])
    bad &= (rows.pm != 0) | ~clean[:, None]
    return Finding(
        np.where(bad, FAIL, GOOD).astype(np.int8), steps[:, :CHANNELS] + np.float64(1.0), kept
    )


def _chance(
    rows: Rows,
    same: Bools,
    steps: Ints,
    state: QualityState,
    after: int,
    upto: int,
) -> tuple[Floats, dict[str, Any]]:
    """(n, 4) how often a run of equal values goes on, by the runs before each row."""
    kept: dict[str, Any] = {}
    first_day, last_day = (after - 1) // _DAY_MIN, (upto - 1) // _DAY_MIN
    day = (rows.minute - 1) // _DAY_MIN
    row = np.arange(len(rows))
    begins = (row == rows.first) | (np.diff(day, prepend=-1) != 0)
    begin = np.maximum.accumulate(np.where(begins, row, 0))
    counts = []
    for name, happened in (("runs", ~same), ("stalls", steps == 1)):
        carried = getattr(state, name)
        totals = np.zeros((last_day - first_day + 2, *carried.shape[1:]), np.int64)
        totals[:2] = carried
        np.add.at(totals, (day - first_day + 1, rows.station), happened.astype(np.int64))
        before = np.cumsum(happened, axis=0, dtype=np.int64) - happened
        today = before - before[begin]
        today += np.where((day == first_day)[:, None], carried[1][rows.station], 0)
        counts.append(today + totals[day - first_day, rows.station])
        kept[name] = totals[-2:]
    # Before anything is known: one run in ten of a channel, one in twenty of all together.
    prior = np.array([2.0] * CHANNELS + [1.0])
    others = np.maximum(counts[1] - (steps > 1), 0)
    chance: Floats = (prior + others) / (20.0 + counts[0])
    return chance, kept


def _running(rows: Rows, holds: Bools, carry: Ints, carry_since_ms: Ints) -> tuple[Ints, Ints]:
    """(n, k) readings running for which something holds, and the time of the last for which it
    did not; `carry` (S, k) are those of each station's last reading before."""
    if not len(rows):
        return np.zeros(holds.shape, np.int64), np.zeros(holds.shape, np.int64)
    row = np.arange(len(rows))[:, None]
    first = rows.first[:, None]
    broken = np.maximum.accumulate(np.where(holds, -1, row), axis=0)
    inside = broken >= first
    steps = np.where(inside, row - broken, row - first + 1 + carry[rows.station])
    known = np.where(carry_since_ms > 0, carry_since_ms, _FOREVER_MS)[rows.station]
    known = np.where(known == _FOREVER_MS, rows.ts_ms[rows.first][:, None], known)
    return steps, np.where(inside, rows.ts_ms[np.maximum(broken, 0)], known)


def _carried(
    rows: Rows, state: QualityState, steps: Ints, since_ms: Ints, name: str
) -> dict[str, Any]:
    """What `_running` found at the last reading of each station."""
    last = np.append(rows.first[1:] != rows.first[:-1], True)[: len(rows)]
    kept = {}
    for key, value in ((name, steps), (f"{name}_since_ms", since_ms)):
        kept[key] = getattr(state, key).copy()
        kept[key][rows.station[last]] = value[last]
    return kept


def spike(rows: Rows, settings: QualitySettings) -> Finding:
    """A jump far over the median of the five readings before, that nothing else bears out.

    A jump of PM10 without PM2.5, or of TSP without PM10, is no dust: every dust has fine grains.
    With them, or where they are not measured, it takes a greater jump, readings that are minutes
    apart (what an hour's mean jumps by was in the air: the kerb of Marylebone Road rose by 400 to
    800 µg/m³ beside road works), and the reading before must be low as well: the second of two
    high ones is no spike. Where many stations jump at once it is the air.
    """
    jump = rows.pm - rows.usual
    times = rows.pm / np.maximum(rows.usual, 1.0)
    least = rows.threshold("alone_min", settings)
    sudden = (jump > least) & (times > _ALONE_TIMES)
    alone = np.zeros(jump.shape, bool)
    # A channel that falls while the coarser one leaps is no witness either.
    alone[:, 0] = sudden[:, 0] & (jump[:, 1] < settings.fine_share * jump[:, 0])
    alone[:, 2] = sudden[:, 2] & (
        (jump[:, 0] < settings.fine_share * jump[:, 2])
        | (alone[:, 0] & (jump[:, 1] < settings.fine_share * jump[:, 2]))
    )
    close = rows.gap_min[:, 4:] <= _SPIKE_SPAN_MIN
    second = rows.before[0] > rows.pm / 2
    alone &= close | ~second
    factor = rows.threshold("spike_factor", settings)
    high = (jump > rows.threshold("spike_min", settings)) & (times > factor) & close
    witnessed = (jump[:, 1] > _WITNESS_SHARE * jump[:, 0])[:, None]
    high &= ~witnessed | ((jump > 2 * rows.threshold("spike_min", settings)) & (times > 2 * factor))
    high &= ~second
    found = (alone | high) & ~_everywhere(rows, (jump > least / 2) & (times > 2.0))
    return Finding(np.where(found, SUSPECT, GOOD).astype(np.int8), rows.usual)


def _everywhere(rows: Rows, jumps: Bools) -> Bools:
    """(n, 3) whether several other stations jump in the same minute, one in five at least."""
    if not jumps.any():
        return jumps
    minute = rows.minute - rows.minute.min()
    out = np.zeros(jumps.shape, bool)
    stations = np.bincount(minute)
    for c in range(CHANNELS):
        count = np.bincount(minute, weights=jumps[:, c])
        out[:, c] = ((count >= 4) & (count >= 0.2 * stations))[minute]
    return out


def rate(rows: Rows, settings: QualitySettings) -> Finding:
    """Faster than air changes, from both of the two readings before: after one wrong reading the
    next is not blamed. Readings more than ten minutes apart tell nothing of it."""
    gap = np.maximum(rows.gap_min, 1.0)
    change = np.minimum(
        np.abs(rows.pm - rows.before[0]) / gap[:, :1],
        np.abs(rows.pm - rows.before[1]) / gap[:, 1:2],
    )
    bad = (change > rows.threshold("rate_max", settings)) & (rows.gap_min[:, :1] <= 10.0)
    return Finding(np.where(bad, SUSPECT, GOOD).astype(np.int8), change.astype(np.float64))


def repeated(rows: Rows, state: QualityState, settings: QualitySettings, *, upto: int) -> Finding:
    """Readings that a logger replays from the day before; see `repeats`."""
    missing = np.isnan(rows.pm)
    milli = np.where(missing, -1, np.rint(np.where(missing, 0, rows.pm) * 1000)).astype(np.int64)
    moves = ((rows.pm != rows.before[0]) & ~missing).any(axis=1)
    kept, times = repeats(
        state.repeat,
        rows.station,
        rows.minute,
        milli,
        moves,
        upto=upto,
        enough=settings.repeat_readings,
    )
    bad = np.repeat((times > 0)[:, None], CHANNELS, axis=1)
    number = np.repeat(times[:, None], CHANNELS, axis=1).astype(np.float64)
    return Finding(np.where(bad, SUSPECT, GOOD).astype(np.int8), number, {"repeat": kept})


# One station and the others ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Grid:
    """Minutes after `after`: pm (T, S, 3) of what passed the tests of single stations, NaN where
    nothing did; blown_in (T, 3); kept: of what stations said last."""

    after: int
    pm: Floats
    blown_in: Floats
    kept: dict[str, Any]

    @classmethod
    def of(
        cls, rows: Rows, state: QualityState, passed: Bools, away: Bools, *, after: int, upto: int
    ) -> Self:
        """passed: (n, 3) rows; away: (S,) stations that measure what blows in."""
        pm = np.full((upto - after + 1, len(away), CHANNELS), np.nan)
        # Of two readings in a minute the later one.
        pm[rows.minute - after, rows.station] = np.where(passed, rows.pm, np.nan)
        held = pm.copy()
        held[0] = state.last
        there = ~np.isnan(held)
        at = np.where(there, np.arange(len(held))[:, None, None], 0)
        np.maximum.accumulate(at, axis=0, out=at)
        held = np.take_along_axis(held, at, 0)
        said = np.where(at > 0, after + at, state.last_minute)
        kept = {"last": held[-1].copy(), "last_minute": said[-1]}
        held[np.arange(after, upto + 1)[:, None, None] - said > _HELD_MIN] = np.nan
        return cls(after, pm[1:], _blown_in(held[1:], away), kept)


def low(rows: Rows, state: QualityState, grid: _Grid, settings: QualitySettings) -> Finding:
    """A channel that has long read far less than what blows in: dead, or its inlet is blocked."""
    reference = grid.blown_in[rows.minute - grid.after - 1]
    under = (rows.pm < settings.low_share * reference) & (reference > settings.low_floor)
    steps, since_ms = _running(rows, under, state.low, state.low_since_ms)
    kept = _carried(rows, state, steps, since_ms, "low")
    lasted_min = (rows.ts_ms[:, None] - since_ms) / _MINUTE_MS
    long = (steps >= settings.low_min) & (lasted_min >= settings.low_min)
    return Finding(np.where(long, SUSPECT, GOOD).astype(np.int8), reference, kept | grid.kept)


def gain(rows: Rows, state: QualityState, grid: _Grid, settings: QualitySettings) -> Finding:
    """Off by a factor against what the station was itself; see `gains`."""
    kept, off, factor = gains(
        state.gain,
        grid.pm[:, :, 0],
        grid.pm[:, :, 1],
        grid.blown_in[:, 0],
        grid.blown_in[:, 1],
        settings.gain,
    )
    place = (rows.minute - grid.after - 1, rows.station)
    bad = np.repeat(off[place][:, None], CHANNELS, axis=1)
    number = np.repeat(factor[place][:, None], CHANNELS, axis=1)
    return Finding(np.where(bad, SUSPECT, GOOD).astype(np.int8), number, {"gain": kept})


def _blown_in(grid: Floats, backgrounds: Bools) -> Floats:
    """(T, 3) the median of the background stations, or else the lowest fifth of four or more."""
    out = np.full((len(grid), CHANNELS), np.nan)
    for among, least, share in ((np.ones_like(backgrounds), 4, 0.2), (backgrounds, 2, 0.5)):
        ordered = np.sort(grid[:, among], axis=1)
        count = (~np.isnan(ordered)).sum(axis=1)
        at = np.floor(share * np.maximum(count - 1, 0)).astype(np.intp)
        if ordered.shape[1]:
            value = np.take_along_axis(ordered, at[:, None], 1)[:, 0]
            out = np.where(count >= least, value, out)
    return out


def clock(rows: Rows, state: QualityState, *, after: int, upto: int, stations: int) -> Finding:
    """Stamped with another time than it was taken; see `clocks`. A reading that comes a small
    part of the usual wait after the one before lies on another's time."""
    here = rows.all[rows.at]
    own = weather(here, rows.minute, after + 1, upto - after, stations)
    kept, verdicts = clocks(state.clock, own)
    place = (rows.minute - after - 1, rows.station)
    # The shortest wait of late: after an outage the usual one is no longer than before.
    usual = np.diff(rows.gap_min, axis=1).min(axis=1, initial=np.inf)
    overlaps = rows.gap_min[:, 0] < _OVERLAP * usual
    wrong = np.repeat((verdicts.wrong[place] | overlaps)[:, None], CHANNELS, axis=1)
    number = np.repeat(verdicts.lag_min[place][:, None], CHANNELS, axis=1).astype(np.float64)
    return Finding(np.where(wrong, SUSPECT, GOOD).astype(np.int8), number, {"clock": kept})


# In words ---------------------------------------------------------------------------------------

_WORDS = {
    "range": ("数值 {v:g} 超出可信范围", "{v:g} is outside the believable range"),
    "status": ("设备自报状态为 {c}，不是正常", "the device reports status {c}, not normal"),
    "order": (
        "粒径次序矛盾（PM2.5 ≤ PM10 ≤ TSP）：{v:g} 对 {n:g}",
        "PM2.5 ≤ PM10 ≤ TSP does not hold: {v:g} against {n:g}",
    ),
    "flat": ("数值 {v:g} 连续 {n:.0f} 次不变", "{v:g} {n:.0f} times running"),
    "spike": (
        "数值 {v:g} 突跳：此前五次的中位数为 {n:g}",
        "{v:g} is a sudden jump: the five readings before had a median of {n:g}",
    ),
    "rate": (
        "数值 {v:g} 每分钟变化 {n:.0f}，空气不会如此之快",
        "{v:g} has changed by {n:.0f} a minute, faster than air does",
    ),
    "repeat": (
        "此前 {n:.0f} 次读数与前一天完全相同，设备在重发旧数据",
        "the {n:.0f} readings before are those of a day earlier: the logger replays them",
    ),
    "low": (
        "数值 {v:g} 持续远低于外来背景 {n:g}",
        "{v:g} has long been far below the {n:g} that blows in",
    ),
    "gain": (
        "灵敏度漂移：读数 {v:g}，约为本站平时的 {n:.2f} 倍",
        "its gain has drifted: {v:g} is {n:.2f} times what it used to read",
    ),
    "clock": (
        "时钟偏{zh} {m:.0f} 分钟：气象与其他站此时不符",
        "its clock is {m:.0f} min {en}: its weather is that of another time",
    ),
    "neighbour": (
        "数值 {v:g} 与街道模型预期的 {n:g} 不符",
        "{v:g} is not what the street explains, which is {n:g}",
    ),
}
_CLOCK_UNKNOWN = (
    "气象与其他站此时不符，时钟可能有误",
    "its weather is not that of the others now: its clock may be wrong",
)


def reason(test: str, value: float, number: float, language: str) -> str:
    """A flag in words, with the number that the test gave."""
    en = language == "en"
    if test == "clock" and np.isnan(number):
        return _CLOCK_UNKNOWN[en]
    status = chr(int(number)) if test == "status" else ""
    ahead = number > 0
    return _WORDS[test][en].format(
        v=value, n=number, c=status, m=abs(number),
        zh="快" if ahead else "慢", en="fast" if ahead else "slow",
    )  # fmt: skip
