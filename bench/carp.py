"""Gap of the arc model to the best known solutions of capacitated arc routing.

    python bench/carp.py DIR [--seconds 2 | --iterations 2000] [--family gdb] [--seed 1]

DIR holds gdb/, kshs/ and val/ with their .dat files and best_known.csv. Every required edge is
an arc with two ways; the vehicles are as many as the instance needs at least, and one more.
"""

import argparse
import csv
import re
import time
from pathlib import Path

import numpy as np
import pyvrp
from pyvrp.stop import MaxIterations, MaxRuntime
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from dispatch import routing
from dispatch.routing import Arc, Problem, Routes, Vehicle, Visit

EDGE = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*coste\s+(\d+)(?:\s+demanda\s+(\d+))?")


def read(file: Path) -> tuple[Problem, int]:
    """The instance as a problem of ours, and the cost of its required edges."""
    text = file.read_text(encoding="latin-1")
    capacity = int(_field(text, "CAPACIDAD"))
    depot = int(_field(text, "DEPOSITO")) - 1
    edges = [
        (int(u) - 1, int(v) - 1, int(cost), int(demand or 0))
        for u, v, cost, demand in EDGE.findall(text)
    ]
    count = 1 + max(max(u, v) for u, v, _, _ in edges)
    shortest = _shortest(edges, count)
    required = [edge for edge in edges if edge[3] > 0]
    entry, leave = [depot], [depot]
    for u, v, _, _ in required:
        entry += [u, v]
        leave += [v, u]
    drive = shortest[np.ix_(leave, entry)]
    arcs = tuple(
        Arc(ways=(1 + 2 * n, 2 + 2 * n), load=demand) for n, (*_, demand) in enumerate(required)
    )
    fewest = -(-sum(arc.load for arc in arcs) // capacity)
    vehicle = Vehicle(
        start=0, end=0, capacity=capacity, used=0, from_s=0, until_s=10**6, profile=0,
        work_s=[0.0] * len(arcs), extra_cost=[0.0] * len(arcs),
    )  # fmt: skip
    work = sum(edge[2] for edge in required)
    return Problem(arcs, (vehicle,) * (fewest + 1), (drive,), cost=drive), work


def _field(text: str, name: str) -> str:
    found = re.search(rf"{name}\s*:\s*(\d+)", text)
    if found is None:
        raise ValueError(f"the instance has no line {name}; is this a CARP file?")
    return found[1]


def _shortest(edges: list[tuple[int, int, int, int]], count: int) -> np.ndarray:
    cheapest: dict[tuple[int, int], int] = {}
    for u, v, cost, _ in edges:
        for pair in ((u, v), (v, u)):
            cheapest[pair] = min(cost, cheapest.get(pair, cost))
    rows, columns = zip(*cheapest, strict=True)
    graph = coo_array((list(cheapest.values()), (rows, columns)), shape=(count, count))
    return dijkstra(graph.tocsr())


def drive_cost(problem: Problem, routes: Routes) -> int:
    """Cost of the drives between the arcs, added up from the steps, not from the solver."""
    total = 0.0
    cost = problem.travel_s[0]
    for steps in routes.steps:
        load, stop = 0, 0
        for step in steps:
            assert isinstance(step, Visit)
            arc = problem.arcs[step.arc]
            load += arc.load
            total += cost[stop, arc.ways[step.way]]
            stop = arc.ways[step.way]
        total += cost[stop, 0]
        assert load <= problem.vehicles[0].capacity
    return round(total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", action="append", choices=["gdb", "kshs", "val"])
    parser.add_argument("--iterations", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, help="stop by time instead")
    parser.add_argument("--long", action="store_true", help="PyVRP's own parameters")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="instances whose name matches this")
    options = parser.parse_args()
    with (options.folder / "best_known.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for family in options.family or ["gdb", "kshs", "val"]:
        gaps, seconds = [], []
        for row in rows:
            name = row["instance"]
            if row["family"] != family or (options.only and not re.search(options.only, name)):
                continue
            problem, work = read(options.folder / family / f"{name}.dat")
            began = time.perf_counter()
            routes = routing.route(
                problem,
                seed=options.seed,
                stop=MaxIterations(options.iterations)
                if options.seconds is None
                else MaxRuntime(options.seconds),
                params=pyvrp.SolveParams() if options.long else routing.SHORT_SEARCH,
            )
            seconds.append(time.perf_counter() - began)
            best = float(row["ub"])
            if not routes.feasible or routes.unserved:
                print(f"{name:8} no feasible solution")
                gaps.append(100.0)
                continue
            cost = work + drive_cost(problem, routes)
            gaps.append(100 * (cost - best) / best)
            print(f"{name:8} {cost:6} best {best:6.0f} gap {gaps[-1]:5.2f} % {seconds[-1]:5.2f} s")
        if gaps:
            print(
                f"{family}: {len(gaps)} instances, mean gap {np.mean(gaps):.2f} %, "
                f"worst {max(gaps):.2f} %, at the best {sum(g == 0 for g in gaps)}, "
                f"{np.mean(seconds):.2f} s each"
            )


if __name__ == "__main__":
    main()
