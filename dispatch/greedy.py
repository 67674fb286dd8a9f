"""A first plan: each vehicle goes on to what is worth most per second from where it is.

The search needs one to begin from. It exchanges and inserts visits well, but does not come by
itself upon a trip to the water for the sake of one visit behind it.
"""

from collections.abc import Sequence

import numpy as np

from dispatch.routing import Floats, Problem, Reload, Step, Vehicle, Visit


def extended(problem: Problem, steps: Sequence[Sequence[Step]]) -> list[list[Step]]:
    """Routes that begin with `steps`, one sequence per vehicle, and go on greedily.

    What of `steps` breaks a capacity or the end of a shift, or comes twice, is left out. The
    vehicle that is free first chooses first. The result is feasible.
    """
    tours = [_Tour(problem, vehicle) for vehicle in problem.vehicles]
    open_arcs = np.ones(len(problem.arcs), dtype=bool)
    for tour, given in zip(tours, steps, strict=True):
        for step in given:
            if isinstance(step, Reload):
                tour.reload_next = step.stop
            elif open_arcs[step.arc] and tour.visit(step.arc, step.way):
                open_arcs[step.arc] = False
        # Water fetched for nothing is not part of a plan.
        tour.reload_next = None
    active = list(range(len(tours)))
    while active and open_arcs.any():
        number = min(active, key=lambda n: (tours[n].time_s, n))
        best = tours[number].best(open_arcs)
        if best is None or not tours[number].visit(*best):
            active.remove(number)
        else:
            open_arcs[best[0]] = False
    return [tour.steps for tour in tours]


class _Tour:
    """One vehicle under way."""

    def __init__(self, problem: Problem, vehicle: Vehicle) -> None:
        self.problem = problem
        self.vehicle = vehicle
        self.travel: Floats = problem.travel_s[vehicle.profile]
        self.time_s, self.stop, self.used = vehicle.from_s, vehicle.start, vehicle.used
        self.steps: list[Step] = []
        self.reload_next: int | None = None
        pairs = [(n, w) for n, arc in enumerate(problem.arcs) for w in range(len(arc.ways))]
        self.arcs = np.array([arc for arc, _ in pairs], dtype=np.intp)
        self.ways = np.array([way for _, way in pairs], dtype=np.intp)
        self.stops = np.array([problem.arcs[a].ways[w] for a, w in pairs], dtype=np.intp)
        self.loads = np.array([problem.arcs[a].load for a, _ in pairs])
        self.earliest = np.array([problem.arcs[a].earliest_s for a, _ in pairs])
        self.work = np.asarray(vehicle.work_s, dtype=np.float64)[self.arcs]
        self.reload_s = dict(zip(vehicle.reloads, vehicle.reload_s, strict=True))
        self.prizes, self.latest = _ladders(problem)
        self.prizes, self.latest = self.prizes[:, self.arcs], self.latest[:, self.arcs]
        self.must = np.array([not problem.arcs[a].rungs for a, _ in pairs], dtype=bool)
        self.extra = np.asarray(vehicle.extra_cost, dtype=np.float64)[self.arcs]

    def best(
        self, open_arcs: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    ) -> tuple[int, int] | None:
        """The open arc, and the way, with the most worth per second; None if none is possible."""
        begin = self._begin()
        ends = begin + self.work
        possible = open_arcs[self.arcs] & (self.loads <= self.vehicle.capacity)
        possible &= ends + self.travel[self.stops, self.vehicle.end] <= self.vehicle.until_s
        if not possible.any():
            return None
        in_time = np.where(begin <= self.latest, self.prizes, 0.0).max(axis=0)
        worth = np.where(self.must, 1.0, in_time - self.extra)
        rate = np.where(possible, worth / np.maximum(ends - self.time_s, 1.0), -np.inf)
        first = int(np.argmax(rate))
        return int(self.arcs[first]), int(self.ways[first])

    def visit(self, arc: int, way: int) -> bool:
        """Go there, by the water if need be; False, and nothing has happened, if it cannot be."""
        at = int(np.flatnonzero((self.arcs == arc) & (self.ways == way))[0])
        via = self.reload_next
        if via is None and self.used + self.loads[at] > self.vehicle.capacity:
            via = self._reload_before(int(self.stops[at]))
        begin = self._arrival(via, int(self.stops[at]), float(self.earliest[at]))
        end = begin + float(self.work[at])
        used = int(self.loads[at]) + (self.used if via is None else 0)
        home = float(self.travel[self.stops[at], self.vehicle.end])
        if used > self.vehicle.capacity or not end + home <= self.vehicle.until_s:
            return False
        if via is not None:
            self.steps.append(Reload(via))
        self.steps.append(Visit(arc, way))
        self.time_s, self.stop, self.used = end, int(self.stops[at]), used
        self.reload_next = None
        return True

    def _begin(self) -> Floats:
        """When work could begin at each (arc, way), by the water where the tank is too empty."""
        direct = self.time_s + self.travel[self.stop, self.stops]
        dry = self.used + self.loads > self.vehicle.capacity
        if dry.any():
            by_water = np.full(len(direct), np.inf)
            for via, seconds in self.reload_s.items():
                there = self.time_s + self.travel[self.stop, via] + seconds
                by_water = np.minimum(by_water, there + self.travel[via, self.stops])
            direct = np.where(dry, by_water, direct)
        begin: Floats = np.maximum(direct, self.earliest)
        return begin

    def _arrival(self, via: int | None, stop: int, earliest_s: float) -> float:
        if via is None:
            return max(self.time_s + float(self.travel[self.stop, stop]), earliest_s)
        there = self.time_s + float(self.travel[self.stop, via]) + self.reload_s[via]
        return max(there + float(self.travel[via, stop]), earliest_s)

    def _reload_before(self, stop: int) -> int | None:
        return min(self.reload_s, key=lambda via: self._arrival(via, stop, 0.0), default=None)


def _ladders(problem: Problem) -> tuple[Floats, Floats]:
    """(rungs, arcs) prizes and the seconds until which they hold; 0 where a ladder is shorter."""
    depth = max([1, *(len(arc.rungs) for arc in problem.arcs)])
    prizes, latest = np.zeros((2, depth, len(problem.arcs)))
    for number, arc in enumerate(problem.arcs):
        for rung, step in enumerate(arc.rungs):
            prizes[rung, number] = step.prize
            latest[rung, number] = np.inf if step.latest_s is None else step.latest_s
    return prizes, latest
