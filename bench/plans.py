"""Random planning problems, each plan held against the independent checker.

    python -m bench.plans [--problems 10000] [--from 0] [--iterations 5]

A problem is a random town with one-way streets, dead ends and refill points, up to six crews of
all kinds anywhere on its streets with any water, routine work and urgent work; and the same some
minutes later, when crews are under way and more has come up. tests/dispatch/checker.py, which
shares no code with the planner, adds up both plans again. Exit status 1 if it objects to one.
"""

import argparse
import sys
import time

from dispatch.settings import DispatchSettings
from tests.dispatch.mornings import morning


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=10_000)
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first")
    parser.add_argument("--iterations", type=int, default=5, help="of the search")
    options = parser.parse_args()
    settings = DispatchSettings(iterations=options.iterations)
    began = time.perf_counter()
    bad = orders = begun = left_out = 0
    for seed in range(options.first, options.first + options.problems):
        judged = morning(seed, settings)
        orders += judged.orders
        begun += judged.begun
        left_out += judged.left_out
        if judged.problems:
            bad += 1
            print(f"problem {seed}: {judged.problems[0]} (of {len(judged.problems)})", flush=True)
    print(
        f"{options.problems} problems, {2 * options.problems} plans with {orders} orders, "
        f"{begun} of them begun when planned again, {left_out} wants left out for a reason: "
        f"{bad} problems with a plan that the checker objects to, "
        f"{time.perf_counter() - began:.0f} s"
    )
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
