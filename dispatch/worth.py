"""Which treatments the model of the street would have now: as many of the best as crews can do.

The model says of every segment and treatment what a treatment now would spare residents. A crew's
seconds are what is scarce, and a litre costs the seconds in which it is fetched; so treatments are
ranked by what they spare per second. Those that fill the crews' next hours are asked for. The last
of them sets the price of a second, and with it what each is worth to the route search.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.facts import Worth
from dispatch.settings import TREATS, WET, DispatchSettings
from dispatch.shifts import shift_at
from geo.district import Crew, District

FAMILY: Mapping[str, str] = {"heavy_clean": "wash"}
"""Treatments of one family do the same to a street: one of them is enough."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A treatment that is worth a crew's time now; `prize` in seconds of it."""

    segment: str
    treatment: str
    spared: float
    prize: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The treatments to ask for, best first, and the best of each segment that gets none."""

    candidates: tuple[Candidate, ...]
    passed_over: tuple[Worth, ...]


def chosen(
    worths: Iterable[Worth],
    district: District,
    settings: DispatchSettings,
    crews: Collection[str],
    now: datetime,
    *,
    factors: Mapping[tuple[str, str], float],
) -> Chosen:
    """The best treatments for the next `worth_horizon_h` of `crews`, one of each family for each
    segment: a crew that can do little must not keep another from where it would do much.

    `factors`, by segment and treatment, change the rank of one and its prize with it; 1 where it
    names none. Ties go by segment and treatment, so that the result depends on the arguments alone.
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
    ranked: list[tuple[float, float, Worth]] = []
    for worth in worths:
        if worth.spared <= 0 or not able.get(worth.treatment):
            continue
        cost_s = _cost_s(worth, able[worth.treatment], district, settings)
        factor = factors.get((worth.segment, worth.treatment), 1.0)
        ranked.append((factor * worth.spared / cost_s, cost_s, worth))
    ranked.sort(key=lambda one: (-one[0], one[2].segment, one[2].treatment))
    taken: dict[tuple[str, str], tuple[float, float, Worth]] = {}
    used_s: dict[str, float] = dict.fromkeys(able, 0.0)
    count: dict[str, int] = dict.fromkeys(able, 0)
    price: dict[str, float] = {}
    for rate, cost_s, worth in ranked:
        treatment = worth.treatment
        over = used_s[treatment] >= settings.worth_choice * left_s[treatment]
        key = worth.segment, FAMILY.get(treatment, treatment)
        if key in taken or over or count[treatment] >= settings.worth_most:
            continue
        if used_s[treatment] < left_s[treatment]:
            price[treatment] = rate
        taken[key] = rate, cost_s, worth
        used_s[treatment] += cost_s
        count[treatment] += 1
    candidates = tuple(
        Candidate(
            segment,
            worth.treatment,
            worth.spared,
            settings.worth_gain * cost_s * rate / price[worth.treatment],
        )
        for (segment, _), (rate, cost_s, worth) in taken.items()
    )
    passed: dict[str, Worth] = {}
    served = {segment for segment, _ in taken}
    for _, _, worth in ranked:
        if worth.segment not in served:
            passed.setdefault(worth.segment, worth)
    return Chosen(candidates, tuple(passed.values()))


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
