"""Gap to the best known solutions of capacitated arc routing, beside other searches.

    python -m bench.carp DIR [--seconds 2 5 20] [--family gdb] [--with ours plain] [--seed 1]

DIR holds a folder of .dat files per family, and best_known.csv with the columns instance, family
and ub (the best known cost). Every required edge is an arc with two ways, every required arc one
with one way; refill points (dumping sites) are used where a file names them.

  ours     the search of the platform, as it plans for crews
  plain    PyVRP without our additions: two ways of an arc are clients of which one is visited
  ortools  OR-Tools' routing solver with guided local search, if `pip install '.[bench]'` was run

All run in one process on one core, each for so many seconds per instance: of the process's own
time, so that a busy machine changes nothing, but for OR-Tools, which knows the wall clock alone.
"""

import argparse
import csv
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvrp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from bench import guided
from dispatch.annealing import anneal
from dispatch.nodes import route_nodes
from dispatch.problem import Arc, Floats, Problem, Reload, Routes, Vehicle

LINK = re.compile(
    r"\(\s*(\d+)\s*,\s*(\d+)\s*\)"
    r"(?:\s*serv_cost\s+(?P<serve>\d+))?"
    r"\s*(?:coste|cost|trav_cost)\s+(?P<cost>\d+)"
    r"(?:\s+(?:demanda|demand)\s+(?P<demand>\d+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Link:
    """An edge, or an arc that leads one way only; what it costs to serve and to drive."""

    tail: int
    head: int
    cost: int
    serve: int
    demand: int
    one_way: bool


@dataclass(frozen=True)
class Instance:
    """A problem of ours, and the cost of serving, which every solution has."""

    problem: Problem
    work: int


def read(file: Path) -> Instance:
    """The instance of a file in the format of Belenguer and Benavent, or its English kin.

    The vehicles are as many as the tanks need at least, and two more: their number is free.
    """
    text = file.read_text(encoding="latin-1")
    capacity = _number(text, "CAPACIDAD", "CAPACITY")
    depot = _number(text, "DEPOSITO", "DEPOT") - 1
    links = _links(text)
    count = 1 + max(max(link.tail, link.head) for link in links)
    shortest = _shortest(links, count)
    required = [link for link in links if link.demand > 0]
    refills = _numbers(text, "DUMPING_SITES", "VERTEDEROS")
    entry = leave = [depot, *(site - 1 for site in refills)]
    arcs = []
    for link in required:
        first = len(entry)
        entry, leave = [*entry, link.tail], [*leave, link.head]
        if not link.one_way:
            entry, leave = [*entry, link.head], [*leave, link.tail]
        arcs.append(Arc(ways=tuple(range(first, len(entry))), load=link.demand))
    drive = shortest[np.ix_(leave, entry)]
    fewest = -(-sum(arc.load for arc in arcs) // capacity)
    vehicle = Vehicle(
        start=0, end=0, capacity=capacity, used=0, from_s=0, until_s=10**7, profile=0,
        work_s=[0.0] * len(arcs), extra_cost=[0.0] * len(arcs),
        reloads=tuple(range(1, 1 + len(refills))), reload_s=(0.0,) * len(refills),
    )  # fmt: skip
    problem = Problem(tuple(arcs), (vehicle,) * (fewest + 2), (drive,), cost=drive)
    return Instance(problem, sum(link.serve for link in required))


def _links(text: str) -> list[Link]:
    links = []
    one_way = False
    for line in text.splitlines():
        header = re.search(
            r"LIST\w*?_(ARISTAS|ARCOS|REQ_EDGES|NOREQ_EDGES|REQ_ARCS|NOREQ_ARCS)", line
        )
        if header is not None:
            one_way = "ARC" in header[1]
        found = LINK.search(line)
        if found is None:
            continue
        cost = int(found["cost"])
        serve = int(found["serve"] or cost)
        demand = int(found["demand"] or 0)
        links.append(Link(int(found[1]) - 1, int(found[2]) - 1, cost, serve, demand, one_way))
    return links


def _numbers(text: str, *names: str) -> list[int]:
    found = re.search(rf"(?:{'|'.join(names)})\s*:\s*([\d,\s]+?)\s*(?:\n|$)", text)
    return [] if found is None else [int(each) for each in re.findall(r"\d+", found[1])]


def _number(text: str, *names: str) -> int:
    found = _numbers(text, *names)
    if not found:
        raise ValueError(f"the instance has no line {names[0]}; is this a CARP file?")
    return found[0]


def _shortest(links: list[Link], count: int) -> Floats:
    cheapest: dict[tuple[int, int], int] = {}
    for link in links:
        pairs = [(link.tail, link.head), (link.head, link.tail)]
        for pair in pairs[: 1 if link.one_way else 2]:
            cheapest[pair] = min(link.cost, cheapest.get(pair, link.cost))
    rows, columns = zip(*cheapest, strict=True)
    graph = coo_array((list(cheapest.values()), (rows, columns)), shape=(count, count))
    shortest: Floats = dijkstra(graph.tocsr())
    return shortest


def drive_cost(problem: Problem, routes: Routes) -> int:
    """Cost of the drives between the arcs, added up from the steps, not from the solver.

    Raises
    ------
    ValueError
        If an arc is not served just once, or a tank is overfull.
    """
    total = 0.0
    cost = problem.travel_s[0]
    served: list[int] = []
    for steps in routes.steps:
        load, stop = 0, 0
        for step in steps:
            if isinstance(step, Reload):
                here, load = step.stop, 0
            else:
                arc = problem.arcs[step.arc]
                here = arc.ways[step.way]
                load += arc.load
                served.append(step.arc)
            total += cost[stop, here]
            stop = here
            if load > problem.vehicles[0].capacity:
                raise ValueError(f"{load} in a tank of {problem.vehicles[0].capacity}")
        total += cost[stop, 0]
    if sorted(served) != list(range(len(problem.arcs))):
        raise ValueError(f"{len(served)} services of {len(problem.arcs)} arcs")
    return round(total)


def _ours(problem: Problem, seconds: float, seed: int) -> Routes:
    return anneal(problem, seed=seed, rounds=0, seconds=seconds)


class _OwnTime:
    """Stops PyVRP after so many seconds of this process's time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.process_time()

    def __call__(self, best_cost: float) -> bool:  # noqa: ARG002
        return time.process_time() - self._began >= self._seconds


def _plain(problem: Problem, seconds: float, seed: int) -> Routes:
    params = pyvrp.SolveParams()
    return route_nodes(problem, seed=seed, stop=_OwnTime(seconds), params=params)


Search = Callable[[Problem, float, int], Routes]

SEARCHES: dict[str, Search] = {"ours": _ours, "plain": _plain, "ortools": guided.route}


def _gap(search: Search, instance: Instance, seconds: float, seed: int, best: float) -> float:
    """In per cent; 100 for no feasible solution, nan where the search has no model for it."""
    try:
        routes = search(instance.problem, seconds, seed)
    except guided.NotModelled:
        return math.nan
    if not routes.feasible or routes.unserved:
        return 100.0
    return 100 * (instance.work + drive_cost(instance.problem, routes) - best) / best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", nargs="+", help="default: all of best_known.csv")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 5.0, 20.0])
    parser.add_argument("--with", dest="searches", nargs="+", choices=list(SEARCHES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="instances whose name matches this")
    parser.add_argument("--each", action="store_true", help="print every instance")
    options = parser.parse_args()
    names = options.searches or list(SEARCHES)
    if "ortools" in names and not guided.installed():
        print("OR-Tools is missing here: pip install '.[bench]' to have it beside the others")
        names.remove("ortools")
    with (options.folder / "best_known.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if re.search(options.only or "", r["instance"])]
    families = options.family or list(dict.fromkeys(row["family"] for row in rows))
    # What is read from disk or compiled at the first call is not part of a search.
    for row in rows[:1]:
        first = read(options.folder / row["family"] / f"{row['instance']}.dat")
        began = time.perf_counter()
        for name in names:
            SEARCHES[name](first.problem, 0.01, options.seed)
        print(f"ready after {time.perf_counter() - began:.1f} s")
    for family in families:
        members = [row for row in rows if row["family"] == family]
        for seconds in options.seconds:
            gaps: dict[str, list[float]] = {name: [] for name in names}
            for row in members:
                instance = read(options.folder / family / f"{row['instance']}.dat")
                best = float(row["ub"])
                for name in names:
                    gap = _gap(SEARCHES[name], instance, seconds, options.seed, best)
                    gaps[name].append(gap)
                if options.each:
                    shown = "  ".join(f"{name} {gaps[name][-1]:5.2f} %" for name in names)
                    print(f"{row['instance']:10} {seconds:4g} s  {shown}", flush=True)
            for name, found in gaps.items():
                if found:
                    print(
                        f"{family:8} {seconds:4g} s  {name:8} mean gap {np.mean(found):6.2f} %  "
                        f"worst {max(found):6.2f} %  best known reached "
                        f"{sum(abs(gap) < 1e-9 for gap in found)} of {len(found)}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
