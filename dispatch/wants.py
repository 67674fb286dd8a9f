"""Which places want which treatment, what that is worth, and why the others get none."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch.facts import Ended, Episode, Facts, Flag, Worth
from dispatch.names import Names
from dispatch.overrides import Override
from dispatch.settings import TREATS, WET, DispatchSettings
from dispatch.shifts import hours_a_day, share_over
from dispatch.weather import hindrance
from dispatch.words import Reason, Words
from dispatch.worth import chosen
from geo.district import District

CLEANS = frozenset({"wash", "heavy_clean"})
"""Treatments that count as a wash when the next is due."""

OWED = frozenset({"wash", "heavy_clean", "sweep", "hand_wash"})
"""Treatments that count for a street's least number a day."""

SIGHTINGS = frozenset({"mud_on_road", "dust_plume", "illegal_dumping", "complaint"})
SEEN_BY_MODEL = frozenset({"mud_on_road", "dust_plume"})
"""Sightings that are no must where the model of the street says what a treatment is worth: it heeds
mud, and dust in the air shows in its stations."""
GATE_FAILURES = frozenset({"unwashed_truck", "wash_bay_idle", "uncovered_truck"})
EARLY_WARNINGS = frozenset({"cusum", "gate"})
"""Rules that tell of a rise before any limit is passed: somebody looks, nobody drives."""


@dataclass(frozen=True, slots=True)
class Want:
    """A treatment that a segment or a site should get.

    `prize` is its worth in seconds of a crew's time, `due` when work should have begun,
    `refusers` the crews that are not to be asked. What `fades` is worth less the later it is
    begun.
    """

    place: str
    is_site: bool
    treatment: str
    priority: int
    prize: float
    reason: str
    due: datetime | None = None
    episode: str | None = None
    refusers: frozenset[str] = frozenset()
    fades: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one want: the place and the treatment."""
        return self.place, self.treatment


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A place that gets no treatment now, and the reason; `priority` of what was wanted."""

    place: str
    treatment: str | None
    reason: Reason
    episode: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """All wants, the most urgent first, and all exclusions; `price` is what the last wash that
    fills the crews' hours would spare per second, None where the model asks for none."""

    wants: tuple[Want, ...]
    exclusions: tuple[Exclusion, ...]
    price: float | None = None


def wishes(
    facts: Facts,
    district: District,
    settings: DispatchSettings,
    crews: Mapping[str, str],
) -> Wishes:
    """What should be done now.

    `crews` are those that can be counted on at `facts.now`, id to kind. A place has at most one
    want per treatment: the most urgent reason stands.
    """
    return _Wisher(facts, district, settings, crews).wishes()


class _Wisher:
    def __init__(
        self,
        facts: Facts,
        district: District,
        settings: DispatchSettings,
        crews: Mapping[str, str],
    ) -> None:
        self.facts = facts
        self.now = facts.now
        self.district = district
        self.settings = settings
        self.words = Words(settings.language, district.timezone)
        self.names = Names(district, self.words)
        self.crews_for: dict[str, frozenset[str]] = {
            treatment: frozenset(crew for crew, kind in crews.items() if treatment in TREATS[kind])
            for treatments in TREATS.values()
            for treatment in treatments
        }
        shifts = {
            treatment: [
                shift
                for crew in district.crews.values()
                if treatment in TREATS[crew.kind]
                for shift in crew.shifts
            ]
            for treatment in self.crews_for
        }
        self.hours_a_day = {treatment: hours_a_day(those) for treatment, those in shifts.items()}
        clock = facts.now.astimezone(district.timezone)
        midnight = clock.replace(hour=0, minute=0, second=0, microsecond=0)
        self.washed_share = share_over(shifts["wash"], clock)
        begun = (facts.begun or self.now).astimezone(district.timezone)
        self.unseen_share = share_over(shifts["wash"], begun) if begun > midnight else 0.0
        self.dry = hindrance(facts.weather, settings, self.words, facts.hindrance_before)
        self.last_done = _last_done(facts.ended)
        self.done_today = Counter(
            order.place
            for order in facts.ended
            if order.state == "done" and order.treatment in OWED and order.ended_at >= midnight
        )
        self.refusers = _refusers(facts, settings)
        self.wants: dict[tuple[str, str], Want] = {}
        self.exclusions: list[Exclusion] = []
        self.worthless: dict[str, Reason] = {}
        self.weighed = {worth.segment for worth in facts.worths}
        self.noticed: dict[str, Episode] = {}
        self.price: float | None = None
        self.mean_residents = _mean(s.residents for s in district.segments.values() if s.treat)

    def wishes(self) -> Wishes:
        self._by_people()
        for episode in self.facts.episodes:
            self._episode(episode)
        for flag in self.facts.flags:
            if flag.kind in SIGHTINGS:
                self._sighting(flag)
        self._gates()
        self._worthwhile()
        self._routine()
        self._one_clean_each()
        wants = sorted(self.wants.values(), key=lambda w: (w.priority, -w.prize, w.key))
        return Wishes(tuple(wants), tuple(self.exclusions), self.price)

    # What people ask for --------------------------------------------------------------------

    def _by_people(self) -> None:
        for one in self.facts.overrides.asked:
            place, treatment = one.place, one.treatment
            known = place in self.district.segments or place in self.district.sites
            if place is None or treatment is None or not known:
                continue
            priority = one.priority or 2
            reason = self.words.say(
                "added", who=one.given_by, place=self.names.place(place), why=one.why,
                treatment=self.words.treatment(treatment),
            )  # fmt: skip
            self._want(
                Want(
                    place, place in self.district.sites, treatment, priority,
                    self._must_prize(priority), reason, one.due,
                )
            )  # fmt: skip

    # Episodes -----------------------------------------------------------------------------

    def _episode(self, episode: Episode) -> None:
        place = episode.segment or episode.site
        if episode.state not in ("active", "recovering") or place is None:
            return
        if against := self._no_order_for(episode):
            self.exclusions.append(Exclusion(place, None, against, episode.id))
            return
        is_site = episode.segment is None
        treated = self._treated(place, ("fog", "inspect") if is_site else ("wash", "heavy_clean"))
        if treated is not None and treated[0] < episode.started_at - timedelta(
            minutes=self.settings.useful_life_min[treated[1]]
        ):
            treated = None
        if treated is not None and (against := self._treated_enough(episode, *treated)):
            self.exclusions.append(Exclusion(place, treated[1], against, episode.id))
            return
        treatment = self._treatment_for(episode, is_site, again=treated is not None)
        priority = 4 - episode.level
        if episode.state == "recovering":
            priority = 3
        name = self.names.place(place)
        if treated is None:
            reason = self.words.say(
                "episode", place=name, level=episode.level,
                since=self.words.time(episode.started_at),
                treatment=self.words.treatment(treatment),
            )  # fmt: skip
        else:
            reason = self.words.say(
                "episode_again", place=name, level=episode.level, ago=self._ago(treated[0]),
                treatment=self.words.treatment(treatment),
            )  # fmt: skip
        due = episode.started_at + timedelta(minutes=self.settings.due_min[episode.level - 1])
        estimated = not episode.measured and episode.level < 3
        if (priority == 3 or estimated) and place in self.weighed:
            # No must: it gets what the model, which has seen it, would have done there anyway.
            self.noticed[place] = episode
        else:
            self._want(
                Want(
                    place, is_site, treatment, priority, self._must_prize(priority), reason, due,
                    episode.id,
                )
            )  # fmt: skip
        if episode.cause == "site" and episode.cause_site is not None and not is_site:
            self._blame(episode, episode.cause_site, name)

    def _no_order_for(self, episode: Episode) -> Reason | None:
        if episode.shelved_until is not None and episode.shelved_until > self.now:
            return self.words.reason("shelved", until=self.words.time(episode.shelved_until))
        if episode.rule in EARLY_WARNINGS:
            return self.words.reason("early")
        sentence = {"regional": "regional", "sensor": "sensor", "treatment": "own_work"}
        if episode.cause in sentence:
            return self.words.reason(sentence[episode.cause])
        return None

    def _treated_enough(self, episode: Episode, at: datetime, treatment: str) -> Reason | None:
        said = {"ago": self._ago(at), "treatment": self.words.treatment(treatment)}
        if episode.state == "recovering":
            return self.words.reason("recovering", **said)
        rest_min = self.settings.episode_rest_min
        if self.now - at < timedelta(minutes=rest_min):
            return self.words.reason("rested", **said)
        return None

    def _treatment_for(self, episode: Episode, is_site: bool, *, again: bool) -> str:
        if is_site:
            return "fog" if self.crews_for["fog"] else "inspect"
        heavy = episode.level == 3 or (again and episode.level == 2)
        rested = self._rested(episode.segment or "", ("heavy_clean",)) is None
        if heavy and self.crews_for["heavy_clean"] and rested:
            return "heavy_clean"
        return "wash"

    def _blame(self, episode: Episode, site: str, street: str) -> None:
        if site not in self.district.sites or self._rested(site, ("inspect",)) is not None:
            return
        reason = self.words.say("blamed", street=street, place=self.names.place(site))
        due = episode.started_at + timedelta(minutes=self.settings.due_min[0])
        self._want(Want(site, True, "inspect", 3, self._must_prize(3), reason, due))

    # Flags and complaints -----------------------------------------------------------------

    def _sighting(self, flag: Flag) -> None:
        segment = flag.segment
        if segment is None or not self.district.segments[segment].treat:
            return
        if flag.kind in SEEN_BY_MODEL and segment in self.weighed:
            return
        done = self._treated(segment, CLEANS)
        if done is not None and done[0] >= flag.ts:
            return
        mud = flag.kind in ("mud_on_road", "illegal_dumping")
        treatment = "heavy_clean" if mud and self.crews_for["heavy_clean"] else "wash"
        priority = 2 if mud else 3
        reason = self.words.say(
            "flag", time=self.words.time(flag.ts), place=self.names.place(segment),
            flag=self.words.flag(flag.kind), treatment=self.words.treatment(treatment),
        )  # fmt: skip
        due = flag.ts + timedelta(minutes=self.settings.due_min[0 if priority == 3 else 1])
        self._want(
            Want(segment, False, treatment, priority, self._must_prize(priority), reason, due)
        )

    def _gates(self) -> None:
        failures: dict[str, list[Flag]] = {}
        for flag in self.facts.flags:
            if flag.kind in GATE_FAILURES and flag.site is not None:
                failures.setdefault(flag.site, []).append(flag)
        for site, flags in failures.items():
            done = self._treated(site, ("inspect",))
            fresh = [flag for flag in flags if done is None or flag.ts > done[0]]
            if len(fresh) < max(self.settings.gate_flags, 1):
                continue
            if rested := self._rested(site, ("inspect",)):
                self.exclusions.append(Exclusion(site, "inspect", rested))
                continue
            reason = self.words.say("gate", place=self.names.place(site), count=len(fresh))
            due = fresh[-1].ts + timedelta(minutes=self.settings.due_min[0])
            self._want(Want(site, True, "inspect", 3, self._must_prize(3), reason, due))

    # What the model would have done ---------------------------------------------------------

    def _worthwhile(self) -> None:
        """What spares residents most, as much of it as the crews can do in the next hours, and what
        the day owes the streets in between."""
        if not self.facts.worths:
            return
        urgent = {want.place for want in self.wants.values() if want.priority < 4}
        factors: dict[tuple[str, str], float] = {}
        asked = []
        for worth in self.facts.worths:
            if worth.segment in urgent:
                continue
            if against := self._worthless(worth):
                self.worthless.setdefault(worth.segment, against)
                continue
            factor = 1.0
            alike = CLEANS if worth.treatment in CLEANS else (worth.treatment,)
            if self._rested(worth.segment, alike):
                factor /= self.settings.worth_again
            if (worth.segment, worth.treatment) in self.facts.ordered:
                factor *= 1 + self.settings.worth_hold
            factors[worth.segment, worth.treatment] = factor
            asked.append(worth)
        able = frozenset[str]().union(*self.crews_for.values())
        best = chosen(
            asked, self.district, self.settings, able, self.now, factors=factors,
            owed=self._owed(urgent), usual=self.facts.usual_price,
        )  # fmt: skip
        self.price = best.price
        for one in best.candidates:
            said = {
                "place": self.names.place(one.segment),
                "treatment": self.words.treatment(one.treatment),
            }
            want = Want(one.segment, False, one.treatment, 4, one.prize, "", fades=True)
            if episode := self.noticed.get(one.segment):
                since = self.words.time(episode.started_at)
                reason = self.words.say("episode", level=episode.level, since=since, **said)
                want = replace(want, priority=3, reason=reason, episode=episode.id)
            elif one.owed:
                want = replace(want, reason=self.words.say("routine", **said))
            else:
                reason = self.words.say("worth", spared=one.spared, **said)
                want = replace(want, reason=reason)
            self._want(want)
        for worth in best.passed_over:
            self.worthless.setdefault(
                worth.segment,
                self.words.reason(
                    "less_worth", spared=worth.spared,
                    treatment=self.words.treatment(worth.treatment),
                ),
            )  # fmt: skip
        served = {want.place for want in self.wants.values()}
        for segment, episode in self.noticed.items():
            if segment not in served:
                nothing = {"spared": 0.0, "treatment": self.words.treatment("wash")}
                against = self.worthless.get(segment) or self.words.reason("less_worth", **nothing)
                self.exclusions.append(Exclusion(segment, None, against, episode.id))

    def _worthless(self, worth: Worth) -> Reason | None:
        """Why a treatment is not even weighed."""
        if against := self.facts.overrides.forbids(worth.segment, worth.treatment):
            return self._forbidden(against)
        if self.dry is not None and (worth.treatment in WET or self.dry.code == "rain"):
            return self.dry
        street = self.facts.streets.get(worth.segment)
        if street is not None and street.cause in ("regional", "sensor"):
            return self.words.reason(street.cause)
        # The model has not heard yet of what was done since it spoke. What takes the dust away
        # rules out all else until it has; mist or an inspection leaves the dust where it is.
        treated = self._treated(worth.segment, OWED | {worth.treatment})
        if treated is not None and treated[0] >= worth.ts:
            return self.words.reason(
                "rested", ago=self._ago(treated[0]), treatment=self.words.treatment(treated[1])
            )
        return None

    # Routine and plain dust ---------------------------------------------------------------

    def _routine(self) -> None:
        said = {exclusion.place for exclusion in self.exclusions}
        for segment in self.district.segments.values():
            if not segment.treat:
                continue
            asked = False
            if not self.facts.worths:
                weight = 0.5 + 0.5 * segment.residents / self.mean_residents
                for treatment, share in self.settings.routine_share.items():
                    asked |= self._routine_want(segment.id, treatment, share, weight)
                asked |= self._dusty_want(segment.id, weight)
            asked |= any((segment.id, treatment) in self.wants for treatment in self.crews_for)
            if asked or segment.id in said:
                continue
            if against := self.worthless.get(segment.id):
                self.exclusions.append(Exclusion(segment.id, None, against))
            elif rested := self._rested(segment.id, CLEANS):
                self.exclusions.append(Exclusion(segment.id, "wash", rested))
            else:
                self.exclusions.append(Exclusion(segment.id, None, self.words.reason("clean")))

    def _owed(self, urgent: Collection[str]) -> dict[str, float]:
        """By segment that a day owes a wash, how many times as much as it usually does a second of
        a crew counts for there: less at first, as much when half of the time for it is over, and
        more when it is due. So a round is made in the hours in which crews have least to do
        elsewhere, as far as there are any before it must be."""
        owed: dict[str, float] = {}
        for segment in self.district.segments.values():
            due = self._due(segment.id)
            if not segment.treat or segment.id in urgent or due <= 0:
                continue
            if against := self._hindrance(Want(segment.id, False, "wash", 4, 0.0, "")):
                self.worthless.setdefault(segment.id, against)
                continue
            owed[segment.id] = self.settings.routine_patience ** (2 * due - 1)
            if (segment.id, "wash") in self.facts.ordered:
                owed[segment.id] *= 1 + self.settings.worth_hold
        return owed

    def _due(self, segment: str) -> float:
        """How much of the time for the next treatment that a day owes a street is over, from 0 when
        it begins to 1 when it is due; 0 where nothing is owed.

        Treatments of whatever kind count, whoever has asked for them. They are due evenly over the
        hours in which a day's crews wash, the last at the end of those or at midnight. Of the day
        in which planning began the part before that is nobody's debt.
        """
        a_day = self.district.segments[segment].min_treatments_per_day
        owed = a_day - self.done_today[segment] - math.floor(a_day * self.unseen_share + 0.5)
        if owed <= 0 or self._rested(segment, CLEANS):
            return 0.0
        return min(max(1 - a_day * (1 - self.washed_share) + math.ceil(owed - 1), 0.0), 1.0)

    def _routine_want(self, segment: str, treatment: str, share: float, weight: float) -> bool:
        times_a_day = self.district.segments[segment].min_treatments_per_day * share
        if times_a_day <= 0 or self.hours_a_day[treatment] <= 0:
            return False
        interval_min = 60 * self.hours_a_day[treatment] / times_a_day
        alike = CLEANS if treatment == "wash" else (treatment,)
        done = self._treated(segment, alike)
        worth = 2.0
        if done is not None:
            age_min = (self.now - done[0]) / timedelta(minutes=1)
            if age_min < self.settings.useful_life_min[treatment]:
                return False
            worth = _routine_worth(age_min / interval_min, self.settings.routine_early)
        if worth <= 0:
            return False
        reason = self.words.say(
            "routine", place=self.names.place(segment), treatment=self.words.treatment(treatment)
        )
        prize = self.settings.routine_prize_s * weight * worth
        return self._want(Want(segment, False, treatment, 4, prize, reason))

    def _dusty_want(self, segment: str, weight: float) -> bool:
        street = self.facts.streets.get(segment)
        limit = self.settings.increment_limit_ug_m3
        told = (segment, "wash") in self.facts.ordered
        enough = limit * self.settings.increment_over_share if told else limit
        if street is None or street.increment is None or street.increment < enough:
            return False
        # Dust that our own work raises for a while does not end the want that is there already.
        against = {"regional", "sensor"} if told else {"regional", "sensor", "treatment"}
        if street.cause in against or (segment, "wash") in self.wants:
            return False
        if self._rested(segment, CLEANS):
            return False
        reason = self.words.say(
            "increment", place=self.names.place(segment), increment=street.increment,
            residents=self.district.segments[segment].residents,
            treatment=self.words.treatment("wash"),
        )  # fmt: skip
        share = street.increment / limit * street.confidence
        prize = self.settings.routine_prize_s * weight * min(share, 4.0)
        return self._want(Want(segment, False, "wash", 4, prize, reason))

    def _one_clean_each(self) -> None:
        """Heavy cleaning does what washing would; it takes over the more urgent reason."""
        for place, treatment in list(self.wants):
            heavy = self.wants.get((place, "heavy_clean"))
            if treatment != "wash" or heavy is None:
                continue
            wash = self.wants.pop((place, "wash"))
            if wash.priority < heavy.priority or (heavy.episode is None and wash.episode):
                self.wants[heavy.key] = replace(
                    heavy,
                    priority=min(wash.priority, heavy.priority),
                    prize=max(wash.prize, heavy.prize),
                    due=min((due for due in (wash.due, heavy.due) if due), default=None),
                    episode=wash.episode,
                )

    # What holds for every want ------------------------------------------------------------

    def _want(self, want: Want) -> bool:
        """Take the want in, or say why not; the more urgent of two with one key stays."""
        if reason := self._hindrance(want):
            self.exclusions.append(
                Exclusion(want.place, want.treatment, reason, want.episode, want.priority)
            )
            return True
        known = self.wants.get(want.key)
        if known is None or (want.priority, -want.prize) < (known.priority, -known.prize):
            refusers = frozenset(self.refusers.get(want.key, {}))
            refusers |= self.facts.overrides.others(*want.key, self.crews_for[want.treatment])
            self.wants[want.key] = replace(want, refusers=refusers)
        return True

    def _hindrance(self, want: Want) -> Reason | None:
        if against := self.facts.overrides.forbids(*want.key):
            return self._forbidden(against)
        if want.treatment in WET and self.dry is not None:
            return self.dry
        able = self.crews_for[want.treatment]
        if not able:
            return self.words.reason("no_crew", treatment=self.words.treatment(want.treatment))
        refusers = self.refusers.get(want.key, {})
        named = self.facts.overrides.crews.get(want.key)
        if named is not None and (named not in able or named in refusers):
            who = next(
                one.given_by
                for one in reversed(self.facts.overrides.all)
                if (one.place, one.treatment, one.crew) == (*want.key, named)
            )
            return self.words.reason("assigned", who=who, crew=self.names.crew(named))
        if able <= refusers.keys():
            until = min(refusers.values()) + timedelta(minutes=self.settings.refusal_rest_min)
            return self.words.reason("refused", until=self.words.time(until))
        return None

    def _treated(self, place: str, treatments: Iterable[str]) -> tuple[datetime, str] | None:
        found = [
            (self.last_done[place, treatment], treatment)
            for treatment in treatments
            if (place, treatment) in self.last_done
        ]
        return max(found, default=None)

    def _rested(self, place: str, treatments: Iterable[str]) -> Reason | None:
        for treatment in sorted(treatments):
            done = self.last_done.get((place, treatment))
            life = timedelta(minutes=self.settings.useful_life_min[treatment])
            if done is not None and self.now - done < life:
                return self.words.reason(
                    "rested", ago=self._ago(done), treatment=self.words.treatment(treatment)
                )
        return None

    def _must_prize(self, priority: int) -> float:
        return self.settings.must_prize_s[priority - 1]

    def _ago(self, at: datetime) -> int:
        return round((self.now - at) / timedelta(minutes=1))

    def _forbidden(self, by: Override) -> Reason:
        return self.words.reason(
            "forbidden", who=by.given_by, until=self.words.time(by.until), why=by.why
        )


def _routine_worth(age: float, early: float) -> float:
    """Worth of a routine treatment `age` intervals after the last, 1 when it is due.

    A little before, from `early` on, it is worth what hardly takes a detour: so a round is
    driven street by street instead of one street at a time as each becomes due.
    """
    if age >= 1:
        return min(age, 2.0)
    return max((age - early) / (1 - early), 0.0) ** 2


def _last_done(ended: Iterable[Ended]) -> dict[tuple[str, str], datetime]:
    last: dict[tuple[str, str], datetime] = {}
    for order in ended:
        if order.state == "done":
            key = order.place, order.treatment
            last[key] = max(order.ended_at, last.get(key, order.ended_at))
    return last


def _refusers(
    facts: Facts, settings: DispatchSettings
) -> dict[tuple[str, str], dict[str, datetime]]:
    """Per want, the crews that have refused or failed it lately, and when."""
    since = facts.now - timedelta(minutes=settings.refusal_rest_min)
    refusers: dict[tuple[str, str], dict[str, datetime]] = {}
    for order in facts.ended:
        if order.state in ("refused", "failed") and order.ended_at > since:
            refusers.setdefault((order.place, order.treatment), {})[order.crew] = order.ended_at
    return refusers


def _mean(values: Iterable[int]) -> float:
    numbers = list(values)
    return max(sum(numbers) / len(numbers), 1.0) if numbers else 1.0
