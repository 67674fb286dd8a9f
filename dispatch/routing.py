"""Prize-collecting arc routing: which vehicle serves which arcs, in which order and way.

Two searches one after the other. PyVRP, which takes the ways of an arc for nodes, exchanges and
inserts visits under all the constraints; annealing over tours of arcs goes on from there with
the best ways of a whole tour at each step, which is what PyVRP lacks (docs/routing.md).
"""

import math
from collections.abc import Sequence

import numpy as np
from pyvrp.stop import MaxIterations

from dispatch.annealing import Annealing, anneal
from dispatch.nodes import route_nodes
from dispatch.problem import (
    FORBIDDEN,
    Arc,
    Floats,
    Problem,
    Reload,
    Routes,
    Rung,
    Step,
    Vehicle,
    Visit,
    cost_of,
    given_routes,
    no_routes,
)

__all__ = [
    "FORBIDDEN", "Arc", "Floats", "Problem", "Reload", "Routes", "Rung", "Step", "Vehicle",
    "Visit", "cost_of", "ready", "route",
]  # fmt: skip

NODE_SHARE = 0.2
"""Of the iterations PyVRP gets so many: its first ones gain most."""

ROUNDS = 8
"""Rounds of annealing per iteration: one takes some ten arcs out and puts them back. Fewer where
there are fewer than `MANY` arcs, which are soon in their best order."""

MANY = 48

STRICT = Annealing(price=math.inf)
"""No tank is ever overfull: fetching water costs minutes, which may cost a prize, so a price that
lets tanks be overfull now and then has to be too high to help."""


def route(
    problem: Problem,
    *,
    seed: int,
    iterations: int,
    warm: Sequence[Sequence[Step]] | None = None,
    gain: float = 0.0,
) -> Routes:
    """Search for the best routes.

    `warm` are routes to begin from, one per vehicle, as `Routes.steps` gives them. If they can
    be driven they are the result, unless what is found is better by more than `gain`. The result
    depends on the arguments alone. With 0 iterations it is `warm`. Where the search ends without
    routes that can be driven and serve all that must be served, `feasible` is False.
    """
    if not problem.arcs or not problem.vehicles:
        return no_routes(problem)
    if warm is not None and iterations == 0:
        return given_routes(problem, warm)
    given = cost_of(problem, warm) if warm is not None else math.inf
    stop = MaxIterations(max(1, round(NODE_SHARE * iterations)))
    nodes = route_nodes(problem, seed=seed, stop=stop, warm=warm)
    by_nodes = cost_of(problem, nodes.steps)
    begin = nodes.steps if by_nodes < given else warm if math.isfinite(given) else None
    rounds = math.ceil(ROUNDS * iterations * min(1.0, max(0.25, len(problem.arcs) / MANY)))
    found = anneal(problem, seed=seed, rounds=rounds, warm=begin, how=STRICT)
    if warm is not None and gain > 0 and given - found.cost <= gain:
        return given_routes(problem, warm)
    return found


def ready() -> None:
    """Compile the search, or load what an earlier start has compiled, before it is in a hurry."""
    alone = Problem(
        (Arc((1,), 1, (Rung(1.0, 1.0),)),),
        (Vehicle(0, 0, 1, 0, 0.0, 1e5, 0, (1.0,), (0.0,)),),
        (np.zeros((2, 2)),),
    )
    anneal(alone, seed=1, rounds=1, how=STRICT)
