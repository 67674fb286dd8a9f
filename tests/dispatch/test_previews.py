"""Previews: an answer that comes true when the decision is kept, and that changes nothing."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from dispatch.planning import Plan
from dispatch.previews import ANSWERED_A_STEP, sentence
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from roaddust.embedded import EmbeddedPostgres
from store.database import Connection, connect
from store.migrate import migrate
from store.overrides import Wish, record
from store.statements import statements
from tests.dispatch.obedient import Crews
from tests.dispatch.towns import NOON, block, crew
from tests.services import fresh_database

SQL = statements("previews")
QUICK = DispatchSettings(iterations=40, language="en")
TABLES = ("plans", "orders", "order_log", "decisions", "outbox", "overrides", "episode_log",
          "matters", "concerns", "calls", "progress", "services")  # fmt: skip


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """The dispatcher's connection to a fresh database."""
    with connect(migrated_embedded_db, name="dispatch") as connection:
        yield connection


@pytest.fixture
def dispatcher() -> Dispatcher:
    """Two water trucks and a sweeper in a small town."""
    return Dispatcher(block([crew("W1"), crew("W2"), crew("S1", kind="sweeper")]), QUICK)


def later(minutes: float) -> dt.datetime:
    """So many minutes after noon."""
    return NOON + dt.timedelta(minutes=minutes)


def everything(conn: Connection) -> dict[str, list[Any]]:
    """All that dispatch writes, row by row."""
    found = {}
    for table in TABLES:
        query = f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text"
        found[table] = [row[0] for row in conn.execute(query)]
    conn.commit()
    return found


def ask(conn: Connection, at: dt.datetime, **wish: Any) -> int:
    """As the console asks."""
    whole = {"why": "try", "until": later(600).isoformat()} | wish
    row = conn.execute(SQL.ask, {"at": at, "by": "wang", "wish": Jsonb(whole)}).fetchone()
    conn.commit()
    assert row is not None
    return int(row[0])


def answer(conn: Connection, number: int) -> dict[str, Any]:
    """The row of a question."""
    row = conn.execute(
        "SELECT answered_at, plan, answer, problem FROM previews WHERE id = %s", (number,)
    ).fetchone()
    conn.commit()
    assert row is not None
    return dict(zip(("answered_at", "plan", "answer", "problem"), row, strict=True))


Sequence = dict[str, list[tuple[str, str, dt.datetime]]]
"""Place, treatment and arrival of each crew's orders."""


@pytest.fixture
def made(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> list[Sequence]:
    """Every plan that is worked out, the newest last. An arrival that moves by little is worked
    out and not told, so the tables do not say it."""
    plans: list[Sequence] = []
    work_out = dispatcher.planner.plan

    def spy(*given: Any, **also: Any) -> Plan:
        plan = work_out(*given, **also)
        plans.append(
            {
                who: [(o.place, o.treatment, o.eta) for o in mine]
                for who, mine in plan.orders.items()
            }
        )
        return plan

    monkeypatch.setattr(dispatcher.planner, "plan", spy)
    return plans


def orders(conn: Connection) -> dict[str, list[tuple[str, str]]]:
    """Open orders of each crew: place, treatment."""
    found: dict[str, list[tuple[str, str]]] = {}
    for who, place, treatment in conn.execute(
        "SELECT crew, coalesce(segment, site, depot), treatment FROM orders"
        " WHERE state IN ('sent', 'accepted', 'started') ORDER BY crew, seq"
    ):
        found.setdefault(who, []).append((place, treatment))
    conn.commit()
    return found


def foretold(found: dict[str, Any]) -> Sequence:
    """The plan of an answer."""
    return {
        who: [
            (
                o["segment"] or o["site"] or o["depot"],
                o["treatment"],
                dt.datetime.fromisoformat(o["eta"]),
            )
            for o in mine
        ]
        for who, mine in found["answer"]["orders"].items()
    }


def without_times(plan: Sequence) -> dict[str, list[tuple[str, str]]]:
    """What is done in which order."""
    return {who: [(place, what) for place, what, _ in mine] for who, mine in plan.items() if mine}


WISHES: list[dict[str, Any]] = [
    {"kind": "hold", "crew": "W1"},
    {"kind": "assign", "place": "A", "treatment": "wash", "crew": "W2"},
    {"kind": "assign", "place": "A", "treatment": "wash", "crew": "W1"},
    {"kind": "forbid", "place": "B"},
    {"kind": "add", "place": "C", "treatment": "sweep", "priority": 1},
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: "-".join(map(str, wish.values())))
def test_what_is_foretold_comes_true_when_it_is_kept(
    conn: Connection, dispatcher: Dispatcher, made: list[Sequence], wish: dict[str, Any]
) -> None:
    """The orders of the answer are those of the plan that is made once the decision is kept."""
    dispatcher.step(conn, NOON)
    number = ask(conn, later(1), **wish)
    dispatcher.step(conn, later(1))
    found = answer(conn, number)
    assert found["problem"] is None
    assert found["answered_at"] == later(1)
    kept = Wish(why="try", given_by="wang", until=later(600), **wish)
    record(conn, kept, later(1))
    conn.commit()
    dispatcher.step(conn, later(1))
    assert made[-1] == foretold(found)
    assert orders(conn) == without_times(made[-1])


def test_pinning_foretells_too(
    conn: Connection, dispatcher: Dispatcher, made: list[Sequence]
) -> None:
    """A pin is looked up as it is when it is kept."""
    dispatcher.step(conn, NOON)
    (order,) = conn.execute(
        "SELECT id FROM orders WHERE treatment = 'wash' ORDER BY id LIMIT 1"
    ).fetchone() or ("",)
    conn.commit()
    number = ask(conn, later(1), kind="pin", order=order)
    gone = ask(conn, later(1), kind="pin", order="O-no-such")
    dispatcher.step(conn, later(1))
    assert "nothing to pin" in answer(conn, gone)["problem"]
    found = answer(conn, number)
    record(
        conn,
        Wish(kind="pin", why="try", given_by="wang", until=later(600), order=order),
        later(1),
    )
    conn.commit()
    dispatcher.step(conn, later(1))
    assert made[-1] == foretold(found)
    assert orders(conn) == without_times(made[-1])


def test_a_question_changes_nothing_but_its_own_row(
    conn: Connection, dispatcher: Dispatcher
) -> None:
    """Every table of dispatch is the same after a preview, and so is all that comes after it."""
    dispatcher.step(conn, NOON)
    dispatcher.step(conn, later(1))
    before = everything(conn)
    numbers = [ask(conn, later(1), **wish) for wish in WISHES]
    for _ in numbers:
        dispatcher.step(conn, later(1))
    assert everything(conn) == before
    assert all(answer(conn, number)["answer"] for number in numbers)


def an_hour(server: EmbeddedPostgres, *, asks: bool) -> dict[str, list[Any]]:
    """An hour of obedient crews in a database of its own, with a question now and then."""
    with fresh_database(server, migrate) as dsn, connect(dsn, name="dispatch") as conn:
        district = block([crew("W1"), crew("W2"), crew("S1", kind="sweeper")])
        dispatcher, crews = Dispatcher(district, QUICK), Crews(district)
        for minute in range(60):
            now = later(minute)
            if asks and minute % 7 == 0:
                ask(conn, now, **WISHES[minute % len(WISHES)])
            dispatcher.step(conn, now)
            crews.deliver(conn)
            conn.commit()
            crews.minute(conn, later(minute + 1))
        return everything(conn)


def test_an_hour_with_questions_goes_as_one_without(embedded_server: EmbeddedPostgres) -> None:
    """The same plans, orders and words come out of the same minutes, whether somebody asks."""
    assert an_hour(embedded_server, asks=True) == an_hour(embedded_server, asks=False)


def test_a_withdrawal_is_foretold(conn: Connection, dispatcher: Dispatcher) -> None:
    """What would be were a decision taken back; one that is over cannot be."""
    wish = Wish(kind="hold", why="try", given_by="wang", until=later(600), crew="S1")
    number = record(conn, wish, NOON)
    conn.commit()
    dispatcher.step(conn, NOON)
    assert "S1" not in orders(conn)
    question = ask(conn, later(1), kind="withdraw", override=number)
    wrong = ask(conn, later(1), kind="withdraw", override=number + 1)
    dispatcher.step(conn, later(1))
    (s1,) = [c for c in answer(conn, question)["answer"]["crews"] if c["crew"] == "S1"]
    assert {o["treatment"] for o in s1["gained"]} == {"sweep"}
    assert "still holds" in answer(conn, wrong)["problem"]


def test_what_cannot_be_granted_says_why(conn: Connection, dispatcher: Dispatcher) -> None:
    """A treatment that no crew on duty can do is told as unmet, and as left out."""
    dispatcher.step(conn, NOON)
    number = ask(conn, later(1), kind="add", place="A", treatment="fog")
    dispatcher.step(conn, later(1))
    found = answer(conn, number)["answer"]
    assert "No crew" in found["unmet"]["text"]
    assert [one["place"] for one in found["left_out"]] == ["A"]
    assert found["left_out_before"] == []


def test_figures_are_those_of_the_plan(conn: Connection, dispatcher: Dispatcher) -> None:
    """Adding up what each crew gains and loses gives what the totals say."""
    dispatcher.step(conn, NOON)
    number = ask(conn, later(1), kind="forbid", place="B")
    dispatcher.step(conn, later(1))
    found = answer(conn, number)["answer"]
    gone = [(o["segment"], o["treatment"]) for c in found["crews"] for o in c["lost"]]
    assert set(gone) == {("B", "wash"), ("B", "sweep")}
    assert found["totals"]["orders"][1] - found["totals"]["orders"][0] == -2
    washed = found["totals"]["water_l"][0] - found["totals"]["water_l"][1]
    assert washed == pytest.approx(300 * 1.2 + 300 * 1.2, abs=1)
    for name, totals in found["totals"].items():
        if totals is not None:
            assert totals[1] == pytest.approx(sum(c[name][1] for c in found["crews"])), name
    assert "2项" in found["sentence"]["zh-CN"]
    assert "2 fewer" in found["sentence"]["en"]


def test_questions_are_answered_a_few_a_step(conn: Connection, dispatcher: Dispatcher) -> None:
    """Many questions hold up the plan in force by a few plans only; all are answered in turn."""
    dispatcher.step(conn, NOON)
    numbers = [ask(conn, later(1), kind="hold", crew="W1") for _ in range(ANSWERED_A_STEP + 2)]
    dispatcher.step(conn, later(1))
    told = [answer(conn, number)["answered_at"] is not None for number in numbers]
    assert told == [True] * ANSWERED_A_STEP + [False] * 2
    dispatcher.step(conn, later(1))
    assert all(answer(conn, number)["answered_at"] for number in numbers)


@pytest.mark.parametrize(
    ("spared", "chinese", "english"),
    [
        ([500, 900], "少吸入400人", "breathe 400 person·h·µg/m³ less"),
        ([900, 500], "多吸入400人", "breathe 400 person·h·µg/m³ more"),
        (None, "用水-1.5立方米。", "-1.5 m³ of water."),
    ],
)
def test_the_sentence_says_who_breathes_what(
    spared: list[float] | None, chinese: str, english: str
) -> None:
    """More or less, in words and never by a sign that has to be thought about."""
    lost = {"to": None, "minutes": 5.0}
    said = sentence(
        {
            "crews": [{"gained": [], "lost": [lost], "moved": []}],
            "late": [], "late_before": [], "left_out": [], "left_out_before": [],
            "totals": {"km": [3.0, 2.0], "water_l": [2000, 500], "spared": spared},
        }
    )  # fmt: skip
    assert chinese in said["zh-CN"]
    assert english in said["en"]
