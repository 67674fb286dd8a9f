"""Whether anything is forgotten: thirty days of refusals, silences and breakdowns, out of the logs.

    python -m bench.forgotten [--days 30] [--seed 1] [--refusal 0.2] [--silence 0.1]
                              [--breakdowns 0.3] [--iterations 30]

The world is that of `bench.dispatched`: the real dispatcher on a real PostgreSQL with simulated
crews; episodes and complaints come by script, and nothing measures the air. Every line of the
answer is asked of the tables afterwards by statements that share nothing with the dispatcher's
own. Exit status 1 when something was forgotten.
"""

import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bench.dispatched import MONDAY, arguments, on_the_avenue
from dispatch.settings import DispatchSettings
from simulators.crews import CrewHabits
from store.database import Connection

SLACK = timedelta(minutes=1)
"""The dispatcher looks once a minute."""

EPISODES = """
SELECT e.id, e.level, e.started_at, e.ended_at, e.causes -> 0 ->> 'kind',
       (SELECT min(l.at) FROM episode_log l
        WHERE l.episode = e.id AND l.actor = 'dispatch' AND l.event IN ('order', 'reason')),
       (SELECT min(o.started_at) FROM orders o
        WHERE o.segment = e.segment AND o.started_at >= e.started_at
          AND o.treatment IN ('wash', 'heavy_clean'))
FROM episodes e WHERE e.level >= 2 ORDER BY e.id
"""

COMPLAINTS = """
SELECT r.channel || '/' || r.id, r.ts,
       (SELECT min(o.ended_at) FROM orders o
        WHERE o.segment = r.segment AND o.state = 'done' AND o.ended_at >= r.ts
          AND o.treatment IN ('wash', 'heavy_clean'))
FROM reports r WHERE r.kind = 'dust' ORDER BY 1
"""

CALLED = """
SELECT min(l.at) FROM escalation_log l JOIN concerns c ON c.id = l.concern
WHERE c.ref = %s AND l.event = 'called' AND l.at <= %s
"""

CLOCKS = """
SELECT ref, day, opened_at, answered_at, begun_at, ended_at, due, ends_at, outcome, answer
FROM matters WHERE ref = %s ORDER BY day
"""

LEFT = """
SELECT o.id, o.treatment, coalesce(o.segment, o.site), o.state, o.ended_at,
       (SELECT min(l.at) FROM order_log l JOIN orders n ON n.id = l.order_id
        WHERE l.event = 'sent' AND l.at >= o.ended_at
          AND coalesce(n.segment, n.site) = coalesce(o.segment, o.site)),
       (SELECT min(p.issued_at) FROM plans p JOIN decisions d ON d.plan = p.id
        WHERE p.issued_at >= o.ended_at AND d.place = coalesce(o.segment, o.site)),
       (SELECT min(l.at) FROM escalation_log l JOIN concerns c ON c.id = l.concern
        WHERE l.event = 'called' AND c.place = coalesce(o.segment, o.site)
          AND l.at >= o.ended_at)
FROM orders o
WHERE o.priority <= 3 AND o.depot IS NULL AND o.state IN ('refused', 'failed', 'silent')
"""

HANGING = """
SELECT id, state, issued_at FROM orders
WHERE state IN ('sent', 'accepted', 'started') AND issued_at < %s
"""

STORY = """
SELECT o.id FROM orders o
WHERE o.state <> (SELECT l.event FROM order_log l WHERE l.order_id = o.id
                  AND l.event NOT IN ('replanned', 'reminded', 'proven', 'unproven', 'off_route',
                                      'standing', 'late', 'dry')
                  ORDER BY l.id DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What the logs say. `forgotten` names every breach, in words."""

    episodes: int
    complaints: int
    begun_in_time: int
    escalated_in_time: int
    not_made: int
    left_musts: int
    orders: int
    calls: int
    answer_min: tuple[float, float]
    forgotten: tuple[str, ...]


def look(conn: Connection, settings: DispatchSettings, until: datetime) -> Found:
    """Ask the logs of everything that happened up to `until` whether it was seen to."""
    limits = settings.limits
    answer_within = timedelta(minutes=limits.answer_within_min)
    bad: list[str] = []
    begun = escalated = not_made = 0
    waits: list[float] = []
    episodes = conn.execute(EPISODES).fetchall()
    for name, level, since, ended_at, _, answered_at, begun_at in episodes:
        if answered_at is None:
            if until - since > answer_within + SLACK and not _called(
                conn, name, since + answer_within + SLACK
            ):
                bad.append(f"{name}: neither an order nor a reason")
        else:
            waits.append((answered_at - since).total_seconds() / 60)
            if answered_at - since > answer_within and not _called(
                conn, name, since + answer_within + SLACK
            ):
                bad.append(f"{name}: answered after {answered_at - since}, and nobody called")
        due = since + timedelta(minutes=settings.due_min[level - 1])
        if begun_at is not None and begun_at <= due:
            begun += 1
        elif due + SLACK < until and (ended_at is None or ended_at > due):
            called = _called(conn, name, due + SLACK)
            escalated += called
            if not called and not _excused(conn, name, due):
                bad.append(f"{name}: not begun by {due}, no reason, and nobody called")
        not_made += _days(conn, name, until, bad)
    complaints = conn.execute(COMPLAINTS).fetchall()
    for ref, _, _ in complaints:
        not_made += _days(conn, ref, until, bad)
    left = conn.execute(LEFT).fetchall()
    for order, treatment, place, state, ended_at, sent_at, decided_at, called_at in left:
        by = ended_at + timedelta(minutes=limits.patience_min["order"] + settings.replan_min)
        seen = [at for at in (sent_at, decided_at, called_at) if at is not None and at <= by]
        if not seen and by < until:
            bad.append(f"{order}: {treatment} at {place} was {state} and nothing followed")
    oldest = until - timedelta(hours=24)
    bad += [f"{order}: {state} since {at}" for order, state, at in conn.execute(HANGING, [oldest])]
    bad += [f"{order}: its log and its state differ" for (order,) in conn.execute(STORY)]
    orders, calls = conn.execute(
        "SELECT (SELECT count(*) FROM orders WHERE depot IS NULL), (SELECT count(*) FROM calls)"
    ).fetchone() or (0, 0)
    waits.sort()
    spread = (waits[len(waits) // 2], waits[len(waits) * 95 // 100]) if waits else (0.0, 0.0)
    return Found(
        len(episodes), len(complaints), begun, escalated, not_made, len(left), orders, calls,
        spread, tuple(bad),
    )  # fmt: skip


def _called(conn: Connection, ref: str, by: datetime) -> bool:
    row = conn.execute(CALLED, (ref, by)).fetchone()
    return row is not None and row[0] is not None


def _excused(conn: Connection, name: str, at: datetime) -> bool:
    """Whether a stated judgement stood against work at a time."""
    row = conn.execute(
        "SELECT event FROM episode_log WHERE episode = %s AND actor = 'dispatch'"
        " AND event IN ('order', 'reason') AND at <= %s ORDER BY id DESC LIMIT 1",
        (name, at),
    ).fetchone()
    return row is not None and row[0] == "reason"


def _days(conn: Connection, ref: str, until: datetime, bad: list[str]) -> int:
    """Whether each of a matter's days has an outcome; how many were not made."""
    clocks = conn.execute(CLOCKS, [ref]).fetchall()
    if not clocks:
        bad.append(f"{ref}: no clock was ever started")
        return 0
    not_made = 0
    for _, day, _, _, _, ended_at, _, ends_at, outcome, _ in clocks:
        if ended_at is None and ends_at + SLACK < until:
            bad.append(f"{ref}: {day} has ended without an outcome")
        if outcome == "not_made":
            not_made += 1
            if not _called(conn, ref, ends_at):
                bad.append(f"{ref}: nothing was made of it on {day}, and nobody called")
    return not_made


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], days=30.0)
    parser.add_argument("--refusal", type=float, default=0.2)
    parser.add_argument("--silence", type=float, default=0.1)
    parser.add_argument("--breakdowns", type=float, default=0.3, help="per crew and day")
    given = parser.parse_args()
    habits = CrewHabits(given.refusal, given.silence, given.breakdowns, break_min=30.0)
    with on_the_avenue(given, habits) as world:
        conn = world.conn
        began = time.monotonic()
        now = MONDAY
        for now in world.run(round(given.days * 1440)):
            if (now - MONDAY) % timedelta(days=1) == timedelta(0):
                conn.execute("ANALYZE")
                conn.commit()
                print(f"day {(now - MONDAY).days}: {time.monotonic() - began:.0f} s", flush=True)
        found = look(conn, world.settings, now)
        kinds = conn.execute(
            "SELECT c.kind, split_part(c.subject, '/', 2), l.event, l.role, count(*)"
            " FROM escalation_log l JOIN concerns c ON c.id = l.concern"
            " WHERE c.kind = 'crew' GROUP BY 1, 2, 3, 4"
            " UNION ALL SELECT c.kind, '', l.event, l.role, count(*)"
            " FROM escalation_log l JOIN concerns c ON c.id = l.concern"
            " WHERE c.kind <> 'crew' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        ).fetchall()
    for row in kinds:
        print(*row)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 1 if found.forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
