"""Why: an order's whole story, and what speaks for and against work at a place."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from console.models import Crew
from console.why import by_language, distance_m, rivals
from store.database import connect
from tests.console import alarming, plausible
from tests.console.conftest import Running

CREWS = [
    Crew(id=id_, name=id_, kind=kind, depot="D", tank_l=0, shifts=[])
    for id_, kind in (
        ("W-1", "water_truck"), ("W-2", "water_truck"), ("W-3", "water_truck"),
        ("W-4", "water_truck"), ("W-5", "water_truck"), ("S-1", "sweeper"),
    )
]  # fmt: skip
ORDER = {"id": "O-1", "crew": "W-1", "eta": plausible.NOW}


def step(order: str, minutes: int) -> dict[str, Any]:
    eta = plausible.NOW + timedelta(minutes=minutes)
    return {"order": order, "eta": eta.isoformat()}


def test_each_rival_gets_the_first_reason_that_holds() -> None:
    """Kind, a person's word, the crew's state, its past with this work, then its plan."""
    plan = {
        "conditions": {"W-1": "ready", "W-2": "off", "W-3": "ready", "W-4": "ready"},
        "crews": {
            "W-1": [step("O-1", 0)],
            "W-3": [step("O-7", -30), step("O-8", -10), step("O-9", 40)],
            "W-4": [step("O-5", 20)],
        },
    }
    troubles = [{"crew": "W-4", "state": "refused", "outcome": "泵坏了"}]
    found = rivals(ORDER, CREWS, plan, {"W-3": 900.0, "W-4": 400.0}, troubles, [])
    assert {one["crew"]: one["why"] for one in found} == {
        "W-2": "off",
        "W-3": "more_work",
        "W-4": "refused",
        "W-5": "unknown",
        "S-1": "other_kind",
    }
    assert [one["crew"] for one in found][:2] == ["W-4", "W-3"], "the nearest first"
    assert found[-1]["crew"] == "S-1", "who could not have come last"
    busy = next(one for one in found if one["crew"] == "W-3")
    assert busy["orders_before"] == 2
    assert busy["free_at"] == plausible.NOW - timedelta(minutes=10)


def test_a_person_who_holds_a_crew_back_is_named() -> None:
    """A hold comes before everything that the crew's own state says."""
    hold = {"crew": "W-2", "kind": "hold", "given_by": "li", "why": "检修"}
    plan = {"conditions": {"W-2": "off"}, "crews": {}}
    found = rivals(ORDER, CREWS, plan, {}, [], [hold])
    held = next(one for one in found if one["crew"] == "W-2")
    assert (held["why"], held["override"]["given_by"]) == ("held", "li")


def test_an_idle_rival_lost_to_the_whole() -> None:
    """Who was ready, near and idle is told that all routes together were better this way."""
    plan = {"conditions": {"W-3": "ready"}, "crews": {"W-1": [step("O-1", 0)], "W-3": []}}
    found = rivals(ORDER, CREWS, plan, {"W-3": 10.0}, [], [])
    assert next(one for one in found if one["crew"] == "W-3")["why"] == "planned_other"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, {}),
        (
            {"language": "zh-CN", "reason": "脏", "also": "dirty"},
            {"zh-CN": "脏", "en": "dirty"},
        ),
        ({"language": "en", "reason": "dirty", "also": None}, {"zh-CN": None, "en": "dirty"}),
    ],
)
def test_reason_by_language(row: Any, expected: dict[str, str | None]) -> None:
    """A reason is kept in the language of the settings, with the other beside it."""
    assert by_language(row) == expected


def test_distance() -> None:
    """A thousandth of a degree of latitude is 111.2 m."""
    assert distance_m((113.9, 22.5), (113.9, 22.501)) == pytest.approx(111.2, abs=0.1)


@pytest.fixture
def explained(console: Running) -> Running:
    """A plan that weighed two places, and an order with its log."""
    plan = {
        "WATER-A": {"orders": [
            {"order": "O-1003", "treatment": "wash", "segment": "XH07N", "minutes": 11,
             "priority": 1, "eta": (plausible.NOW - timedelta(minutes=3)).isoformat()},
        ]},
        "WATER-B": {"orders": []},
    }  # fmt: skip
    solver = {"language": "zh-CN", "situation": {"crews": {"WATER-A": "ready", "WATER-B": "off"}}}
    with connect(console.dsn, name="test") as conn:
        alarming.fill(conn, plausible.NOW)
        conn.execute("UPDATE plans SET body = %s, solver = %s", (Jsonb(plan), Jsonb(solver)))
        for place, chosen, reason, also in (
            ("XH07N", True, "增量 178，严重", "Increment 178, severe"),
            ("XH09N", False, "雨天不洗", "No washing in rain"),
        ):
            conn.execute(
                "INSERT INTO decisions (plan, place, treatment, chosen, reason, detail)"
                " SELECT id, %s, 'wash', %s, %s, %s FROM plans",
                (place, chosen, reason, Jsonb({"also": also})),
            )
        for event in ("sent", "accepted", "started"):
            conn.execute(
                "INSERT INTO order_log (order_id, at, actor, event, detail)"
                " SELECT 'O-1003', %s, 'dispatch', %s, jsonb_build_object('plan', id) FROM plans",
                (plausible.NOW, event),
            )
        conn.execute(
            "INSERT INTO reports (channel, id, ts, text, segment, kind, stored_at)"
            " VALUES ('hotline', '7', %s, %s, 'XH07N', 'dust', %s)",
            (plausible.NOW - timedelta(minutes=30), plausible.HOSTILE, plausible.NOW),
        )
        conn.execute(
            "INSERT INTO learned_effects (ts, treatment, removes, low, high)"
            " VALUES (%s, 'wash', 0.4, 0.3, 0.5)",
            (plausible.NOW - timedelta(hours=1),),
        )
        conn.commit()
    return console


def test_order_tells_its_whole_story(explained: Running, operator: httpx.Client) -> None:
    """Why it, why this crew, why not the others, what happened; in both languages."""
    story = operator.get("/api/v1/orders/O-1003").json()
    assert story["decision"] == {"zh-CN": "增量 178，严重", "en": "Increment 178, severe"}
    assert story["plan"]["trigger"] == "episode"
    assert story["chosen"]["orders_before"] == 0
    why = {one["crew"]: one["why"] for one in story["rivals"]}
    assert why["WATER-B"] == "off"
    assert why["FOG-A"] == "other_kind"
    assert "WATER-A" not in why
    assert [line["event"] for line in story["log"]] == ["sent", "accepted", "started"]
    assert story["proof"] is None
    assert story["verdict"] is None


def test_order_that_is_over_tells_proof_and_verdict(
    explained: Running, operator: httpx.Client
) -> None:
    """What was proven and what it achieved, with intervals."""
    story = operator.get("/api/v1/orders/O-1001").json()
    assert story["proof"]["share"] == 0.93
    assert story["proof"]["spans"] == [[0, 302]]
    assert (story["verdict"]["low"], story["verdict"]["high"]) == (22.0, 57.5)


def test_segment_tells_what_speaks_for_and_against(
    explained: Running, operator: httpx.Client
) -> None:
    """Decision, causes, what lies there, worths, matters, what was seen and complained of."""
    why = operator.get("/api/v1/segments/XH07N/why").json()
    assert why["decision"]["chosen"] is True
    assert why["decision"]["reason"]["en"] == "Increment 178, severe"
    assert [one["id"] for one in why["episodes"]] == [alarming.GROUPED[0]]
    assert why["episodes"][0]["causes"][0]["site"] == "SITE-SPOIL-1"
    assert why["ground"]["silt"] == pytest.approx(3.4)
    assert [one["treatment"] for one in why["worths"]] == ["heavy_clean", "wash", "sweep"]
    assert [one["removes"] for one in why["learned"]] == [pytest.approx(0.4)]
    assert [one["text"] for one in why["complaints"]] == [plausible.HOSTILE]
    against = operator.get("/api/v1/segments/XH09N/why").json()["decision"]
    assert (against["chosen"], against["reason"]["zh-CN"]) == (False, "雨天不洗")


def test_as_of_an_earlier_time(explained: Running, operator: httpx.Client) -> None:
    """Nothing that came later is told."""
    at = (plausible.NOW - timedelta(hours=1)).isoformat()
    why = operator.get("/api/v1/segments/XH07N/why", params={"at": at, "hours": 1}).json()
    assert why["decision"] is None
    assert why["orders"] == []
    assert why["complaints"] == []


def test_site_is_explained_too(explained: Running, operator: httpx.Client) -> None:
    """A site's orders and decisions answer in the same shape."""
    why = operator.get("/api/v1/sites/SITE-SPOIL-1/why").json()
    assert [one["id"] for one in why["orders"]] == ["O-1012"]


@pytest.mark.parametrize("path", ["orders/O-none", "segments/NO/why", "sites/NO/why"])
def test_unknown_is_said(reader: httpx.Client, path: str) -> None:
    """What is not there is a problem with a sentence."""
    answer = reader.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"]
