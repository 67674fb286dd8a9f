"""Alarms of every kind and state on top of the plausible hours, for tests and for looking."""

from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from store.database import Connection

RETURNED = "E-20260301-2210-XH08S-inc60"
GROUP = "G-SPOIL"
GROUPED = ("E-20260302-0149-XH07N-inc60", "E-20260302-0155-XH09N-inc15")


def fill(conn: Connection, now: datetime) -> dict[str, int]:
    """A group of two, an episode that is over and unseen, three concerns (one taken, one gone up to
    the last role), proof of service and what the model thinks lies on the roads; the numbers of the
    concerns by kind. Commits."""
    conn.execute("UPDATE episodes SET grp = %s WHERE id = ANY (%s)", (GROUP, list(GROUPED)))
    began, ended = now - timedelta(hours=12), now - timedelta(hours=10)
    conn.execute(
        "INSERT INTO episodes (id, segment, rule, level, state, started_at, peak_at, peak,"
        " ended_at, causes, updated_at)"
        " VALUES (%s, 'XH08S', 'inc60', 2, 'closed', %s, %s, 91, %s, %s, %s)",
        (RETURNED, began, began, ended,
         Jsonb([{"kind": "road", "site": None, "probability": 0.7, "evidence": "夜间渣土车"}]),
         ended),
    )  # fmt: skip
    for at, event, detail in (
        (began, "activated", {"level": 2}),
        (ended, "closed", {"level": 0}),
    ):
        conn.execute(
            "INSERT INTO episode_log (episode, at, actor, event, detail)"
            " VALUES (%s, %s, 'analytics', %s, %s)",
            (RETURNED, at, event, Jsonb(detail)),
        )
    numbers = {
        "order": concern(
            conn, now - timedelta(minutes=20), "order", "O-1021", "dispatcher", place="XH12S",
            ref="E-20260302-0201-XH12S-inc60", crew="HEAVY-A",
            why="重污染清洗班拒绝了兴海大道 12 南行的清洗，还没有班组接手",
            also="The heavy cleaner refused Xinghai Avenue 12 southbound; nobody took it up",
        ),
        "crew": concern(
            conn, now - timedelta(minutes=9), "crew", "HAND-A", "crew_leader", crew="HAND-A",
            why="应急冲洗班 22 分钟没有位置", also="Nothing heard of the hand wash crew for 22 min",
        ),
        "overnight": concern(
            conn, now - timedelta(minutes=44), "overnight", RETURNED, "duty_manager",
            place="XH08S", ref=RETURNED,
            why="兴海大道 08 南行的事件还没有结果，距当日结束不足 3 小时",
            also="The episode at Xinghai Avenue 08 southbound has no outcome, less than 3 h before"
            " the day ends",
        ),
    }  # fmt: skip
    conn.execute(
        "UPDATE concerns SET taken_by = 'boss', taken_at = %s WHERE id = %s",
        (now - timedelta(minutes=5), numbers["crew"]),
    )
    conn.execute(
        "INSERT INTO services (order_id, judged_at, share, worked_m, driven_m, water_l, positions,"
        " proven, spans) VALUES ('O-1001', %s, 0.93, 302, 318, 331, 58, true, '[[0, 302]]')",
        (now - timedelta(minutes=70),),
    )
    for segment, silt, tracked, film in (("XH07N", 3.4, 0.72, 0.0), ("XH05S", 0.8, 0.1, 0.12)):
        conn.execute(
            "INSERT INTO segment_ground VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (segment, now, silt, 0.55 * silt, 1.8 * silt, tracked, film, min(0.9, film * 4)),
        )
    conn.commit()
    return numbers


def concern(
    conn: Connection,
    at: datetime,
    kind: str,
    subject: str,
    role: str,
    *,
    why: str,
    also: str,
    place: str | None = None,
    ref: str | None = None,
    crew: str | None = None,
) -> int:
    """Trouble that somebody is called for at `at`; its number."""
    found = conn.execute(
        "INSERT INTO concerns (kind, subject, crew, place, ref, why, also, since, opened_at, role,"
        " called_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (kind, subject, crew, place, ref, why, also, at, at, role, at),
    ).fetchone()
    assert found is not None
    for event in ("opened", "called"):
        conn.execute(
            "INSERT INTO escalation_log (concern, at, actor, event, role)"
            " VALUES (%s, %s, 'dispatch', %s, %s)",
            (found[0], at, event, role if event == "called" else None),
        )
    return int(found[0])
