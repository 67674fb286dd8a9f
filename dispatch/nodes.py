"""Arcs as nodes of PyVRP: the node-routing half of the search.

An arc that may be served in several ways (a segment from either end, a site on foot) is a group
of clients of which at most one is visited. Serving leads from the entry of a way to its exit, so
the matrices are asymmetric: from the exit of one to the entry of the next, with the work at the
first in the duration, which therefore may differ by vehicle. Water is modelled as room in the
tank: each arc fills the room that it has emptied, a reload depot makes it free again.
"""

import math
from collections.abc import Sequence

import numpy as np
import pyvrp
from numpy.typing import NDArray
from pyvrp import Activity, ActivityType
from pyvrp.search import NeighbourhoodParams, PerturbationParams
from pyvrp.stop import StoppingCriterion

from dispatch.problem import (
    FORBIDDEN,
    Arc,
    Problem,
    Reload,
    Routes,
    Rung,
    Step,
    Vehicle,
    Visit,
    no_routes,
)

_NEVER_LATE = np.iinfo(np.int64).max

SHORT_SEARCH = pyvrp.SolveParams(
    ils=pyvrp.IteratedLocalSearchParams(history_length=5),
    neighbourhood=NeighbourhoodParams(num_neighbours=25),
    perturbation=PerturbationParams(min_perturbations=1, max_perturbations=8),
)
"""For some hundred iterations: with PyVRP's own values, meant for many thousands, the search
still accepts almost anything when it ends."""

DEPOT, CLIENT = ActivityType.DEPOT, ActivityType.CLIENT


def route_nodes(
    problem: Problem,
    *,
    seed: int,
    stop: StoppingCriterion,
    warm: Sequence[Sequence[Step]] | None = None,
    params: pyvrp.SolveParams = SHORT_SEARCH,
) -> Routes:
    """Search for the best routes, beginning from `warm` where given.

    The result depends on the arguments alone as long as `stop` counts iterations. Where the
    search ends without a feasible plan, `feasible` is False and the steps may break a capacity or
    a time.
    """
    if not problem.arcs or not problem.vehicles:
        return no_routes(problem)
    model = _Model(problem)
    initial = model.solution(warm) if warm is not None and any(warm) else None
    result = pyvrp.solve(
        model.data,
        stop,
        seed=seed,
        collect_stats=False,
        display=False,
        params=params,
        initial_solution=initial,
    )
    return model.routes(result.best, result.num_iterations)


class _Model:
    """The problem in PyVRP's terms, and the way back."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._arc_of_stop = {
            stop: (arc, way)
            for arc, item in enumerate(problem.arcs)
            for way, stop in enumerate(item.ways)
        }
        self._clients: list[pyvrp.Client] = []
        self._visit_of_client: list[Visit] = []
        self._groups: list[pyvrp.ClientGroup] = []
        self._client_ids: dict[tuple[int, int], list[int]] = {}
        for number, arc in enumerate(problem.arcs):
            self._add(number, arc)
        self._depots: list[pyvrp.Depot] = []
        self._stop_of_depot: list[int] = []
        types = [self._vehicle_type(vehicle) for vehicle in problem.vehicles]
        costs, durations = self._matrices()
        count = problem.travel_s[0].shape[0]
        self.data = pyvrp.ProblemData(
            [pyvrp.Location(0, 0) for _ in range(count)],
            self._clients,
            self._depots,
            [kind.replace(profile=profile) for profile, kind in enumerate(types)],
            costs,  # type: ignore[arg-type]  # the stubs ask for arrays of Python's int
            durations,  # type: ignore[arg-type]
            self._groups,
        )

    def _add(self, number: int, arc: Arc) -> None:
        rungs = arc.rungs or (Rung(0.0),)
        alone = len(arc.ways) * len(rungs) == 1
        group = None
        if not alone:
            group = len(self._groups)
            self._groups.append(pyvrp.ClientGroup(required=not arc.rungs))
        for way, stop in enumerate(arc.ways):
            for rung in rungs:
                client = len(self._clients)
                early = math.ceil(arc.earliest_s)
                late = _NEVER_LATE if rung.latest_s is None else math.floor(rung.latest_s)
                if late < early:
                    continue
                self._clients.append(
                    pyvrp.Client(
                        location=stop,
                        pickup=[arc.load],
                        tw_early=early,
                        tw_late=late,
                        prize=round(rung.prize),
                        required=alone and not arc.rungs,
                        group=group,
                    )
                )
                self._visit_of_client.append(Visit(number, way))
                self._client_ids.setdefault((number, way), []).append(client)
                if group is not None:
                    self._groups[group].add_client(client)

    def _vehicle_type(self, vehicle: Vehicle) -> pyvrp.VehicleType:
        start = self._depot(vehicle.start, 0.0)
        end = self._depot(vehicle.end, 0.0)
        return pyvrp.VehicleType(
            capacity=[vehicle.capacity],
            start_depot=start,
            end_depot=end,
            initial_load=[min(vehicle.used, vehicle.capacity)],
            reload_depots=[
                self._depot(stop, seconds)
                for stop, seconds in zip(vehicle.reloads, vehicle.reload_s, strict=True)
            ],
            tw_early=math.ceil(vehicle.from_s),
            tw_late=max(math.floor(vehicle.until_s), math.ceil(vehicle.from_s)),
        )

    def _depot(self, stop: int, service_s: float) -> int:
        self._depots.append(pyvrp.Depot(location=stop, service_duration=math.ceil(service_s)))
        self._stop_of_depot.append(stop)
        return len(self._depots) - 1

    def _matrices(self) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        """One profile per vehicle: what it costs it and how long it takes."""
        problem = self.problem
        arc_stops = np.array(list(self._arc_of_stop), dtype=np.intp)
        arcs = np.array([arc for arc, _ in self._arc_of_stop.values()], dtype=np.intp)
        costs, durations = [], []
        for vehicle in problem.vehicles:
            travel = problem.travel_s[vehicle.profile]
            work = np.zeros(len(travel))
            work[arc_stops] = np.asarray(vehicle.work_s, dtype=np.float64)[arcs]
            extra = np.zeros(len(travel))
            extra[arc_stops] = np.asarray(vehicle.extra_cost, dtype=np.float64)[arcs]
            duration = np.where(np.isfinite(travel), travel, FORBIDDEN)
            base = duration if problem.cost is None else problem.cost
            never = ~np.isfinite(work)
            work[never] = 0.0
            duration = np.ceil(duration + work[:, None])
            cost = base + extra[None, :] + (work[:, None] if problem.cost is None else 0.0)
            for matrix in (cost, duration):
                matrix[:, never] = FORBIDDEN
                np.fill_diagonal(matrix, 0.0)
            costs.append(np.minimum(np.rint(cost), FORBIDDEN).astype(np.int64))
            durations.append(np.minimum(duration, FORBIDDEN).astype(np.int64))
        return costs, durations

    def solution(self, warm: Sequence[Sequence[Step]]) -> pyvrp.Solution:
        """The routes given as a solution; each visit on the best rung that it is in time for."""
        routes = []
        for number, (vehicle, steps) in enumerate(zip(self.problem.vehicles, warm, strict=True)):
            if not any(isinstance(step, Visit) for step in steps):
                continue
            kind = self.data.vehicle_type(number)
            reloads = dict(zip(vehicle.reloads, kind.reload_depots, strict=True))
            duration = self.data.duration_matrix(number)
            time_s, stop = kind.tw_early, vehicle.start
            activities = []
            for step in steps:
                if isinstance(step, Reload):
                    time_s += int(duration[stop, step.stop])
                    time_s += self.data.depot(reloads[step.stop]).service_duration
                    stop = step.stop
                    activities.append(Activity(DEPOT, reloads[step.stop]))
                    continue
                here = self.problem.arcs[step.arc].ways[step.way]
                time_s += int(duration[stop, here])
                client = self._client_in_time(step, time_s)
                time_s = max(time_s, self._clients[client].tw_early)
                stop = here
                activities.append(Activity(CLIENT, client))
            routes.append(pyvrp.Route(self.data, activities, number))
        return pyvrp.Solution(self.data, routes)

    def _client_in_time(self, visit: Visit, time_s: int) -> int:
        clients = self._client_ids[visit.arc, visit.way]
        return next((c for c in clients if self._clients[c].tw_late >= time_s), clients[-1])

    def routes(self, solution: pyvrp.Solution, iterations: int) -> Routes:
        steps: list[tuple[Step, ...]] = [() for _ in self.problem.vehicles]
        served: set[int] = set()
        for found in solution.routes():
            inner: list[Step] = []
            for activity in list(found)[1:-1]:
                if activity.is_depot():
                    inner.append(Reload(self._stop_of_depot[activity.idx]))
                else:
                    visit = self._visit_of_client[activity.idx]
                    served.add(visit.arc)
                    inner.append(visit)
            steps[found.vehicle_type()] = tuple(inner)
        return Routes(
            steps=tuple(steps),
            unserved=tuple(arc for arc in range(len(self.problem.arcs)) if arc not in served),
            cost=float(solution.distance_cost() + solution.uncollected_prizes()),
            feasible=solution.is_feasible(),
            iterations=iterations,
        )
