"""What is to be routed: arcs with prizes, vehicles with tanks and shifts, and the ways between.

Serving an arc leads from the entry of a way to its exit, so the matrices are asymmetric: from the
exit of one stop to the entry of the next. Water is modelled as room in the tank: each arc fills
the room that it has emptied, a refill makes it free again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FORBIDDEN = 10**7
"""Cost and seconds of a drive that cannot be: above any prize, far from overflow."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What an arc is worth (in cost units) if work there begins no later than `latest_s`."""

    prize: float
    latest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Arc:
    """One piece of work.

    `ways` are stops (indices of the travel matrices), one per way in which it may be served.
    `rungs` is a falling ladder of prizes by latest start; empty means that it must be served.
    """

    ways: tuple[int, ...]
    load: int
    rungs: tuple[Rung, ...] = ()
    earliest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle; `start`, `end` and `reloads` are stops.

    `profile` numbers its travel matrix, `work_s` gives its seconds of work per arc (inf where
    it must not work), `extra_cost` what choosing it for an arc costs beside driving.
    """

    start: int
    end: int
    capacity: int
    used: int
    from_s: float
    until_s: float
    profile: int
    work_s: Sequence[float]
    extra_cost: Sequence[float]
    reloads: tuple[int, ...] = ()
    reload_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Arcs, vehicles, and seconds of driving from the exit of each stop to the entry of each.

    `travel_s` has one (stop, stop) array per profile; inf where no way leads.
    `cost` may give another (stop, stop) array to minimise instead of the seconds.
    """

    arcs: tuple[Arc, ...]
    vehicles: tuple[Vehicle, ...]
    travel_s: tuple[Floats, ...]
    cost: Floats | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Arc number `arc` served in its way number `way`."""

    arc: int
    way: int


@dataclass(frozen=True, slots=True)
class Reload:
    """A stop, one of the vehicle's reloads, where the tank is filled."""

    stop: int


Step = Visit | Reload


@dataclass(frozen=True, slots=True)
class Routes:
    """Steps per vehicle, the arcs that nobody serves, and how the search went."""

    steps: tuple[tuple[Step, ...], ...]
    unserved: tuple[int, ...]
    cost: float
    feasible: bool
    iterations: int
    detail: Mapping[str, float] = field(default_factory=dict)


def cost_of(problem: Problem, steps: Sequence[Sequence[Step]]) -> float:
    """Cost of the routes with the prizes that they miss; inf if they break a rule.

    Arcs that must be served and are not cost `FORBIDDEN` each.
    """
    total = 0.0
    missed = [max((r.prize for r in a.rungs), default=float(FORBIDDEN)) for a in problem.arcs]
    seen: set[int] = set()
    for vehicle, tour in zip(problem.vehicles, steps, strict=True):
        if not any(isinstance(step, Visit) for step in tour):
            continue
        travel = problem.travel_s[vehicle.profile]
        cost = travel if problem.cost is None else problem.cost
        reload_s = dict(zip(vehicle.reloads, vehicle.reload_s, strict=True))
        time_s, stop, used = vehicle.from_s, vehicle.start, vehicle.used
        for step in tour:
            here = step.stop if isinstance(step, Reload) else problem.arcs[step.arc].ways[step.way]
            total += float(cost[stop, here])
            time_s += float(travel[stop, here])
            stop = here
            if isinstance(step, Reload):
                time_s += reload_s[here]
                used = 0
                continue
            arc, work_s = problem.arcs[step.arc], vehicle.work_s[step.arc]
            time_s = max(time_s, arc.earliest_s)
            total += vehicle.extra_cost[step.arc] + (work_s if problem.cost is None else 0.0)
            missed[step.arc] -= worth(arc, time_s)
            time_s += work_s
            used += arc.load
            if used > vehicle.capacity or step.arc in seen:
                return math.inf
            seen.add(step.arc)
        total += float(cost[stop, vehicle.end])
        if time_s + float(travel[stop, vehicle.end]) > vehicle.until_s + 1e-6:
            return math.inf
    return total + sum(missed)


def worth(arc: Arc, begin_s: float) -> float:
    """The prize for beginning work then; `FORBIDDEN` where it must be done."""
    if not arc.rungs:
        return float(FORBIDDEN)
    in_time = (r.prize for r in arc.rungs if r.latest_s is None or begin_s <= r.latest_s)
    return max(in_time, default=0.0)


def no_routes(problem: Problem) -> Routes:
    """What there is to be found without arcs or without vehicles."""
    nothing: tuple[tuple[Step, ...], ...] = tuple(() for _ in problem.vehicles)
    return Routes(nothing, tuple(range(len(problem.arcs))), 0.0, True, 0)


def given_routes(problem: Problem, steps: Sequence[Sequence[Step]]) -> Routes:
    """The routes given, as the result of no search."""
    served = {step.arc for tour in steps for step in tour if isinstance(step, Visit)}
    unserved = tuple(arc for arc in range(len(problem.arcs)) if arc not in served)
    left = any(not problem.arcs[arc].rungs for arc in unserved)
    cost = cost_of(problem, steps)
    return Routes(tuple(map(tuple, steps)), unserved, cost, math.isfinite(cost) and not left, 0)
