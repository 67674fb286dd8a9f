"""The search for tours of arcs: the problem as arrays, annealing in rounds, and the way back."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch import tours as compiled
from dispatch.problem import (
    FORBIDDEN,
    Floats,
    Problem,
    Reload,
    Routes,
    Step,
    Visit,
    cost_of,
    given_routes,
    no_routes,
)
from dispatch.tours import NEVER, Bits, Ints, Land, Tours

MUST = 1e8
"""Prize of an arc that must be served: above any other, and sums stay exact to a thousandth."""


@dataclass(frozen=True, slots=True)
class Annealing:
    """How a search goes.

    Attributes
    ----------
    hot, cold
        Temperature at the beginning and at the end, in usual legs (the mean between two arcs).
    price
        What a tank that is overfull by a usual load costs at first, in usual legs. It rises and
        falls with the share of tours that can be driven; inf never allows any.
    sound
        The share of states with no overfull tank that the price is steered to.
    removed, longest
        How many arcs a round takes out on average, and how many of one tour at most.
    chunk
        Rounds between two looks at how far the search has come.
    """

    hot: float = 0.2
    cold: float = 0.002
    price: float = 1.0
    sound: float = 0.4
    removed: float = 10.0
    longest: float = 10.0
    chunk: int = 200


def anneal(
    problem: Problem,
    *,
    seed: int,
    rounds: int,
    warm: Sequence[Sequence[Step]] | None = None,
    seconds: float | None = None,
    how: Annealing = Annealing(),
) -> Routes:
    """Search for the best routes in so many rounds, beginning from `warm` if given.

    The result depends on the arguments alone, unless `seconds` is given: then the search ends
    after so much of this process's time instead. It is never worse than `warm` where that can be
    driven.

    Raises
    ------
    ValueError
        If an arc has more than two ways.
    """
    if not problem.arcs or not problem.vehicles:
        return no_routes(problem)
    began = time.process_time()
    land, via = _land(problem)
    now, trial, best = (_begun(land, warm or ()) for _ in range(3))
    bits = np.array([(seed + 1) * 0x9E3779B97F4A7C15 % 2**64 or 1], dtype=np.uint64)
    _fill(land, now, bits)
    for v in range(len(land.capacity)):
        compiled.copy(now, trial, v, land.timed)
        compiled.copy(now, best, v, land.timed)
    usual = _usual_leg(land)
    price = NEVER if math.isinf(how.price) else how.price * usual / max(1.0, land.load.mean())
    fine = np.array([price, 0.0, 0.0, 0.0 if math.isinf(how.price) else how.sound])
    done, share = 0, 0.0
    while share < 1.0:
        heat = usual * how.hot * (how.cold / how.hot) ** share
        count = how.chunk if seconds is not None else min(how.chunk, rounds - done)
        compiled.anneal(land, now, trial, best, bits, count, heat, fine, how.removed, how.longest)
        done += count
        share = done / rounds if seconds is None else (time.process_time() - began) / seconds
    found = _routes(problem, land, via, best, done)
    # Of two ways to a place the cheaper so far is gone on with; where a due time is near, ways
    # that were given may be better by that.
    if warm is not None and cost_of(problem, warm) < found.cost:
        return given_routes(problem, warm)
    return found


def _land(problem: Problem) -> tuple[Land, list[Ints]]:
    """The problem as arrays, and per fleet the best refill point between two stops."""
    arcs, vehicles = problem.arcs, problem.vehicles
    stop = np.zeros((len(arcs) + 2 * len(vehicles), 2), dtype=np.uint32)
    for n, arc in enumerate(arcs):
        if not 1 <= len(arc.ways) <= 2:
            raise ValueError(f"arc {n} has {len(arc.ways)} ways; the search knows one or two")
        # One way only is the same way twice.
        stop[n] = arc.ways[0], arc.ways[-1]
    for v, vehicle in enumerate(vehicles):
        stop[len(arcs) + v] = vehicle.start
        stop[len(arcs) + len(vehicles) + v] = vehicle.end
    work_s = np.array([vehicle.work_s for vehicle in vehicles], dtype=np.float64)
    never = ~np.isfinite(work_s)
    work_s[never] = 0.0
    work_cost = np.array([vehicle.extra_cost for vehicle in vehicles], dtype=np.float64)
    work_cost += work_s if problem.cost is None else 0.0
    work_cost[never] = NEVER
    prize, latest = _ladders(problem)
    earliest = np.array([arc.earliest_s for arc in arcs], dtype=np.float64)
    from_s = np.array([vehicle.from_s for vehicle in vehicles], dtype=np.float64)
    until_s = np.array([vehicle.until_s for vehicle in vehicles], dtype=np.float64)
    fleet, leg, drive, via = _legs(problem)
    finite = drive[drive < FORBIDDEN]
    longest_s = (2 * len(arcs) + 2) * finite.max(initial=0.0) + work_s.max(axis=0).sum()
    timed = bool(
        np.isfinite(latest).any()
        or (earliest > from_s.min()).any()
        or (from_s + longest_s > until_s).any()
    )
    kinds: dict[object, int] = {}
    kind = [
        kinds.setdefault(
            (fleet[v], x.start, x.end, x.capacity, x.used, x.from_s, x.until_s,
             tuple(x.work_s), tuple(x.extra_cost)),
            len(kinds),
        )
        for v, x in enumerate(vehicles)
    ]  # fmt: skip
    land = Land(
        leg=leg,
        back=np.ascontiguousarray(leg.swapaxes(2, 3)),
        drive=drive,
        fleet=np.array(fleet, dtype=np.int64),
        kind=np.array(kind, dtype=np.int64),
        stop=stop,
        work_s=work_s,
        work_cost=work_cost,
        load=np.array([arc.load for arc in arcs], dtype=np.int64),
        prize=prize,
        latest=latest,
        earliest=earliest,
        capacity=np.array([x.capacity for x in vehicles], dtype=np.int64),
        used=np.array([min(x.used, x.capacity) for x in vehicles], dtype=np.int64),
        from_s=from_s,
        until_s=until_s,
        refills=np.array([len(x.reloads) > 0 for x in vehicles], dtype=np.int64),
        near=_near(leg, stop[: len(arcs)]),
        timed=timed,
    )
    return land, via


def _legs(problem: Problem) -> tuple[list[int], Floats, Floats, list[Ints]]:
    """Which legs each vehicle goes by; their cost and seconds, direct and by the water."""
    numbers: dict[object, int] = {}
    fleet, legs, drives, vias = [], [], [], []
    for vehicle in problem.vehicles:
        key = vehicle.profile, vehicle.reloads, vehicle.reload_s
        if key not in numbers:
            numbers[key] = len(numbers)
            travel = problem.travel_s[vehicle.profile]
            drive = np.where(np.isfinite(travel), travel, FORBIDDEN).astype(np.float64)
            cost = drive if problem.cost is None else np.asarray(problem.cost, dtype=np.float64)
            cost = np.minimum(cost, FORBIDDEN)
            wet_cost, wet_drive = np.full_like(cost, FORBIDDEN), np.full_like(drive, FORBIDDEN)
            least = np.full_like(cost, np.inf)
            via = np.zeros(cost.shape, dtype=np.int64)
            for at, seconds in zip(vehicle.reloads, vehicle.reload_s, strict=True):
                there = cost[:, at, None] + cost[None, at, :]
                took = drive[:, at, None] + seconds + drive[None, at, :]
                better = there + seconds < least
                least[better] = (there + seconds)[better]
                wet_cost[better], wet_drive[better] = there[better], took[better]
                via[better] = at
            legs.append(np.stack([cost, wet_cost]))
            drives.append(np.stack([drive, wet_drive]))
            vias.append(via)
        fleet.append(numbers[key])
    return fleet, np.array(legs), np.array(drives), vias


def _ladders(problem: Problem) -> tuple[Floats, Floats]:
    """(arc, rung) prizes, the highest first, and until when they hold."""
    depth = max([1, *(len(arc.rungs) for arc in problem.arcs)])
    prize = np.zeros((len(problem.arcs), depth))
    latest = np.full((len(problem.arcs), depth), np.inf)
    for n, arc in enumerate(problem.arcs):
        if not arc.rungs:
            prize[n, 0] = MUST
        for r, rung in enumerate(sorted(arc.rungs, key=lambda rung: -rung.prize)):
            prize[n, r] = rung.prize
            latest[n, r] = math.inf if rung.latest_s is None else rung.latest_s
    return prize, latest


def _near(leg: Floats, ends: "np.ndarray[tuple[int, int], np.dtype[np.uint32]]") -> Ints:
    """For each arc all arcs by how near they are, itself first."""
    apart = leg[0, 0][ends[:, None, :, None], ends[None, :, None, :]].min(axis=(2, 3))
    apart = np.minimum(apart, apart.T)
    np.fill_diagonal(apart, -1.0)
    return np.argsort(apart, axis=1, kind="stable").astype(np.int64)


def _usual_leg(land: Land) -> float:
    """Mean cost of the way from one arc to another."""
    ends = land.stop[: len(land.load), 0]
    legs = land.leg[0, 0][np.ix_(ends, ends)]
    legs = legs[(legs > 0) & (legs < FORBIDDEN)]
    return float(legs.mean()) if legs.size else 1.0


def _begun(land: Land, warm: Sequence[Sequence[Step]]) -> Tours:
    """Tours as the routes given; a refill that nothing follows is left out."""
    tours = compiled.empty(land)
    for v, steps in enumerate(warm):
        end = tours.token[v, 1]
        size = water = 0
        for step in steps:
            if isinstance(step, Reload):
                water = 1
                continue
            size += 1
            tours.token[v, size], tours.water[v, size] = step.arc, water
            water = 0
        tours.token[v, size + 1] = end
        tours.size[v] = size
        compiled.label(land, tours, v)
    return tours


def _fill(land: Land, tours: Tours, bits: Bits) -> None:
    """Put every arc that nobody serves where it costs least."""
    slot = np.zeros(4, dtype=np.int64)
    for arc in np.flatnonzero(tours.at < 0).tolist():
        if compiled.best_slot(land, tours, arc, NEVER, 0.0, bits, slot) < 0.0:
            compiled.insert(land, tours, arc, slot)


def _routes(problem: Problem, land: Land, via: list[Ints], tours: Tours, rounds: int) -> Routes:
    """The tours in steps, each arc in its best way."""
    steps: list[tuple[Step, ...]] = []
    for v in range(len(land.capacity)):
        size = int(tours.size[v])
        chosen = np.zeros(size + 2, dtype=np.int64)
        compiled.chosen_ways(land, tours, v, chosen)
        mine: list[Step] = []
        for p in range(1, size + 1):
            arc, way = int(tours.token[v, p]), int(chosen[p])
            if tours.water[v, p]:
                before = tours.gate[v, p - 1, chosen[p - 1]]
                mine.append(Reload(int(via[land.fleet[v]][before, land.stop[arc, way]])))
            mine.append(Visit(arc, min(way, len(problem.arcs[arc].ways) - 1)))
        steps.append(tuple(mine))
    return replace(given_routes(problem, steps), iterations=rounds)
