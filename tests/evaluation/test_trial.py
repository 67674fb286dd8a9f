"""Policies in a small simulated world."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from evaluation.desk import shift_end
from evaluation.policies import POLICIES
from evaluation.record import Record
from evaluation.trial import run_trial
from evaluation.witness import Witness
from geo.district import District
from simulators.message import Message, encode, rfc3339
from simulators.scenario import RainSpell, Scenario
from tests.evaluation.conftest import HOURS, START

Lived = Callable[[str], Record]
SENDING = [policy for policy in POLICIES if policy != "nothing"]


def _same(one: Record, other: Record) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("increment", "background", "by_source")
    ) and all(
        getattr(one, name) == getattr(other, name)
        for name in ("works", "orders", "progress", "km", "water_m3")
    )


@pytest.mark.parametrize("policy", SENDING)
def test_plans_are_drivable(policy: str, trial: Lived) -> None:
    """Crews that refuse nothing by habit refuse no plan, run dry never, and get work done."""
    record = trial(policy)
    events = [said.event for said in record.progress]
    assert "refused" not in events
    assert "failed" not in events
    assert events.count("done") > 3


@pytest.mark.parametrize("policy", SENDING)
def test_crews_keep_to_their_kind_and_shift(policy: str, trial: Lived, district: District) -> None:
    """Each kind does its own treatment, on treatable streets, and begins none after its shift."""
    record = trial(policy)
    does = {"W1": "wash", "W2": "wash", "S1": "sweep", "F1": "fog"}
    for order in record.orders:
        if order.treats:
            assert order.treatment == does[order.crew]
            assert order.segment is not None
            assert district.segments[order.segment].treat
    orders = {order.order: order for order in record.orders}
    for said in record.progress:
        if said.event == "started" and orders[said.order].treats:
            assert shift_end(district.crews[said.crew].shifts, district.timezone, said.ts)


def test_a_small_tank_is_filled_up(trial: Lived) -> None:
    """A crew whose tank does not do for a shift is sent to fill it."""
    filled = [o for o in trial("timetable").orders if o.crew == "W1" and o.treatment == "refill"]
    assert filled


def test_water_reported_is_water_on_the_street(trial: Lived) -> None:
    """What crews report to have used is what came down on streets."""
    record = trial("timetable")
    put = sum(done.work.water_l for done in record.works) / 1000.0
    assert put > 1.0
    assert sum(record.water_m3.values()) == pytest.approx(put, rel=0.01)


def test_busy_streets_come_more_often(trial: Lived) -> None:
    """A street that wants two treatments a day gets about twice those of its neighbour."""
    washed = [o.segment for o in trial("timetable").orders if o.treatment == "wash"]
    assert washed.count("A1") > 1.3 * washed.count("A2") > 0


def test_nobody_is_sent_by_nothing(trial: Lived) -> None:
    """Without orders nothing is driven, used or done."""
    record = trial("nothing")
    assert (record.orders, record.progress, record.works) == ((), (), ())
    assert sum(record.km.values()) == 0.0


def test_policies_meet_the_same_world(trial: Lived) -> None:
    """Weather and background are the seed's, whoever sends the crews; treatment lowers dust."""
    nothing, timetable = trial("nothing"), trial("timetable")
    np.testing.assert_array_equal(nothing.background, timetable.background)
    # Before the first work is done the streets are the same, too.
    first = timetable.works[0].minute
    np.testing.assert_array_equal(nothing.increment[:first], timetable.increment[:first])
    assert timetable.increment[60:].mean() < 0.9 * nothing.increment[60:].mean()


def test_breakdowns_are_the_same_for_every_policy(
    district: District, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crews break down at the same minutes, whoever sends them."""
    broken: list[tuple[datetime, str]] = []
    said = Witness.said

    def listen(witness: Witness, now: datetime, messages: list[Message]) -> None:
        broken.extend(
            (now, message.topic)
            for message in messages
            if message.kind == "positions" and b'"broken"' in message.payload
        )
        said(witness, now, messages)

    monkeypatch.setattr(Witness, "said", listen)
    fragile = replace(scenario, crew_breakdowns_per_day=12.0, crew_refusal_rate=0.2)
    seen = []
    for policy in ("nothing", "timetable", "nearest"):
        run_trial(district, fragile, 3, policy, 3.0 / 24.0)
        seen.append(list(broken))
        broken.clear()
    assert seen[0]
    assert seen[0] == seen[1] == seen[2]


def test_rounds_go_on_after_a_breakdown(district: District, scenario: Scenario) -> None:
    """After a breakdown a crew is sent on from where it stands, and does not run dry."""
    fragile = replace(scenario, crew_breakdowns_per_day=25.0)
    record = run_trial(district, fragile, 3, "timetable", 8.0 / 24.0)
    failed = [said for said in record.progress if said.event == "failed"]
    assert failed
    assert {said.reason for said in failed} == {failed[0].reason}
    back = [
        said
        for said in record.progress
        if said.crew == failed[0].crew and said.event == "done" and said.ts > failed[0].ts
    ]
    assert back


def test_a_new_shift_begins_with_new_orders(district: District, scenario: Scenario) -> None:
    """What a shift has left over is replaced in the next one, and stops no crew for good."""
    record = run_trial(
        district, replace(scenario, start=START + timedelta(hours=7)), 3, "oracle", 17.5 / 24.0
    )
    second_day = START + timedelta(days=1)
    washed = {
        said.crew for said in record.progress if said.event == "done" and said.ts > second_day
    }
    assert {"W1", "W2", "F1"} <= washed
    assert "refused" not in {said.event for said in record.progress}


@pytest.mark.parametrize("policy", ["timetable", "oracle"])
def test_same_seed_same_record(
    policy: str, trial: Lived, district: District, scenario: Scenario
) -> None:
    """A trial of a seed comes out the same each time, and another seed's does not."""
    again = run_trial(district, scenario, 3, policy, HOURS / 24.0)
    assert _same(trial(policy), again)
    other = run_trial(district, scenario, 4, policy, 0.5 / 24.0)
    assert not np.array_equal(other.increment, again.increment[:30])


def test_sources_add_up(trial: Lived) -> None:
    """By blocks of ten minutes, what sources gave is the increment."""
    record = trial("nothing")
    blocks = record.increment.reshape(-1, 10, len(record.segments)).mean(axis=1)
    np.testing.assert_allclose(record.by_source.sum(axis=2), blocks, rtol=1e-4)
    assert record.sources == ("street", "Q1")
    assert record.by_source[:, record.segments.index("C2"), 1].sum() > 0.0


def test_rain_sends_the_rounds_home(district: District, scenario: Scenario) -> None:
    """In rain the timetable takes its orders back, and goes on where it was after it."""
    wet = replace(scenario, rain=(RainSpell(start_h=1.0, hours=0.5, mm_per_h=6.0),))
    record = run_trial(district, wet, 3, "timetable", 3.0 / 24.0)
    begun = [
        (said.ts - START) / timedelta(minutes=1)
        for said in record.progress
        if said.event == "started"
        for order in record.orders
        if order.order == said.order and order.treats
    ]
    assert any(order.withdrawn_at for order in record.orders)
    assert not [minute for minute in begun if 70 < minute < 90]
    assert [minute for minute in begun if minute > 130]
    assert "refused" not in {said.event for said in record.progress}


def test_records_pass_between_processes(trial: Lived) -> None:
    """A record is the same after pickling."""
    record = trial("timetable")
    assert _same(pickle.loads(pickle.dumps(record)), record)


def test_unknown_policies_are_named(district: District, scenario: Scenario) -> None:
    """A policy that is not there is refused with those that are."""
    with pytest.raises(ValueError, match=r"'best'.*timetable"):
        run_trial(district, scenario, 1, "best", 1.0)


def _plan(*orders: tuple[str, str]) -> SimpleNamespace:
    said = [{"order": order, "treatment": "wash", "segment": segment} for order, segment in orders]
    return SimpleNamespace(
        topic="down/crews/W1/orders",
        payload=encode({"plan": "p", "crew": "W1", "orders": said}),
    )


def test_orders_are_withdrawn_by_the_next_plan(district: District, scenario: Scenario) -> None:
    """An order missing from the next plan is withdrawn then, unless it had been begun."""
    witness = Witness(district, scenario, 1, "platform")
    later: list[datetime] = [START + timedelta(minutes=minute) for minute in range(3)]
    witness.heard(later[0], [_plan(("a", "A1"), ("b", "A2"), ("c", "C1"))])
    begun = SimpleNamespace(
        kind="progress",
        topic="up/crews/W1/progress",
        payload=encode({"ts": rfc3339(later[1]), "order": "a", "event": "started"}),
    )
    witness.said(later[1], [begun])  # type: ignore[list-item]
    witness.heard(later[2], [_plan(("c", "C1")), SimpleNamespace(topic="down/x/y", payload=b"")])
    orders = {order.order: order for order in witness.record().orders}
    assert {name: order.withdrawn_at for name, order in orders.items()} == {
        "a": None,
        "b": later[2],
        "c": None,
    }
    assert orders["c"].said_at == later[0]


def test_episodes_are_heard_as_the_contract_says_them(
    district: District, scenario: Scenario
) -> None:
    """Each change of an episode is kept; the empty payload that clears it is none."""
    witness = Witness(district, scenario, 1, "platform")
    said = {
        "episode": "E1",
        "segment": "A1",
        "site": None,
        "rule": "hour",
        "level": 2,
        "state": "active",
        "started_at": "2026-03-02T06:00:00Z",
        "peak": 99.0,
        "ended_at": None,
        "causes": [{"kind": "site", "site": "Q1", "probability": 0.7, "evidence": "wind"}],
        "orders": [],
        "verdict": None,
    }
    topic = "down/episodes/E1"
    witness.heard(START, [SimpleNamespace(topic=topic, payload=msgspec.json.encode(said))])
    witness.heard(START, [SimpleNamespace(topic=topic, payload=b"")])
    (episode,) = witness.record().episodes
    assert (episode.level, episode.state, episode.causes[0].site) == (2, "active", "Q1")
