"""Were the causes of episodes the right ones, and as often as their probabilities say?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.fold import Minutes
from analytics.layout import Layout
from analytics.rules import NONE, RECOVERING
from bench import scores
from bench.recorded import Recorded
from evaluation.record import STREET

__all__ = [
    "Judged",
    "Spell",
    "Story",
    "Told",
    "gates_found",
    "judged",
    "pooled",
    "spells",
    "stories",
]

HOUR = 60
NEAR_MIN = 30
FALSE_MIN = 60
FOUND_MIN = 30
AFTER_MIN = 60
"""A failing gate leads to what begins within so many minutes of its end: soil stays on the road."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A true exceedance: rows first to last of a segment; source gave most of it, from the hour
    before on, and share says how much."""

    segment: str
    first: int
    last: int
    source: str
    share: float


@dataclass(frozen=True, slots=True)
class Told:
    """An episode from a row on: whether it is open, its level, and causes, likeliest first."""

    row: int
    open: bool
    level: int
    causes: Sequence[dict[str, Any]]


@dataclass(slots=True)
class Story:
    """All that was told of one episode."""

    segment: str | None
    site: str | None
    told: list[Told] = field(default_factory=list)

    @property
    def active(self) -> tuple[int, int | None] | None:
        """Rows from which on it was at level 2 or more, and closed (None: it never was)."""
        high = [each.row for each in self.told if each.open and each.level >= 2]
        if not high:
            return None
        return high[0], None if self.told[-1].open else self.told[-1].row

    @property
    def causes(self) -> Sequence[dict[str, Any]]:
        """As they were told last."""
        return next((each.causes for each in reversed(self.told) if each.causes), ())


@dataclass(frozen=True, slots=True)
class Judged:
    """figures: by name; stated: (n,) probabilities of causes and came: (n,) whether they were."""

    figures: dict[str, float | None]
    stated: NDArray[np.float64]
    came: NDArray[np.bool_]


def spells(recorded: Recorded, segments: Sequence[str], since: int = 0) -> list[Spell]:
    """Every true exceedance on some segments that begins at row `since` or later."""
    found = []
    for segment in segments:
        g = recorded.segments.index(segment)
        over = scores.over_limits(recorded.truth.increment[:, g])
        for first, last in scores.runs(over):
            if first < since:
                continue
            given = recorded.truth.by_source[max(first + 1 - HOUR, 0) : last + 1, g]
            total = given.sum(axis=0, dtype=np.float64)
            leads = int(total.argmax())
            share = float(total[leads] / total.sum())
            found.append(Spell(segment, first, last, recorded.sources[leads], share))
    return found


def stories(recorded: Recorded, layout: Layout, blocks: Sequence[Minutes]) -> list[Story]:
    """Episodes as analytics told them, in the order in which they began."""
    found: dict[str, Story] = {}
    for block in blocks:
        for episode in block.episodes:
            change = episode.transition
            place = layout.places[change.place]
            story = found.setdefault(episode.id, Story(place.segment, place.site))
            level = 0 if change.phase == RECOVERING else change.level
            story.told.append(
                Told(change.minute - recorded.first, change.phase != NONE, level, episode.causes)
            )
    return list(found.values())


def judged(
    recorded: Recorded,
    segments: Sequence[str],
    sites: Sequence[str],
    told: Sequence[Story],
    since: int = 0,
) -> Judged:
    """Hold what was told against the truth on some segments, from row `since` on.

    sites: those that the district knows.

    An episode of level 2 or more belongs to the first true exceedance on its segment within half
    an hour of it, and is false where there is none within an hour. Where a site that the district
    does not know gave most, nobody could name it: such are left out.
    """
    truth = spells(recorded, segments, since)
    false = 0
    right: list[bool] = []
    stated: list[float] = []
    came: list[bool] = []
    led: list[str] = []
    for story in told:
        active = story.active
        if active is None or story.segment is None:
            continue
        begin, end = active
        until = recorded.minutes if end is None else end
        false += begin >= since and not any(
            spell.segment == story.segment
            and spell.first <= until + FALSE_MIN
            and spell.last >= begin - FALSE_MIN
            for spell in truth
        )
        spell = next(
            (
                spell
                for spell in truth
                if spell.segment == story.segment
                and spell.first <= until + NEAR_MIN
                and spell.last >= begin - NEAR_MIN
            ),
            None,
        )
        if spell is None or not (spell.source == STREET or spell.source in sites):
            continue
        led.append(spell.source)
        right.append(bool(story.causes) and _is(story.causes[0], spell.source))
        for cause in story.causes:
            stated.append(float(cause["probability"]))
            came.append(_is(cause, spell.source))
    bins = scores.calibration(stated, came) if stated else []
    count = sum(each.of for each in bins)
    off = sum(abs(each.said - each.came) * each.of for each in bins)
    figures: dict[str, float | None] = {
        "episodes at level 2 or more": float(sum(each.active is not None for each in told)),
        "of these on a true spell": float(len(right)),
        "false ones a day": false / ((recorded.minutes - since) / 1440.0),
        "of these led by a site": _mean([source != STREET for source in led]),
        "first cause right": _mean(right),
        "first cause right, led by a site": _mean(
            [hit for hit, source in zip(right, led, strict=True) if source != STREET]
        ),
        "first cause right, led by the street": _mean(
            [hit for hit, source in zip(right, led, strict=True) if source == STREET]
        ),
        "mean miss of the probabilities": off / count if count else None,
    }
    figures |= gates_found(recorded, truth, told, sites)
    return Judged(figures, np.array(stated), np.array(came, bool))


def pooled(judged: Sequence[Judged]) -> list[scores.Bin]:
    """The calibration of all statements of several recordings."""
    stated = np.concatenate([each.stated for each in judged])
    came = np.concatenate([each.came for each in judged])
    return scores.calibration(stated, came) if len(stated) else []


def gates_found(
    recorded: Recorded, truth: Sequence[Spell], told: Sequence[Story], sites: Sequence[str]
) -> dict[str, float | None]:
    """How soon an open episode names a site first whose wheel wash fails.

    Counted are failures of known sites through which an exceedance began while they lasted or
    within an hour after. The time runs from the failure's begin, and again from that of the first
    such exceedance; a name that was given before still counts if it is given yet.
    """
    from_failure: list[float | None] = []
    from_spell: list[float | None] = []
    for k, site in enumerate(recorded.sources[1:]):
        if site not in sites:
            continue
        named = _named(told, site, recorded.minutes)
        for first, last in scores.runs(recorded.truth.failing[:, k], join_min=0):
            through = [
                spell.first
                for spell in truth
                if spell.source == site and first <= spell.first <= last + AFTER_MIN
            ]
            if not through:
                continue
            until = last + AFTER_MIN + 1
            for since, delays in ((first, from_failure), (min(through), from_spell)):
                at = np.flatnonzero(named[since:until])
                delays.append(float(at[0]) if len(at) else None)
    known = [delay for delay in from_failure if delay is not None]
    return {
        "failing gates with an exceedance": float(len(from_failure)),
        "failing gate named within 30 min": _soon(from_failure),
        "… within 30 min of the exceedance": _soon(from_spell),
        "minutes to the gate's name, median": float(np.median(known)) if known else None,
        "failing gate never named": _mean([delay is None for delay in from_failure]),
    }


def _named(told: Sequence[Story], site: str, minutes: int) -> NDArray[np.bool_]:
    """(T,) rows at which an open episode has a site as its likeliest cause."""
    named = np.zeros(minutes, bool)
    for story in told:
        ends = [each.row for each in story.told[1:]] + [minutes]
        causes: Sequence[dict[str, Any]] = ()
        for each, end in zip(story.told, ends, strict=True):
            causes = each.causes or causes
            if each.open and causes and _is(causes[0], site):
                named[each.row : end] = True
    return named


def _is(cause: dict[str, Any], source: str) -> bool:
    if source == STREET:
        return bool(cause["kind"] == "road")
    return bool(cause["kind"] == "site" and cause["site"] == source)


def _mean(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def _soon(delays: Sequence[float | None]) -> float | None:
    return _mean([delay is not None and delay <= FOUND_MIN for delay in delays])
