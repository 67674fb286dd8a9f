"""One poller feeds every browser with what changed, and only that."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.feed import KEPT, Feed, delta
from console.pool import pool
from console.snapshot import Wanted
from store.database import connect
from tests.console import plausible
from tests.console.conftest import Running
from tests.services.waiting import wait_until

EPISODE = "E-20260302-0149-XH07N-inc60"

entries = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 2))
snapshots = st.fixed_dictionaries({"segments": entries, "crews": entries})


@given(snapshots, snapshots)
def test_changes_put_into_the_old_state_give_the_new(old: Any, new: Any) -> None:
    """A browser that applies the changes holds exactly the new state; none for equal states."""
    changes = delta(old, new)
    held = {section: dict(table) for section, table in old.items()}
    for section, changed in changes.items():
        for id_, entry in changed.items():
            if entry is None:
                del held[section][id_]
            else:
                assert held[section].get(id_) != entry, "sent though nothing changed"
                held[section][id_] = entry
    assert held == new
    assert bool(changes) == (old != new)


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Server-sent events as (name, data)."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_stream_begins_whole_and_goes_on_with_changes(
    console: Running, operator: httpx.Client
) -> None:
    """A browser gets a snapshot equal to the state, then an act of somebody else as a change."""
    with console.as_("watcher") as watcher, watcher.stream("GET", "/api/v1/live") as answer:
        stream = events(answer)
        name, snapshot = next(stream)
        assert name == "snapshot"
        assert snapshot == operator.get("/api/v1/state").json()
        operator.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
        name, change = next(stream)
        assert name == "change"
        assert set(change) == {"overview", "episodes", "alarms"}
        assert change["overview"].keys() == {"counts"}
        assert change["episodes"][EPISODE]["acknowledged_by"] == "operator"
        with connect(console.dsn, name="test", autocommit=True) as conn:
            conn.execute("DELETE FROM orders WHERE id = 'O-1005'")
        assert next(stream) == ("change", {"orders": {"O-1005": None}})


def state(n: int) -> dict[str, Any]:
    return {"overview": {"now": n}, "segments": {}}


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (1, ["change"]),
        (KEPT, ["change"] * KEPT),
        (KEPT + 1, ["snapshot"]),  # more than is kept: the whole state again
    ],
)
def test_browser_that_lags_catches_up(missed: int, expected: list[str]) -> None:
    """A slow browser is given each change it missed, or the whole state when those are gone."""

    async def lag() -> list[bytes]:
        feed = Feed(pool("host=/nowhere"), Wanted([], [], []), lambda: plausible.NOW)
        await feed.advance(state(0))
        stream = feed.stream()
        assert await anext(stream) == b"retry: 2000\n\n"
        await feed.advance(state(0))
        assert (await anext(stream)).startswith(b"event: snapshot")
        for n in range(missed):
            await feed.advance(state(n + 1))
        pieces = [await anext(stream) for _ in expected]
        await feed.close()
        return pieces + [piece async for piece in stream]

    pieces = asyncio.run(lag())
    assert [piece.split(b"\n")[0] for piece in pieces] == [f"event: {e}".encode() for e in expected]
    assert f'"now":{missed}'.encode() in pieces[-1]


def test_many_browsers_ask_the_database_as_often_as_one(console: Running) -> None:
    """Five open streams are one poller's: the connections in use do not grow with them."""
    clients = [httpx.Client(base_url=console.address, timeout=30) for _ in range(5)]
    with console.as_("watcher") as watcher:
        token = watcher.headers["Authorization"]
        streams = [
            c.stream("GET", "/api/v1/live", headers={"Authorization": token}) for c in clients
        ]
        answers = [stream.__enter__() for stream in streams]
        read = [events(answer) for answer in answers]
        assert [next(stream)[0] for stream in read] == ["snapshot"] * 5
        assert watcher.get("/api/v1/health").json()["browsers"] == 5
        with connect(console.dsn, name="test") as conn:
            used = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'roaddust-console'"
                " AND datname = current_database()"
            ).fetchone()
        assert used is not None
        assert used[0] <= 4
        for stream in streams:
            stream.__exit__(None, None, None)
        for client in clients:
            client.close()
        wait_until(
            lambda: watcher.get("/api/v1/health").json()["browsers"] == 0,
            lambda: "the streams that were left are still counted",
        )


def test_stops_with_open_streams(console: Running) -> None:
    """The console ends while a browser listens, and the browser's stream ends in good order."""
    with console.as_("watcher") as watcher, watcher.stream("GET", "/api/v1/live") as answer:
        stream = events(answer)
        next(stream)
        console.stop()
        assert [name for name, _ in stream if name == "snapshot"] == []


def test_stale_after_silence(console: Running, operator: httpx.Client) -> None:
    """As time goes on without data, segments turn stale and never clean."""
    assert console.now is not None
    console.now.forward(minutes=6)
    counts = operator.get("/api/v1/state").json()["overview"]["counts"]
    assert counts["levels"] == {"0": 0, "1": 0, "2": 0, "3": 0}
    assert counts["unmeasured"] == len(plausible.UNMEASURED)


def test_looks_when_a_stage_says_so(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stage has stored and told of is seen though the next look by the clock is far."""
    monkeypatch.setattr("console.feed.PERIOD_S", 3600.0)
    with console.as_("watcher") as watcher, watcher.stream("GET", "/api/v1/live") as answer:
        stream = events(answer)
        assert next(stream)[0] == "snapshot"
        with connect(console.dsn, name="test") as conn:
            conn.execute("DELETE FROM orders WHERE id = 'O-1005'")
            conn.execute("SELECT pg_notify('roaddust_outbox', '')")
            conn.commit()
        assert next(stream) == ("change", {"orders": {"O-1005": None}})


def test_everybody_has_the_plan_of_one_reading(console: Running) -> None:
    """While a page is open the plan is read once for each change of the orders, and never old."""
    with console.as_("watcher") as watcher, watcher.stream("GET", "/api/v1/live") as answer:
        stream = events(answer)
        assert next(stream)[0] == "snapshot"
        first = watcher.get("/api/v1/plan").json()
        assert "O-1005" in str(first)
        with connect(console.dsn, name="test", autocommit=True) as conn:
            # A path is in no state, so that nobody has heard of this.
            conn.execute("UPDATE orders SET path = '[]' WHERE id = 'O-1004'")
            assert watcher.get("/api/v1/plan").json() == first
            conn.execute("DELETE FROM orders WHERE id = 'O-1005'")
        assert next(stream) == ("change", {"orders": {"O-1005": None}})
        second = watcher.get("/api/v1/plan").json()
    assert "O-1005" not in str(second)
    assert second != first
    wait_until(lambda: watcher_left(console), lambda: "the stream that was left is still counted")
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute("DELETE FROM orders WHERE id = 'O-1004'")
    with console.as_("watcher") as watcher:
        assert "O-1004" not in watcher.get("/api/v1/plan").text


def watcher_left(console: Running) -> bool:
    with console.as_("watcher") as watcher:
        return bool(watcher.get("/api/v1/health").json()["browsers"] == 0)
