"""The minute fold: `advance` carries the state of the street from one minute to a later one.

Pure: what it gives depends on the state, the readings and the minutes asked for, and not on how
the time between was cut: a day in one block equals a day minute by minute, to the last bit. Live,
after a restart, after late data and over history it is the same function.
"""

import io
import zlib
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics import background as blown_in
from analytics.early import Warnings, sums
from analytics.happenings import Happenings
from analytics.judged import UNKNOWN, Judged, judged_minutes
from analytics.layout import Layout
from analytics.minutes import MILLI, Bools, Ints, minute_means
from analytics.neighbours import NeighbourState, doubted
from analytics.notices import NoticeChange, Weather, notices
from analytics.quality import PM, Checked, QualityState, check
from analytics.readings import Readings
from analytics.rules import (
    ACTIVE,
    CUSUM,
    GATE,
    INCREMENT,
    NONE,
    Judge,
    Machine,
    may_return,
    trailing_means,
)
from analytics.settings import AnalyticsSettings
from analytics.story import CauseChange, EpisodeChange, Seen, Story, episode_id, tell
from analytics.street.estimate import Carried, Estimate, Hourly
from analytics.street.outlook import Outlook
from analytics.street.watches import Effect

HOUR = 60


@dataclass(frozen=True, slots=True)
class State:
    """All that later minutes need of earlier ones; `minute` is the last one worked out.

    pm10: (60, S) the last hour of station minutes; judged: the last hour of place minutes;
    hours: (24, S) hourly means of stations, hour_sum and hour_count (S,) of the hour under way;
    background: (60,) the last hour of it; causes: those of each episode that is open or may come
    back, by its id; measured: whether it was, at its last change; groups: the group of each open
    episode that has entered a level; street: the model's; neighbour: of readings that
    it did not foresee.
    """

    minute: int
    tail: Readings
    quality: QualityState
    pm10: Ints
    pm10_known: Bools
    judged: Judged
    hours: NDArray[np.float64]
    hour_sum: Ints
    hour_count: Ints
    background: Ints
    weather: Weather
    warning: Warnings
    machine: Machine
    causes: dict[str, list[dict[str, Any]]]
    groups: dict[str, str]
    measured: dict[str, bool]
    street: Carried
    neighbour: NeighbourState

    @classmethod
    def start(cls, minute: int, layout: Layout, settings: AnalyticsSettings) -> "State":
        """Nothing known before `minute`."""
        stations, places = len(layout.stations), len(layout.places)
        return cls(
            minute=minute,
            tail=Readings.none(),
            quality=QualityState.start(stations),
            pm10=np.zeros((HOUR, stations), np.int64),
            pm10_known=np.zeros((HOUR, stations), bool),
            judged=Judged.none(HOUR, places),
            hours=np.full((blown_in.DAY_HOURS, stations), np.nan),
            hour_sum=np.zeros(stations, np.int64),
            hour_count=np.zeros(stations, np.int64),
            background=np.full(HOUR, UNKNOWN, np.int64),
            weather=Weather.start(),
            warning=Warnings.rest(places),
            machine=Machine.rest(places, len(settings.rules)),
            causes={},
            groups={},
            measured={},
            street=Carried.start(minute, layout.estimator.model),
            neighbour=NeighbourState.start(stations),
        )

    def to_bytes(self) -> bytes:
        """As kept in a checkpoint."""
        arrays: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in PARTS:
                for part in fields(PARTS[field.name]):
                    arrays[f"{field.name}_{part.name}"] = getattr(value, part.name)
            elif field.name in NESTED:
                arrays |= {f"{field.name}_{key}": part for key, part in value.arrays().items()}
            elif field.name in TOLD:
                arrays[field.name] = np.frombuffer(msgspec.json.encode(value), np.uint8)
            else:
                arrays[field.name] = value
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        return zlib.compress(buffer.getvalue(), 1)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "State":
        with np.load(io.BytesIO(zlib.decompress(kept)), allow_pickle=False) as arrays:

            def whole(name: str) -> Any:
                value = arrays[name]
                return int(value) if value.ndim == 0 else value

            own: dict[str, Any] = {}
            for field in fields(cls):
                name = field.name
                if name in PARTS:
                    part = PARTS[name]
                    own[name] = part(*(whole(f"{name}_{f.name}") for f in fields(part)))
                elif name in NESTED:
                    own[name] = NESTED[name].of(
                        {
                            key.removeprefix(f"{name}_"): value
                            for key, value in arrays.items()
                            if key.startswith(f"{name}_")
                        }
                    )
                elif name in TOLD:
                    own[name] = msgspec.json.decode(arrays[name].tobytes())
                else:
                    own[name] = whole(name)
            return cls(**own)


PARTS: dict[str, Any] = {
    "tail": Readings,
    "judged": Judged,
    "weather": Weather,
    "warning": Warnings,
    "machine": Machine,
    "neighbour": NeighbourState,
}
NESTED: dict[str, Any] = {"quality": QualityState, "street": Carried}
TOLD = ("causes", "groups", "measured")


@dataclass(frozen=True, slots=True)
class Minutes:
    """What `advance` worked out for minutes first, first+1, …: arrays (T, G) of segments.

    background (T,) and increment in thousandths of µg/m³ where their `known` says so; level;
    confidence; `cause` the first cause of an episode that is open there; `flagged` the readings
    with a flag that is not good, their flags and the numbers behind them; `notices` what blew in,
    begun or ended;
    `groups` (minute, episode, group) where an open episode's group is another than before.
    """

    first: int
    background: Ints
    background_known: Bools
    increment: Ints
    increment_known: Bools
    confidence: NDArray[np.float64]
    level: Ints
    cause: NDArray[np.object_]
    flagged: Readings
    flags: NDArray[np.int8]
    numbers: NDArray[np.float32]
    episodes: list[EpisodeChange]
    recaused: list[CauseChange]
    notices: list[NoticeChange]
    groups: list[tuple[int, str, str]]
    estimate: Estimate
    effects: list[tuple[int, Effect]]
    hourly: list[Hourly]
    outlook: Outlook | None


def advance(
    state: State,
    upto: int,
    arrived: Readings,
    happenings: Happenings,
    layout: Layout,
    settings: AnalyticsSettings,
) -> tuple[State, Minutes]:
    """Work out the minutes after `state.minute` up to and including `upto`.

    arrived: all readings whose minute lies in that span; happenings: from an hour before it on.
    """
    after = state.minute
    kept, checked = check(
        state.quality, state.tail, arrived, layout.kinds, settings.quality, after=after, upto=upto
    )
    readings, by_itself = checked.readings, checked
    means, known = _means(checked, layout, after=after, upto=upto)
    pm10, pm10_known = means[:, :, 0], known[:, :, 0]

    long_pm10 = np.concatenate((state.pm10, pm10))
    long_known = np.concatenate((state.pm10_known, pm10_known))
    hours, hour_sum, hour_count, level_of_day = _hours(state, pm10, pm10_known)
    blown, blown_known = _background(long_pm10, long_known, level_of_day, layout)

    carried, estimate = layout.estimator.run(
        state.street,
        upto,
        readings,
        means,
        known,
        np.where(blown_known, blown / MILLI, np.nan),
        happenings,
    )
    blown, blown_known = _modelled(estimate, blown, blown_known, long_known)
    neighbour, checked = doubted(
        state.neighbour, by_itself, pm10, estimate.expected, estimate.spread, blown,
        settings.quality.neighbour, after=after,
    )  # fmt: skip
    believed = checked.believed
    # What no street explains is not judged by the rules, and stays in the plain background.
    if checked is not by_itself:
        means, known = _means(checked, layout, after=after, upto=upto)
        pm10, pm10_known = means[:, :, 0], known[:, :, 0]
    as_read = _as_read(estimate, blown, pm10_known)
    guess = np.rint(estimate.increment[:, layout.in_model] * MILLI).astype(np.int64)
    sure = np.round(estimate.confidence[:, layout.in_model], 3)
    blind = _blind(estimate, pm10_known, layout, settings)
    weather, noticed_changes, noticed = notices(
        state.weather, after + 1, blown, blown_known, *_fine_and_coarse(means, known),
        settings.notices,
    )  # fmt: skip
    judged = judged_minutes(
        means, known, blown, blown_known, as_read, guess, sure, blind, noticed, state.background,
        layout, settings,
    )  # fmt: skip
    warning, judged.values[:, :, CUSUM], judged.known[:, :, CUSUM] = sums(
        state.warning,
        judged.values[:, :, INCREMENT],
        # While a notice holds, what rises is told by it.
        judged.known[:, :, INCREMENT] & judged.measured & ~noticed[:, None],
        settings,
    )
    judged.values[:, :, GATE], judged.known[:, :, GATE] = _gates(estimate, layout)
    long = state.judged.then(judged)
    trailing, there = trailing_means(
        long.values,
        long.known,
        tuple(settings.rules.values()),
        settings.mean_share,
        long.measured,
        regional_explains=settings.regional_explains,
    )
    machine, transitions, place_level = Judge(settings).run(
        state.machine, after + 1, trailing, there
    )
    increment, confidence = _told(pm10, pm10_known, as_read, blown_known, guess, sure, layout)
    on_segment = layout.place_segment >= 0
    level = np.zeros(increment.shape, np.int64)
    level[:, layout.place_segment[on_segment]] = place_level[:, on_segment]

    names = tuple(settings.rules)
    story = tell(
        state.machine,
        transitions,
        Seen(after + 1, means, known, blown, long, readings, believed, happenings, estimate),
        state.causes,
        state.measured,
        state.groups,
        layout,
        settings,
    )
    alive = (machine.phase != NONE) | may_return(machine, upto, settings)
    lasting = {
        episode_id(layout.places[p].id, names[r], int(machine.started[p, r]))
        for p, r in np.argwhere(alive)
    }
    new = State(
        minute=upto,
        tail=readings.tail(),
        quality=kept,
        pm10=long_pm10[-HOUR:],
        pm10_known=long_known[-HOUR:],
        judged=long.last(HOUR),
        hours=hours,
        hour_sum=hour_sum,
        hour_count=hour_count,
        background=np.concatenate((state.background, np.where(blown_known, blown, UNKNOWN)))[
            -HOUR:
        ],
        weather=weather,
        warning=warning,
        machine=machine,
        causes={one: story.causes[one] for one in sorted(lasting & story.causes.keys())},
        groups=dict(sorted(story.grouped.items())),
        measured={one: story.measured[one] for one in sorted(lasting & story.measured.keys())},
        street=carried,
        neighbour=neighbour,
    )
    return new, Minutes(
        first=after + 1,
        background=blown,
        background_known=blown_known,
        increment=increment,
        increment_known=confidence > 0,
        confidence=confidence,
        level=level,
        cause=_cause(state, story, level, layout, settings),
        flagged=checked.flagged,
        flags=checked.flags,
        numbers=checked.numbers,
        episodes=story.episodes,
        recaused=story.recaused,
        notices=noticed_changes,
        groups=story.groups,
        estimate=estimate,
        effects=estimate.effects,
        hourly=estimate.hourly,
        outlook=estimate.outlook,
    )


def _means(checked: Checked, layout: Layout, *, after: int, upto: int) -> tuple[Ints, Bools]:
    """(T, S, 3) thousandths of what is believed, and whether there is any."""
    readings = checked.readings
    return minute_means(
        readings, readings.values[:, PM], checked.believed,
        after=after, upto=upto, n=len(layout.stations),
    )  # fmt: skip


MODEL_STATIONS = 3
"""With fewer stations the model cannot tell the background from the street's dust."""


def _modelled(
    estimate: Estimate, plain: Ints, plain_known: Bools, known: Bools
) -> tuple[Ints, Bools]:
    """(T,) the background: the model's where enough stations have spoken in the last hour, the
    plain one elsewhere. known: (60 + T, S)."""
    spoke = np.cumsum(known, axis=0)
    lately: Bools = np.greater(spoke[HOUR:], spoke[:-HOUR])
    enough = np.count_nonzero(lately, axis=1) >= MODEL_STATIONS
    modelled = np.rint(estimate.background * MILLI).astype(np.int64)
    return np.where(enough, modelled, plain), enough | plain_known


def _as_read(estimate: Estimate, background: Ints, known: Bools) -> Ints:
    """(T, S) the background as each instrument reads it: in sand dust a few percent of gain are
    more than the whole of what a street adds."""
    reads = np.where(known, estimate.reads, 0.0)
    return np.rint(background[:, None] * np.exp(reads)).astype(np.int64)


def _gates(estimate: Estimate, layout: Layout) -> tuple[Ints, Bools]:
    """(T, P) percent sure that a wheel wash fails whose gate opens on a place, in thousandths, and
    where a camera watches one."""
    watched = layout.gate_of & layout.estimator.watched
    percent = np.rint(estimate.failing * 100 * MILLI).astype(np.int64)
    worst = np.where(watched, percent[:, None, :], 0).max(axis=2, initial=0)
    return worst, np.broadcast_to(watched.any(axis=1), worst.shape)


def _blind(estimate: Estimate, known: Bools, layout: Layout, settings: AnalyticsSettings) -> Bools:
    """(T, G) where the wind keeps a street's dust away from every station on it."""
    sees = np.where(known & ~np.isnan(estimate.sees), estimate.sees, -1.0)
    blind = np.zeros((len(sees), len(layout.segments)), bool)
    for g in np.flatnonzero(layout.reach.own.any(axis=1)):
        best = sees[:, layout.reach.own[g]].max(axis=1)
        blind[:, g] = (best >= 0) & (best < settings.sees_share)
    return blind


def _told(
    pm10: Ints,
    known: Bools,
    background: Ints,
    background_known: Bools,
    guess: Ints,
    sure: NDArray[np.float64],
    layout: Layout,
) -> tuple[Ints, NDArray[np.float64]]:
    """(T, G) increments as the world is told them, and the confidence: measured where a station
    stands, estimated elsewhere."""
    own = layout.reach.own.astype(np.int64).T
    there = known & background_known[:, None]
    count = there.astype(np.int64) @ own
    above = np.where(there, pm10 - background, 0) @ own
    measured = count > 0
    told = np.where(measured, np.rint(above / np.maximum(count, 1)), guess).astype(np.int64)
    return told, np.where(measured, 1.0, np.where(background_known[:, None], sure, 0.0))


def _fine_and_coarse(means: Ints, known: Bools) -> tuple[Ints, Ints]:
    """(T,) PM2.5 and PM10 summed over the stations that measure both."""
    both = known[:, :, 0] & known[:, :, 1]
    fine, coarse = (np.where(both, means[:, :, q], 0).sum(axis=1) for q in (1, 0))
    return fine, coarse


def _hours(
    state: State, pm10: Ints, known: Bools
) -> tuple[NDArray[np.float64], Ints, Ints, NDArray[np.float64]]:
    """Hourly means of stations carried on, and per minute the low level of the day before it."""
    hours, total, count = state.hours, state.hour_sum, state.hour_count
    level = np.empty(len(pm10))
    t = 0
    while t < len(pm10):
        minute = state.minute + 1 + t
        # Minute m ends at m, so an hour holds the minutes 60 h + 1 .. 60 h + 60.
        stop = min(len(pm10), t + HOUR - (minute - 1) % HOUR)
        part, there = pm10[t:stop], known[t:stop]
        level[t:stop] = blown_in.from_last_day(hours)
        total = total + np.where(there, part, 0).sum(axis=0)
        count = count + there.sum(axis=0)
        if (minute - 1) % HOUR + (stop - t) == HOUR:
            mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
            hours = np.concatenate((hours[1:], mean[None]))
            total, count = np.zeros_like(total), np.zeros_like(count)
        t = stop
    return hours, total, count, level


def _background(
    pm10: Ints, known: Bools, level_of_day: NDArray[np.float64], layout: Layout
) -> tuple[Ints, Bools]:
    """(T,) by the best method that has data in each minute."""
    where = layout.background
    value = blown_in.from_background_stations(pm10[:, where], known[:, where])
    for other in (blown_in.from_street_stations(pm10[:, ~where], known[:, ~where]), level_of_day):
        value = np.where(np.isnan(value), other, value)
    there = ~np.isnan(value)
    return np.rint(np.where(there, value, 0)).astype(np.int64), there


def _cause(
    state: State, story: Story, level: Ints, layout: Layout, settings: AnalyticsSettings
) -> NDArray[np.object_]:
    """(T, G) the first cause of the first rule that has an open episode with causes there."""
    cause = np.full(level.shape, None, object)
    names = tuple(settings.rules)
    current: dict[tuple[int, int], str] = {}
    for p, r in np.argwhere(state.machine.phase != NONE):
        started = int(state.machine.started[p, r])
        found = state.causes.get(episode_id(layout.places[p].id, names[r], started))
        if found:
            current[int(p), int(r)] = found[0]["kind"]

    def fill(p: int, since: int) -> None:
        g = layout.place_segment[p]
        if g >= 0:
            rules = [r for q, r in current if q == p]
            cause[since:, g] = current[p, min(rules)] if rules else None

    for p in {p for p, _ in current}:
        fill(p, 0)
    changes = [
        (c.transition.minute, c.transition.place, c.transition.rule, c.causes, c.transition.phase)
        for c in story.episodes
    ]
    changes += [(c.minute, c.place, c.rule, c.causes, ACTIVE) for c in story.recaused]
    for minute, p, r, found, phase in sorted(changes, key=itemgetter(0)):
        current.pop((p, r), None)
        if found and phase != NONE:
            current[p, r] = found[0]["kind"]
        fill(p, minute - state.minute - 1)
    cause[level == 0] = None
    return cause
