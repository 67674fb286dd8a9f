"""The minute fold: `advance` carries the state of the street from one minute to a later one.

Pure: what it gives depends on the state, the readings and the minutes asked for, and not on how
the time between was cut: a day in one block equals a day minute by minute, to the last bit. Live,
after a restart, after late data and over history it is the same function.
"""

import io
import zlib
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics import background as blown_in
from analytics.causes import Exceedance, causes
from analytics.happenings import Happenings
from analytics.increment import segment_increments
from analytics.layout import Layout
from analytics.minutes import MILLI, Bools, Ints, minute_means, minute_of
from analytics.quality import PM, good, quality
from analytics.readings import Readings
from analytics.rules import BACKGROUND, CHANNELS, NONE, Judge, Machine, Transition, trailing_means
from analytics.scenes import scene
from analytics.settings import AnalyticsSettings

HOUR = 60
DUST_HOURS = 6
DUST_RISE = 2.0
DUST_MIN = 150.0


@dataclass(frozen=True, slots=True)
class State:
    """All that later minutes need of earlier ones; `minute` is the last one worked out.

    pm10: (60, S) the last hour of station minutes; judged: (60, P, CHANNELS) of place minutes;
    increments: (60, G) of segments; hours: (24, S) hourly means of stations, hour_sum and
    hour_count (S,) of the hour under way; dust_hours: (6,) hourly background, dust_sum and
    dust_count of the hour under way; dust_since: minute at which sand-dust weather began, or -1;
    causes: those of each open episode by its id.
    """

    minute: int
    tail: Readings
    pm10: Ints
    pm10_known: Bools
    judged: Ints
    judged_known: Bools
    increments: Ints
    increments_known: Bools
    hours: NDArray[np.float64]
    hour_sum: Ints
    hour_count: Ints
    dust_hours: NDArray[np.float64]
    dust_sum: int
    dust_count: int
    dust_since: int
    machine: Machine
    causes: dict[str, list[dict[str, Any]]]

    @classmethod
    def start(cls, minute: int, layout: Layout, settings: AnalyticsSettings) -> "State":
        """Nothing known before `minute`."""
        stations, places, segments = (
            len(layout.stations),
            len(layout.places),
            len(layout.segments),
        )
        return cls(
            minute=minute,
            tail=Readings.none(),
            pm10=np.zeros((HOUR, stations), np.int64),
            pm10_known=np.zeros((HOUR, stations), bool),
            judged=np.zeros((HOUR, places, CHANNELS), np.int64),
            judged_known=np.zeros((HOUR, places, CHANNELS), bool),
            increments=np.zeros((HOUR, segments), np.int64),
            increments_known=np.zeros((HOUR, segments), bool),
            hours=np.full((blown_in.DAY_HOURS, stations), np.nan),
            hour_sum=np.zeros(stations, np.int64),
            hour_count=np.zeros(stations, np.int64),
            dust_hours=np.full(DUST_HOURS, np.nan),
            dust_sum=0,
            dust_count=0,
            dust_since=-1,
            machine=Machine.rest(places, len(settings.rules)),
            causes={},
        )

    def to_bytes(self) -> bytes:
        """As kept in a checkpoint."""
        arrays: dict[str, object] = {}
        for part, prefix in ((self, ""), (self.tail, "tail_"), (self.machine, "machine_")):
            for field in fields(part):
                if field.name not in ("tail", "machine", "causes"):
                    arrays[prefix + field.name] = getattr(part, field.name)
        arrays["causes"] = np.frombuffer(msgspec.json.encode(self.causes), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        return zlib.compress(buffer.getvalue(), 1)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "State":
        with np.load(io.BytesIO(zlib.decompress(kept)), allow_pickle=False) as arrays:
            own: dict[str, Any] = {"causes": msgspec.json.decode(arrays["causes"].tobytes())}
            for field in fields(cls):
                if field.name not in ("tail", "machine", "causes"):
                    value = arrays[field.name]
                    own[field.name] = int(value) if field.type in ("int", int) else value
            tail = Readings(*(arrays["tail_" + f.name] for f in fields(Readings)))
            machine = Machine(*(arrays["machine_" + f.name] for f in fields(Machine)))
            return cls(tail=tail, machine=machine, **own)


@dataclass(frozen=True, slots=True)
class Minutes:
    """What `advance` worked out for minutes first, first+1, …: arrays (T, G) of segments.

    background (T,) and increment in thousandths of µg/m³ where their `known` says so; level;
    confidence; `cause` the first cause of an episode that is open there; `flagged` the readings
    with a flag that is not good, and their flags; `dust` the minutes at which sand-dust weather
    began (True) or ended (False).
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
    episodes: list["EpisodeChange"]
    dust: list[tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class EpisodeChange:
    """A transition of one episode with its id and the causes as they are known from then on."""

    id: str
    transition: Transition
    causes: list[dict[str, Any]]


def episode_id(place: str, rule: str, started: int) -> str:
    """The same for the same beginning, whenever and however often it is worked out."""
    at = datetime.fromtimestamp(started * 60, UTC)
    return f"E-{at:%Y%m%dT%H%MZ}-{place}-{rule}"[:64]


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
    readings = state.tail.then(arrived)
    flags = quality(readings, settings.quality)
    believed = good(flags)
    pm = readings.values[:, PM]
    means, known = minute_means(
        readings, pm, believed, after=after, upto=upto, n=len(layout.stations)
    )
    pm10, pm10_known = means[:, :, 0], known[:, :, 0]

    long_pm10 = np.concatenate((state.pm10, pm10))
    long_known = np.concatenate((state.pm10_known, pm10_known))
    hours, hour_sum, hour_count, level_of_day = _hours(state, pm10, pm10_known)
    blown, blown_known = _background(long_pm10, long_known, level_of_day, layout)

    increment, confidence = segment_increments(pm10, pm10_known, blown, blown_known, layout.reach)
    judged, judged_known = _judged(means, known, blown, blown_known, layout, settings)
    long_judged = np.concatenate((state.judged, judged))
    long_judged_known = np.concatenate((state.judged_known, judged_known))
    rules = tuple(settings.rules.values())
    trailing, there = trailing_means(long_judged, long_judged_known, rules, settings.mean_share)

    machine, transitions, place_level = Judge(settings).run(
        state.machine, after + 1, trailing, there
    )

    increment_known = confidence > 0
    long_increment = np.concatenate((state.increments, increment))
    long_increment_known = np.concatenate((state.increments_known, increment_known))
    level = _estimated_level(long_increment, long_increment_known, settings)
    on_segment = layout.place_segment >= 0
    # A guess between stations is never worse than what the station it rests on is judged to be.
    heard = layout.speaker >= 0
    level[:, heard] = np.minimum(level[:, heard], place_level[:, layout.speaker[heard]])
    level[:, layout.place_segment[on_segment]] = place_level[:, on_segment]

    names = tuple(settings.rules)
    known_causes, episodes = dict(state.causes), []
    for change in transitions:
        t = change.minute - after - 1
        place = layout.places[change.place]
        episode = episode_id(place.id, names[change.rule], change.started)
        if change.level > 0 and change.change != "recovering":
            known_causes[episode] = causes(
                scene(
                    place,
                    change.minute,
                    pm=means[t],
                    known=known[t],
                    background=int(blown[t]),
                    exceedance=_exceedance(
                        change,
                        long_judged[: t + HOUR + 1],
                        long_judged_known[: t + HOUR + 1],
                        settings,
                    ),
                    started=change.started,
                    readings=readings,
                    believed=believed,
                    layout=layout,
                    happenings=happenings,
                ),
                settings.language,
            )
        episodes.append(EpisodeChange(episode, change, known_causes.get(episode, [])))
        if change.phase == NONE:
            known_causes.pop(episode, None)

    dust_state, dust = _sand_dust(state, blown, blown_known)
    bad = ~((flags == 1) | (flags == 9)).all(axis=(1, 2)) & (minute_of(readings.ts_ms) > after)
    new = replace(
        dust_state,
        minute=upto,
        tail=readings.tail(),
        pm10=long_pm10[-HOUR:],
        pm10_known=long_known[-HOUR:],
        judged=long_judged[-HOUR:],
        judged_known=long_judged_known[-HOUR:],
        increments=long_increment[-HOUR:],
        increments_known=long_increment_known[-HOUR:],
        hours=hours,
        hour_sum=hour_sum,
        hour_count=hour_count,
        machine=machine,
        causes=known_causes,
    )
    return new, Minutes(
        first=after + 1,
        background=blown,
        background_known=blown_known,
        increment=increment,
        increment_known=increment_known,
        confidence=confidence,
        level=level,
        cause=_cause(state, episodes, level, layout, settings),
        flagged=readings[bad],
        flags=flags[bad],
        episodes=episodes,
        dust=dust,
    )


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


def _judged(
    means: Ints,
    known: Bools,
    background: Ints,
    background_known: Bools,
    layout: Layout,
    settings: AnalyticsSettings,
) -> tuple[Ints, Bools]:
    """(T, P, CHANNELS) of places: the mean of their own stations, and the background."""
    of = layout.place_of.astype(np.int64).T
    out = []
    for column in (0, 2):  # pm10, tsp
        count = known[:, :, column].astype(np.int64) @ of
        total = np.where(known[:, :, column], means[:, :, column], 0) @ of
        out.append((np.rint(total / np.maximum(count, 1)).astype(np.int64), count > 0))
    (pm10, pm10_known), (tsp, tsp_known) = out
    cap = round(settings.background_cap * MILLI)
    blown = np.broadcast_to(background[:, None], pm10.shape)
    blown_known = np.broadcast_to(background_known[:, None], pm10.shape)
    over_known = pm10_known & blown_known
    return (
        np.stack((pm10 - np.minimum(blown, cap), pm10 - blown, pm10, tsp, blown), axis=2),
        np.stack((over_known, over_known, pm10_known, tsp_known, blown_known), axis=2),
    )


def _exceedance(
    change: Transition, judged: Ints, known: Bools, settings: AnalyticsSettings
) -> Exceedance:
    """The rule's own number at a transition, and what of it is the street's.

    judged, known: minutes of places up to the transition's.
    """
    rule = tuple(settings.rules.values())[change.rule]
    there = known[-rule.window_min :, change.place]
    total = np.where(there, judged[-rule.window_min :, change.place], 0).sum(axis=0)
    mean = np.rint(total / np.maximum(there.sum(axis=0), 1)).astype(np.int64)
    return Exceedance(
        quantity=rule.quantity,
        window_min=rule.window_min,
        value=change.value / MILLI,
        increment=int(mean[1]) / MILLI,
        background=int(mean[BACKGROUND]) / MILLI,
        cap=settings.background_cap,
    )


def _estimated_level(increments: Ints, known: Bools, settings: AnalyticsSettings) -> Ints:
    """(T, G) where no station stands: the limits of `inc60` on the estimate, without hold."""
    rule = settings.rules.get("inc60")
    if rule is None:
        return np.zeros((len(increments) - HOUR, increments.shape[1]), np.int64)
    total, count = np.cumsum(np.where(known, increments, 0), axis=0), np.cumsum(known, axis=0)
    n: Ints = count[HOUR:] - count[:-HOUR]
    mean = (total[HOUR:] - total[:-HOUR]) / np.maximum(n, 1) / MILLI
    level = (mean[:, :, None] >= np.array(rule.limits, np.float64)).sum(axis=2)
    return np.where(n >= settings.mean_share * HOUR, level, 0).astype(np.int64)


def _sand_dust(
    state: State, background: Ints, known: Bools
) -> tuple[State, list[tuple[int, bool]]]:
    """Sand-dust weather by the hour: at least twice the mean of the six hours before, over 150."""
    hours, total, count, since = (
        state.dust_hours,
        state.dust_sum,
        state.dust_count,
        state.dust_since,
    )
    changes: list[tuple[int, bool]] = []
    t = 0
    while t < len(background):
        minute = state.minute + 1 + t
        stop = min(len(background), t + HOUR - (minute - 1) % HOUR)
        total += int(np.where(known[t:stop], background[t:stop], 0).sum())
        count += int(known[t:stop].sum())
        if (minute - 1) % HOUR + (stop - t) == HOUR:
            mean = total / count / MILLI if count else float("nan")
            before = hours[~np.isnan(hours)]
            dusty = len(before) > 0 and mean > DUST_MIN and mean >= DUST_RISE * before.mean()
            over = since >= 0 and not mean > DUST_MIN
            if since < 0 and dusty:
                since = minute + stop - t - 1
                changes.append((since, True))
            elif over:
                changes.append((minute + stop - t - 1, False))
                since = -1
            hours, total, count = np.append(hours[1:], mean), 0, 0
        t = stop
    return (
        replace(state, dust_hours=hours, dust_sum=total, dust_count=count, dust_since=since),
        changes,
    )


def _cause(
    state: State,
    episodes: list[EpisodeChange],
    level: Ints,
    layout: Layout,
    settings: AnalyticsSettings,
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
    for change in episodes:
        key = (change.transition.place, change.transition.rule)
        current.pop(key, None)
        if change.causes and change.transition.phase != NONE:
            current[key] = change.causes[0]["kind"]
        fill(change.transition.place, change.transition.minute - state.minute - 1)
    heard = np.flatnonzero(layout.speaker >= 0)
    cause[:, heard] = cause[:, layout.place_segment[layout.speaker[heard]]]
    cause[level == 0] = None
    return cause
