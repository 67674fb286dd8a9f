"""What was raised over a span, by live analytics or in a backtest: the two things compared."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo

import numpy as np

from analytics.fold import State
from analytics.history import WARM_UP_MIN, Block
from analytics.layout import Layout
from analytics.minutes import MILLI
from analytics.moments import minute_at, time_of
from analytics.rules import NONE
from analytics.settings import AnalyticsSettings
from analytics.story import episode_id
from store.database import Connection
from store.statements import statements

SQL = statements("history")


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes after `after` up to and including `upto`, and the zone whose days they fill."""

    after: int
    upto: int
    zone: tzinfo

    @property
    def hours(self) -> float:
        return (self.upto - self.after) / 60

    def day(self, minute: int) -> date:
        """The local day that a minute lies in; one that ends at midnight is of the day before."""
        return datetime.fromtimestamp((minute - 1) * 60, UTC).astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Raised:
    """An episode that reached a level. Times in minutes; `ended` is None where it still lasts;
    peak in µg/m³; `cause` the kind of the first cause."""

    id: str
    segment: str | None
    site: str | None
    rule: str
    level: int
    started: int
    ended: int | None
    peak: float
    cause: str | None

    @property
    def place(self) -> str:
        return self.segment or self.site or ""


@dataclass(frozen=True, slots=True)
class Account:
    """episodes: those that lie in the span, by their beginning; minutes: how many by day, segment
    and level above 0; alarms: the minutes at which an episode entered a level above its last."""

    episodes: tuple[Raised, ...]
    minutes: Counter[tuple[date, str, int]]
    alarms: tuple[int, ...]


def stored_account(conn: Connection, span: Span) -> Account:
    """What live analytics has in the store."""
    given = {"after": time_of(span.after), "upto": time_of(span.upto)}
    episodes = tuple(
        Raised(
            id=episode,
            segment=segment,
            site=site,
            rule=rule,
            level=level,
            started=minute_at(started),
            ended=None if ended is None else minute_at(ended),
            peak=peak or 0.0,
            cause=found[0]["kind"] if found else None,
        )
        for episode, segment, site, rule, level, started, ended, peak, found in conn.execute(
            SQL.episodes_of, given
        )
    )
    minutes = Counter(
        {
            (day, segment, level): count
            for segment, day, level, count in conn.execute(
                SQL.minutes_over, given | {"zone": str(span.zone)}
            )
        }
    )
    told = conn.execute(SQL.story_of, given | {"after": time_of(span.after - WARM_UP_MIN)})
    story = ((episode, minute_at(at), level) for episode, at, level in told)
    return Account(episodes, minutes, tuple(alarms(story, span)))


def alarms(story: Iterable[tuple[str, int, int | None]], span: Span) -> list[int]:
    """The minutes of the span at which an episode's level rises.

    story: (episode, minute, level from then on) in order, from well before the span on.
    """
    level: dict[str, int] = {}
    risen = []
    for episode, minute, now in story:
        if (now or 0) > level.get(episode, 0) and minute > span.after:
            risen.append(minute)
        level[episode] = now or 0
    return risen


@dataclass(slots=True)
class Finding:
    """Gathers an account block by block; what it keeps grows with what is raised, not with time."""

    layout: Layout
    settings: AnalyticsSettings
    span: Span
    _episodes: dict[str, Raised] = field(default_factory=dict)
    _story: list[tuple[str, int, int | None]] = field(default_factory=list)
    _minutes: Counter[tuple[date, str, int]] = field(default_factory=Counter)
    _last: State | None = None

    def begin(self, state: State) -> None:
        """Where the first block begins, with what is under way there."""
        machine = state.machine
        for p, r in np.argwhere(machine.phase != NONE):
            place, started = self.layout.places[p], int(machine.started[p, r])
            rule = tuple(self.settings.rules)[r]
            one = episode_id(place.id, rule, started)
            found = state.causes.get(one)
            self._episodes[one] = Raised(
                id=one,
                segment=place.segment,
                site=place.site,
                rule=rule,
                level=int(machine.top[p, r]),
                started=started,
                ended=None,
                peak=int(machine.peak[p, r]) / MILLI,
                cause=found[0]["kind"] if found else None,
            )
            self._story.append((one, state.minute, int(machine.level[p, r])))
        self._last = state

    def take(self, block: Block) -> None:
        """A block of the span, or of the time before it."""
        names = tuple(self.settings.rules)
        for change in block.minutes.episodes:
            moved = change.transition
            place = self.layout.places[moved.place]
            self._episodes[change.id] = Raised(
                id=change.id,
                segment=place.segment,
                site=place.site,
                rule=names[moved.rule],
                level=moved.top,
                started=moved.started,
                ended=moved.minute if moved.phase == NONE else None,
                peak=moved.peak / MILLI,
                cause=change.causes[0]["kind"] if change.causes else None,
            )
            self._story.append((change.id, moved.minute, moved.level))
        self._forget_past()
        self._count(block)
        self._last = block.state

    def account(self) -> Account:
        """All of it, as of the end of the last block."""
        state = self._last
        if state is not None:
            for p, r in np.argwhere(state.machine.phase != NONE):
                started = int(state.machine.started[p, r])
                place = self.layout.places[p].id
                one = episode_id(place, tuple(self.settings.rules)[r], started)
                if one in self._episodes:
                    peak = int(state.machine.peak[p, r]) / MILLI
                    self._episodes[one] = replace(self._episodes[one], peak=peak)
        raised = (one for one in self._episodes.values() if one.level > 0)
        episodes = tuple(sorted(raised, key=lambda one: (one.started, one.id)))
        return Account(episodes, self._minutes, tuple(alarms(self._story, self.span)))

    def _forget_past(self) -> None:
        """What ended before the span is none of its business, and what never rose is no episode."""
        past = [
            one.id
            for one in self._episodes.values()
            if one.ended is not None and (one.ended <= self.span.after or one.level == 0)
        ]
        for episode in past:
            del self._episodes[episode]

    def _count(self, block: Block) -> None:
        minutes = block.minutes
        ends = minutes.first + np.arange(len(minutes.level))
        over = np.where(minutes.increment_known, minutes.level, 0)
        over[ends <= self.span.after] = 0
        at, where = np.nonzero(over)
        levels = over[at, where]
        days = [self.span.day(int(end)) for end in ends]
        for t, g, level in zip(at.tolist(), where.tolist(), levels.tolist(), strict=True):
            self._minutes[days[t], self.layout.segments[g], level] += 1
