"""The figures of a report: pure functions of rows, computed once and only formatted after.

What each one is stands in docs/reports.md under its name.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np

from console.models import District
from console.reports import avoided as spared
from console.reports.change import Better, Change, Sample, change, daily
from console.reports.estimate import Estimate
from console.reports.period import Period
from console.reports.rows import (
    Episode,
    Matter,
    Rows,
    Treatment,
    overlap_min,
)

ANSWER_MIN = 5.0
"""Of the aim: an order or a stated reason within so many minutes."""
WARNINGS = frozenset({"gate", "cusum"})
"""Rules that warn; they are no exceedance."""
LEVELS = (1, 2, 3)
OVER = 2
"""The level from which on a limit is exceeded."""
KEPT = frozenset({"treated", "subsided", "reason"})
MISSED = frozenset({"not_made"})
DRAWS = 2000
SEED = 20260301
MINUTE = timedelta(minutes=1)
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KindFigures:
    """A kind of treatment. effect_pct: mean of the verdicts; litres and metres of what was proven;
    `seen`: done work whose vehicle was seen."""

    kind: str
    done: int
    failed: int
    judged: int
    effective: int
    effect_pct: Estimate | None
    avoided: Estimate
    seen: int
    proven: int
    water_l: float
    treated_km: float


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """Exceedances that began or went on, by the highest level they reached; minutes from that level
    on, summed over segments."""

    level: int
    episodes: int
    minutes: int


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """minutes: known of it; increment: mean, µg/m³; resident_h: residents times hours over the
    limit."""

    segment: str
    minutes: int
    measured_share: float
    increment: float | None
    over: tuple[int, int, int]
    episodes: int
    treatments: int
    judged: int
    avoided: Estimate
    resident_h: float


@dataclass(frozen=True, slots=True)
class CauseFigures:
    kind: str
    share: Estimate


@dataclass(frozen=True, slots=True)
class SiteDay:
    """What a site did on a day: exceedances that it led, failures of its wheel wash, flags."""

    day: date
    led: int
    gate: int
    flags: int


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """share: of the minutes over limits, as a part of 1; None where there were none. offence_days:
    days with an exceedance led by it or with a failing wheel wash."""

    site: str
    share: Estimate | None
    led: int
    gate: int
    flags: int
    flag_kinds: Mapping[str, int]
    offence_days: int
    inspections: int
    inspected: int
    days: tuple[SiteDay, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """One that was ordered at a site; minutes: from the order to its end."""

    site: str
    ordered_at: datetime
    crew: str
    state: str
    minutes: float
    outcome: str | None
    outcome_also: str | None = None


@dataclass(frozen=True, slots=True)
class CrewFigures:
    crew: str
    done: int
    failed: int
    driven_km: float
    treated_km: float
    water_l: float
    seen: int
    proven: int
    judged: int
    effect_pct: Estimate | None
    avoided: Estimate


@dataclass(frozen=True, slots=True)
class Water:
    """litres: of all done work, by the gauge or as planned where it was not seen; litres_per_km: of
    proven street work alone; None without any."""

    litres: float
    treated_km: float
    driven_km: float
    litres_per_km: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Minutes of n cases, the middle one and the 95th of a hundred."""

    n: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A promise not kept, or work that began late; minutes_late: None where nothing was begun.
    reason: as it was stored; also: the same in the other language."""

    ref: str
    kind: str
    place: str | None
    level: int
    opened_at: datetime
    outcome: str
    minutes_late: float | None
    reason: str | None
    also: str | None = None


@dataclass(frozen=True, slots=True)
class Promises:
    """Matters of the period. counted: those that ended and were anybody's to keep."""

    matters: int
    outcomes: Mapping[str, int]
    counted: int
    kept: int
    answered_in_time: int
    answer: Spread
    begun: Spread
    late: int
    missed: tuple[Missed, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided against a plan."""

    at: datetime
    kind: str
    place: str | None
    crew: str | None
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class StationFigures:
    station: str
    expected: float
    received: float
    doubted: int
    readings: int
    late: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """pairs: verdicts that two sources speak of; agree: their intervals meet; forecasts an hour
    ahead, and how many held between their quantiles of 10 and 90 %."""

    pairs: int
    agree: int
    forecasts: int
    inside: int


@dataclass(frozen=True, slots=True)
class WeatherFigures:
    haze_h: float
    sand_h: float
    rain_h: int
    rain_mm: float
    temp: float | None
    rh: float | None
    wind_speed: float | None
    trucks: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    day: date
    increment: float | None
    background: float | None
    over_min: int
    resident_h: float
    treatments: int
    avoided: Estimate
    flags: int
    episodes: int

    @property
    def measured(self) -> bool:
        """Whether there is any minute of it: a day without has no time over a limit, not none."""
        return self.increment is not None


@dataclass(frozen=True, slots=True)
class HourFigures:
    hour: datetime
    increment: float | None
    background: float | None
    over_min: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a report of one period says. observed_h: hours of it since the first reading
    ever and up to now; complete: it is over; changes: against the period before; changes_last_year:
    likewise, empty when nothing is known of then."""

    kind: str
    first: date
    last: date
    upto: datetime
    observed_h: float
    complete: bool
    residents: int
    avoided: Estimate
    avoided_share: Estimate | None
    dose: float
    kinds: tuple[KindFigures, ...]
    levels: tuple[LevelFigures, ...]
    warnings: int
    over_min: int
    minutes: int
    resident_h: float
    increment: float | None
    background: float | None
    segments: tuple[SegmentFigures, ...]
    causes: tuple[CauseFigures, ...]
    sites: tuple[SiteFigures, ...]
    inspections: tuple[Inspection, ...]
    crews: tuple[CrewFigures, ...]
    water: Water
    promises: Promises
    concerns: Mapping[str, int]
    calls: Mapping[str, int]
    decisions: tuple[Decision, ...]
    complaints: int
    stations: tuple[StationFigures, ...]
    calibration: Calibration
    weather: WeatherFigures
    days: tuple[DayFigures, ...]
    hours: tuple[HourFigures, ...]
    changes: tuple[Change, ...] = ()
    changes_last_year: tuple[Change, ...] = ()

    @property
    def treatments(self) -> int:
        return sum(kind.done for kind in self.kinds)

    @property
    def exceedances(self) -> int:
        return sum(level.episodes for level in self.levels if level.level >= OVER)

    @property
    def judged(self) -> int:
        return sum(kind.judged for kind in self.kinds)

    @property
    def seen(self) -> int:
        return sum(kind.seen for kind in self.kinds)

    @property
    def proven(self) -> int:
        return sum(kind.proven for kind in self.kinds)

    @property
    def expected(self) -> float:
        return sum(station.expected for station in self.stations)

    @property
    def received(self) -> float:
        return sum(station.received for station in self.stations)

    @property
    def completeness(self) -> float | None:
        return self.received / self.expected if self.expected else None


def figures(district: District, wanted: Period, rows: Rows) -> Figures:
    """The figures of one period, without comparison."""
    zone = ZoneInfo(district.timezone)
    residents = {s.id: float(s.residents) for s in district.segments if s.treat}
    done = [work for work in rows.treatments if work.state == "done"]
    gains = spared.each(done, residents)
    shared = spared.shared_errors(rows.learned)
    over = [episode for episode in rows.episodes if episode.rule not in WARNINGS]
    days = _days(wanted, rows, residents, gains, shared, done, zone)
    told = sum(row.told for row in rows.segment_days)
    blown = sum(row.background_told for row in rows.segment_days)
    dose = sum(
        residents.get(row.segment, 0.0) * max(row.increment_sum, 0.0) / 60.0
        for row in rows.segment_days
    )
    gained = _gained(done, gains, shared)
    minutes_over = [
        sum(getattr(row, f"over_{level}") for row in rows.segment_days) for level in LEVELS
    ]
    observed_from = max(rows.since, rows.first_reading or rows.upto)
    observed_h = max((rows.upto - observed_from) / timedelta(hours=1), 0.0)
    return Figures(
        kind=wanted.kind,
        first=wanted.first,
        last=wanted.last,
        upto=rows.upto,
        observed_h=observed_h,
        complete=rows.upto >= wanted.until(zone),
        residents=int(sum(residents.values())),
        avoided=gained,
        avoided_share=_part(gained, dose),
        dose=dose,
        kinds=_kinds(rows.treatments, gains, shared),
        levels=tuple(
            LevelFigures(level, sum(e.level == level for e in over), minutes_over[i])
            for i, level in enumerate(LEVELS)
        ),
        warnings=len(rows.episodes) - len(over),
        over_min=minutes_over[OVER - 1],
        minutes=sum(row.minutes for row in rows.segment_days),
        resident_h=sum(day.resident_h for day in days),
        increment=sum(r.increment_sum for r in rows.segment_days) / told if told else None,
        background=sum(r.background_sum for r in rows.segment_days) / blown if blown else None,
        segments=_segments(rows, residents, gains, shared, done, over),
        causes=_causes(over, rows),
        sites=_sites(district, wanted, rows, over, zone),
        inspections=tuple(
            Inspection(
                w.site,
                w.issued_at,
                w.crew,
                w.state,
                (w.ended_at - w.issued_at) / MINUTE,
                w.outcome,
                w.outcome_also,
            )
            for w in rows.treatments
            if w.treatment == "inspect" and w.site
        ),
        crews=_crews(district, rows, gains, shared),
        water=_water(rows, done),
        promises=_promises(rows.matters),
        concerns=_counts(concern.kind for concern in rows.concerns),
        calls={row.role or UNKNOWN: row.calls for row in rows.calls},
        decisions=tuple(
            Decision(o.given_at, o.kind, o.place, o.crew, o.given_by, o.why) for o in rows.overrides
        ),
        complaints=rows.complaints,
        stations=_stations(district, rows),
        calibration=Calibration(
            pairs=sum(work.disagree is not None for work in done),
            agree=sum(work.disagree is False for work in done),
            forecasts=rows.foreseen.forecasts,
            inside=rows.foreseen.inside,
        ),
        weather=_weather(rows),
        days=days,
        hours=tuple(HourFigures(h.hour, h.increment, h.background, h.over_2) for h in rows.hours),
    )


def compared(
    now: Figures, then: Figures | None, rows: Rows, rows_then: Rows | None
) -> tuple[Change, ...]:
    """Every figure that is compared; nothing when nothing is known of `then`."""
    if then is None or rows_then is None or not (then.minutes or rows_then.treatments):
        return ()
    first, second = _samples(now, rows), _samples(then, rows_then)
    return tuple(
        change(name, better, first[name], second[name]) for name, better in COMPARED.items()
    )


COMPARED: Mapping[str, Better] = {
    "avoided": "higher",
    "avoided_share": "higher",
    "over_min": "lower",
    "resident_h": "lower",
    "exceedances": "lower",
    "increment": "lower",
    "background": "neither",
    "treatments": "neither",
    "proven_share": "higher",
    "litres_per_km": "neither",
    "answer_p50": "lower",
    "begun_p50": "lower",
    "kept_share": "higher",
    "site_flags": "lower",
    "complaints": "lower",
    "completeness": "higher",
}


def _samples(its: Figures, rows: Rows) -> dict[str, Sample]:
    """Days that are hardly there are not held against whole ones."""
    days = [day for day in its.days if day.increment is not None]
    span = its.observed_h / 24.0
    return {
        "avoided": Sample(its.avoided.value, interval=its.avoided),
        "avoided_share": Sample(
            its.avoided_share.value if its.avoided_share else None, interval=its.avoided_share
        ),
        "over_min": daily([day.over_min for day in days], its.over_min),
        "resident_h": daily([day.resident_h for day in days], its.resident_h),
        "exceedances": daily([day.episodes for day in days], its.exceedances, span),
        "increment": daily([day.increment or 0.0 for day in days], its.increment),
        "background": daily([day.background or 0.0 for day in days], its.background),
        "treatments": daily([day.treatments for day in days], its.treatments),
        "proven_share": _share(its.proven, its.seen),
        "litres_per_km": Sample(its.water.litres_per_km, values=_each_per_km(rows)),
        "answer_p50": Sample(its.promises.answer.p50, values=tuple(answers_min(rows.matters))),
        "begun_p50": Sample(its.promises.begun.p50, values=tuple(begun_min(rows.matters))),
        "kept_share": _share(its.promises.kept, its.promises.counted),
        "site_flags": daily(
            [day.flags for day in days], sum(site.flags for site in its.sites), span
        ),
        "complaints": Sample(its.complaints, days=span),
        "completeness": Sample(its.completeness),
    }


def _share(hits: int, of: int) -> Sample:
    return Sample(hits / of if of else None, hits=hits, of=of)


def _each_per_km(rows: Rows) -> tuple[float, ...]:
    return tuple(1000.0 * litres / metres for litres, metres in _driven(rows.treatments))


# Street ---------------------------------------------------------------------------------------


def _part(gained: Estimate, dose: float) -> Estimate | None:
    """What was spared as a share of what would have been breathed without."""
    parts = [
        value / (dose + value) if dose + value > 0 else None
        for value in (gained.value, gained.low, gained.high)
    ]
    value, low, high = parts
    return None if value is None or low is None or high is None else Estimate(value, low, high)


def _segments(
    rows: Rows,
    residents: Mapping[str, float],
    gains: Mapping[str, Estimate],
    shared: Mapping[str, float],
    done: Sequence[Treatment],
    over: Sequence[Episode],
) -> tuple[SegmentFigures, ...]:
    """Those with most minutes over the limit first."""
    of_day = defaultdict(list)
    for row in rows.segment_days:
        of_day[row.segment].append(row)
    work = defaultdict(list)
    for one in done:
        if one.segment:
            work[one.segment].append(one)
    episodes = Counter(e.segment for e in over if e.level >= OVER)
    found = []
    for segment, its in of_day.items():
        if segment not in residents:
            continue
        minutes, told = sum(r.minutes for r in its), sum(r.told for r in its)
        over_1, over_2, over_3 = (sum(getattr(r, f"over_{n}") for r in its) for n in LEVELS)
        found.append(
            SegmentFigures(
                segment=segment,
                minutes=minutes,
                measured_share=sum(r.measured for r in its) / minutes,
                increment=sum(r.increment_sum for r in its) / told if told else None,
                over=(over_1, over_2, over_3),
                episodes=episodes[segment],
                treatments=len(work[segment]),
                judged=sum(one.id in gains for one in work[segment]),
                avoided=_gained(work[segment], gains, shared),
                resident_h=residents[segment] * over_2 / 60.0,
            )
        )
    return tuple(
        sorted(
            found, key=lambda s: (*(-n for n in reversed(s.over)), -(s.increment or 0), s.segment)
        )
    )


def _kinds(
    treatments: Sequence[Treatment], gains: Mapping[str, Estimate], shared: Mapping[str, float]
) -> tuple[KindFigures, ...]:
    """Those with most work first."""
    of_kind = defaultdict(list)
    for work in treatments:
        of_kind[work.treatment].append(work)
    found = []
    for kind, works in of_kind.items():
        done = [work for work in works if work.state == "done"]
        judged = [work for work in done if work.reduction_pct is not None]
        found.append(
            KindFigures(
                kind=kind,
                done=len(done),
                failed=len(works) - len(done),
                judged=len(judged),
                effective=sum(work.effective is True for work in judged),
                effect_pct=_effect(judged, shared),
                avoided=_gained(done, gains, shared),
                seen=sum(work.proven is not None for work in done),
                proven=sum(work.proven is True for work in done),
                water_l=sum(_litres(work) for work in done),
                treated_km=sum(work.worked_m or 0.0 for work in done) / 1000.0,
            )
        )
    return tuple(sorted(found, key=lambda k: (-k.done, k.kind)))


def _gained(
    works: Iterable[Treatment], gains: Mapping[str, Estimate], shared: Mapping[str, float]
) -> Estimate:
    """What some work spared residents, as far as there are verdicts."""
    return spared.total(
        ((work.treatment, gains[work.id]) for work in works if work.id in gains), shared
    )


def _effect(judged: Sequence[Treatment], shared: Mapping[str, float]) -> Estimate | None:
    """The mean verdict, in percent."""
    told = [
        (work.treatment, Estimate(work.reduction_pct, work.low_pct, work.high_pct))
        for work in judged
        if work.reduction_pct is not None and work.low_pct is not None and work.high_pct is not None
    ]
    if not told:
        return None
    whole = spared.total(told, shared)
    return Estimate(whole.value / len(told), whole.low / len(told), whole.high / len(told))


def _litres(work: Treatment) -> float:
    return work.planned_l if work.water_l is None else work.water_l


def _driven(treatments: Iterable[Treatment]) -> list[tuple[float, float]]:
    """Litres and metres of work that was seen to water a street."""
    return [
        (work.water_l, work.worked_m)
        for work in treatments
        if work.state == "done" and work.segment and work.water_l and work.worked_m
    ]


def _water(rows: Rows, done: Sequence[Treatment]) -> Water:
    driven = _driven(done)
    metres = sum(m for _, m in driven)
    return Water(
        litres=sum(_litres(work) for work in done),
        treated_km=sum(work.worked_m or 0.0 for work in done) / 1000.0,
        driven_km=sum(row.km for row in rows.drives),
        litres_per_km=1000.0 * sum(litres for litres, _ in driven) / metres if metres else None,
    )


# Causes and sites -------------------------------------------------------------------------------


def _blame(episode: Episode) -> list[tuple[str, str | None, float]]:
    """(kind, site, share); what no cause takes is unknown."""
    shares = [
        (str(c["kind"]), c.get("site"), float(c.get("probability") or 0.0)) for c in episode.causes
    ]
    left = 1.0 - sum(share for *_, share in shares)
    return shares + ([(UNKNOWN, None, left)] if left > 1e-9 else [])


def shares(
    over: Sequence[Episode],
    since: datetime,
    upto: datetime,
    names: Sequence[str],
    of: Callable[[str, str | None], str],
) -> list[Estimate] | None:
    """The share of each name in the minutes of all exceedances. The interval: 90 % of what it comes
    to when as many exceedances are drawn from these, with replacement."""
    if not over or not names:
        return None
    column = {name: i for i, name in enumerate(names)}
    blamed = np.zeros((len(over), len(names)))
    minutes = np.array([overlap_min(e.started_at, e.ended_at, since, upto) for e in over])
    for i, episode in enumerate(over):
        for kind, site, share in _blame(episode):
            if of(kind, site) in column:
                blamed[i, column[of(kind, site)]] += share * minutes[i]
    if minutes.sum() <= 0:
        return None
    drawn = np.random.default_rng(SEED).integers(0, len(over), (DRAWS, len(over)))
    times = np.apply_along_axis(np.bincount, 1, drawn, minlength=len(over))
    total = times @ minutes
    kept = total > 0
    low, high = np.quantile((times @ blamed)[kept] / total[kept, None], (0.05, 0.95), axis=0)
    value = blamed.sum(axis=0) / minutes.sum()
    return [
        Estimate(float(v), float(min(lo, v)), float(max(hi, v)))
        for v, lo, hi in zip(value, low, high, strict=True)
    ]


def _causes(over: Sequence[Episode], rows: Rows) -> tuple[CauseFigures, ...]:
    kinds = sorted({kind for episode in over for kind, _, _ in _blame(episode)})
    parts = shares(over, rows.since, rows.upto, kinds, lambda kind, _: kind)
    if parts is None:
        return ()
    found = [CauseFigures(kind, share) for kind, share in zip(kinds, parts, strict=True)]
    return tuple(sorted(found, key=lambda c: -c.share.value))


def _sites(
    district: District, wanted: Period, rows: Rows, over: Sequence[Episode], zone: tzinfo
) -> tuple[SiteFigures, ...]:
    """Those with the greatest share first."""
    names = [site.id for site in district.sites]
    parts = shares(
        over, rows.since, rows.upto, names, lambda kind, of: of or "" if kind == "site" else ""
    )
    led, gate = Counter[tuple[str, date]](), Counter[tuple[str, date]]()
    for episode in rows.episodes:
        first = episode.causes[0] if episode.causes else {}
        site = episode.site or first.get("site")
        if site is None or (episode.rule not in WARNINGS and first.get("kind") != "site"):
            continue
        day = max(episode.started_at, rows.since).astimezone(zone).date()
        if episode.rule not in WARNINGS:
            led[first.get("site") or site, day] += 1
        elif episode.rule == "gate":
            gate[site, day] += 1
    flags: dict[str, Counter[str]] = defaultdict(Counter)
    flag_days = Counter[tuple[str, date]]()
    for row in rows.site_flags:
        flags[row.site][row.kind] += row.flags
        flag_days[row.site, row.day] += row.flags
    ordered, answered = Counter[str](), Counter[str]()
    for work in rows.treatments:
        if work.treatment == "inspect" and work.site:
            ordered[work.site] += 1
            answered[work.site] += work.state == "done"
    of_days = {
        site: tuple(
            SiteDay(day, led[site, day], gate[site, day], flag_days[site, day])
            for day in wanted.each_day
        )
        for site in names
    }
    found = [
        SiteFigures(
            site=site,
            share=parts[i] if parts else None,
            led=sum(day.led for day in of_days[site]),
            gate=sum(day.gate for day in of_days[site]),
            flags=flags[site].total(),
            flag_kinds=dict(sorted(flags[site].items())),
            offence_days=sum(bool(day.led or day.gate) for day in of_days[site]),
            inspections=ordered[site],
            inspected=answered[site],
            days=of_days[site],
        )
        for i, site in enumerate(names)
    ]
    return tuple(
        sorted(
            found,
            key=lambda s: (-(s.share.value if s.share else 0.0), -s.led, -s.gate, -s.flags, s.site),
        )
    )


# Crews and promises ----------------------------------------------------------------------------


def _crews(
    district: District, rows: Rows, gains: Mapping[str, Estimate], shared: Mapping[str, float]
) -> tuple[CrewFigures, ...]:
    """In the district's order, those that were at work."""
    km = {row.crew: row.km for row in rows.drives}
    of_crew = defaultdict(list)
    for work in rows.treatments:
        of_crew[work.crew].append(work)
    names = [crew.id for crew in district.crews]
    names += sorted((of_crew.keys() | km.keys()) - set(names))
    found = []
    for crew in names:
        if not of_crew[crew] and not km.get(crew):
            continue
        done = [work for work in of_crew[crew] if work.state == "done"]
        judged = [work for work in done if work.reduction_pct is not None]
        found.append(
            CrewFigures(
                crew=crew,
                done=len(done),
                failed=len(of_crew[crew]) - len(done),
                driven_km=km.get(crew, 0.0),
                treated_km=sum(work.worked_m or 0.0 for work in done) / 1000.0,
                water_l=sum(_litres(work) for work in done),
                seen=sum(work.proven is not None for work in done),
                proven=sum(work.proven is True for work in done),
                judged=len(judged),
                effect_pct=_effect(judged, shared),
                avoided=_gained(done, gains, shared),
            )
        )
    return tuple(found)


def _minutes(first: datetime, then: datetime | None) -> float | None:
    return None if then is None else (then - first) / MINUTE


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, None, None)
    p50, p95 = np.percentile(values, (50, 95))
    return Spread(len(values), float(p50), float(p95))


def answers_min(matters: Iterable[Matter]) -> list[float]:
    """From the limit passed to an order or a stated reason, of those that got one."""
    found = (_minutes(m.opened_at, m.answered_at) for m in matters)
    return [value for value in found if value is not None]


def begun_min(matters: Iterable[Matter]) -> list[float]:
    """From the limit passed to work begun at the place, of those that got any."""
    found = (_minutes(m.opened_at, m.begun_at) for m in matters)
    return [max(value, 0.0) for value in found if value is not None]


def _promises(matters: Sequence[Matter]) -> Promises:
    outcomes = _counts(matter.outcome for matter in matters)
    answers = answers_min(matters)
    missed = []
    late = 0
    for matter in matters:
        begun_late = matter.begun_at is not None and matter.begun_at > matter.due
        late += begun_late
        if matter.outcome in MISSED or begun_late:
            missed.append(
                Missed(
                    ref=matter.ref,
                    kind=matter.kind,
                    place=matter.place,
                    level=matter.level,
                    opened_at=matter.opened_at,
                    outcome=matter.outcome,
                    minutes_late=_minutes(matter.due, matter.begun_at) if begun_late else None,
                    reason=matter.reason,
                    also=matter.also,
                )
            )
    return Promises(
        matters=len(matters),
        outcomes=outcomes,
        counted=sum(n for outcome, n in outcomes.items() if outcome in KEPT | MISSED),
        kept=sum(n for outcome, n in outcomes.items() if outcome in KEPT),
        answered_in_time=sum(value <= ANSWER_MIN for value in answers),
        answer=_spread(answers),
        begun=_spread(begun_min(matters)),
        late=late,
        missed=tuple(
            sorted(missed, key=lambda m: (m.outcome not in MISSED, -(m.minutes_late or 0), m.ref))
        ),
    )


# Data ------------------------------------------------------------------------------------------


def _stations(district: District, rows: Rows) -> tuple[StationFigures, ...]:
    """The least complete first. One that did not stand there yet is not among them."""
    of_station = defaultdict(list)
    for row in rows.station_days:
        of_station[row.station].append(row)
    found = [
        StationFigures(
            station=station,
            expected=sum(row.expected for row in its),
            received=sum(row.received for row in its),
            doubted=sum(row.doubted for row in its),
            readings=sum(row.readings for row in its),
            late=sum(row.late for row in its),
        )
        for station in (one.id for one in district.stations)
        if (its := of_station[station])
    ]
    return tuple(sorted(found, key=lambda s: (s.received / s.expected, s.station)))


def _weather(rows: Rows) -> WeatherFigures:
    def hours(kind: str) -> float:
        spells = (n for n in rows.notices if n.kind == kind)
        return (
            sum(overlap_min(n.started_at, n.ended_at, rows.since, rows.upto) for n in spells) / 60
        )

    return WeatherFigures(
        haze_h=hours("haze"),
        sand_h=hours("sand_dust"),
        rain_h=len(rows.rain),
        rain_mm=sum(row.mm for row in rows.rain),
        temp=rows.weather.temp,
        rh=rows.weather.rh,
        wind_speed=rows.weather.wind_speed,
        trucks=rows.trucks,
    )


def _days(
    wanted: Period,
    rows: Rows,
    residents: Mapping[str, float],
    gains: Mapping[str, Estimate],
    shared: Mapping[str, float],
    done: Sequence[Treatment],
    zone: tzinfo,
) -> tuple[DayFigures, ...]:
    """Every day of the period that has begun."""
    minutes, work, flags = defaultdict(list), defaultdict(list), Counter[date]()
    for row in rows.segment_days:
        minutes[row.day].append(row)
    for one in done:
        work[one.ended_at.astimezone(zone).date()].append(one)
    for flag in rows.site_flags:
        flags[flag.day] += flag.flags
    begun = Counter(
        e.started_at.astimezone(zone).date()
        for e in rows.episodes
        if e.rule not in WARNINGS and e.level >= OVER
    )
    found = []
    for day in wanted.each_day:
        if Period("day", day, day).since(zone) >= rows.upto:
            break
        its = minutes[day]
        told, blown = sum(r.told for r in its), sum(r.background_told for r in its)
        found.append(
            DayFigures(
                day=day,
                increment=sum(r.increment_sum for r in its) / told if told else None,
                background=sum(r.background_sum for r in its) / blown if blown else None,
                over_min=sum(r.over_2 for r in its),
                resident_h=sum(residents.get(r.segment, 0.0) * r.over_2 / 60.0 for r in its),
                treatments=len(work[day]),
                avoided=_gained(work[day], gains, shared),
                flags=flags[day],
                episodes=begun[day],
            )
        )
    return tuple(found)


def _counts(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
