"""The dispatcher on a real database: clocks, escalation, and what people decide."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from dispatch.limits import Limits
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from geo.district import District
from store import overrides
from store.concerns import NotOpen, take
from store.database import Connection, connect
from store.overrides import BadOverride, Wish
from tests.dispatch.test_runner import (
    HAZE,
    later,
    measure,
    open_episode,
    orders_of,
    rows,
    say,
    sent,
    stand,
)
from tests.dispatch.towns import NOON, block, crew

QUICK = DispatchSettings(iterations=40, language="en")


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """The dispatcher's connection to a fresh database."""
    with connect(migrated_embedded_db, name="dispatch") as connection:
        yield connection


def complain(conn: Connection, name: str, at: dt.datetime, segment: str | None = "B") -> None:
    """As ingest writes a resident's report."""
    conn.execute(
        "INSERT INTO reports (channel, id, ts, segment, kind, stored_at)"
        " VALUES ('hotline', %s, %s, %s, 'dust', %s)",
        (name, at, segment, at),
    )
    conn.commit()


def decide(conn: Connection, district: District, now: dt.datetime, **values: Any) -> int:
    """As the console or the command line records it."""
    made = {"why": "school exam", "given_by": "wang", "until": now + dt.timedelta(hours=4)}
    wish = Wish(**{**made, **values})
    places = [*(s.id for s in district.segments.values() if s.treat), *district.sites]
    overrides.check(wish, now, places=places, crews=list(district.crews))
    number = overrides.record(conn, wish, now)
    conn.commit()
    return number


def calls(conn: Connection) -> list[tuple[str, str, str]]:
    """Kind of trouble, event and role, in order, without the roll call."""
    return rows(
        conn,
        "SELECT c.kind, l.event, l.role FROM escalation_log l JOIN concerns c ON c.id = l.concern"
        " WHERE l.role IS NOT NULL AND l.event <> 'resolved' AND c.subject NOT LIKE '%%/absent'"
        " ORDER BY l.id",
    )


def test_an_episode_has_its_clock(conn: Connection) -> None:
    """Answered in its first step, begun and treated by the crew's words, over with the episode."""
    dispatcher = Dispatcher(block(), QUICK)
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, later(0))
    plan = sent(conn)["down/crews/W1/orders"]
    mine = next(o["order"] for o in plan["orders"] if o["episode"] == "E1")
    for event, minute in (("accepted", 1), ("started", 4), ("done", 8)):
        say(conn, "W1", mine, event, later(minute))
        dispatcher.step(conn, later(minute))
    assert rows(conn, "SELECT answered_at, begun_at, outcome FROM matters") == [
        (later(0), later(4), None)
    ]
    conn.execute("UPDATE episodes SET state = 'closed', ended_at = %s", (later(30),))
    dispatcher.step(conn, later(31))
    assert rows(conn, "SELECT outcome, ended_at FROM matters") == [("treated", later(30))]


def test_a_low_episode_has_no_clock(conn: Connection) -> None:
    """Level 1 is attention, not a matter; but it still gets its order or its reason."""
    dispatcher = Dispatcher(block(), QUICK)
    open_episode(conn, "E1", "B", level=1)
    dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT count(*) FROM matters") == [0]
    assert rows(conn, "SELECT count(*) FROM episode_log") == [1]


def test_a_complaint_is_answered_at_once_and_asked_for_until_it_is_done(conn: Connection) -> None:
    """It gets its order in the same step, and after the flags' life is still asked for."""
    town = block()
    dispatcher = Dispatcher(town, replace(QUICK, flag_life_min=30.0, answer_min=600.0))
    dispatcher.step(conn, NOON)
    complain(conn, "7", later(1))
    dispatcher.step(conn, later(1))
    assert rows(conn, "SELECT ref, answered_at FROM matters") == [("hotline/7", later(1))]
    assert rows(conn, "SELECT trigger FROM plans ORDER BY issued_at") == ["first", "complaint"]
    dispatcher.step(conn, later(120))
    asked = rows(conn, "SELECT id FROM orders WHERE segment = 'B' AND priority = 3")
    assert len(asked) == 1
    for event, minute in (("accepted", 121), ("started", 122), ("done", 130)):
        say(conn, "W1", asked[0], event, later(minute))
    dispatcher.step(conn, later(131))
    assert rows(conn, "SELECT outcome, ended_at FROM matters") == [("treated", later(130))]


def test_a_complaint_from_nowhere_says_so(conn: Connection) -> None:
    """Without a street near it there is nothing to treat, and that is its outcome."""
    dispatcher = Dispatcher(block(), QUICK)
    complain(conn, "7", NOON, segment=None)
    dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT answer, outcome FROM matters") == [("nowhere", "nowhere")]


def test_what_is_not_made_is_listed_and_begins_again(conn: Connection) -> None:
    """Nobody is on shift: told of, not made at midnight, and on the next day's list again."""
    dispatcher = Dispatcher(block([]), QUICK)
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT answer FROM matters") == ["no_crew"]
    midnight = dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC)
    for minutes in (-170, -5, 1):
        dispatcher.step(conn, midnight + dt.timedelta(minutes=minutes))
    assert rows(conn, "SELECT day, outcome FROM matters ORDER BY day") == [
        (dt.date(2026, 3, 2), "not_made"),
        (dt.date(2026, 3, 3), None),
    ]
    kinds = {kind for kind, _, _ in calls(conn)}
    assert kinds == {"obstacle", "unmade", "overnight"}


def test_a_stated_reason_at_midnight_is_an_outcome(conn: Connection) -> None:
    """Haze that blows in is not washed away, and nobody is called for it."""
    dispatcher = Dispatcher(block(), QUICK)
    open_episode(conn, "E1", "B", causes=HAZE)
    midnight = dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC)
    for at in (NOON, midnight - dt.timedelta(hours=1), midnight + dt.timedelta(minutes=1)):
        dispatcher.step(conn, at)
    assert rows(conn, "SELECT outcome FROM matters WHERE day = '2026-03-02'") == ["reason"]
    assert "overnight" not in {kind for kind, _, _ in calls(conn)}


def test_a_refused_must_goes_up_the_chain_until_somebody_takes_it(conn: Connection) -> None:
    """Leader, dispatcher and manager hear of it in turn, each once per limit."""
    dispatcher = Dispatcher(block(), replace(QUICK, refusal_rest_min=600.0))
    open_episode(conn, "E1", "B")
    stand(conn, block(), "W1", NOON)
    dispatcher.step(conn, NOON)
    mine = rows(conn, "SELECT id FROM orders WHERE episode = 'E1'")[0]
    say(conn, "W1", mine, "refused", later(1))
    for minute in range(1, 50):
        stand(conn, block(), "W1", later(minute))
        dispatcher.step(conn, later(minute))
    told = [(event, role) for kind, event, role in calls(conn) if kind == "order"]
    assert told == [
        ("called", "crew_leader"),
        ("reminded", "crew_leader"),
        ("called", "dispatcher"),
        ("reminded", "dispatcher"),
        ("called", "duty_manager"),
    ]
    sent_to = rows(conn, "SELECT recipient FROM calls ORDER BY id")
    assert {"crew_leader", "dispatcher", "duty_manager"} <= set(sent_to)


def test_nobody_is_called_for_what_has_been_put_aside(conn: Connection) -> None:
    """An operator shelves it once the leader has been called: the dispatcher hears of it when that
    is over and the leader has had time anew."""
    dispatcher = Dispatcher(block(), replace(QUICK, refusal_rest_min=600.0))
    open_episode(conn, "E1", "B")
    stand(conn, block(), "W1", NOON)
    dispatcher.step(conn, NOON)
    mine = rows(conn, "SELECT id FROM orders WHERE episode = 'E1'")[0]
    say(conn, "W1", mine, "refused", later(1))
    for minute in range(1, 60):
        if minute == 8:
            conn.execute(
                "INSERT INTO alarm_marks (alarm, since, shelved_until)"
                " SELECT 'concern:' || id, opened_at, %s FROM concerns WHERE kind = 'order'",
                (later(40),),
            )
        stand(conn, block(), "W1", later(minute))
        dispatcher.step(conn, later(minute))
    heard = rows(
        conn,
        "SELECT l.event, l.role, extract(epoch FROM l.at - %s) / 60 FROM escalation_log l"
        " JOIN concerns c ON c.id = l.concern"
        " WHERE c.kind = 'order' AND l.event IN ('called', 'reminded') ORDER BY l.id",
        NOON,
    )
    assert heard == [
        ("called", "crew_leader", 6),
        ("reminded", "crew_leader", 45),
        ("called", "dispatcher", 50),
        ("reminded", "dispatcher", 58),
    ]


def test_a_refusal_that_another_takes_over_calls_nobody(conn: Connection) -> None:
    """Two crews: the other one accepts within the platform's time, and the trouble is resolved."""
    town = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(town, QUICK)
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    first, who = rows(conn, "SELECT id, crew FROM orders WHERE episode = 'E1'")[0]
    other = {"W1": "W2", "W2": "W1"}[who]
    say(conn, who, first, "refused", later(1))
    dispatcher.step(conn, later(1))
    dispatcher.step(conn, later(2))
    second = rows(conn, "SELECT id FROM orders WHERE episode = 'E1' AND crew = %s", other)[0]
    say(conn, other, second, "accepted", later(3))
    for minute in (3, 10):
        dispatcher.step(conn, later(minute))
    assert [kind for kind, _, _ in calls(conn) if kind == "order"] == []
    assert rows(conn, "SELECT resolved_at FROM concerns WHERE kind = 'order'") == [later(3)]


def test_a_broken_crews_work_moves_in_the_same_step(conn: Connection) -> None:
    """When a truck breaks down its must goes to another truck at once."""
    town = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(town, QUICK)
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    mine, who = rows(conn, "SELECT id, crew FROM orders WHERE episode = 'E1'")[0]
    say(conn, who, mine, "accepted", later(1))
    dispatcher.step(conn, later(1))
    stand(conn, town, who, later(2), state="broken")
    dispatcher.step(conn, later(2))
    open_now = "SELECT crew FROM orders WHERE episode = 'E1' AND state = 'sent'"
    assert rows(conn, open_now) == [{"W1": "W2", "W2": "W1"}[who]]
    assert ("crew", "called", "crew_leader") in calls(conn)


def test_a_crew_that_does_not_answer_is_reminded_once(conn: Connection) -> None:
    """After half its time its plan is said again; after all of it the crew is silent."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    first = sent(conn)
    dispatcher.step(conn, later(4))
    assert sent(conn) == {}
    dispatcher.step(conn, later(5))
    assert sent(conn) == first
    for minute in (6, 9):
        dispatcher.step(conn, later(minute))
    assert sent(conn) == {}
    dispatcher.step(conn, later(10))
    log = "SELECT event FROM order_log WHERE event IN ('reminded', 'silent') ORDER BY id"
    assert rows(conn, log) == ["reminded", "silent"]


def test_a_crew_without_a_terminal_hears_by_notice(conn: Connection) -> None:
    """Its plan and the reminder are notices to it, in words."""
    settings = replace(QUICK, limits=Limits(no_terminal=("W1",)))
    dispatcher = Dispatcher(block(), settings)
    dispatcher.step(conn, NOON)
    dispatcher.step(conn, later(5))
    found = rows(conn, "SELECT recipient, body FROM calls WHERE recipient LIKE 'crew:%%'")
    assert [recipient for recipient, _ in found] == ["crew:W1", "crew:W1"]
    assert "Street B" in found[0][1]
    assert "please answer" in found[1][1]


def test_the_logs_are_append_only(conn: Connection) -> None:
    """Nobody can change what was said, not even with the database's password."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    for statement in (
        "DELETE FROM order_log",
        "UPDATE escalation_log SET actor = 'nobody'",
        "TRUNCATE escalation_log",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            conn.execute(statement)
        conn.rollback()


# What people decide ---------------------------------------------------------------------------


def test_a_forbidden_street_is_left_alone_at_once(conn: Connection) -> None:
    """Its order, accepted and all, is withdrawn; its episode's reason says who and why."""
    town = block()
    dispatcher = Dispatcher(town, replace(QUICK, answer_min=600.0))
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    mine = rows(conn, "SELECT id FROM orders WHERE episode = 'E1'")[0]
    say(conn, "W1", mine, "accepted", later(1))
    dispatcher.step(conn, later(1))
    decide(conn, town, later(2), kind="forbid", place="B")
    dispatcher.step(conn, later(2))
    assert "B" not in {place for _, place in orders_of(sent(conn)["down/crews/W1/orders"])}
    assert rows(conn, "SELECT state, outcome FROM orders WHERE id = %s", mine) == [
        ("withdrawn", "forbidden by wang")
    ]
    reason = rows(conn, "SELECT detail ->> 'reason' FROM episode_log ORDER BY id DESC LIMIT 1")[0]
    assert "wang" in reason
    assert "school exam" in reason
    for minute in range(10, 230, 20):
        dispatcher.step(conn, later(minute))
    assert rows(conn, "SELECT count(*) FROM orders WHERE segment = 'B' AND id <> %s", mine) == [0]
    dispatcher.step(conn, later(243))  # until 16:02
    assert rows(conn, "SELECT count(*) FROM orders WHERE segment = 'B' AND id <> %s", mine) == [1]


def test_an_order_is_given_to_the_crew_that_was_named(conn: Connection) -> None:
    """Assigned work moves to that crew and stays there in every later plan."""
    town = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(town, replace(QUICK, answer_min=600.0))
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    who = rows(conn, "SELECT crew FROM orders WHERE episode = 'E1'")[0]
    other = {"W1": "W2", "W2": "W1"}[who]
    decide(conn, town, later(1), kind="assign", place="B", treatment="wash", crew=other)
    for minute in (1, 12, 24, 36):
        dispatcher.step(conn, later(minute))
        now = "SELECT crew FROM orders WHERE segment = 'B' AND state = 'sent'"
        assert rows(conn, now) == [other]


def test_work_assigned_to_a_crew_that_cannot_is_told_of(conn: Connection) -> None:
    """The named crew breaks down: no other goes there, and the operator hears of it."""
    town = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(town, QUICK)
    open_episode(conn, "E1", "B")
    decide(conn, town, NOON, kind="assign", place="B", treatment="wash", crew="W2")
    stand(conn, town, "W2", NOON, state="broken")
    for minute in (0, 6):
        dispatcher.step(conn, later(minute))
    assert rows(conn, "SELECT count(*) FROM orders WHERE segment = 'B'") == [0]
    assert ("obstacle", "called", "dispatcher") in calls(conn)


def test_a_held_crew_gets_nothing_and_ends_what_it_has_begun(conn: Connection) -> None:
    """Its other orders go to others; the one under way stays."""
    town = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(town, replace(QUICK, answer_min=600.0))
    dispatcher.step(conn, NOON)
    plan = sent(conn)["down/crews/W1/orders"]
    begun = plan["orders"][0]["order"]
    for event in ("accepted", "started"):
        say(conn, "W1", begun, event, later(1))
    dispatcher.step(conn, later(1))
    number = decide(conn, town, later(2), kind="hold", crew="W1")
    dispatcher.step(conn, later(2))
    mine = "SELECT id FROM orders WHERE crew = 'W1' AND state IN ('sent', 'accepted', 'started')"
    assert rows(conn, mine) == [begun]
    overrides.withdraw(conn, number, "li", "exam over", later(3))
    conn.commit()
    say(conn, "W1", begun, "done", later(4))
    dispatcher.step(conn, later(4))
    assert rows(conn, "SELECT trigger FROM plans ORDER BY issued_at")[-1] in ("crew", "override")
    assert rows(conn, "SELECT action FROM audit ORDER BY id") == ["override", "override withdrawn"]


def test_added_work_is_given_once(conn: Connection) -> None:
    """It is asked for with its own reason until it has been done, though nothing else asks."""
    town = block()
    dispatcher = Dispatcher(town, replace(QUICK, answer_min=600.0))
    dispatcher.step(conn, NOON)
    for order in sent(conn)["down/crews/W1/orders"]["orders"]:
        for event in ("accepted", "started", "done"):
            say(conn, "W1", order["order"], event, later(1))
    dispatcher.step(conn, later(2))
    assert rows(conn, "SELECT count(*) FROM orders WHERE state = 'sent' AND segment = 'A'") == [0]
    decide(conn, town, later(3), kind="add", place="A", treatment="wash", why="mayor's visit")
    dispatcher.step(conn, later(3))
    found = rows(
        conn, "SELECT id, priority, reason, also FROM orders WHERE state = 'sent' AND segment = 'A'"
    )
    assert len(found) == 1
    order, priority, reason, also = found[0]
    assert priority == 2
    assert "mayor's visit" in reason
    assert "wang安排" in also
    for event in ("accepted", "started", "done"):
        say(conn, "W1", order, event, later(5))
    dispatcher.step(conn, later(6))
    assert rows(conn, "SELECT ended_by, ended_why FROM overrides") == [("dispatch", order)]


def test_a_pinned_order_stays_though_its_reason_goes(conn: Connection) -> None:
    """The episode closes and something more urgent comes: the crew still does what was pinned."""
    town = block()
    dispatcher = Dispatcher(town, replace(QUICK, answer_min=600.0, due_min=(45.0, 30.0, 15.0)))
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    mine = rows(conn, "SELECT id FROM orders WHERE episode = 'E1'")[0]
    say(conn, "W1", mine, "accepted", later(1))
    dispatcher.step(conn, later(1))
    decide(conn, town, later(2), kind="pin", order=mine)
    conn.execute("UPDATE episodes SET state = 'closed', ended_at = %s", (later(2),))
    open_episode(conn, "E2", "D", level=3, at=later(2))
    for minute in (2, 12, 14):
        dispatcher.step(conn, later(minute))
    assert rows(conn, "SELECT crew, state FROM orders WHERE id = %s", mine) == [("W1", "accepted")]


def test_water_is_kept_off_the_street_in_frost_whoever_asks(conn: Connection) -> None:
    """An added wash in frost is not given, and the one who asked is told why."""
    town = block()
    dispatcher = Dispatcher(town, QUICK)
    measure(conn, NOON, temp=-2.0)
    decide(conn, town, NOON, kind="add", place="A", treatment="wash")
    dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT count(*) FROM orders WHERE treatment = 'wash'") == [0]
    code = "SELECT detail ->> 'code', detail ->> 'also' FROM decisions WHERE place = 'A'"
    assert rows(conn, code) == [("frost", "气温-2.0 °C，低于3 °C，洒水会结冰。")]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "paint"}, "no kind"),
        ({"kind": "hold", "crew": "W1", "why": " "}, "say why"),
        ({"kind": "hold", "crew": "W1", "given_by": ""}, "say who"),
        ({"kind": "hold", "crew": "W9"}, "no crew"),
        ({"kind": "hold"}, "needs a crew"),
        ({"kind": "forbid", "place": "E"}, "no segment that is treated"),  # only driven on
        ({"kind": "assign", "place": "A", "treatment": "wash"}, "needs a crew"),
        ({"kind": "add", "place": "A", "treatment": "paint"}, "no treatment"),
        ({"kind": "add", "place": "A", "treatment": "wash", "priority": 4}, "1 to 3"),
        ({"kind": "hold", "crew": "W1", "place": "A"}, "takes no place"),
        ({"kind": "hold", "crew": "W1", "until": NOON}, "before it begins"),
        ({"kind": "pin", "order": "O-9"}, "no open order"),
    ],
)
def test_a_decision_that_cannot_be_kept(
    conn: Connection, values: dict[str, Any], words: str
) -> None:
    """What is not whole, or names nobody, is refused with what is wrong."""
    with pytest.raises(BadOverride, match=words):
        decide(conn, block(), NOON, **values)


def test_who_sees_to_it_is_named_and_given_time(conn: Connection) -> None:
    """Once somebody has taken it the chain waits for an hour; nobody can take it twice."""
    dispatcher = Dispatcher(block([]), QUICK)
    open_episode(conn, "E1", "B")
    for minute in (0, 30, 31):
        dispatcher.step(conn, later(minute))
    unmade = rows(conn, "SELECT id FROM concerns WHERE kind = 'unmade'")[0]
    take(conn, unmade, "li", later(32))
    conn.commit()
    with pytest.raises(NotOpen):
        take(conn, unmade, "wang", later(33))
    for minute in range(33, 100):
        dispatcher.step(conn, later(minute))
    story = rows(
        conn, "SELECT actor, event, role, at FROM escalation_log WHERE concern = %s ORDER BY id",
        unmade,
    )  # fmt: skip
    assert story == [
        ("dispatch", "opened", None, later(30)),
        ("dispatch", "called", "dispatcher", later(30)),
        ("li", "taken", None, later(32)),
        ("dispatch", "called", "duty_manager", later(92)),
    ]
