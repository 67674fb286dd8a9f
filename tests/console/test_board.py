"""The dispatch board: what it shows, who may decide what, and what a preview promises."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from psycopg.types.json import Jsonb

from console import board as boards
from console import gantt
from console.users import add_user
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from geo.district import District
from store.database import Connection, connect
from tests.console import plausible
from tests.console.conftest import PASSWORD, Running

NOW = plausible.NOW
UNTIL = (NOW + timedelta(hours=4)).isoformat()
HOLD = {"kind": "hold", "crew": "WATER-A", "until": UNTIL}
ADD = {"kind": "add", "place": "XH05N", "treatment": "wash", "until": UNTIL}
SHANGHAI = ZoneInfo("Asia/Shanghai")
SITUATION: dict[str, Any] = {
    "episodes": {}, "crews": {}, "troubles": [], "orders": {}, "weather": None, "overrides": [],
    "complaints": [], "said": {}, "left_out": [],
}  # fmt: skip


def at(minutes: float) -> datetime:
    """So many minutes after now."""
    return NOW + timedelta(minutes=minutes)


def order(name: str, state: str, **values: Any) -> dict[str, Any]:
    """A row as the board reads it."""
    whole = {
        "id": name, "seq": 1, "treatment": "wash", "state": state, "eta": at(10), "due": None,
        "minutes": 8.0, "water_l": 400.0, "priority": 2, "started_at": None, "ended_at": None,
    }  # fmt: skip
    return whole | values


# Bars ---------------------------------------------------------------------------------------


def test_what_happened_is_drawn_as_it_was() -> None:
    """Work lasts from its first to its last word, whatever it was planned to take."""
    done = order("O1", "done", started_at=at(-60), ended_at=at(-30), minutes=5)
    runs = [gantt.Run("driving", at(-70), at(-60)), gantt.Run("working", at(-60), at(-30))]
    drive, work = gantt.bars([done], runs, NOW)
    assert (work.kind, work.start, work.end, work.planned) == ("work", at(-60), at(-30), False)
    assert (drive.kind, drive.start, drive.end, drive.order) == ("drive", at(-70), at(-60), "O1")


def test_the_plan_is_pushed_by_what_is_behind() -> None:
    """A crew that is behind its plan begins the next order when the one in hand lets go."""
    begun = order("O1", "started", started_at=at(-2), minutes=20)
    next_ = order("O2", "accepted", seq=2, eta=at(5), due=at(15))
    planned = [bar for bar in gantt.bars([begun, next_], [], NOW) if bar.planned]
    assert [(bar.order, bar.start, bar.end) for bar in planned] == [
        ("O1", NOW, at(18)),
        ("O2", at(18), at(26)),
    ]
    assert [bar.late for bar in planned] == [False, True]


def test_bars_of_a_crew_never_overlap() -> None:
    """Orders, runs of the vehicle and the plan share one line."""
    orders = [
        order("O1", "done", started_at=at(-60), ended_at=at(-40)),
        order("O2", "failed", started_at=at(-45), ended_at=at(-20)),
        order("O3", "started", started_at=at(-5)),
        order("O4", "sent", seq=2, treatment="refill", eta=at(12), minutes=10),
        order("O5", "sent", seq=3, eta=at(12)),
    ]
    states = ["driving", "working", "idle", "refilling", "off", None]
    runs = [gantt.Run(s, at(-90 + 15 * i), at(-77 + 15 * i)) for i, s in enumerate(states)]
    bars = gantt.bars(orders, runs, NOW)
    for before, after in pairwise(bars):
        assert before.end <= after.start
    assert {bar.kind for bar in bars} == {"drive", "work", "off", "refill"}


def test_a_silence_is_no_work() -> None:
    """Where a vehicle said nothing for more than five minutes nothing is drawn."""
    runs = [gantt.Run("driving", at(-60), at(-50)), gantt.Run("driving", at(-20), at(-10))]
    assert [(bar.start, bar.end) for bar in gantt.bars([], runs, NOW)] == [
        (at(-60), at(-50)),
        (at(-20), at(-10)),
    ]


def test_the_day_counts_musts_that_came_and_those_to_come() -> None:
    """Begun in time, begun late, overdue, to come in time, to come late; routine does not count."""
    lengths = {"A": 1000.0}
    orders = [
        order("O1", "started", started_at=at(-10), due=at(-5), minutes=12),
        order("O2", "sent", seq=2, due=at(-1), eta=at(3)),
        order("O3", "sent", seq=3, due=at(60), eta=at(20)),
        order("O4", "sent", seq=4, due=at(30), eta=at(40)),
        order("O5", "sent", seq=5, due=at(30), eta=at(60), priority=4),
    ]
    for row in orders:
        row |= {"segment": "A", "depot": None, "path": [[113.9, 22.5], [113.9, 22.51]]}
    done = {"treatments": 7, "water_l": 2100.04, "on_time": 3, "due": 4}
    today = boards.day_of(done, 12.5, orders, lengths, NOW)
    assert (today["on_time"], today["due"]) == (3 + 1, 4 + 2)
    assert (today["on_time_planned"], today["due_planned"]) == (1, 2)
    assert (today["treatments"], today["treatments_planned"]) == (7, 5)
    assert (today["water_l"], today["water_planned_l"]) == (2100.0, 2000.0)
    assert today["km_planned"] == pytest.approx(5 + 4 * 1.112, abs=0.02)


def test_water_goes_down_with_the_work_and_up_with_a_refill() -> None:
    """The line ahead has its corners where work and refills begin and end."""
    ahead = gantt.water_ahead(
        [
            order("O1", "sent", eta=at(10)),
            order("O2", "sent", seq=2, eta=at(30), treatment="refill", minutes=10),
        ],
        1000.0, 12_000.0, NOW,
    )  # fmt: skip
    assert ahead == [
        (NOW, 1000.0), (at(10), 1000.0), (at(18), 600.0), (at(30), 600.0), (at(40), 12_000.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shifts", "hours"),
    [
        (["06:00-14:00"], [(6, 14)]),
        (["22:00-06:00"], [(-2, 6), (22, 30)]),
        (["05:00-09:00", "20:00-00:00"], [(5, 9), (20, 24)]),
        (["07:00-12:00", "12:00-19:00"], [(7, 19)]),
    ],
)
def test_shifts_in_local_time(shifts: list[str], hours: list[tuple[int, int]]) -> None:
    """Shifts that touch are one; one that ends at or before its start ends on the next day."""
    midnight = datetime(2026, 3, 2, tzinfo=SHANGHAI).astimezone(UTC)
    spans = gantt.shift_spans(shifts, SHANGHAI, midnight, midnight + timedelta(hours=24))
    hour = timedelta(hours=1)
    assert [((a - midnight) / hour, (b - midnight) / hour) for a, b in spans] == hours


def test_weather_stands_until_a_plan_without_it() -> None:
    """Plans that say the same thing of the weather are one band."""
    plans: list[dict[str, Any]] = [
        {"issued_at": at(-90), "weather": "rain"},
        {"issued_at": at(-60), "weather": "rain"},
        {"issued_at": at(-30), "weather": None},
        {"issued_at": at(-10), "weather": "sand_dust"},
    ]
    assert gantt.bands(plans, at(-80), NOW) == [
        (at(-80), at(-30), "rain"),
        (at(-10), NOW, "sand_dust"),
    ]
    assert gantt.bands([], at(-80), NOW) == []


# The API ------------------------------------------------------------------------------------


def test_board_shows_every_crew(reader: httpx.Client, district: District) -> None:
    """Each crew with its bars, orders and water; what is over is not planned."""
    board = reader.get("/api/v1/board").json()
    crews = {crew["crew"]: crew for crew in board["crews"]}
    assert list(crews) == list(district.crews)
    bars = crews["WATER-A"]["bars"]
    assert {bar["order"] for bar in bars if not bar["planned"]} >= {"O-1001", "O-1002", "O-1003"}
    assert {bar["order"] for bar in bars if bar["planned"]} == {
        "O-1003", "O-1004", "O-1005", "O-1006",
    }  # fmt: skip
    now = datetime.fromisoformat(board["now"])
    for crew in crews.values():
        for bar in crew["bars"]:
            edge = bar["start"] if bar["planned"] else bar["end"]
            assert (datetime.fromisoformat(edge) >= now) == bar["planned"] or edge == board["now"]
    assert crews["WATER-A"]["water_ahead"][0][1] == crews["WATER-A"]["water_l"]
    assert board["today"]["treatments"] == 1
    assert board["today"]["water_l"] == 340
    for name, total in board["today"].items():
        assert total == pytest.approx(sum(crew["today"][name] for crew in crews.values())), name


@pytest.mark.parametrize("span", [("0", "1"), ("-1", "-1"), ("-48", "2")])
def test_board_refuses_a_span_without_sense(reader: httpx.Client, span: tuple[str, str]) -> None:
    """Ten minutes to 36 hours, forwards."""
    first, last = (at(60 * float(hours)).isoformat() for hours in span)
    params = {"from": first, "until": at(1).isoformat() if span[0] == "0" else last}
    assert reader.get("/api/v1/board", params=params).status_code == 422


ROLES = ("watcher", "driver", "operator", "planner", "boss")


@pytest.fixture
def people(console: Running) -> Iterator[dict[str, httpx.Client]]:
    """A client for each role."""
    with connect(console.dsn, name="test") as conn:
        add_user(conn, "planner", PASSWORD, "dispatcher", NOW)
    clients = {}
    for name in ROLES:
        answer = httpx.post(f"{console.address}/api/v1/token", auth=(name, PASSWORD))
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        clients[name] = httpx.Client(base_url=console.address, headers=bearer, timeout=30)
    yield clients
    for client in clients.values():
        client.close()


def test_who_may_see_and_decide(people: dict[str, httpx.Client]) -> None:
    """Crews see nothing of it, viewers look, operators add, dispatchers decide everything."""
    may_look = {n: c.get("/api/v1/board").status_code for n, c in people.items()}
    assert may_look == {
        "watcher": 200, "driver": 403, "operator": 200, "planner": 200, "boss": 200,
    }  # fmt: skip
    for wish, allowed in ((HOLD, {"planner", "boss"}), (ADD, {"operator", "planner", "boss"})):
        for name, client in people.items():
            kept = client.post("/api/v1/overrides", json=wish | {"why": "complaint"})
            assert kept.status_code == (201 if name in allowed else 403), (name, wish)
            asked = client.post("/api/v1/previews", json={"wish": wish})
            assert asked.status_code == (202 if name in allowed else 403), (name, wish)
    assert people["driver"].get("/api/v1/overrides").status_code == 403
    listed = people["watcher"].get("/api/v1/overrides").json()["items"]
    assert [one["given_by"] for one in listed] == ["boss", "planner", "operator", "boss", "planner"]
    held = next(one for one in listed if one["kind"] == "hold")
    gone = f"/api/v1/overrides/{held['id']}"
    assert people["operator"].delete(gone, params={"why": "over"}).status_code == 403
    ended = people["planner"].delete(gone, params={"why": "over"})
    assert (ended.status_code, ended.json()["ended_why"]) == (200, "over")
    assert people["planner"].delete(gone, params={"why": "over"}).status_code == 409


def test_a_decision_is_in_the_audit(people: dict[str, httpx.Client], console: Running) -> None:
    """Who decided what and why is kept in the transaction of the decision."""
    made = people["boss"].post("/api/v1/overrides", json=HOLD | {"why": "pump broken"}).json()
    with connect(console.dsn, name="test") as conn:
        found = conn.execute(
            "SELECT actor, detail->>'why', (detail->>'override')::int FROM audit"
            " WHERE action = 'override'"
        ).fetchall()
    assert found == [("boss", "pump broken", made["id"])]


BAD: list[dict[str, Any]] = [
    HOLD | {"crew": "NOBODY"},
    HOLD | {"crew": None},
    HOLD | {"place": "XH05N"},
    HOLD | {"until": at(-1).isoformat()},
    HOLD | {"until": at(60 * 24 * 40).isoformat()},
    HOLD | {"until": "2026-03-02T12:00:00"},
    ADD | {"place": "XH05N'; DROP TABLE overrides"},
    ADD | {"priority": 4},
    ADD | {"treatment": "return"},
    {"kind": "assign", "place": "XH05N", "treatment": "wash", "until": UNTIL},
]


@pytest.mark.parametrize("wish", BAD, ids=range(len(BAD)))
def test_what_makes_no_sense_is_refused(still_console: Running, wish: dict[str, Any]) -> None:
    """Neither asked nor kept, and the refusal is a problem with a sentence."""
    with still_console.as_("boss") as boss:
        for path, body in (("overrides", wish | {"why": "x"}), ("previews", {"wish": wish})):
            answer = boss.post(f"/api/v1/{path}", json=body)
            assert answer.status_code == 422
            assert answer.json()["detail"]
        assert boss.post("/api/v1/overrides", json=HOLD | {"why": "  "}).status_code == 422
        pin = {"kind": "pin", "order": "O-1001", "until": UNTIL, "why": "x"}
        assert boss.post("/api/v1/overrides", json=pin).status_code == 409


@pytest.fixture
def dispatcher(district: District) -> Dispatcher:
    """The stage that answers, with a short search."""
    return Dispatcher(district, DispatchSettings(iterations=30))


@pytest.fixture
def dispatch_conn(console: Running) -> Iterator[Connection]:
    """The dispatcher's connection, to plans that say what they were made from."""
    with connect(console.dsn, name="dispatch") as conn:
        conn.execute("UPDATE plans SET solver = %s", (Jsonb({"situation": SITUATION}),))
        conn.commit()
        yield conn


def work(order: dict[str, Any]) -> tuple[Any, ...]:
    """What is done where."""
    return tuple(order[name] for name in ("treatment", "segment", "site", "depot"))


def test_a_preview_is_answered_and_grows_old(
    people: dict[str, httpx.Client],
    console: Running,
    dispatcher: Dispatcher,
    dispatch_conn: Connection,
) -> None:
    """The dispatcher's next step answers; another plan, or five minutes, make it stale."""
    boss = people["boss"]
    dispatcher.step(dispatch_conn, NOW)
    asked = boss.post("/api/v1/previews", json={"wish": HOLD}).json()
    assert (asked["answered_at"], asked["answer"], asked["stale"]) == (None, None, None)
    dispatcher.step(dispatch_conn, NOW)
    found = boss.get(f"/api/v1/previews/{asked['id']}").json()
    assert found["problem"] is None
    assert found["stale"] is None
    effect = {crew["crew"]: crew for crew in found["answer"]["crews"]}
    assert effect["WATER-A"]["orders"][1] < effect["WATER-A"]["orders"][0]
    assert effect["WATER-A"]["lost"]
    assert console.now is not None
    console.now.forward(minutes=6)
    assert boss.get(f"/api/v1/previews/{asked['id']}").json()["stale"] == "age"
    dispatcher.step(dispatch_conn, NOW + timedelta(minutes=15))
    assert boss.get(f"/api/v1/previews/{asked['id']}").json()["stale"] == "plan"
    assert boss.delete(f"/api/v1/previews/{asked['id']}").status_code == 204
    assert boss.get(f"/api/v1/previews/{asked['id']}").status_code == 404


def test_what_is_kept_is_what_was_shown(
    people: dict[str, httpx.Client], dispatcher: Dispatcher, dispatch_conn: Connection
) -> None:
    """The next plan gives each crew the work that the preview had for it."""
    boss = people["boss"]
    dispatcher.step(dispatch_conn, NOW)
    asked = boss.post("/api/v1/previews", json={"wish": ADD}).json()
    dispatcher.step(dispatch_conn, NOW)
    found = boss.get(f"/api/v1/previews/{asked['id']}").json()["answer"]
    boss.post("/api/v1/overrides", json=ADD | {"why": "complaint"})
    dispatcher.step(dispatch_conn, NOW)
    told = {
        crew["crew"]: list(map(work, crew["orders"]))
        for crew in boss.get("/api/v1/plan").json()["crews"]
    }
    promised = {crew: list(map(work, mine)) for crew, mine in found["orders"].items() if mine}
    assert told == promised
    assert ("wash", "XH05N", None, None) in told["WATER-A"]


def test_old_questions_are_forgotten(people: dict[str, httpx.Client], console: Running) -> None:
    """However many are asked, the newest forty are there."""
    boss = people["boss"]
    numbers = [boss.post("/api/v1/previews", json={"wish": HOLD}).json()["id"] for _ in range(45)]
    with connect(console.dsn, name="test") as conn:
        left = [row[0] for row in conn.execute("SELECT id FROM previews ORDER BY id")]
    assert left == numbers[-40:]


def test_a_program_that_plans_needs_no_other_right(
    people: dict[str, httpx.Client], console: Running
) -> None:
    """A token with `dispatch` decides, asks, sees the answer and takes back, and acknowledges
    nothing; one with `act` adds work; one that reads decides nothing."""
    tokens = {}
    for scope in ("dispatch", "act", "read"):
        body = {"name": f"only {scope}".replace(" ", "-"), "scopes": [scope]}
        made = people["boss"].post("/api/v1/tokens", json=body)
        assert made.status_code == 201, made.text
        tokens[scope] = {"Authorization": f"Bearer {made.json()['token']}"}
    with httpx.Client(base_url=console.address, timeout=30) as program:
        may: dict[str, list[int]] = {}
        for scope, bearer in tokens.items():
            program.headers.update(bearer)
            kept = [
                program.post("/api/v1/overrides", json=wish | {"why": "visit"})
                for wish in (HOLD, ADD)
            ]
            asked = program.post("/api/v1/previews", json={"wish": ADD})
            may[scope] = [*(one.status_code for one in kept), asked.status_code]
            if asked.status_code == 202:
                number = asked.json()["id"]
                assert program.get(f"/api/v1/previews/{number}").status_code == 200
                assert program.delete(f"/api/v1/previews/{number}").status_code == 204
                gone = f"/api/v1/overrides/{kept[1].json()['id']}"
                assert program.delete(gone, params={"why": "over"}).status_code == 200
        assert may == {"dispatch": [201, 201, 202], "act": [403, 201, 202], "read": [403] * 3}
        program.headers.update(tokens["dispatch"])
        acknowledge = "/api/v1/alarms/returned/acknowledge"
        assert program.post(acknowledge).status_code == 403
