"""A trial in figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from evaluation.counterfactual import VerdictSaid, coverage
from evaluation.exceedances import LIMIT, Spell, hourly_means, spells
from evaluation.record import STREET, Cause, EpisodeSaid, OrderSaid, Record
from geo.district import District
from geo.graph import RoadGraph

__all__ = ["Figures", "score"]

Figures = dict[str, float | None]

# How far an episode, an order or work may lie from an exceedance and still be about it.
NEAR = timedelta(minutes=30)
NEAR_IN_HAZE = timedelta(minutes=60)

LEVEL = 2


@dataclass(frozen=True, slots=True)
class _Alarm:
    """An episode while it was active at level 2 or more."""

    segment: str
    said_at: datetime
    until: datetime
    cause: Cause | None


def score(
    record: Record,
    district: District,
    verdicts: Sequence[VerdictSaid] = (),
    *,
    graph: RoadGraph | None = None,
) -> Figures:
    """Everything that can be counted in a trial; None where there is nothing to count.

    ======================================= =====================================================
    resident_minutes_over_80                people times minutes with a 60-minute mean of the
                                            true increment over 80 µg/m³
    resident_dose_ug_m3_h                   increment times hours, mean over residents
    water_m3, km                            of all crews, by their own reports
    treatments_done, orders_refused         by what crews said; looking is no treatment
    orders, orders_per_operator_hour        orders to treat or look; one operator at all hours
    exceedances                             true spells over 80 µg/m³ on segments to be treated
    minutes_to_episode, …_order, …_work     medians over spells, from the first minute over the
                                            limit; 0 where it was there before
    minutes_to_order_95, …_work_95          95th percentiles of the same
    minutes_sent_to_work, …_95              median and 95th percentile over the orders about a
                                            spell that were begun, from sent to begun
    never_episode, never_order, never_work  shares of spells without
    episode_precision, episode_recall       of level 2 or more, against true spells on the same
                                            segment within 30 minutes
    causes_right                            share of matched episodes whose likeliest cause is
                                            the source that gave most
    false_episodes_on_haze                  episodes of level 2 or more that began in the
                                            scenario's haze or sand-dust with no true spell on
                                            their segment within an hour
    verdicts_checked, verdict_coverage      of the given ones: how many, and the share whose
                                            interval covers the true effect
    verdict_error_pct, verdict_width_pct    said less true, and width of the interval, mean
    ======================================= =====================================================

    Orders and work at the site that led a spell are about the spell too. Spells led by a site
    that the district does not know are left out of ``causes_right``: nobody could name it.
    Episodes of a site without a segment are counted nowhere.
    """
    means = hourly_means(record.increment)
    over = np.nan_to_num(means) > LIMIT
    residents = record.residents
    people = max(float(residents.sum()), 1.0)
    dose = record.increment.sum(axis=0, dtype=np.float64) / 60.0
    treated = {name for name, segment in district.segments.items() if segment.treat}
    true = [spell for spell in spells(record) if spell.segment in treated]
    to_treat = [order for order in record.orders if order.treats]
    figures: Figures = {
        "resident_minutes_over_80": float(over.sum(axis=0) @ residents),
        "resident_dose_ug_m3_h": float(dose @ residents) / people,
        "water_m3": sum(record.water_m3.values()),
        "km": sum(record.km.values()),
        "treatments_done": float(_done(record)),
        "orders": float(len(to_treat)),
        "orders_refused": float(sum(said.event == "refused" for said in record.progress)),
        "orders_per_operator_hour": len(to_treat) / record.hours if record.minutes else None,
        "exceedances": float(len(true)),
    }
    figures |= _answers(record, true)
    figures |= _episodes(record, district, true)
    figures |= _verdicts(record, district, verdicts, graph)
    return figures


def _done(record: Record) -> int:
    treatments = {
        order.order for order in record.orders if order.treats and order.treatment != "inspect"
    }
    return sum(said.event == "done" and said.order in treatments for said in record.progress)


# From truth to order to work ----------------------------------------------------------------------


def _answers(record: Record, true: Sequence[Spell]) -> Figures:
    ended_at: dict[str, datetime] = {}
    begun_at: dict[str, datetime] = {}
    for said in record.progress:
        if said.event == "started":
            begun_at.setdefault(said.order, said.ts)
        elif said.event != "accepted":
            ended_at.setdefault(said.order, said.ts)
    orders: list[float | None] = []
    works: list[float | None] = []
    waits: dict[str, float] = {}
    for spell in true:
        about = [order for order in record.orders if _about(order, spell)]
        orders.append(
            _first_minutes(
                spell,
                (
                    (order.said_at, _earliest(order.withdrawn_at, ended_at.get(order.order)))
                    for order in about
                ),
            )
        )
        begun = [order for order in about if order.order in begun_at]
        works.append(
            _first_minutes(
                spell,
                ((begun_at[order.order], ended_at.get(order.order)) for order in begun),
            )
        )
        for order in begun:
            if spell.start <= begun_at[order.order] <= spell.end + NEAR:
                wait = begun_at[order.order] - order.said_at
                waits[order.order] = wait.total_seconds() / 60.0
    return {
        "minutes_to_order": _median(orders),
        "minutes_to_order_95": _late(orders),
        "never_order": _never(orders),
        "minutes_to_work": _median(works),
        "minutes_to_work_95": _late(works),
        "never_work": _never(works),
        "minutes_sent_to_work": _median(list(waits.values())),
        "minutes_sent_to_work_95": _late(list(waits.values())),
    }


def _about(order: OrderSaid, spell: Spell) -> bool:
    if not order.treats:
        return False
    return order.segment == spell.segment or (order.site is not None and order.site == spell.source)


def _earliest(*times: datetime | None) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


def _first_minutes(spell: Spell, held: Iterable[tuple[datetime, datetime | None]]) -> float | None:
    """Minutes from a spell's start to the first that holds in it or begins soon after it."""
    delays = [
        max((begin - spell.start).total_seconds() / 60.0, 0.0)
        for begin, end in held
        if begin <= spell.end + NEAR and (end is None or end >= spell.start)
    ]
    return min(delays, default=None)


def _median(delays: Sequence[float | None]) -> float | None:
    known = [delay for delay in delays if delay is not None]
    return float(np.median(known)) if known else None


def _late(delays: Sequence[float | None]) -> float | None:
    known = [delay for delay in delays if delay is not None]
    return float(np.percentile(known, 95)) if known else None


def _never(delays: Sequence[float | None]) -> float | None:
    return sum(delay is None for delay in delays) / len(delays) if delays else None


# Episodes -----------------------------------------------------------------------------------------


def _episodes(record: Record, district: District, true: Sequence[Spell]) -> Figures:
    names = (
        "minutes_to_episode",
        "never_episode",
        "episode_precision",
        "episode_recall",
        "causes_right",
        "false_episodes_on_haze",
    )
    if not record.judges:
        return dict.fromkeys(names)
    alarms = _alarms(record)
    delays = [
        _first_minutes(
            spell,
            (
                (alarm.said_at, alarm.until + NEAR)
                for alarm in alarms
                if alarm.segment == spell.segment
            ),
        )
        for spell in true
    ]
    matched = [(alarm, _spell_of(alarm, true, NEAR)) for alarm in alarms]
    right = [
        _is_right(alarm.cause, spell)
        for alarm, spell in matched
        if spell is not None and (spell.source == STREET or spell.source in district.sites)
    ]
    values = (
        _median(delays),
        _never(delays),
        _share([spell is not None for _, spell in matched]),
        _share([delay is not None for delay in delays]),
        _share(right),
        _false_on_haze(record, alarms, true),
    )
    return dict(zip(names, values, strict=True))


def _verdicts(
    record: Record, district: District, verdicts: Sequence[VerdictSaid], graph: RoadGraph | None
) -> Figures:
    found = coverage(district, record, verdicts, graph=graph) if record.judges else None
    return {
        "verdicts_checked": None if found is None else float(found.count),
        "verdict_coverage": None if found is None else found.share,
        "verdict_error_pct": None if found is None else found.error,
        "verdict_width_pct": None if found is None else found.width,
    }


def _alarms(record: Record) -> list[_Alarm]:
    changes: dict[str, list[EpisodeSaid]] = {}
    for said in record.episodes:
        changes.setdefault(said.episode, []).append(said)
    trial_end = record.end_of(record.minutes - 1)
    alarms = []
    for history in changes.values():
        active = [said for said in history if said.state == "active" and said.level >= LEVEL]
        if not active or active[0].segment is None:
            continue
        last = history[-1]
        until = (last.ended_at or last.heard_at) if last.state == "closed" else trial_end
        causes = [said.causes for said in history if said.causes]
        alarms.append(
            _Alarm(
                segment=active[0].segment,
                said_at=active[0].heard_at,
                until=until,
                cause=max(causes[-1], key=lambda cause: cause.probability) if causes else None,
            )
        )
    return alarms


def _spell_of(alarm: _Alarm, true: Sequence[Spell], near: timedelta) -> Spell | None:
    """The first spell on an alarm's segment within its time."""
    return next(
        (
            spell
            for spell in true
            if spell.segment == alarm.segment
            and spell.start <= alarm.until + near
            and spell.end >= alarm.said_at - near
        ),
        None,
    )


def _is_right(cause: Cause | None, spell: Spell) -> bool:
    if cause is None:
        return False
    if spell.source == STREET:
        return cause.kind == "road"
    return cause.kind == "site" and cause.site == spell.source


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _false_on_haze(record: Record, alarms: Sequence[_Alarm], true: Sequence[Spell]) -> float | None:
    hours = [
        (dust.start_h, dust.start_h + dust.hours)
        for dust in record.scenario.dust
        if dust.start_h < record.hours
    ]
    if not hours:
        return None
    false = 0
    for alarm in alarms:
        at_h = (alarm.said_at - record.start).total_seconds() / 3600.0
        hazy = any(begin <= at_h < end for begin, end in hours)
        false += hazy and _spell_of(alarm, true, NEAR_IN_HAZE) is None
    return float(false)
