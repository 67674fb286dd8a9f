"""How long a plan takes: the first one, and one after a single new want.

    python bench/replan.py [--crews 12] [--wants 200] [--seed 1] [--iterations N …]

A square grid town with as many streets as wants, a third of them urgent, water trucks of one
kind. Prints per number of iterations: seconds, seconds of driving, what was left out, and after
one new level 3 episode the share of untouched orders that changed crew.
"""

import argparse
import random
import time
from dataclasses import replace
from datetime import timedelta

from dispatch.crews import standings
from dispatch.facts import Present
from dispatch.planning import Plan, Planner
from dispatch.settings import DispatchSettings
from dispatch.wants import Want
from geo.district import District, Segment
from tests.dispatch.towns import NOON, crew, depot, segment, town


def grid(crews: int, wants: int) -> District:
    """A square town of at least so many two-way streets of 200 m."""
    side = 2
    while 2 * side * (side - 1) < wants + 1:
        side += 1
    segments: list[Segment] = []
    for i in range(side):
        for j in range(side):
            for other in ((i + 1, j), (i, j + 1)):
                if max(other) < side:
                    ends = ((i * 200.0, j * 200.0), (other[0] * 200.0, other[1] * 200.0))
                    segments.append(segment(f"S{len(segments):03d}", *ends))
    trucks = [crew(f"W{n:02d}", tank_m3=6.0) for n in range(crews)]
    far = (side - 1) * 200.0
    return town(segments, trucks, [depot("D1", 0, -20), depot("D2", far, far + 20, "refill")])


def want(place: str, priority: int) -> Want:
    """Routine at priority 4, else due in an hour."""
    due = NOON + timedelta(hours=1) if priority < 4 else None
    prize = {1: 4e5, 2: 2e5, 3: 1e5, 4: 1800.0}[priority]
    return Want(place, False, "wash", priority, prize, "bench", due)


def driving_s(plan: Plan) -> float:
    """Seconds from noon to the end of the last order, added up over the crews."""
    ends = [
        (orders[-1].eta - NOON).total_seconds() + orders[-1].minutes * 60
        for orders in plan.orders.values()
        if orders
    ]
    work = sum(o.minutes * 60 for orders in plan.orders.values() for o in orders)
    return sum(ends) - work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crews", type=int, default=12)
    parser.add_argument("--wants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, nargs="+", default=[1, 100, 300, 1000])
    options = parser.parse_args()
    chance = random.Random(options.seed)
    district = grid(options.crews, options.wants)
    streets = chance.sample(sorted(district.segments), options.wants + 1)
    wants = [want(place, chance.choice([2, 3, 4, 4, 4, 4])) for place in streets[:-1]]
    for iterations in options.iterations:
        settings = DispatchSettings(seed=options.seed, iterations=iterations)
        planner = Planner(district, settings)
        planner.graph.node_times(40.0)
        began = time.perf_counter()
        first = planner.plan(NOON, "P-1", standings(Present(NOON), district, settings), wants)
        first_s = time.perf_counter() - began
        orders = [replace(order, state="sent") for mine in first.orders.values() for order in mine]
        present = Present(NOON, open_orders=tuple(orders))
        began = time.perf_counter()
        crews = standings(present, district, settings)
        after = planner.plan(NOON, "P-2", crews, [want(streets[-1], 1), *wants], ())
        second_s = time.perf_counter() - began
        before = {o.place: o.crew for o in orders if o.depot is None}
        now = {o.place: o.crew for mine in after.orders.values() for o in mine}
        moved = sum(now.get(place) != holder for place, holder in before.items())
        print(
            f"{iterations:5} iterations: first {first_s:.2f} s, driving "
            f"{driving_s(first) / 60:.0f} min, left out {len(first.left_out)}; "
            f"after one episode {second_s:.2f} s, {100 * moved / max(len(before), 1):.1f} % moved"
        )


if __name__ == "__main__":
    main()
