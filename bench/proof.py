"""Proof of service against what simulated crews truly did, and arrival estimates against arrivals.

    python -m bench.proof [--days 2] [--seed 1] [--noise-m 0] [--closed 0.1] [--iterations 30]

The world is that of `bench.dispatched`. `--closed` is the share of street orders at which a crew
drives the street at the speed of work with its valve closed and says "done" all the same, and
`--noise-m` the standard deviation of its positions. Precision is the share of the proven metres
that were truly treated, recall the share of the truly treated metres that were proven; both also
by order: proven against truly treated over the settings' share.
"""

import sys
from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from statistics import median

import msgspec

from bench.dispatched import arguments, on_the_avenue
from geo.district import District
from simulators.crews import CrewHabits
from store.database import Connection

PROVEN = """
SELECT o.id, o.segment, o.state, s.worked_m, s.proven
FROM services s JOIN orders o ON o.id = s.order_id
"""

ARRIVALS = """
SELECT o.id, extract(epoch FROM o.started_at - l.at) / 60,
       extract(epoch FROM o.started_at - (l.detail->>'eta')::timestamptz) / 60
FROM orders o JOIN order_log l ON l.order_id = o.id
WHERE o.started_at IS NOT NULL AND o.depot IS NULL AND l.event IN ('sent', 'replanned')
  AND l.at <= o.started_at
ORDER BY o.id, l.id
"""

LEADS_MIN = (0, 5, 15, 30, 60, 120)


def proof(
    conn: Connection, district: District, truth: dict[str, float], share: float
) -> dict[str, object]:
    """Metres and orders; `truth` is the share of each order that was truly treated."""
    proven_m = true_m = both_m = 0.0
    hits = misses = false = unseen = right = 0
    standing = [0, 0]
    for order, segment, state, worked_m, proven in conn.execute(PROVEN).fetchall():
        true = truth.get(order, 0.0)
        if segment is None:
            if proven is not None and state == "done":
                standing[0] += proven == (true >= share)
                standing[1] += 1
            continue
        if proven is None:
            unseen += 1
            continue
        length_m = district.segments[segment].length_m
        proven_m += worked_m
        true_m += true * length_m
        both_m += min(worked_m, true * length_m)
        if proven and true >= share:
            hits += 1
        elif proven:
            false += 1
        elif true >= share:
            misses += 1
        else:
            right += 1
    return {
        "metres": {"proven": round(proven_m), "treated": round(true_m),
                   "precision": round(both_m / proven_m, 4), "recall": round(both_m / true_m, 4)},
        "orders": {"proven and treated": hits, "proven, not treated": false,
                   "treated, not proven": misses, "neither": right, "cannot be told": unseen,
                   "precision": round(hits / max(hits + false, 1), 4),
                   "recall": round(hits / max(hits + misses, 1), 4)},
        "standing work": {"right": standing[0], "of": standing[1]},
    }  # fmt: skip


def arrivals(conn: Connection) -> dict[str, object]:
    """Errors in minutes of what a crew had been told so long before work began, and of the first
    word on each order. Work on the street alone."""
    first: list[float] = []
    at_lead: dict[int, list[float]] = {lead: [] for lead in LEADS_MIN}
    rows = conn.execute(ARRIVALS).fetchall()
    for _, words in groupby(rows, key=itemgetter(0)):
        told = [(float(lead), float(error)) for _, lead, error in words]
        first.append(told[0][1])
        for lead, errors in at_lead.items():
            in_force = [error for before, error in told if before >= lead]
            if in_force:
                errors.append(in_force[-1])
    named: dict[str, object] = {"first word": _errors(first)}
    return named | {f"{lead} min before": _errors(errors) for lead, errors in at_lead.items()}


def _errors(errors: list[float]) -> dict[str, float]:
    size = sorted(abs(error) for error in errors)
    if not size:
        return {"orders": 0}
    return {
        "orders": len(size),
        "median_abs_min": round(median(size), 2),
        "p90_abs_min": round(size[len(size) * 9 // 10], 2),
        "bias_min": round(median(errors), 2),
    }


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], days=2.0)
    parser.add_argument("--noise-m", type=float, default=0.0)
    parser.add_argument("--closed", type=float, default=0.1)
    given = parser.parse_args()
    habits = CrewHabits(refusal=0.05, silence=0.03, breakdowns=0.3, break_min=30.0)
    with on_the_avenue(given, habits, closed=given.closed, noise_m=given.noise_m) as world:
        for _ in world.run(round(given.days * 1440)):
            pass
        truth: dict[str, float] = defaultdict(float)
        for _, work in world.works:
            truth[work.order] += work.share
        said = {
            "proof": proof(world.conn, world.district, truth, world.settings.limits.proof_share),
            "arrivals": arrivals(world.conn),
        }
    print(msgspec.json.format(msgspec.json.encode(said), indent=2).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
