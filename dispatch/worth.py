"""Which treatments the model of the street would have now: as many of the best as crews can do.

The model says of every segment and treatment what a treatment now would spare residents. A crew's
seconds are what is scarce, and a litre costs the seconds in which it is fetched; so treatments are
ranked by what they spare per second. Those that fill the crews' next hours are asked for. The last
of them sets the price of a second, and with it what each is worth to the route search. What a day
owes a street for its own sake stands in the same queue, at a price of its own.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.facts import Worth
from dispatch.settings import TREATS, WET, DispatchSettings
from dispatch.shifts import shift_at
from geo.district import Crew, District

WASH = "wash"

FAMILY: Mapping[str, str] = {"heavy_clean": "wash"}
"""Treatments of one family do the same to a street: one of them is enough."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A treatment that is worth a crew's time now; `prize` in seconds of it. `owed`: it is asked
    for because the day owes it to the street."""

    segment: str
    treatment: str
    spared: float
    prize: float
    owed: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The treatments to ask for, best first, and the best of each segment that gets none.

    price: what the last wash that fills the crews' hours spares per second, what is owed left out
    of account; None if there is none.
    """

    candidates: tuple[Candidate, ...]
    passed_over: tuple[Worth, ...]
    price: float | None


def chosen(
    worths: Iterable[Worth],
    district: District,
    settings: DispatchSettings,
    crews: Collection[str],
    now: datetime,
    *,
    factors: Mapping[tuple[str, str], float],
    owed: Mapping[str, float],
    usual: float | None,
) -> Chosen:
    """The best treatments for the next `worth_horizon_h` of `crews`, one of each family for each
    segment: a crew that can do little must not keep another from where it would do much.

    `factors`, by segment and treatment, change the rank of one and its prize with it; 1 where it
    names none. `owed` are segments that a day owes a wash, and how many times the `usual` price a
    second of it counts for; where no usual price is known, the price of now. Ties go by segment and
    treatment, so that the result depends on the arguments alone.
    """
    able = {
        treatment: [
            district.crews[crew] for crew in crews if treatment in TREATS[district.crews[crew].kind]
        ]
        for treatments in TREATS.values()
        for treatment in treatments
    }
    left_s = {
        treatment: sum(_left_s(crew, district, settings, now) for crew in those)
        for treatment, those in able.items()
    }
    ranked: list[_Ranked] = []
    for worth in worths:
        if worth.spared <= 0 or not able.get(worth.treatment):
            continue
        cost_s = _cost_s(worth, able[worth.treatment], district, settings)
        factor = factors.get((worth.segment, worth.treatment), 1.0)
        ranked.append(_Ranked(factor * worth.spared / cost_s, cost_s, worth))
    ranked.sort(key=_order)
    _, price = _fill(ranked, left_s, settings)
    if able[WASH]:
        # Where nothing is worth while either, any price will do.
        usual = usual or price.get(WASH, 1.0)
        for segment, times in owed.items():
            worth = Worth(segment, WASH, now, 0.0)
            cost_s = _cost_s(worth, able[WASH], district, settings)
            ranked.append(_Ranked(times * usual, cost_s, worth, owed=True))
    ranked.sort(key=_order)
    taken, dearer = _fill(ranked, left_s, settings)
    candidates = tuple(
        Candidate(
            one.worth.segment,
            one.worth.treatment,
            one.worth.spared,
            settings.worth_gain * one.cost_s * one.rate / dearer[one.worth.treatment],
            one.owed,
        )
        for one in taken
    )
    passed: dict[str, Worth] = {}
    served = {one.worth.segment for one in taken}
    for one in ranked:
        if one.worth.segment not in served and not one.owed:
            passed.setdefault(one.worth.segment, one.worth)
    return Chosen(candidates, tuple(passed.values()), price.get(WASH))


@dataclass(frozen=True, slots=True)
class _Ranked:
    rate: float
    cost_s: float
    worth: Worth
    owed: bool = False


def _order(one: _Ranked) -> tuple[float, str, str]:
    return -one.rate, one.worth.segment, one.worth.treatment


def _fill(
    ranked: Iterable[_Ranked], left_s: Mapping[str, float], settings: DispatchSettings
) -> tuple[list[_Ranked], dict[str, float]]:
    """Of treatments in their `_order`, those that fill the crews' hours and some more to choose
    from; and, by treatment, the rate of the last that fills them."""
    taken: dict[tuple[str, str], _Ranked] = {}
    used_s: dict[str, float] = dict.fromkeys(left_s, 0.0)
    count: dict[str, int] = dict.fromkeys(left_s, 0)
    price: dict[str, float] = {}
    for one in ranked:
        treatment = one.worth.treatment
        over = used_s[treatment] >= settings.worth_choice * left_s[treatment]
        key = one.worth.segment, FAMILY.get(treatment, treatment)
        if key in taken or over or count[treatment] >= settings.worth_most:
            continue
        if used_s[treatment] < left_s[treatment]:
            price[treatment] = one.rate
        taken[key] = one
        used_s[treatment] += one.cost_s
        count[treatment] += 1
    return list(taken.values()), price


def _left_s(crew: Crew, district: District, settings: DispatchSettings, now: datetime) -> float:
    """Seconds of a crew until its shift or the horizon ends."""
    span = shift_at(crew.shifts, district.timezone, now)
    if span is None:
        return 0.0
    horizon = timedelta(hours=settings.worth_horizon_h)
    return min(span[1] - now, horizon).total_seconds()


def _cost_s(
    worth: Worth, crews: Collection[Crew], district: District, settings: DispatchSettings
) -> float:
    """What a treatment takes of a crew's time, the mean over crews: drive, work, and water."""
    length_m = district.segments[worth.segment].length_m
    total_s = 0.0
    for crew in crews:
        speed_kmh = crew.work_speed_kmh
        if worth.treatment in WET:
            speed_kmh = min(speed_kmh, settings.max_wash_kmh)
        total_s += length_m / (speed_kmh / 3.6) + settings.worth_drive_s
        if crew.tank_m3 > 0:
            tanks = length_m * crew.water_l_per_m / (crew.tank_m3 * 1000)
            total_s += tanks * _refill_s(district)
    return total_s / len(crews)


def _refill_s(district: District) -> float:
    refills = [d.refill_minutes for d in district.depots.values() if d.kind in ("refill", "both")]
    return 60 * min(refills, default=0.0)
