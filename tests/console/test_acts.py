"""What an operator does is stored, told, audited and published in one transaction."""

import json
from typing import Any

import httpx
import pytest

from store.database import connect
from tests.console import plausible
from tests.console.conftest import Running

EPISODE = "E-20260302-0149-XH07N-inc60"
CLOSED = "E-20260302-0035-XH05S-inc60"
ACTS = "FROM audit WHERE action <> 'login'"


def asked(console: Running, query: str) -> list[tuple[Any, ...]]:
    with connect(console.dsn, name="test") as conn:
        return conn.execute(query.encode()).fetchall()


def published(console: Running) -> list[tuple[str, dict[str, Any], bool]]:
    rows = asked(console, "SELECT topic, payload, retain FROM outbox ORDER BY id")
    return [(topic, json.loads(payload), retain) for topic, payload, retain in rows]


def test_acknowledge(console: Running, operator: httpx.Client) -> None:
    """Acknowledging marks the episode, adds to its log and the audit, and publishes it."""
    answer = operator.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"] == "operator"
    assert answer.json()["log"][-1]["event"] == "acknowledged"
    assert asked(console, f"SELECT actor, action, at, detail {ACTS}") == [
        ("operator", "acknowledged", plausible.NOW, {"episode": EPISODE})
    ]
    ((topic, message, retain),) = published(console)
    assert (topic, retain) == (f"down/episodes/{EPISODE}", True)
    assert set(message) == {
        "episode", "segment", "site", "rule", "level", "state", "acknowledged_by",
        "shelved_until", "started_at", "peak_at", "peak", "ended_at", "causes", "orders", "verdict",
    }  # fmt: skip
    assert message["acknowledged_by"] == "operator"
    assert [set(cause) for cause in message["causes"]] == [
        {"kind", "site", "probability", "evidence"}
    ] * 3
    assert [cause["kind"] for cause in message["causes"]] == ["site", "road", "regional"]
    assert message["orders"] == ["O-1003"]
    assert message["started_at"] == "2026-03-02T01:49:00+00:00"


def test_the_second_to_acknowledge_is_told_who_was_first(
    console: Running, operator: httpx.Client
) -> None:
    """An acknowledgement is not overwritten."""
    operator.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
    with console.as_("boss") as boss:
        answer = boss.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
    assert answer.status_code == 409
    assert "operator" in answer.json()["detail"]
    assert len(published(console)) == 1


def test_shelve_and_bring_back(console: Running, operator: httpx.Client) -> None:
    """A shelved episode leaves the count until its time is over or somebody brings it back."""

    def waiting() -> tuple[int, int]:
        counts = operator.get("/api/v1/state").json()["overview"]["counts"]
        return counts["unacknowledged"], counts["shelved"]

    body = {"minutes": 60, "reason": "班组已在路上"}
    answer = operator.post(f"/api/v1/episodes/{EPISODE}/shelve", json=body)
    assert answer.json()["shelved_until"] == "2026-03-02T03:17:20Z"
    assert answer.json()["log"][-1]["detail"]["reason"] == "班组已在路上"
    assert waiting() == (2, 1)
    assert published(console)[-1][1]["shelved_until"] == "2026-03-02T03:17:20+00:00"
    assert console.now is not None
    console.now.forward(minutes=61)
    assert waiting() == (3, 0)
    assert operator.post(f"/api/v1/episodes/{EPISODE}/unshelve").status_code == 409
    operator.post(f"/api/v1/episodes/{EPISODE}/shelve", json={"minutes": 15})
    answer = operator.post(f"/api/v1/episodes/{EPISODE}/unshelve")
    assert answer.json()["shelved_until"] is None
    assert waiting() == (3, 0)


def test_hostile_comment_is_kept_as_text(console: Running, operator: httpx.Client) -> None:
    """A comment is stored letter by letter, logged and audited, and breaks nothing."""
    body = {"text": plausible.HOSTILE}
    answer = operator.post(f"/api/v1/episodes/{EPISODE}/comment", json=body)
    assert answer.json()["log"][-1]["detail"] == {"text": plausible.HOSTILE}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert asked(console, f"SELECT detail->>'text' {ACTS}") == [(plausible.HOSTILE,)]
    assert asked(console, "SELECT count(*) FROM users") == [(4,)]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("acknowledge", None, 409),
        ("shelve", {"minutes": 15}, 409),
        ("unshelve", None, 409),
        ("comment", {"text": "原因：车辆遗撒"}, 200),  # a closed episode still takes a remark
    ],
)
def test_closed_episode_takes_only_comments(
    console: Running, operator: httpx.Client, act: str, body: Any, status: int
) -> None:
    """Nothing about a closed episode changes, and no retained message of it comes back."""
    assert operator.post(f"/api/v1/episodes/{CLOSED}/{act}", json=body).status_code == status
    assert published(console) == []


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("shelve", {"minutes": 0}),
        ("shelve", {"minutes": 100_000}),  # nobody shelves for months
        ("shelve", {}),
        ("comment", {"text": ""}),
        ("comment", {"text": "  \n "}),
        ("comment", {"text": "\x00"}),
        ("comment", {"text": "x" * 2001}),
    ],
)
def test_bad_acts_are_refused(operator: httpx.Client, act: str, body: Any) -> None:
    """Input out of its bounds is refused and changes nothing."""
    before = operator.get(f"/api/v1/episodes/{EPISODE}").json()
    assert operator.post(f"/api/v1/episodes/{EPISODE}/{act}", json=body).status_code == 422
    assert operator.get(f"/api/v1/episodes/{EPISODE}").json() == before


@pytest.mark.parametrize("act", ["acknowledge", "shelve", "unshelve", "comment"])
def test_viewer_may_not_act(console: Running, act: str) -> None:
    """Every act is shut to a viewer, who may still look."""
    with console.as_("watcher") as watcher:
        body = {"minutes": 15, "text": "x"}
        answer = watcher.post(f"/api/v1/episodes/{EPISODE}/{act}", json=body)
        assert answer.status_code == 403
        assert watcher.get("/api/v1/state").status_code == 200
    assert asked(console, f"SELECT count(*) {ACTS}") == [(0,)]


def test_unknown_episode(operator: httpx.Client) -> None:
    """An act on an episode that is not there says so."""
    assert operator.post("/api/v1/episodes/E-none/acknowledge").status_code == 404


def test_what_is_over_and_unseen_is_acknowledged_without_a_word_to_the_broker(
    console: Running, operator: httpx.Client
) -> None:
    """ISA-18.2: what has returned stays until somebody has seen it; its message stays cleared."""
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute("UPDATE episodes SET acknowledged_by = NULL WHERE id = %s", (CLOSED,))
    answer = operator.post(f"/api/v1/episodes/{CLOSED}/acknowledge")
    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"] == "operator"
    assert answer.json()["log"][-1]["event"] == "acknowledged"
    assert published(console) == []
    assert operator.post(f"/api/v1/episodes/{CLOSED}/acknowledge").status_code == 409
