"""Made-up municipal instances: one-way streets, refill points, streets that are only driven on.

    python -m bench.municipal DIR [--instances 6] [--seconds 60] [--seed 1]

Writes DIR/municipal/*.dat and DIR/best_known.csv for `python -m bench.carp DIR`. Nobody knows the
best of these: `ub` is the best that a long run of our search finds, with another seed.
"""

import argparse
import csv
import random
from pathlib import Path

from bench.carp import drive_cost, read
from dispatch.annealing import anneal


def instance(seed: int) -> str:
    """A bent grid in the format of the public files; most streets have to be served."""
    chance = random.Random(seed)
    columns, rows = chance.randint(5, 9), chance.randint(5, 9)
    edges, arcs, drives = [], [], []
    load = 0
    for i in range(columns):
        for j in range(rows):
            for k, m in ((i + 1, j), (i, j + 1)):
                if k == columns or m == rows:
                    continue
                ends = [1 + i * rows + j, 1 + k * rows + m]
                cost, demand = chance.randint(50, 400), chance.randint(20, 160)
                # The rim stays open both ways, so that every street can be reached.
                rim = (i == k and i in (0, columns - 1)) or (j == m and j in (0, rows - 1))
                link = f"cost {cost} demand {demand}"
                if not rim and chance.random() < 0.35:
                    chance.shuffle(ends)
                    arcs.append(f"({ends[0]},{ends[1]}) {link}")
                    load += demand
                elif chance.random() < 0.85:
                    edges.append(f"({ends[0]},{ends[1]}) {link}")
                    load += demand
                else:
                    drives.append(f"({ends[0]},{ends[1]}) cost {cost}")
    corners = columns * rows
    refills = chance.sample(range(2, corners + 1), chance.randint(1, 3))
    capacity = load // chance.randint(6, 14) + 160
    return "\n".join(
        [
            f"NAME : municipal-{seed:02d}",
            f"CAPACITY : {capacity}",
            f"DEPOT : {chance.randint(1, corners)}",
            f"DUMPING_SITES : {', '.join(map(str, refills))}",
            "LIST_REQ_EDGES :", *edges,
            "LIST_REQ_ARCS :", *arcs,
            "LIST_NOREQ_EDGES :", *drives, "",
        ]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instances", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the long run")
    parser.add_argument("--seed", type=int, default=1, help="of the first instance")
    options = parser.parse_args()
    folder = options.folder / "municipal"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(options.seed, options.seed + options.instances):
        file = folder / f"municipal-{seed:02d}.dat"
        file.write_text(instance(seed), encoding="utf-8")
        given = read(file)
        found = anneal(given.problem, seed=1000 + seed, rounds=0, seconds=options.seconds)
        cost = given.work + drive_cost(given.problem, found)
        rows.append({"instance": file.stem, "family": "municipal", "ub": cost})
        print(f"{file.stem}: {len(given.problem.arcs)} streets to serve, best {cost}", flush=True)
    with (options.folder / "best_known.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, ["instance", "family", "ub"])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
