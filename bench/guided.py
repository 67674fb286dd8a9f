"""The same arc problems given to OR-Tools' routing solver, to compare with."""

from importlib.util import find_spec

import numpy as np

from dispatch.problem import FORBIDDEN, Problem, Routes, Step, Visit, cost_of


class NotModelled(ValueError):
    """This model knows neither refills nor prizes."""


def installed() -> bool:
    """Whether OR-Tools is here."""
    return find_spec("ortools") is not None


def route(problem: Problem, seconds: float, seed: int) -> Routes:  # noqa: ARG001
    """Routes by guided local search in so many seconds; for one depot, like vehicles, no refills.

    Each way of an arc is a node, of an arc's nodes one is visited. `seed` changes nothing: the
    solver has no chance in it.

    Raises
    ------
    NotModelled
        If the problem has refills or prizes.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    vehicle = problem.vehicles[0]
    if vehicle.reloads or any(arc.rungs for arc in problem.arcs):
        raise NotModelled
    visits = [Visit(arc, way) for arc, a in enumerate(problem.arcs) for way in range(len(a.ways))]
    stops = [vehicle.start, *(problem.arcs[v.arc].ways[v.way] for v in visits)]
    legs = problem.travel_s[0] if problem.cost is None else problem.cost
    legs = np.minimum(legs[np.ix_(stops, stops)], FORBIDDEN).astype(np.int64)
    loads = [0, *(problem.arcs[visit.arc].load for visit in visits)]
    manager = pywrapcp.RoutingIndexManager(len(stops), len(problem.vehicles), 0)
    model = pywrapcp.RoutingModel(manager)
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(legs.tolist()))
    model.AddDimension(model.RegisterUnaryTransitVector(loads), 0, vehicle.capacity, True, "tank")
    nodes: dict[int, list[int]] = {}
    for node, visit in enumerate(visits, start=1):
        nodes.setdefault(visit.arc, []).append(manager.NodeToIndex(node))
    for of_arc in nodes.values():
        model.AddDisjunction(of_arc, FORBIDDEN, 1)
    search = pywrapcp.DefaultRoutingSearchParameters()
    search.first_solution_strategy = (
        routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    )
    search.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    search.time_limit.FromMilliseconds(round(1000 * seconds))
    found = model.SolveWithParameters(search)
    steps: list[tuple[Step, ...]] = []
    for number in range(len(problem.vehicles)):
        mine: list[Step] = []
        index = model.Start(number)
        while found is not None and not model.IsEnd(index):
            node = manager.IndexToNode(index)
            mine += [visits[node - 1]] if node else []
            index = found.Value(model.NextVar(index))
        steps.append(tuple(mine))
    served = {step.arc for mine in steps for step in mine if isinstance(step, Visit)}
    unserved = tuple(arc for arc in range(len(problem.arcs)) if arc not in served)
    return Routes(tuple(steps), unserved, cost_of(problem, steps), not unserved, 0)
