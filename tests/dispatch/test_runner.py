"""The dispatcher on a real database: what comes in, what goes out, and what it survives."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from dispatch import runner, tables
from dispatch.facts import Street, Worth
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from dispatch.shifts import shift_at
from geo.district import District, load_district
from store.database import Connection, connect
from tests.dispatch.checker import Checker, State
from tests.dispatch.obedient import Crews
from tests.dispatch.towns import NOON, block, crew

QUICK = DispatchSettings(iterations=40, language="en")
ROAD = '[{"kind": "road", "site": null, "probability": 0.8, "evidence": "x"}]'
HAZE = '[{"kind": "road", "probability": 0.1}, {"kind": "regional", "probability": 0.9}]'


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """The dispatcher's connection to a fresh database."""
    with connect(migrated_embedded_db, name="dispatch") as connection:
        yield connection


@pytest.fixture(scope="module")
def xinghai() -> District:
    """The district that is shipped."""
    return load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")


def later(minutes: float) -> dt.datetime:
    """So many minutes after noon."""
    return NOON + dt.timedelta(minutes=minutes)


def open_episode(
    conn: Connection, name: str, segment: str, level: int = 2, at: dt.datetime = NOON,
    causes: str = ROAD,
) -> None:  # fmt: skip
    """As analytics writes it."""
    conn.execute(
        "INSERT INTO episodes (id, segment, rule, level, state, started_at, causes, updated_at)"
        " VALUES (%s, %s, 'inc15', %s, 'active', %s, %s, %s)",
        (name, segment, level, at, causes, at),
    )
    conn.commit()


def say(conn: Connection, crew_id: str, order: str, event: str, at: dt.datetime) -> None:
    """As ingest writes a crew's word."""
    reason = "no" if event in ("refused", "failed") else None
    conn.execute(
        "INSERT INTO progress (crew, order_id, event, ts, reason, stored_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (crew_id, order, event, at, reason, at),
    )
    conn.commit()


def stand(
    conn: Connection, district: District, crew_id: str, at: dt.datetime, state: str = "idle"
) -> None:
    """A position at the depot."""
    home = district.depots[district.crews[crew_id].depot]
    conn.execute(
        "INSERT INTO positions VALUES (%s, %s, %s, %s, 0, 12000, %s, %s)",
        (crew_id, at, home.lon, home.lat, state, at),
    )
    conn.commit()


def measure(conn: Connection, at: dt.datetime, **values: float) -> None:
    """A reading of the town's station."""
    conn.execute(
        "INSERT INTO readings (station, ts, temp, rain, source, stored_at)"
        " VALUES ('S1', %s, %s, %s, 'json', %s)",
        (at, values.get("temp"), values.get("rain"), at),
    )
    conn.commit()


def rows(conn: Connection, query: str, *parameters: object) -> list[Any]:
    """Rows, or single values where there is one column."""
    found = conn.execute(query, parameters).fetchall()
    conn.commit()
    return [row[0] if len(row) == 1 else row for row in found]


def sent(conn: Connection) -> dict[str, dict[str, Any]]:
    """The plans that leave, newest per crew, taken out of the outbox."""
    out = rows(conn, "DELETE FROM outbox RETURNING id, topic, payload, retain")
    assert all(retain for *_, retain in out)
    return {topic: msgspec.json.decode(payload) for _, topic, payload, _ in sorted(out)}


def orders_of(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Treatment and place of each order."""
    return [(o["treatment"], o["segment"] or o["site"] or o["depot"]) for o in plan["orders"]]


def test_first_step_sends_every_crew_its_plan(conn: Connection) -> None:
    """A crew on shift gets its plan, retained, under its topic; one off shift gets nothing."""
    night = crew("W2", shifts=(district_shift("22:00", "06:00"),))
    Dispatcher(block([crew("W1"), night]), QUICK).step(conn, NOON)
    plans = sent(conn)
    assert list(plans) == ["down/crews/W1/orders"]
    assert {place for _, place in orders_of(plans["down/crews/W1/orders"])} == {*"ABCD", "D1"}
    assert rows(conn, "SELECT DISTINCT state FROM orders") == ["sent"]
    assert rows(conn, "SELECT count(*) FROM order_log WHERE event = 'sent'") == [5]
    assert rows(conn, "SELECT body -> 'W1' FROM plans") == [plans["down/crews/W1/orders"]]


def district_shift(start: str, end: str) -> Any:
    """A shift from two local times."""
    from geo.district import Shift

    return Shift(dt.time.fromisoformat(start), dt.time.fromisoformat(end))


def test_idle_step_changes_nothing(conn: Connection) -> None:
    """A minute in which nothing happened writes nothing: it works in a read-only session."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    conn.execute("SET default_transaction_read_only = on")
    conn.commit()
    dispatcher.step(conn, later(1))
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        dispatcher.step(conn, later(10))


def test_episode_gets_its_order_in_the_same_step(conn: Connection) -> None:
    """A new episode is answered at once, the crew told, and the episode's log says so, once."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    sent(conn)
    open_episode(conn, "E1", "B", level=3, at=later(1))
    dispatcher.step(conn, later(1))
    orders = sent(conn)["down/crews/W1/orders"]["orders"]
    mine = next(order for order in orders if order["episode"] == "E1")
    assert (mine["segment"], mine["priority"]) == ("B", 1)
    for minute in range(2, 14):
        dispatcher.step(conn, later(minute / 10))
    log = rows(conn, "SELECT event, actor, detail ->> 'order' FROM episode_log")
    assert log == [("order", "dispatch", mine["order"])]


def test_episode_without_order_has_a_reason_said_once(conn: Connection) -> None:
    """A regional episode gets no order of its own; its log says why, and not in every plan."""
    dispatcher = Dispatcher(block(), QUICK)
    open_episode(conn, "E1", "B", causes=HAZE)
    for minute in (0, 11, 22):
        dispatcher.step(conn, later(minute))
    log = rows(conn, "SELECT event, detail ->> 'reason', detail ->> 'also' FROM episode_log")
    assert [event for event, *_ in log] == ["reason"]
    assert "elsewhere" in log[0][1]
    assert "区域" in log[0][2], "in the other language too"
    assert rows(conn, "SELECT count(*) FROM plans") == [3]
    assert rows(conn, "SELECT episode FROM orders WHERE episode IS NOT NULL") == []


def test_shelved_episode_gets_its_order_when_the_time_is_up(conn: Connection) -> None:
    """Shelved until 12:15 it has a reason; then it has an order."""
    dispatcher = Dispatcher(block(), replace(QUICK, answer_min=60.0))
    open_episode(conn, "E1", "B")
    conn.execute("UPDATE episodes SET shelved_until = %s", (later(15),))
    for minute in (0, 10, 14, 15):
        dispatcher.step(conn, later(minute))
    assert rows(conn, "SELECT event, at FROM episode_log ORDER BY id") == [
        ("reason", NOON), ("order", later(15)),
    ]  # fmt: skip


def test_done_order_is_no_reason_for_a_new_plan(conn: Connection) -> None:
    """Accepted, started, done: the order's row and log follow, no plan is made."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    first = rows(conn, "SELECT id FROM orders ORDER BY seq LIMIT 1")[0]
    for minute, event in enumerate(["accepted", "started", "done"], start=1):
        say(conn, "W1", first, event, later(minute))
    dispatcher.step(conn, later(4))
    found = rows(
        conn, "SELECT state, accepted_at, started_at, ended_at FROM orders WHERE id = %s", first
    )
    assert found == [("done", later(1), later(2), later(3))]
    log = "SELECT event FROM order_log WHERE order_id = %s ORDER BY id"
    assert rows(conn, log, first) == ["sent", "accepted", "started", "done"]
    assert rows(conn, "SELECT count(*) FROM plans") == [1]
    assert rows(conn, "SELECT count(*) FROM progress WHERE NOT applied") == [0]


def test_word_about_an_unknown_order_is_put_aside(conn: Connection) -> None:
    """Words about orders that never were do not stop the others and are not met again."""
    dispatcher = Dispatcher(block(), QUICK)
    dispatcher.step(conn, NOON)
    say(conn, "W1", "nonsense", "done", later(1))
    dispatcher.step(conn, later(1))
    assert rows(conn, "SELECT applied FROM progress") == [True]


def test_refused_order_goes_to_another_crew(conn: Connection) -> None:
    """What one truck refuses the other gets, under a new id, with the log complete."""
    dispatcher = Dispatcher(block([crew("W1"), crew("W2")]), QUICK)
    open_episode(conn, "E1", "B")
    dispatcher.step(conn, NOON)
    order, refuser = rows(conn, "SELECT id, crew FROM orders WHERE episode = 'E1'")[0]
    say(conn, refuser, order, "refused", later(1))
    dispatcher.step(conn, later(3))
    found = rows(conn, "SELECT crew, state FROM orders WHERE episode = 'E1' ORDER BY issued_at")
    assert found[0] == (refuser, "refused")
    assert found[1][0] != refuser
    assert rows(conn, "SELECT count(*) FROM episode_log WHERE event = 'order'") == [2]


@pytest.mark.parametrize(("proven", "again"), [(True, False), (None, False), (False, True)])
def test_work_that_was_not_seen_is_given_to_another_crew(
    conn: Connection, proven: bool | None, again: bool
) -> None:
    """A street that is said to be washed, while the vehicle was elsewhere, is not washed."""
    dispatcher = Dispatcher(block([crew("W1"), crew("W2")]), QUICK)
    open_episode(conn, "E1", "B", level=3)
    dispatcher.step(conn, NOON)
    mine = "SELECT id, crew FROM orders WHERE segment = 'B' AND state IN ('sent', 'accepted')"
    [(order, first)] = rows(conn, mine)
    for minute, event in enumerate(["accepted", "started", "done"], start=1):
        say(conn, first, order, event, later(minute))
    conn.execute(
        "INSERT INTO services (order_id, judged_at, share, positions, proven)"
        " VALUES (%s, %s, 0.5, 5, %s)",
        (order, later(9), proven),
    )
    dispatcher.step(conn, later(10))
    assert [crew_id != first for _, crew_id in rows(conn, mine)] == [True] * again


def test_silent_crew_loses_its_work_until_it_is_heard(conn: Connection) -> None:
    """After ten minutes without an answer the work moves. Positions alone bring the crew back
    after half an hour, a word about an order at once."""
    district = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(district, QUICK)
    dispatcher.step(conn, NOON)
    first = dict(rows(conn, "SELECT crew, id FROM orders WHERE seq = 1"))
    silent = next(iter(first))
    other = {"W1": "W2", "W2": "W1"}[silent]
    if other in first:
        say(conn, other, first[other], "accepted", later(1))
    dispatcher.step(conn, later(9))
    assert rows(conn, "SELECT state FROM orders WHERE id = %s", first[silent]) == ["sent"]
    dispatcher.step(conn, later(10))
    assert rows(conn, "SELECT state FROM orders WHERE id = %s", first[silent]) == ["silent"]
    holders = "SELECT DISTINCT crew FROM orders WHERE state IN ('sent', 'accepted')"
    assert rows(conn, holders) == [other]
    crews = "SELECT solver -> 'situation' -> 'crews' FROM plans ORDER BY issued_at DESC LIMIT 1"
    for minute, condition in ((11, "silent"), (39, "silent"), (40, "ready")):
        stand(conn, district, silent, later(minute))
        dispatcher.step(conn, later(minute))
        assert rows(conn, crews)[0][silent] == condition


def test_broken_crew_is_replaced_at_once(conn: Connection) -> None:
    """When a truck reports that it is broken, its plan is empty and the other has its work."""
    district = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(district, QUICK)
    dispatcher.step(conn, NOON)
    sent(conn)
    crews = rows(conn, "SELECT DISTINCT crew FROM orders")
    stand(conn, district, crews[0], later(0.5), "broken")
    dispatcher.step(conn, later(0.5))
    plans = sent(conn)
    assert plans[f"down/crews/{crews[0]}/orders"]["orders"] == []
    other = {"W1": "W2", "W2": "W1"}[crews[0]]
    washed = {place for _, place in orders_of(plans[f"down/crews/{other}/orders"])}
    assert set("ABCD") <= washed
    both = ("the vehicle has broken down", "车辆故障")
    told = "SELECT DISTINCT outcome, outcome_also FROM orders WHERE state = 'withdrawn'"
    assert rows(conn, told) == [both]
    logged = (
        "SELECT DISTINCT detail ->> 'reason', detail ->> 'also' FROM order_log"
        " WHERE event = 'withdrawn'"
    )
    assert rows(conn, logged) == [both]


def begin_sand_dust(conn: Connection) -> None:
    """As analytics writes its notice."""
    conn.execute(
        "INSERT INTO notices (id, kind, started_at) VALUES ('N1', 'sand_dust', %s)", (later(1),)
    )
    conn.commit()


WEATHERS = {
    "rain": lambda conn: measure(conn, later(1), temp=12.0, rain=1.5),
    "frost": lambda conn: measure(conn, later(1), temp=2.5, rain=0.0),
    "sand_dust": begin_sand_dust,
}


@pytest.mark.parametrize("code", list(WEATHERS))
def test_weather_withdraws_the_washing_at_once(conn: Connection, code: str) -> None:
    """Rain, frost or sand-dust: the wash that a crew drives to and all behind it are withdrawn
    in the same step, the crew told, the reason in words with each order and each place."""
    dispatcher = Dispatcher(block(), QUICK)
    measure(conn, NOON, temp=12.0, rain=0.0)
    dispatcher.step(conn, NOON)
    first = rows(conn, "SELECT id FROM orders ORDER BY seq LIMIT 1")[0]
    say(conn, "W1", first, "accepted", NOON)
    sent(conn)
    WEATHERS[code](conn)
    dispatcher.step(conn, later(1))
    washes = rows(conn, "SELECT state, outcome FROM orders WHERE treatment = 'wash'")
    assert [state for state, _ in washes] == ["withdrawn"] * 4
    (outcome,) = {outcome for _, outcome in washes}
    sentence = dispatcher.words.say(code, rain=1.5, temp=2.5, limit=3.0)
    assert outcome == sentence
    assert [t for t, _ in orders_of(sent(conn)["down/crews/W1/orders"])] in ([], ["return"])
    last = "(SELECT id FROM plans ORDER BY issued_at DESC LIMIT 1)"
    codes = rows(conn, f"SELECT DISTINCT detail ->> 'code' FROM decisions WHERE plan = {last}")
    assert codes == [code]


def test_washing_begun_is_ended_in_rain_and_resumed_after_it(conn: Connection) -> None:
    """A street half washed is finished, nothing else begun; when the rain is over the others are
    ordered again at once."""
    dispatcher = Dispatcher(block(), replace(QUICK, answer_min=90.0))
    dispatcher.step(conn, NOON)
    first = rows(conn, "SELECT id FROM orders ORDER BY seq LIMIT 1")[0]
    say(conn, "W1", first, "started", NOON)
    measure(conn, later(1), rain=1.5)
    dispatcher.step(conn, later(1))
    open_washes = "SELECT count(*) FROM orders WHERE treatment = 'wash' AND ended_at IS NULL"
    assert rows(conn, open_washes) == [1]
    assert rows(conn, "SELECT state FROM orders WHERE id = %s", first) == ["started"]
    say(conn, "W1", first, "done", later(2))
    dispatcher.step(conn, later(30.5))
    assert rows(conn, open_washes) == [0]
    dispatcher.step(conn, later(31.5))
    assert rows(conn, open_washes) == [3]
    assert rows(conn, "SELECT trigger FROM plans ORDER BY issued_at DESC LIMIT 1") == ["weather"]


def test_the_street_is_washed_again_when_sand_dust_has_eased(conn: Connection) -> None:
    """No water while it comes in; once it no longer grows the notice stays and the crews go."""
    dispatcher = Dispatcher(block(), QUICK)
    begin_sand_dust(conn)
    open_washes = "SELECT count(*) FROM orders WHERE treatment = 'wash' AND ended_at IS NULL"
    dispatcher.step(conn, later(1))
    assert rows(conn, open_washes) == [0]
    conn.execute("UPDATE notices SET eased_at = %s", (later(2),))
    conn.commit()
    dispatcher.step(conn, later(2))
    assert rows(conn, open_washes) == [4]
    assert rows(conn, "SELECT trigger FROM plans ORDER BY issued_at DESC LIMIT 1") == ["weather"]


def test_camera_and_resident_are_listened_to(conn: Connection) -> None:
    """A plume seen at a place and a complaint about a segment lead to orders that name them."""
    district = block()
    lon, lat = map(float, district.projection.to_lonlat([(3, 150)])[0])
    conn.execute(
        "INSERT INTO events (source, id, source_kind, ts, kind, lon, lat, stored_at)"
        " VALUES ('DR1', 'e1', 'drones', %s, 'dust_plume', %s, %s, %s)",
        (NOON, lon, lat, NOON),
    )
    conn.execute(
        "INSERT INTO reports (channel, id, ts, segment, kind, stored_at)"
        " VALUES ('12345', 'r1', %s, 'D', 'dust', %s)",
        (NOON, NOON),
    )
    Dispatcher(district, QUICK).step(conn, NOON)
    reasons = dict(rows(conn, "SELECT segment, reason FROM orders WHERE priority = 3"))
    assert "dust plume" in reasons["A"]
    assert "complaint" in reasons["D"]


def test_street_is_judged_by_a_quarter_of_an_hour(conn: Connection) -> None:
    """Of a street's minutes the increments are averaged, the newest cause stands, old ones and
    those to come do not count."""
    minutes = ((-16, 900.0, "road"), (-9, 10.0, "road"), (0, 50.0, "regional"), (1, 900.0, "road"))
    for minute, increment, cause in minutes:
        conn.execute(
            "INSERT INTO segment_minutes (segment, ts, increment, level, confidence, cause)"
            " VALUES ('A', %s, %s, 0, 0.5, %s)",
            (later(minute), increment, cause),
        )
    district = block()
    dispatcher = Dispatcher(district, QUICK)
    present = tables.load_present(conn, district, NOON)
    facts = tables.load_facts(conn, present, district, dispatcher.planner.places, QUICK, None)
    assert facts.streets == {"A": Street(30.0, 0.5, "regional")}


@pytest.mark.parametrize(("minutes", "known"), [(60, True), (61, False), (-1, False)])
def test_the_models_word_is_taken_for_an_hour(
    conn: Connection, minutes: float, known: bool
) -> None:
    """What treatments were worth longer ago, or will be, counts for nothing."""
    conn.execute(
        "INSERT INTO treatment_worth (segment, treatment, ts, spared, spared_sd, dose)"
        " VALUES ('A', 'wash', %s, 40, 10, 100)",
        (later(-minutes),),
    )
    district = block()
    dispatcher = Dispatcher(district, QUICK)
    present = tables.load_present(conn, district, NOON)
    facts = tables.load_facts(conn, present, district, dispatcher.planner.places, QUICK, None)
    assert bool(facts.worths) is known
    assert all(worth == Worth("A", "wash", later(-minutes), 40.0) for worth in facts.worths)


def test_a_plan_keeps_what_a_second_was_worth(conn: Connection) -> None:
    """By the model's word; the usual price is the mean over a day's plans that had one."""
    district = block()
    dispatcher = Dispatcher(district, QUICK)
    conn.execute(
        "INSERT INTO treatment_worth (segment, treatment, ts, spared, spared_sd, dose)"
        " SELECT unnest('{A,B,C,D}'::text[]), 'wash', %s, 40, 10, 100",
        (NOON,),
    )
    dispatcher.step(conn, NOON)
    (price,) = rows(conn, "SELECT price FROM plans")
    assert 0 < price < 9
    conn.execute(
        "INSERT INTO plans (id, issued_at, trigger, solver, body, price)"
        " VALUES ('P-0', %s, 'timer', '{}', '{}', 9), ('P-1', %s, 'timer', '{}', '{}', NULL)",
        (later(1 - 24 * 60), later(-1)),
    )
    present = tables.load_present(conn, district, later(1))
    facts = tables.load_facts(conn, present, district, dispatcher.planner.places, QUICK, None)
    assert facts.usual_price == price
    assert facts.begun == later(1 - 24 * 60)


def test_only_one_dispatcher_plans(migrated_embedded_db: str) -> None:
    """Of two the second does nothing; it takes over when the first one's session ends."""
    district = block()
    one, other = Dispatcher(district, QUICK), Dispatcher(district, QUICK)
    with connect(migrated_embedded_db, name="other") as second:
        with connect(migrated_embedded_db, name="one") as first:
            assert one.lead(first)
            assert not other.lead(second)
            other.step(second, NOON)
            assert rows(second, "SELECT count(*) FROM plans") == [0]
            one.step(first, NOON)
            other.step(second, later(30))
            assert rows(second, "SELECT count(*) FROM plans") == [1]
        while not other.lead(second):
            pass
        other.step(second, later(30))
        assert rows(second, "SELECT count(*) FROM plans") == [2]


def test_failure_leaves_no_trace(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails half way has written nothing; the next one does all of it."""
    dispatcher = Dispatcher(block(), QUICK)

    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(tables, "save_decisions", fail)
        with pytest.raises(RuntimeError, match="disk full"):
            dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT count(*) FROM orders") == [0]
    dispatcher.step(conn, NOON)
    assert rows(conn, "SELECT count(*) FROM orders") == [5]


def test_two_plans_in_one_second_have_two_ids(conn: Connection) -> None:
    """Plans and orders of the same second are told apart."""
    district = block([crew("W1"), crew("W2")])
    dispatcher = Dispatcher(district, QUICK)
    dispatcher.step(conn, NOON)
    stand(conn, district, "W1", NOON, "broken")
    dispatcher.step(conn, NOON)
    plans = rows(conn, "SELECT id FROM plans ORDER BY id")
    assert plans == ["P-20260302-040000", "P-20260302-040000-2"]


def drive(
    dsn: str, district: District, hours: float, *, restarted: bool = False, trouble: bool = False
) -> tuple[list[tuple[str, dict[str, Any]]], list[str], Crews]:
    """Crews at work from 05:30 local time on, an episode every half hour.

    Gives all messages sent, what the checker says of each, and the crews. With `restarted`
    every step is that of a new dispatcher; with `trouble` crews refuse, are silent and break.
    """
    start = dt.datetime(2026, 3, 1, 21, 30, tzinfo=dt.UTC)
    segments = [segment.id for segment in district.segments.values() if segment.treat]
    numbers: dict[str, int] = {}

    def answer(_: str, order: dict[str, Any]) -> str | None:
        number = numbers.setdefault(order["order"], len(numbers))
        if trouble and order["depot"] is None and number % 7 == 3:
            return "refused"
        return None if trouble and number % 19 == 10 else "accepted"

    crews, judge = Crews(district, answer), Checker(district)
    dispatcher = Dispatcher(district, QUICK)
    everything, problems = [], []
    told: dict[str, str] = {}
    with connect(dsn, name="world") as world, connect(dsn, name="dispatch") as conn:
        for minute in range(int(hours * 60)):
            now = start + dt.timedelta(minutes=minute)
            crews.minute(world, now)
            if minute % 30 == 15:
                name = f"E{minute // 30}"
                open_episode(world, name, segments[minute % len(segments)], 1 + minute % 3, now)
            if trouble and minute == 100:
                crews.broken.add("WATER-A")
            if trouble and minute == 130:
                crews.broken.clear()
            if restarted:
                fresh = Dispatcher.__new__(Dispatcher)
                fresh.__dict__ |= dispatcher.__dict__ | {"_leading_on": None}
                fresh.step(conn, now)
            else:
                dispatcher.step(conn, now)
            plans = crews.deliver(world)
            world.commit()
            everything += plans
            # A reminder says an old plan again: it was judged when it was made.
            new = {c: plan for c, plan in plans if plan["plan"] != told.get(c)}
            told |= {c: plan["plan"] for c, plan in plans}
            problems += judge.problems(new, states(crews, list(new), now))
    return everything, problems, crews


def states(crews: Crews, names: list[str], now: dt.datetime) -> dict[str, State]:
    """What is truly so of these crews."""
    found = {}
    for name in names:
        truck = crews.trucks[name]
        span = shift_at(truck.crew.shifts, crews.district.timezone, now)
        found[name] = State(
            now, truck.lon, truck.lat, truck.water_l, span[1] if span else now, truck.begun
        )
    return found


@pytest.fixture
def two_databases(embedded_server: Any) -> Iterator[tuple[str, str]]:
    """Two fresh databases with the schema."""
    from store.migrate import migrate
    from tests.services import fresh_database

    with (
        fresh_database(embedded_server, migrate) as one,
        fresh_database(embedded_server, migrate) as other,
    ):
        yield one, other


def test_shipped_district_runs_through_a_morning(
    two_databases: tuple[str, str], xinghai: District
) -> None:
    """Every plan of three hours can be driven from where the crews truly are, no tank runs dry,
    and dispatchers that are restarted before each step send the same, byte for byte."""
    one, problems, crews = drive(two_databases[0], xinghai, 3)
    assert problems == []
    assert min(crews.lows) >= -0.5
    assert len(crews.lows) > 30
    other, _, _ = drive(two_databases[1], xinghai, 3, restarted=True)
    assert one == other


def test_nothing_is_forgotten_with_troublesome_crews(
    migrated_embedded_db: str, xinghai: District
) -> None:
    """With refusals, silence and a breakdown: plans can be driven, each episode has an order or
    a reason within five minutes, and no order is left without an end or an owner."""
    _, problems, _ = drive(migrated_embedded_db, xinghai, 3, trouble=True)
    assert problems == []
    with connect(migrated_embedded_db, name="test") as conn:
        late = rows(
            conn,
            "SELECT e.id FROM episodes e WHERE NOT EXISTS (SELECT FROM episode_log l"
            " WHERE l.episode = e.id AND l.event IN ('order', 'reason')"
            " AND l.at <= e.started_at + interval '5 minutes')",
        )
        assert late == []
        troubles = rows(conn, "SELECT DISTINCT state FROM orders ORDER BY state")
        assert {"done", "refused", "silent", "withdrawn"} <= set(troubles)
        lost = rows(
            conn,
            "SELECT o.id FROM orders o WHERE state IN ('sent', 'accepted', 'started')"
            " AND NOT EXISTS (SELECT FROM plans p, jsonb_each(p.body) c,"
            " jsonb_array_elements(c.value -> 'orders') x WHERE x ->> 'order' = o.id"
            " AND p.id = (SELECT id FROM plans ORDER BY issued_at DESC, id DESC LIMIT 1))",
        )
        assert lost == []
        unlogged = rows(
            conn,
            "SELECT o.id, o.state FROM orders o WHERE o.state <> (SELECT event FROM order_log l"
            " WHERE l.order_id = o.id AND event NOT IN ('replanned', 'reminded', 'proven',"
            " 'unproven', 'off_route', 'standing', 'late', 'dry') ORDER BY l.id DESC LIMIT 1)",
        )
        assert unlogged == []


def test_statements_are_all_used() -> None:
    """No statement of the room's file is dead."""
    source = Path(tables.__file__).read_text() + Path(runner.__file__).read_text()
    assert [name for name in vars(tables.SQL) if f"SQL.{name}" not in source] == []
