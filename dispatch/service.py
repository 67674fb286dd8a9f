"""Proof of service: how much of an order's work the vehicle's positions bear out.

"Done" is a word; proof is the length of the segment that was driven at the speed of work with water
going down. Positions come about once a minute, so a street is often entered and left between two of
them: what lies between is judged by the water that is gone, which says how many metres were worked,
shared over the orders that the crew says it was at meanwhile.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import shapely

from dispatch.limits import Limits

Span = tuple[float, float]

_GAP_S = 150.0
"""Positions further apart than this say nothing of what lies between."""

_STANDS_KMH = 5.0


@dataclass(frozen=True, slots=True)
class Fix:
    """A position in the district's metres."""

    at: datetime
    x: float
    y: float
    water_l: float | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """What was to be done: along `line` (metres, as drawn) from its start, or its end where
    `backward`; by a vehicle that drives at `drive_mps` at most, works at `work_mps` and uses
    `rate_l_m` litres per metre out of `tank_l`, 0 for dry work. `began` and `ended` by the crew's
    word; `others` are the spans of its other work.
    """

    line: shapely.LineString
    backward: bool
    drive_mps: float
    work_mps: float
    rate_l_m: float
    tank_l: float
    began: datetime
    ended: datetime
    others: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen; see the table `services`. Spans are metres from the line's start;
    `unseen_share` is what could have been done in the time of which nothing is known."""

    share: float
    worked_m: float
    driven_m: float
    water_l: float
    positions: int
    unseen_share: float = 0.0
    spans: tuple[Span, ...] = ()


def prove(task: Task, fixes: Sequence[Fix], limits: Limits) -> Proof | None:
    """How much of a segment was worked, by positions in time order; None where none is known.

    The positions may reach beyond the work on both sides, and should, by one each.
    """
    if len(fixes) < 2:
        return None
    length_m = float(task.line.length)
    points = shapely.points([(fix.x, fix.y) for fix in fixes])
    near = shapely.distance(task.line, points) <= limits.near_m
    offsets = shapely.line_locate_point(task.line, points)
    entry, leave = (length_m, 0.0) if task.backward else (0.0, length_m)
    worked: list[Span] = []
    driven: list[Span] = []
    used_l = seen_s = 0.0
    seen = 0
    for n, (a, b) in enumerate(pairwise(fixes)):
        at_work_s = _overlap_s(task, a.at, b.at)
        if not 0 < (b.at - a.at).total_seconds() <= _GAP_S or at_work_s <= 0:
            continue
        seen += 1
        seen_s += at_work_s
        # Before its work a vehicle may pass along the street, and after it turn back on it: only
        # what lies in the time of the work says how far it had come.
        before, after = a.at < task.began, b.at > task.ended
        if before:
            there = _within_reach(task, a, points[n], entry, limits)
        else:
            there = bool(near[n])
        if after:
            there = there and _within_reach(task, b, points[n + 1], leave, limits)
        else:
            there = there and bool(near[n + 1])
        begin = entry if before else float(offsets[n])
        end = leave if after else float(offsets[n + 1])
        metres = abs(end - begin)
        if not there or not 0 < metres <= limits.work_speed_over * task.work_mps * at_work_s:
            continue
        driven.append((min(begin, end), max(begin, end)))
        if task.rate_l_m > 0:
            all_l = _gone_l(task, a, b)
            if all_l is None:
                continue
            gone_l = all_l * _share(task, a.at, b.at)
            used_l += gone_l
            if gone_l < limits.water_share * task.rate_l_m * metres:
                metres = gone_l / task.rate_l_m
        elif "working" not in (a.state, b.state):
            continue
        if metres <= 0:
            continue
        # Arriving, the last metres were worked; leaving or under way, the first.
        if before and not after:
            begin = end - math.copysign(metres, end - begin)
        else:
            end = begin + math.copysign(metres, end - begin)
        worked.append((min(begin, end), max(begin, end)))
    if not seen:
        return None
    spans = _union(worked)
    worked_m = _length(spans)
    return Proof(
        share=min(worked_m / length_m, 1.0),
        worked_m=worked_m,
        driven_m=_length(_union(driven)),
        water_l=used_l,
        positions=seen,
        unseen_share=_unseen_s(task.began, task.ended, seen_s) * task.work_mps / length_m,
        spans=spans,
    )


def prove_standing(
    x: float, y: float, began: datetime, ended: datetime, minutes: float, fixes: Sequence[Fix],
    limits: Limits, water_l: float,
) -> Proof | None:  # fmt: skip
    """The share of the minutes that a crew stood near (x, y); None where nothing is known.

    water_l: what it should have used; without at least `water_share` of that it is not proven.
    """
    stood_s = gone_l = seen_s = 0.0
    seen = 0
    for a, b in pairwise(fixes):
        seconds = (b.at - a.at).total_seconds()
        overlap_s = (min(b.at, ended) - max(a.at, began)).total_seconds()
        if not 0 < seconds <= _GAP_S or overlap_s <= 0:
            continue
        seen += 1
        seen_s += overlap_s
        there = all(math.hypot(fix.x - x, fix.y - y) <= limits.stand_near_m for fix in (a, b))
        slow = math.hypot(a.x - b.x, a.y - b.y) <= _STANDS_KMH / 3.6 * seconds
        if there and slow:
            stood_s += overlap_s
            if a.water_l is not None and b.water_l is not None:
                gone_l += max(a.water_l - b.water_l, 0.0)
    if not seen:
        return None
    share = min(stood_s / max(60 * minutes, 1.0), 1.0)
    if water_l > 0:
        share = min(share, gone_l / water_l) if gone_l < limits.water_share * water_l else share
    unseen = _unseen_s(began, ended, seen_s) / max(60 * minutes, 1.0)
    return Proof(share, 0.0, 0.0, gone_l, seen, unseen)


def proven(proof: Proof | None, limits: Limits) -> bool | None:
    """Whether it was enough; None where what is not known could have made it so."""
    if proof is None:
        return None
    if proof.share >= limits.proof_share:
        return True
    return None if proof.share + proof.unseen_share >= limits.proof_share else False


def _unseen_s(began: datetime, ended: datetime, seen_s: float) -> float:
    return max((ended - began).total_seconds() - seen_s, 0.0)


def _gone_l(task: Task, a: Fix, b: Fix) -> float | None:
    """Litres gone between two positions; None where that is not known. After a refill the tank
    was full."""
    if a.water_l is None or b.water_l is None:
        return None
    if b.water_l <= a.water_l:
        return a.water_l - b.water_l
    return max(task.tank_l - b.water_l, 0.0) if a.state == "refilling" else None


def _within_reach(
    task: Task, fix: Fix, point: shapely.Point, offset_m: float, limits: Limits
) -> bool:
    """Whether a vehicle seen outside its work could be at an end of the street in time."""
    end = shapely.line_interpolate_point(task.line, offset_m)
    seconds = max((task.began - fix.at).total_seconds(), (fix.at - task.ended).total_seconds())
    reach_m = limits.near_m + task.drive_mps * seconds
    return float(shapely.distance(end, point)) <= reach_m


def _overlap_s(task: Task, begin: datetime, end: datetime) -> float:
    return max((min(end, task.ended) - max(begin, task.began)).total_seconds(), 0.0)


def _share(task: Task, begin: datetime, end: datetime) -> float:
    """Of the crew's work between two positions, the share that was this task."""
    mine = _overlap_s(task, begin, end)
    rest = sum(
        max((min(end, b) - max(begin, a)).total_seconds(), 0.0) for a, b in task.others
    )  # fmt: skip
    return mine / (mine + rest) if mine > 0 else 0.0


def _union(spans: Sequence[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return tuple((round(begin, 1), round(end, 1)) for begin, end in merged)


def _length(spans: Sequence[Span]) -> float:
    return sum(end - begin for begin, end in spans)
