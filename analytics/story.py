"""What happened to episodes in a span of minutes: each change with its causes, and the groups.

Causes are looked for when an episode changes, and again every quarter of an hour while it lasts:
a gate that begins to fail beside a street that is dusty already is told then.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from analytics.causes import Exceedance, causes
from analytics.groups import OpenEpisode, regroup
from analytics.happenings import Happenings
from analytics.judged import Judged
from analytics.layout import Layout
from analytics.minutes import MILLI, Bools, Ints
from analytics.readings import Readings
from analytics.rules import BACKGROUND, NONE, PM10, Machine, Transition
from analytics.scenes import scene
from analytics.settings import WARNINGS, AnalyticsSettings
from analytics.street.estimate import Estimate

HOUR = 60
WARNING_SHOWN_MIN = 15
"""Minutes whose mean increment an early warning is told with."""
AGAIN_MIN = 15
"""Causes of what lasts are looked for again so often."""
ANOTHER = 1.25
"""Another cause takes the first place when it is this many times as likely."""

Causes = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EpisodeChange:
    """A transition of one episode with its id and the causes as they are known from then on;
    measured: by a station of the place's own, and not estimated with `confidence` 0 to 1."""

    id: str
    transition: Transition
    causes: Causes
    measured: bool = True
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class CauseChange:
    """An episode that lasts has another first cause than before."""

    id: str
    minute: int
    place: int
    rule: int
    causes: Causes


@dataclass(frozen=True, slots=True)
class Seen:
    """What the span was like: means, known (T, S, 3) of stations; background (T,); judged with the
    hour before it; readings with `believed` (n, 3); estimate of the model."""

    first: int
    means: Ints
    known: Bools
    background: Ints
    judged: Judged
    readings: Readings
    believed: Bools
    happenings: Happenings
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Story:
    """episodes and recaused in the order of their minutes; groups: (minute, episode, group) where
    an open episode's group is another than before; causes, measured, grouped: as they stand at the
    end, by episode."""

    episodes: list[EpisodeChange]
    recaused: list[CauseChange]
    groups: list[tuple[int, str, str]]
    causes: dict[str, Causes]
    measured: dict[str, bool]
    grouped: dict[str, str]


def episode_id(place: str, rule: str, started: int) -> str:
    """The same for the same beginning, whenever and however often it is worked out."""
    at = datetime.fromtimestamp(started * 60, UTC)
    return f"E-{at:%Y%m%dT%H%MZ}-{place}-{rule}"[:64]


def tell(
    machine: Machine,
    transitions: list[Transition],
    seen: Seen,
    known: dict[str, Causes],
    measured: dict[str, bool],
    grouped: dict[str, str],
    layout: Layout,
    settings: AnalyticsSettings,
) -> Story:
    """The story of a span; machine, known, measured and grouped are as they stood before it."""
    return _Teller(machine, seen, known, measured, grouped, layout, settings).run(transitions)


@dataclass(slots=True)
class _Open:
    """An episode that has entered a level."""

    episode: OpenEpisode
    rule: int


class _Teller:
    def __init__(
        self,
        machine: Machine,
        seen: Seen,
        known: dict[str, Causes],
        measured: dict[str, bool],
        grouped: dict[str, str],
        layout: Layout,
        settings: AnalyticsSettings,
    ) -> None:
        self._seen, self._layout, self._settings = seen, layout, settings
        self._rules = tuple(settings.rules)
        self._known, self._measured, self._grouped = dict(known), dict(measured), grouped
        self._open: dict[str, _Open] = {}
        self._episodes: list[EpisodeChange] = []
        self._recaused: list[CauseChange] = []
        self._regrouped: list[tuple[int, str, str]] = []
        for p, r in np.argwhere((machine.phase != NONE) & (machine.top > 0)):
            one = episode_id(layout.places[p].id, self._rules[r], int(machine.started[p, r]))
            if self._known.get(one):
                self._put(one, int(p), int(r), int(machine.level[p, r]), int(machine.started[p, r]))

    def run(self, transitions: list[Transition]) -> Story:
        changed = {
            minute: list(moved) for minute, moved in groupby(transitions, key=attrgetter("minute"))
        }
        first, count = self._seen.first, len(self._seen.background)
        again = range(first + -first % AGAIN_MIN, first + count, AGAIN_MIN)
        for minute in sorted(changed.keys() | set(again)):
            moved = changed.get(minute, [])
            for change in moved:
                self._change(change)
            news = bool(moved)
            if minute % AGAIN_MIN == 0:
                news |= self._look_again(minute, {self._id(change) for change in moved})
            if news:
                self._group(minute)
        return Story(
            self._episodes, self._recaused, self._regrouped, self._known, self._measured,
            self._grouped,
        )  # fmt: skip

    def _id(self, change: Transition) -> str:
        place = self._layout.places[change.place]
        return episode_id(place.id, self._rules[change.rule], change.started)

    def _put(self, one: str, p: int, r: int, level: int, started: int) -> None:
        cause = self._known[one][0]
        place = self._layout.places[p].id
        self._open[one] = _Open(
            OpenEpisode(one, p, place, level, started, cause["kind"], cause["site"]), r
        )

    def _change(self, change: Transition) -> None:
        one = self._id(change)
        exceedance = self._exceedance(change.minute, change.place, change.rule, change.value)
        if change.level > 0 and change.change != "recovering":
            self._known[one] = self._causes(change.minute, change.place, change.started, exceedance)
        found = self._known.get(one, [])
        self._episodes.append(
            EpisodeChange(one, change, found, exceedance.measured, exceedance.confidence)
        )
        self._measured[one] = exceedance.measured
        if change.phase == NONE:
            self._open.pop(one, None)
        elif found:
            self._put(one, change.place, change.rule, change.level, change.started)

    def _look_again(self, minute: int, just_changed: set[str]) -> bool:
        news = False
        for one, open_ in sorted(self._open.items()):
            was = open_.episode
            quantity = self._settings.rules[self._rules[open_.rule]].quantity
            if one in just_changed or was.level == 0 or quantity == "gate":
                continue
            if self._agrees(minute, was):
                continue
            exceedance = self._exceedance(minute, was.place, open_.rule, None)
            found = self._causes(minute, was.place, was.started, exceedance)
            if not _displaces(found, was):
                continue
            self._known[one] = found
            self._put(one, was.place, open_.rule, was.level, was.started)
            self._recaused.append(CauseChange(one, minute, was.place, open_.rule, found))
            news = True
        return news

    def _agrees(self, minute: int, was: OpenEpisode) -> bool:
        """Whether the model still has the same source first: looking around costs more."""
        given = self._given(minute, was.place)
        if given is None or was.cause not in ("road", "site"):
            return False
        first = int(np.argmax(given))
        site = None if first == 0 else self._layout.estimator.model.ground.sites[first - 1]
        return site == was.site

    def _given(self, minute: int, p: int) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """(1 + K,) µg/m³ that the street itself and each site bring, where the model says so."""
        g = int(self._layout.place_segment[p])
        if g < 0:
            return None
        estimate = self._seen.estimate
        given = estimate.given[estimate.given_at[minute - self._seen.first]]
        row = given[self._layout.in_model[g]]
        return row if row.sum() > 0 else None

    def _exceedance(self, minute: int, p: int, r: int, value: int | None) -> Exceedance:
        """The rule's own number at a minute, and what of it is the street's."""
        rule = self._settings.rules[self._rules[r]]
        minutes = WARNING_SHOWN_MIN if rule.quantity in WARNINGS else rule.window_min
        upto = minute - self._seen.first + HOUR + 1
        mean, measured, confidence = self._seen.judged.window(upto, minutes, p)
        increment = int(mean[PM10] - mean[BACKGROUND]) / MILLI
        return Exceedance(
            quantity=rule.quantity,
            window_min=minutes,
            value=increment if value is None else value / MILLI,
            increment=increment,
            background=int(mean[BACKGROUND]) / MILLI,
            cap=self._settings.background_cap,
            measured=measured,
            confidence=confidence,
        )

    def _causes(self, minute: int, p: int, started: int, exceedance: Exceedance) -> Causes:
        seen, t = self._seen, minute - self._seen.first
        given = self._given(minute, p)
        return causes(
            scene(
                self._layout.places[p],
                minute,
                pm=seen.means[t],
                known=seen.known[t],
                background=int(seen.background[t]),
                exceedance=exceedance,
                given=given,
                failing=seen.estimate.failing[t],
                started=started,
                readings=seen.readings,
                believed=seen.believed,
                layout=self._layout,
                happenings=seen.happenings,
            ),
            self._settings.language,
        )

    def _group(self, minute: int) -> None:
        touching = self._layout.touching
        grouped = regroup(
            self._grouped,
            [one.episode for one in self._open.values()],
            lambda p, q: bool(touching[p, q]),
        )
        self._regrouped += [
            (minute, one, name)
            for one, name in sorted(grouped.items())
            if self._grouped.get(one) != name
        ]
        self._grouped = grouped


def _displaces(found: Causes, was: OpenEpisode) -> bool:
    """Whether another cause than before is first, and clearly so."""
    first = found[0]
    if (first["kind"], first["site"]) == (was.cause, was.site):
        return False
    before = next(
        (one for one in found if (one["kind"], one["site"]) == (was.cause, was.site)), None
    )
    return before is None or first["probability"] > ANOTHER * before["probability"]
