"""What is wrong at a time and somebody has to know of: out of what the tables say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.concerns import Concern
from dispatch.crews import Standing
from dispatch.matters import OBSTACLES, Matter
from dispatch.names import Names
from dispatch.settings import DispatchSettings
from dispatch.shifts import shift_at
from dispatch.wants import Exclusion
from dispatch.words import Said, Words
from geo.district import District

Against = Mapping[str, Sequence[str]]
"""Musts that a plan could not give, by place/treatment: code, text, text in the other language."""


@dataclass(frozen=True, slots=True)
class LeftMust:
    """A must that a crew has refused, failed or left unanswered, and no other has taken up."""

    order: str
    crew: str
    treatment: str
    place: str
    state: str
    ended_at: datetime
    outcome: str | None
    outcome_also: str | None = None

    @property
    def why(self) -> str:
        """Its outcome, in both languages where it is not a crew's own word."""
        text = self.outcome or "?"
        return Said(text, self.outcome_also) if self.outcome_also else text


@dataclass(frozen=True, slots=True)
class Unproven:
    """Work that is said to be done and was not seen: `share` of it was."""

    order: str
    crew: str
    treatment: str
    place: str
    share: float
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Astray:
    """A crew that is not as its plan has it: off_route, standing, late or dry since a time.

    amount: metres off the route, or minutes of standing.
    """

    crew: str
    kind: str
    order: str
    place: str
    since: datetime
    amount: float = 0.0
    eta: datetime | None = None


def against(excluded: Iterable[Exclusion]) -> dict[str, tuple[str, str, str]]:
    """The musts among the exclusions that cannot be done, as plain data for the plan's row."""
    found: dict[str, tuple[str, str, str]] = {}
    for exclusion in excluded:
        must = exclusion.priority is not None and exclusion.priority <= 3
        if must and exclusion.reason.code in OBSTACLES:
            text = exclusion.reason.text
            also = text.other if isinstance(text, Said) else text
            key = f"{exclusion.place}/{exclusion.treatment}"
            found.setdefault(key, (exclusion.reason.code, str(text), also))
    return found


class Troubles:
    """Finds what stands, for one district."""

    def __init__(self, district: District, settings: DispatchSettings, words: Words) -> None:
        self._district = district
        self._settings = settings
        self._limits = settings.limits
        self._words = words
        self._names = Names(district, words)

    def standing(
        self,
        now: datetime,
        crews: Mapping[str, Standing],
        matters: Sequence[Matter],
        against: Against,
        left: Sequence[LeftMust] = (),
        astray: Sequence[Astray] = (),
        unproven: Sequence[Unproven] = (),
    ) -> list[Concern]:
        """All that stands at `now`; of one kind and subject the first counts."""
        return [
            *self._of_matters(now, matters),
            *self._of_musts(now, crews, matters, against),
            *self._of_left(crews, matters, against, left),
            *self._of_crews(now, crews),
            *map(self._of_astray, astray),
            *map(self._of_unproven, unproven),
        ]

    def _of_matters(self, now: datetime, matters: Iterable[Matter]) -> Iterator[Concern]:
        limits = self._limits
        for matter in matters:
            if matter.ended_at is not None:
                continue
            place = self._names.place(matter.place)
            known_at = max(matter.opened_at, matter.seen_at)
            if matter.answered_at is None:
                if now >= known_at + timedelta(minutes=limits.answer_within_min):
                    why = self._words.say(
                        "unanswered", place=place, minutes=limits.answer_within_min
                    )
                    yield self._matter("unanswered", matter, why, now)
            elif matter.begun_at is None and not matter.judged and now >= matter.due:
                why = self._words.say("unmade", place=place, due=self._words.time(matter.due))
                yield self._matter("unmade", matter, why, matter.due)
            if not matter.judged and now >= matter.ends_at - timedelta(hours=limits.warn_h):
                yield self._matter("overnight", matter, self._words.say("overnight", place=place),
                                   now)  # fmt: skip

    def _of_musts(
        self,
        now: datetime,
        crews: Mapping[str, Standing],
        matters: Sequence[Matter],
        against: Against,
    ) -> Iterator[Concern]:
        at = {matter.place: matter.ref for matter in matters if matter.ended_at is None}
        for key, (_, text, also) in against.items():
            place = key.rpartition("/")[0]
            why = self._words.say(
                "obstacle", place=self._names.place(place), reason=Said(text, also)
            )
            yield Concern(
                "obstacle", key, why, why.other, now, place=place, ref=at.get(place)
            )  # fmt: skip
        for standing in crews.values():
            for order in standing.orders:
                must = order.priority <= 3 and order.depot is None and order.state != "started"
                if must and order.due is not None and order.due <= now and order.place not in at:
                    why = self._words.say(
                        "unmade",
                        place=self._names.place(order.place),
                        due=self._words.time(order.due),
                    )
                    subject = f"{order.place}/{order.treatment}"
                    yield Concern("unmade", subject, why, why.other, order.due, order.crew,
                                  order.place)  # fmt: skip

    def _of_left(
        self,
        crews: Mapping[str, Standing],
        matters: Sequence[Matter],
        against: Against,
        left: Iterable[LeftMust],
    ) -> Iterator[Concern]:
        needed = {key.rpartition("/")[0] for key in against}
        needed |= {
            order.place
            for standing in crews.values()
            for order in standing.orders
            if order.priority <= 3
        }
        at = {matter.place: matter.ref for matter in matters if matter.ended_at is None}
        for must in left:
            if must.place not in needed:
                continue
            why = self._words.say(
                f"order_{must.state}", crew=self._names.crew(must.crew),
                place=self._names.place(must.place),
                treatment=self._words.treatment(must.treatment), reason=must.why,
            )  # fmt: skip
            yield Concern("order", must.order, why, why.other, must.ended_at, must.crew,
                          must.place, at.get(must.place))  # fmt: skip

    def _of_crews(self, now: datetime, crews: Mapping[str, Standing]) -> Iterator[Concern]:
        for crew, standing in crews.items():
            if standing.condition in ("silent", "broken"):
                kind = f"crew_{standing.condition}"
                why = self._words.say(kind, crew=self._names.crew(crew))
                yield Concern("crew", f"{crew}/{standing.condition}", why, why.other, now, crew)
                continue
            span = shift_at(standing.crew.shifts, self._district.timezone, now)
            if span is None or now < span[0] + timedelta(minutes=self._limits.roll_call_min):
                continue
            if standing.heard_at is None or standing.heard_at < span[0]:
                why = self._words.say(
                    "crew_absent", crew=self._names.crew(crew), since=self._words.time(span[0])
                )
                yield Concern("crew", f"{crew}/absent", why, why.other, now, crew)

    def _of_astray(self, one: Astray) -> Concern:
        why = self._words.say(
            f"crew_{one.kind}", crew=self._names.crew(one.crew), place=self._names.place(one.place),
            metres=one.amount, minutes=one.amount,
            eta="" if one.eta is None else self._words.time(one.eta),
        )  # fmt: skip
        subject = f"{one.crew}/{one.kind}"
        return Concern("crew", subject, why, why.other, one.since, one.crew, one.place)

    def _of_unproven(self, one: Unproven) -> Concern:
        why = self._words.say(
            "unproven", crew=self._names.crew(one.crew), place=self._names.place(one.place),
            treatment=self._words.treatment(one.treatment), share=one.share,
        )  # fmt: skip
        return Concern("unproven", one.order, why, why.other, one.judged_at, one.crew, one.place)

    def _matter(self, kind: str, matter: Matter, why: Said, since: datetime) -> Concern:
        return Concern(kind, matter.ref, why, why.other, since, place=matter.place, ref=matter.ref)
