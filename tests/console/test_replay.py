"""What was shown then is shown again: any minute that is stored, whatever has happened since."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from console.past import episode_then, order_then, told_by, under_way
from console.replay import steps_of
from store.database import connect
from tests.console import plausible
from tests.console.conftest import Running

EPISODE = "E-20260302-0149-XH07N-inc60"
THEN = plausible.NOW
AT = THEN.isoformat().replace("+00:00", "Z")


def shown(client: httpx.Client, path: str) -> Any:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_now_as_a_moment_of_the_past_is_what_is_shown_now(reader: httpx.Client) -> None:
    """The replay of this very moment is the state, to the digit, and so is a time still to come."""
    state = shown(reader, "state")
    assert shown(reader, f"replay?at={AT}") == state
    assert shown(reader, "replay?at=2027-01-01T00:00:00Z") == state


def test_what_happens_afterwards_does_not_change_what_was(
    console: Running, operator: httpx.Client
) -> None:
    """Acts, progress, minutes, readings and plans since then leave the replay as it was shown."""
    assert console.now is not None
    before = shown(operator, "state")
    console.now.forward(minutes=2)
    acknowledged = operator.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
    assert acknowledged.status_code == 200
    shelved = operator.post(
        "/api/v1/episodes/E-20260302-0155-XH09N-inc15/shelve", json={"minutes": 60}
    )
    assert shelved.status_code == 200
    later = THEN + timedelta(minutes=4)
    with connect(console.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO segment_minutes (segment, ts, pm10, background, increment, level,"
            " confidence) VALUES ('XH07N', %s, 90, 60, 30, 0, 0.9)",
            (later,),
        )
        conn.execute(
            "INSERT INTO readings (station, ts, pm10, source, stored_at)"
            " SELECT station, %(at)s, 10, 'json', %(at)s FROM readings GROUP BY station",
            {"at": later},
        )
        conn.execute(
            "INSERT INTO positions (crew, ts, lon, lat, state, stored_at)"
            " VALUES ('WATER-A', %(at)s, 113.9, 22.5, 'idle', %(at)s)",
            {"at": later},
        )
        conn.execute(
            "UPDATE orders SET state = 'done', ended_at = %s WHERE id = 'O-1003'", (later,)
        )
        conn.execute(
            "UPDATE orders SET state = 'withdrawn', ended_at = %s WHERE id = 'O-1005'", (later,)
        )
        conn.execute(
            "INSERT INTO plans (id, issued_at, trigger, solver, body)"
            " VALUES ('P-later', %s, 'timer', '{}', '{}')",
            (later,),
        )
        conn.execute(
            "UPDATE episodes SET state = 'closed', ended_at = %(at)s, peak = 200,"
            " peak_at = %(at)s, updated_at = %(at)s WHERE id = 'E-20260302-0203-XH03S-inc15'",
            {"at": later},
        )
        conn.execute(
            "INSERT INTO episode_log (episode, at, actor, event) VALUES (%s, %s, 'analytics',"
            " 'closed')",
            ("E-20260302-0203-XH03S-inc15", later),
        )
        conn.execute(
            "INSERT INTO events (source, id, source_kind, ts, kind, stored_at)"
            " VALUES ('CAM-1', 'later', 'cameras', %(at)s, 'dust_plume', %(at)s)",
            {"at": later},
        )
        conn.commit()
    console.now.forward(minutes=8)
    then = shown(operator, f"replay?at={AT}")
    # When it was highest is not in the log of these hours: only that it had not been so high yet.
    for state in (before, then):
        for name in ("peak", "peak_at"):
            del state["episodes"]["E-20260302-0203-XH03S-inc15"][name]
    assert then == before
    now = shown(operator, "state")
    assert now["overview"]["plan"] == "P-later"
    assert now["episodes"][EPISODE]["acknowledged_by"] == "operator"
    assert now["crews"]["WATER-A"]["state"] == "idle"


def test_plan_of_then_has_the_drives_that_were_told(
    console: Running, operator: httpx.Client
) -> None:
    """Sequence, arrival and path come from the plan that was in force, not from the one after."""
    assert console.now is not None
    told = {
        "WATER-A": {
            "orders": [
                {
                    "order": "O-1005",
                    "seq": 9,
                    "eta": "2026-03-02T03:00:00Z",
                    "path": [[113.88, 22.47], [113.89, 22.48]],
                }
            ]
        }
    }
    with connect(console.dsn, name="test") as conn:
        conn.execute("UPDATE plans SET body = %s", (Jsonb(told),))
        conn.execute("UPDATE orders SET seq = 1, path = '[]' WHERE id = 'O-1005'")
        conn.commit()
    plan = shown(operator, f"replay/plan?at={AT}&crew=WATER-A")
    orders = {order["id"]: order for order in plan["crews"][0]["orders"]}
    assert orders["O-1005"]["seq"] == 9
    assert orders["O-1005"]["eta"] == "2026-03-02T03:00:00Z"
    assert orders["O-1005"]["path"] == [[113.88, 22.47], [113.89, 22.48]]
    assert orders["O-1004"]["path"], "what the plan does not tell is as it stands"
    assert [crew["crew"] for crew in plan["crews"]] == ["WATER-A"]


def test_strip_shows_where_to_look(reader: httpx.Client) -> None:
    """Each step says how the streets stood at its end; what is not stored is not clean."""
    strip = shown(reader, "replay/strip?day=2026-03-02")
    columns = ("ts", "worst", "exceeding", "measured", "treatments")
    assert len({len(strip[name]) for name in columns}) == 1
    at = {ts: i for i, ts in enumerate(strip["ts"])}
    assert strip["worst"][at["2026-03-01T16:05:00Z"]] is None  # nothing is stored of that night
    last = at["2026-03-02T02:15:00Z"]
    assert strip["worst"][last] == 3
    assert strip["exceeding"][last] >= 3
    assert strip["measured"][last] > 40
    assert strip["treatments"][last] == 1  # O-1003
    assert strip["ts"][-1] == "2026-03-02T02:15:00Z", "nothing is told of what is still to come"
    assert strip["first"] < strip["last"] <= AT


def test_strip_of_a_day_without_anything_is_empty_and_not_clean(reader: httpx.Client) -> None:
    """A day before the first reading has steps and no level; a day to come is today."""
    strip = shown(reader, "replay/strip?day=2020-01-01")
    assert set(strip["worst"]) == {None}
    assert len(strip["ts"]) == 288
    assert shown(reader, "replay/strip?day=2199-01-01")["day"] == "2026-03-02"
    assert reader.get("/api/v1/replay/strip?day=0001-01-01").status_code == 422


def test_outlook_tells_every_segment(reader: httpx.Client) -> None:
    """What is foreseen comes for all segments at once, from the newest quarter of an hour."""
    outlook = shown(reader, "outlook")
    assert outlook["ts"] == "2026-03-02T02:15:00Z"
    assert [step["horizon_min"] for step in outlook["segments"]["XH07N"]] == [15, 60, 180]
    assert shown(reader, "outlook?at=2026-03-01T00:00:00Z") == {"ts": None, "segments": {}}


@pytest.mark.parametrize("path", [f"replay?at={AT}", "replay/strip", f"replay/plan?at={AT}"])
def test_a_crew_does_not_look_into_the_past(still_console: Running, path: str) -> None:
    """What only those who look at the console may see stays with them."""
    with still_console.as_("driver") as client:
        assert client.get(f"/api/v1/{path}").status_code == 403


# Pure ---------------------------------------------------------------------------------------------


def minute(n: int) -> datetime:
    return datetime(2026, 3, 2, 1, tzinfo=UTC) + timedelta(minutes=n)


ROW: dict[str, Any] = {
    "id": "E",
    "segment": "S",
    "site": None,
    "rule": "inc60",
    "level": 3,
    "state": "closed",
    "started_at": minute(0),
    "peak_at": minute(40),
    "peak": 190.0,
    "ended_at": minute(60),
    "causes": [{"kind": "site", "site": "A", "probability": 0.7, "evidence": "wind"}],
    "verdict": {"effective": True},
    "acknowledged_by": "ann",
    "acknowledged_at": minute(35),
    "shelved_until": None,
    "group": None,
    "measured": True,
    "updated_at": minute(60),
    "orders": [],
}


def line(n: int, event: str, actor: str = "analytics", **detail: Any) -> dict[str, Any]:
    return {"at": minute(n), "actor": actor, "event": event, "detail": detail}


STORY = [
    line(0, "opened", level=0, value=52.0),
    line(5, "activated", level=1, value=60.0, measured=True),
    line(6, "cause", kind="road", site=None, probability=0.5),
    line(8, "reason", "dispatch", reason="no crew is free", also="无班组"),
    line(10, "acknowledged", "bob"),
    line(15, "level", level=2, value=90.0, measured=False),
    line(15, "unacknowledged", why="level"),
    line(20, "recovering", level=2, value=50.0),
    line(22, "shelved", "bob", until=minute(30).isoformat()),
    line(25, "reopened", level=2, value=95.0),
    line(30, "unshelved", why="expired"),
    line(35, "acknowledged", "ann"),
    line(40, "level", level=3, value=190.0),
    line(45, "cause", kind="site", site="A", probability=0.7),
    line(58, "verdict", effective=True),
    line(60, "closed", level=0, value=40.0),
]


def at(n: int) -> dict[str, Any] | None:
    moment = minute(n)
    return episode_then(ROW, [said for said in STORY if said["at"] <= moment], moment)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (
            2,
            {"state": "pending", "level": 0, "acknowledged_by": None, "reason": None, "also": None},
        ),
        (7, {"state": "active", "level": 1, "peak": 60.0, "verdict": None}),
        (12, {"acknowledged_by": "bob", "reason": "no crew is free", "also": "无班组"}),
        (15, {"acknowledged_by": None, "level": 2, "measured": False, "peak": 90.0}),
        (23, {"state": "recovering", "level": 2, "shelved_until": minute(30)}),
        (26, {"state": "active", "shelved_until": minute(30)}),
        (31, {"shelved_until": None, "acknowledged_by": None}),
        (36, {"acknowledged_by": "ann", "acknowledged_at": minute(35), "peak": 95.0}),
        (50, {"level": 3, "peak": 190.0, "causes": ROW["causes"], "ended_at": None}),
        (61, {"state": "closed", "ended_at": minute(60), "verdict": {"effective": True}}),
    ],
)
def test_episode_is_what_its_story_had_said(n: int, expected: dict[str, Any]) -> None:
    """State, level, peak, causes and what people did follow the log, line by line."""
    then = at(n)
    assert then is not None
    assert {name: then[name] for name in expected} == expected


def test_first_cause_of_then_is_told_without_the_evidence_of_now() -> None:
    """Evidence is kept for the newest causes alone: an older first cause stands by itself."""
    then = at(30)
    assert then is not None
    assert then["causes"] == [{"kind": "road", "site": None, "probability": 0.5, "evidence": None}]


def test_episode_that_had_not_begun_lapsed_or_was_withdrawn_is_not_shown() -> None:
    """What nobody was shown is not shown again; what came back is."""
    assert episode_then(ROW, [], minute(-1)) is None
    assert episode_then(ROW, [*STORY[:1], line(3, "lapsed", level=0)], minute(4)) is None
    gone = [*STORY[:2], line(6, "withdrawn")]
    assert episode_then(ROW, gone, minute(7)) is None
    assert episode_then(ROW, [*gone, line(8, "restored")], minute(9)) is not None


ORDER: dict[str, Any] = {
    "id": "O",
    "seq": 4,
    "eta": minute(30),
    "state": "done",
    "accepted_at": minute(5),
    "started_at": minute(20),
    "ended_at": minute(33),
    "outcome": "ok",
    "said": None,
}


@pytest.mark.parametrize(
    ("n", "said", "state"),
    [
        (1, None, "sent"),
        (6, None, "accepted"),
        (21, None, "started"),
        (33, None, "done"),
        (21, "accepted", "accepted"),  # the log knows better than the columns
        (31, "silent", "silent"),  # unanswered for a while, though it was done in the end
    ],
)
def test_order_is_what_had_been_said_of_it(n: int, said: str | None, state: str) -> None:
    """The last word until then counts; times that were still to come are not told."""
    then = order_then(ORDER | {"said": said}, {}, minute(n))
    assert then is not None
    assert then["state"] == state
    assert all(then[name] is None or then[name] <= minute(n) for name in ("started_at", "ended_at"))
    assert "said" not in then


def test_withdrawn_order_leaves_the_board() -> None:
    """As on the live board, an order that was taken back is not among those that ended."""
    assert order_then(ORDER | {"said": "withdrawn"}, {}, minute(10)) is None


def test_open_order_is_as_the_plan_of_then_told_it() -> None:
    """Arrival and sequence are those of the plan in force, for orders that are still open."""
    told = told_by(
        {"A": {"orders": [{"order": "O", "seq": 2, "eta": minute(12).isoformat()}]}, "B": {}}
    )
    then = order_then(ORDER, told, minute(6))
    assert then is not None
    assert (then["seq"], then["eta"]) == (2, minute(12))


spans = st.lists(
    st.tuples(st.integers(0, 40), st.none() | st.integers(0, 40)).map(
        lambda pair: (minute(pair[0]), None if pair[1] is None else minute(pair[1]))
    )
)


@given(spans)
def test_under_way_counts_each_span_from_its_begin_to_before_its_end(
    found: list[tuple[datetime, datetime | None]],
) -> None:
    """The fast count is the plain one."""
    steps = [minute(n) for n in range(0, 41, 5)]
    plain = [
        sum(begun <= step and (ended is None or ended > step) for begun, ended in found)
        for step in steps
    ]
    assert under_way(found, steps) == plain


def test_steps_of_a_day_cover_it_whatever_the_clocks_do() -> None:
    """288 steps of five minutes; an hour more or fewer on the days when clocks are changed."""
    berlin = ZoneInfo("Europe/Berlin")
    assert len(steps_of(date(2026, 3, 2), ZoneInfo("Asia/Shanghai"))) == 288
    assert len(steps_of(date(2026, 3, 29), berlin)) == 276
    autumn = steps_of(date(2026, 10, 25), berlin)
    assert len(autumn) == 300
    assert {b - a for a, b in pairwise(autumn)} == {timedelta(minutes=5)}
