"""The alarms: one list with the states of ISA-18.2, acts on one and on many, and their health."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from console import alarms
from roaddust.embedded import EmbeddedPostgres
from store.database import Connection, connect
from store.migrate import migrate
from store.statements import statements
from tests.console import alarming, plausible
from tests.console.conftest import Running
from tests.services import fresh_database

SQL = statements("alarms")
WORST = "episode:E-20260302-0149-XH07N-inc60"
SECOND = "episode:E-20260302-0155-XH09N-inc15"
SEEN = "episode:E-20260302-0203-XH03S-inc15"
RETURNED = f"episode:{alarming.RETURNED}"


@pytest.fixture
def called(console: Running) -> dict[str, int]:
    """Alarms of every kind; the numbers of the concerns."""
    with connect(console.dsn, name="test") as conn:
        return alarming.fill(conn, plausible.NOW)


def listed(client: httpx.Client, **query: Any) -> dict[str, dict[str, Any]]:
    answer = client.get("/api/v1/alarms", params=query)
    assert answer.status_code == 200, answer.text
    return {alarm["id"]: alarm for alarm in answer.json()["items"]}


def asked(console: Running, query: str) -> list[tuple[Any, ...]]:
    with connect(console.dsn, name="test") as conn:
        return conn.execute(query.encode()).fetchall()


def test_one_list_of_everything(operator: httpx.Client, called: dict[str, int]) -> None:
    """Episodes, concerns and silent stations stand together, by level, unseen, age."""
    found = listed(operator)
    sources = [alarm["source"] for alarm in found.values()]
    assert {"episode", "concern", "station"} == set(sources)
    keys = [
        (-one["level"], one["state"] not in ("unacknowledged", "returned"), one["since"])
        for one in found.values()
    ]
    assert keys == sorted(keys)
    overnight = found[f"concern:{called['overnight']}"]
    assert overnight["level"] == 3, "what has gone up to the last role is of the highest level"
    assert "没有结果" in overnight["said"]["zh-CN"]
    assert overnight["said"]["en"].startswith("The episode")
    assert found[f"concern:{called['crew']}"]["state"] == "acknowledged"
    assert found[f"concern:{called['crew']}"]["taken_by"] == "boss"
    assert found[RETURNED]["state"] == "returned"
    assert found[SEEN]["state"] == "acknowledged"
    assert "episode:E-20260302-0035-XH05S-inc60" not in found, "it is over and seen"


def test_what_is_about_one_thing_is_one_group(
    operator: httpx.Client, called: dict[str, int]
) -> None:
    """A concern about an episode is in its group, and episodes of one cause are one group."""
    found = listed(operator)
    assert found[WORST]["group"] == found[SECOND]["group"] == alarming.GROUP
    assert found[f"concern:{called['overnight']}"]["group"] == found[RETURNED]["group"]
    stations = [one for one in found.values() if one["source"] == "station"]
    assert {one["group"] for one in stations} == {"stations"}


@pytest.mark.parametrize(
    ("query", "sources", "levels"),
    [
        ({"source": "concern"}, {"concern"}, {2, 3}),
        ({"level_min": 3}, {"episode", "concern"}, {3}),
        ({"state": ["returned"]}, {"episode"}, {2}),
        ({"mine": True}, set(), set()),
    ],
)
def test_filters(
    operator: httpx.Client,
    called: dict[str, int],
    query: dict[str, Any],
    sources: set[str],
    levels: set[int],
) -> None:
    """The list is narrowed by source, level, state, and to what is one's own."""
    assert called
    found = listed(operator, **query).values()
    assert {one["source"] for one in found} == sources
    assert {one["level"] for one in found} == levels


def test_batch_says_which_failed(
    console: Running, operator: httpx.Client, called: dict[str, int]
) -> None:
    """What can be done is done, each in itself; what cannot is told with its reason."""
    ids = [WORST, SEEN, f"concern:{called['order']}", "episode:E-none", "station:NONE", RETURNED]
    answer = operator.post("/api/v1/alarms/batch", json={"act": "acknowledge", "ids": ids})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["done"], body["failed"]) == (3, 3)
    assert {one["id"]: one["why"] for one in body["results"] if not one["ok"]} == {
        SEEN: "acknowledged",
        "episode:E-none": "gone",
        "station:NONE": "gone",
    }
    found = listed(operator)
    assert found[WORST]["acknowledged_by"] == "operator"
    assert found[f"concern:{called['order']}"]["state"] == "acknowledged"
    assert RETURNED not in found, "what is over and seen needs nobody"
    audit = asked(console, "SELECT actor, action FROM audit WHERE action = 'acknowledged'")
    assert audit == [("operator", "acknowledged")] * 3
    topics = asked(console, "SELECT topic FROM outbox")
    assert topics == [(f"down/episodes/{WORST.removeprefix('episode:')}",)], (
        "of what is over nothing more is told to the broker"
    )


def test_shelved_comes_back(
    console: Running, operator: httpx.Client, called: dict[str, int]
) -> None:
    """Of every kind: aside until the time is over, with who and why, then as it was."""
    station = next(id_ for id_ in listed(operator) if id_.startswith("station:"))
    ids = [WORST, f"concern:{called['order']}", station]
    body = {"act": "shelve", "ids": ids, "minutes": 60, "text": "班组已在路上"}
    assert operator.post("/api/v1/alarms/batch", json=body).json()["done"] == 3
    found = listed(operator)
    assert {found[id_]["state"] for id_ in ids} == {"shelved"}
    health = operator.get("/api/v1/alarms/health").json()
    assert {one["id"]: (one["by"], one["why"]) for one in health["shelved"]} == dict.fromkeys(
        ids, ("operator", "班组已在路上")
    )
    assert console.now is not None
    console.now.forward(minutes=59)
    assert listed(operator)[WORST]["state"] == "shelved"
    console.now.forward(minutes=2)
    found = listed(operator)
    assert {found[id_]["state"] for id_ in (WORST, f"concern:{called['order']}")} == {
        "unacknowledged"
    }


def test_take_stops_the_chain(
    console: Running, operator: httpx.Client, called: dict[str, int]
) -> None:
    """Who takes a concern is named in its row and its story; the second is told who was first."""
    concern = f"concern:{called['order']}"
    assert operator.post(f"/api/v1/alarms/{concern}/take").status_code == 200
    assert asked(console, "SELECT taken_by FROM concerns WHERE kind = 'order'") == [("operator",)]
    story = operator.get(f"/api/v1/alarms/{concern}").json()
    assert [line["event"] for line in story["log"]] == ["opened", "called", "taken"]
    with console.as_("boss") as boss:
        again = boss.post(f"/api/v1/alarms/{concern}/take")
    assert again.status_code == 409
    assert "operator" in again.json()["detail"]
    assert operator.post(f"/api/v1/alarms/{WORST}/take").status_code == 422


def test_all_that_is_over_at_once(
    console: Running, operator: httpx.Client, called: dict[str, int]
) -> None:
    """One act sees everything that is over, and nothing that stands."""
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute("UPDATE concerns SET resolved_at = now() WHERE kind = 'order'")
    assert operator.get("/api/v1/alarms").json()["returned_in_all"] == 1
    answer = operator.post("/api/v1/alarms/returned/acknowledge").json()
    assert set(answer["ids"]) == {RETURNED, f"concern:{called['order']}"}
    found = listed(operator)
    assert not any(one["state"] == "returned" for one in found.values())
    assert found[WORST]["state"] == "unacknowledged"


def test_out_of_service_calls_nobody(
    console: Running, operator: httpx.Client, called: dict[str, int]
) -> None:
    """Alarms of a place out of service are set apart until its time is over or somebody ends it."""
    body = {"subject": "XH07N", "hours": 2, "why": "路面施工"}
    assert operator.post("/api/v1/alarms/out-of-service", json=body).status_code == 200
    assert listed(operator)[WORST]["state"] == "out_of_service"
    assert listed(operator)[WORST]["out_why"] == "路面施工"
    assert operator.delete("/api/v1/alarms/out-of-service/XH07N").json() == []
    assert listed(operator)[WORST]["state"] == "unacknowledged"
    assert operator.delete("/api/v1/alarms/out-of-service/XH07N").status_code == 409
    operator.post("/api/v1/alarms/out-of-service", json=body)
    assert console.now is not None
    console.now.forward(hours=2, minutes=1)
    assert listed(operator)[WORST]["state"] == "unacknowledged"
    unknown = {"subject": "NOWHERE", "hours": 2, "why": "x"}
    assert operator.post("/api/v1/alarms/out-of-service", json=unknown).status_code == 404


def test_no_station_at_all_is_one_severe_alarm(console: Running, operator: httpx.Client) -> None:
    """When every station is silent the platform says so once, and the stations are its group; an
    acknowledgement holds for this silence alone."""
    assert console.now is not None
    console.now.forward(hours=1)
    found = listed(operator)
    platform = found["platform:readings"]
    assert (platform["level"], platform["state"]) == (3, "unacknowledged")
    stations = [one for one in found.values() if one["source"] == "station"]
    assert {one["group"] for one in stations} == {"platform:readings"}
    operator.post("/api/v1/alarms/platform:readings/acknowledge")
    assert listed(operator)["platform:readings"]["state"] == "acknowledged"
    later = console.now() + timedelta(minutes=1)
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute(
            "INSERT INTO readings (station, ts, pm10, source, stored_at)"
            " SELECT station, %s, 50, 'json', %s FROM readings LIMIT 1",
            (later, later),
        )
    console.now.forward(minutes=2)
    assert "platform:readings" not in listed(operator)
    console.now.forward(hours=1)
    assert listed(operator)["platform:readings"]["state"] == "unacknowledged"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/batch", {"act": "acknowledge", "ids": [WORST]}),
        ("POST", "/returned/acknowledge", None),
        ("POST", f"/{WORST}/acknowledge", None),
        ("POST", f"/{WORST}/shelve", {"minutes": 15}),
        ("POST", f"/{WORST}/unshelve", None),
        ("POST", f"/{WORST}/comment", {"text": "x"}),
        ("POST", "/concern:1/take", None),
        ("POST", "/out-of-service", {"subject": "XH07N", "hours": 1, "why": "x"}),
        ("DELETE", "/out-of-service/XH07N", None),
    ],
)
def test_viewer_only_looks(console: Running, method: str, path: str, body: Any) -> None:
    """Every act on alarms is shut to a viewer, and changes nothing."""
    with console.as_("watcher") as watcher:
        answer = watcher.request(method, f"/api/v1/alarms{path}", json=body)
        assert answer.status_code == 403
        assert watcher.get("/api/v1/alarms").status_code == 200
    with console.as_("driver") as driver:
        assert driver.get("/api/v1/alarms").status_code == 403
    assert asked(console, "SELECT count(*) FROM out_of_service") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        {"act": "acknowledge", "ids": []},
        {"act": "acknowledge", "ids": ["nonsense"]},
        {"act": "acknowledge", "ids": ["concern:1; DROP TABLE users"]},
        {"act": "shelve", "ids": [WORST]},
        {"act": "shelve", "ids": [WORST], "minutes": 100_000},
        {"act": "comment", "ids": [WORST], "text": " \x00 "},
        {"act": "delete", "ids": [WORST]},
        {"act": "acknowledge", "ids": [WORST] * 501},
    ],
)
def test_bad_batches_are_refused(operator: httpx.Client, body: Any) -> None:
    """Input out of its bounds is refused whole."""
    assert operator.post("/api/v1/alarms/batch", json=body).status_code == 422


# The states, as a pure function ---------------------------------------------------------------

NOW = plausible.NOW
moments = st.one_of(st.none(), st.integers(-90, 90).map(lambda m: NOW + timedelta(minutes=m)))


@given(
    state=st.sampled_from(["pending", "active", "recovering", "closed"]),
    seen=st.sampled_from([None, "li"]),
    shelved=moments,
    out=st.booleans(),
)
def test_every_episode_has_the_state_of_the_standard(
    state: str, seen: str | None, shelved: datetime | None, out: bool
) -> None:
    """Out of service, then shelved, then seen; what is over and seen, or not yet held, is none."""
    episode = {
        "id": "E-1", "segment": "S-1", "site": None, "rule": "inc60", "level": 2, "state": state,
        "started_at": NOW, "ended_at": NOW if state == "closed" else None,
        "acknowledged_by": seen, "acknowledged_at": NOW if seen else None,
        "shelved_until": shelved, "group": None,
    }  # fmt: skip
    service = [{"subject": "S-1", "until": NOW, "why": "x"}] if out else []
    found = alarms.alarms([episode], [], [], service, NOW, segments=["S-1"])
    if state == "pending" or (state == "closed" and seen):
        assert found == {}
        return
    aside = state != "closed" and shelved is not None and shelved > NOW
    expected = (
        "out_of_service"
        if out
        else "shelved"
        if aside
        else "acknowledged"
        if seen
        else "returned"
        if state == "closed"
        else "unacknowledged"
    )
    assert found["episode:E-1"]["state"] == expected


# Health ---------------------------------------------------------------------------------------

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
SLOT = timedelta(minutes=10)


@pytest.fixture(scope="module")
def ledger(embedded_server: EmbeddedPostgres) -> Iterator[Connection]:
    """A connection to an empty schema with one episode; what tests write is rolled back."""
    with (
        fresh_database(embedded_server, migrate) as dsn,
        connect(dsn, name="test", autocommit=True) as conn,
    ):
        conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, updated_at)"
            " SELECT 'E-' || n, 'S-' || n, 'inc60', 2, 'active', %s, %s"
            " FROM generate_series(0, 9) AS n",
            (SINCE, SINCE),
        )
        yield conn


def log(conn: Connection, lines: list[tuple[int, datetime, str, str]]) -> None:
    conn.cursor().executemany(
        "INSERT INTO episode_log (episode, at, actor, event, detail)"
        " VALUES ('E-' || %s, %s, 'analytics', %s, %s::jsonb)",
        lines,
    )


def figures(conn: Connection, statement: bytes, **values: Any) -> list[dict[str, Any]]:
    span = {"since": SINCE, "until": SINCE + timedelta(hours=4), "operators": 1.0, "zone": "UTC"}
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, span | values).fetchall()


def floods_by_hand(counts: list[int]) -> list[tuple[int, int, int]]:
    """(first slot, slot after the last, annunciations): begins above 10, ends below 5."""
    found: list[list[int]] = []
    inside = False
    for i, count in enumerate(counts):
        inside = count > 10 or (inside and count >= 5)
        if inside and found and found[-1][1] == i:
            found[-1][1:] = [i + 1, found[-1][2] + count]
        elif inside:
            found.append([i, i + 1, count])
    return [tuple(one) for one in found]  # type: ignore[misc]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    counts=st.lists(
        st.one_of(st.integers(0, 4), st.integers(5, 10), st.integers(11, 14)),
        min_size=24,
        max_size=24,
    ),
    second=st.integers(0, 599),
)
def test_floods_and_rates_are_those_counted_by_hand(
    ledger: Connection, counts: list[int], second: int
) -> None:
    """For any four hours: floods, ten-minute slots, the rate and the peak agree with counting."""
    times = [
        SINCE + i * SLOT + timedelta(seconds=second)
        for i, count in enumerate(counts)
        for _ in range(count)
    ]
    with ledger.transaction(force_rollback=True):
        log(ledger, [(n % 10, at, "activated", '{"level": 2}') for n, at in enumerate(times)])
        found = figures(ledger, SQL.floods)
        slots = figures(ledger, SQL.slots)
        (rates,) = figures(ledger, SQL.rates, operators=2.0)
    hand = floods_by_hand(counts)
    assert [(f["since"], f["until"], f["annunciations"]) for f in found] == [
        (SINCE + first * SLOT, SINCE + after * SLOT, n) for first, after, n in hand
    ]
    assert [slot["medium"] for slot in slots] == counts
    assert rates["annunciations"] == len(times)
    assert rates["per_operator_hour"] == pytest.approx(len(times) / 8)
    peak = max((sum(at - SLOT <= other <= at for other in times) for at in times), default=0)
    assert rates["peak_10min"] == peak
    assert alarms.merged(found) == sum((after - first for first, after, _ in hand), 0) * SLOT


def test_what_counts_as_an_annunciation(ledger: Connection) -> None:
    """Active, back after it was closed, and risen once seen count; a swing does not."""
    at = [SINCE + timedelta(minutes=n) for n in range(10)]
    with ledger.transaction(force_rollback=True):
        log(
            ledger,
            [
                (0, at[0], "opened", '{"level": 0}'),
                (0, at[1], "activated", '{"level": 1}'),
                (0, at[2], "recovering", "{}"),
                (0, at[3], "reopened", '{"level": 1, "from": "recovering"}'),
                (0, at[4], "closed", "{}"),
                (0, at[5], "reopened", '{"level": 1, "from": "closed"}'),
                (0, at[5], "unacknowledged", '{"why": "reopened"}'),
                (0, at[6], "level", '{"level": 3}'),
                (0, at[6], "unacknowledged", '{"why": "level"}'),
            ],
        )
        (rates,) = figures(ledger, SQL.rates)
        slots = figures(ledger, SQL.slots)
        (worst,) = figures(ledger, SQL.bad_actors)
    assert rates["annunciations"] == 3
    assert (slots[0]["low"], slots[0]["medium"], slots[0]["high"]) == (2, 0, 1)
    assert (worst["times"], worst["swings"], worst["chatters"]) == (3, 1, True)


def test_chattering_is_three_within_a_minute_or_an_hour(ledger: Connection) -> None:
    """Sources are ranked by how often they call; only those that come thick chatter."""
    thick = [(0, SINCE + timedelta(seconds=20 * n), "activated", "{}") for n in range(3)]
    hourly = [(1, SINCE + timedelta(minutes=29 * n), "activated", "{}") for n in range(3)]
    spread = [(2, SINCE + timedelta(minutes=40 * n), "activated", "{}") for n in range(4)]
    with ledger.transaction(force_rollback=True):
        log(ledger, thick + hourly + spread)
        found = figures(ledger, SQL.bad_actors)
    assert [(one["place"], one["times"], one["chatters"]) for one in found] == [
        ("S-2", 4, False),
        ("S-0", 3, True),
        ("S-1", 3, True),
    ]
    assert sum(one["share"] for one in found) == pytest.approx(1)


def test_time_to_acknowledge(ledger: Connection) -> None:
    """From the last call to the acknowledgement, median and 95th percentile, in minutes."""
    lines = []
    for n, wait in enumerate((1, 2, 3, 4, 30)):
        lines += [
            (n, SINCE, "activated", "{}"),
            (n, SINCE + timedelta(minutes=wait), "acknowledged", "{}"),
        ]
    with ledger.transaction(force_rollback=True):
        log(ledger, lines)
        (found,) = figures(ledger, SQL.answers)
    assert (found["acknowledged"], found["p50_min"]) == (5, 3)
    assert found["p95_min"] == pytest.approx(4 + 0.8 * 26)


def test_midnight_and_stale(ledger: Connection) -> None:
    """What nobody had seen at local midnight is counted, over or not; stale is over 24 hours."""
    midnight = SINCE + timedelta(days=1)
    with ledger.transaction(force_rollback=True):
        log(
            ledger,
            [
                (0, midnight - timedelta(hours=2), "activated", "{}"),
                (0, midnight - timedelta(hours=1), "acknowledged", "{}"),
                (1, midnight - timedelta(hours=2), "activated", "{}"),
                (1, midnight + timedelta(hours=1), "acknowledged", "{}"),
                (2, midnight - timedelta(hours=2), "activated", "{}"),
                (2, midnight - timedelta(hours=1), "closed", "{}"),
            ],
        )
        ledger.execute(
            "UPDATE episodes SET state = 'closed', ended_at = %s WHERE id <> 'E-1'",
            (midnight - timedelta(hours=1),),
        )
        span = {"until": midnight + timedelta(hours=3)}
        nights = figures(ledger, SQL.midnights, **span)
        stale = figures(ledger, SQL.stale, **span)
        early = figures(ledger, SQL.stale, until=midnight)
    assert [(one["at"], one["unacknowledged"]) for one in nights] == [(midnight, 2)]
    assert [one["id"] for one in stale] == ["episode:E-1"]
    assert early == []


def test_health_over_the_api(operator: httpx.Client, called: dict[str, int]) -> None:
    """The page's figures come in one answer, with the norms they are held against."""
    assert called
    day = operator.get("/api/v1/alarms/health", params={"days": 1, "operators": 2}).json()
    assert day["annunciations"] == 5 + 1 + 3  # plausible episodes, the one that is over, concerns
    assert day["per_operator_hour"] == pytest.approx(9 / 48)
    assert day["verdict"] == "acceptable"
    assert [one["target"] for one in day["priorities"]] == [0.80, 0.15, 0.05]
    assert sum(one["count"] for one in day["priorities"]) == 9
    assert len(day["slots"]) == 144
    assert [one["unacknowledged"] for one in day["midnights"]] == [1]
    week = operator.get("/api/v1/alarms/health", params={"days": 7}).json()
    assert len(week["slots"]) == 7 * 144
    assert operator.get("/api/v1/alarms/health", params={"days": 0}).status_code == 422


def test_what_is_suppressed_by_design_is_listed(console: Running, operator: httpx.Client) -> None:
    """What has not held, what the platform may still mend, the early warning in haze, and swings;
    none of it is in the queue."""
    now = plausible.NOW
    with connect(console.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, causes, updated_at)"
            " VALUES ('E-held', 'XH10N', 'inc15', 0, 'pending', %(t)s, '[]', %(t)s)",
            {"t": now - timedelta(minutes=2)},
        )
        conn.execute(
            "INSERT INTO concerns (kind, subject, place, why, also, since, opened_at)"
            " VALUES ('order', 'O-1022', 'XH12S', '拒绝', 'refused', %(t)s, %(t)s)",
            {"t": now - timedelta(minutes=3)},
        )
        conn.execute(
            "INSERT INTO notices (id, kind, started_at, detail) VALUES ('N1', 'haze', %s, '{}')",
            (now - timedelta(hours=5),),
        )
        for minutes in (20, 6):
            conn.execute(
                "INSERT INTO episode_log (episode, at, actor, event, detail) VALUES"
                " (%s, %s, 'analytics', 'reopened', '{\"from\": \"recovering\", \"level\": 1}')",
                (WORST.partition(":")[2], now - timedelta(minutes=minutes)),
            )
        conn.commit()
    answer = operator.get("/api/v1/alarms/suppressed")
    assert answer.status_code == 200, answer.text
    found = {one["why"]: one for one in answer.json()}
    assert found["hold"]["id"] == "episode:E-held"
    assert (found["patience"]["kind"], found["patience"]["segment"]) == ("order", "XH12S")
    assert found["notice"]["kind"] == "haze"
    assert (found["swing"]["id"], found["swing"]["swings"]) == (WORST, 2)
    queue = listed(operator)
    assert {found["hold"]["id"], found["patience"]["id"]} & queue.keys() == set()
