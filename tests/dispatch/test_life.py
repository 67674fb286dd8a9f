"""The life of an order, word by word and silence by silence."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.crews import Standing
from dispatch.facts import CrewReport, Order
from dispatch.life import Progress, told, unanswered, withdrawals
from dispatch.settings import DispatchSettings
from dispatch.words import Words
from tests.dispatch.towns import NOON, block, crew

SETTINGS = DispatchSettings(language="en")
WORDS = Words("en", block().timezone)


def later(minutes: float) -> dt.datetime:
    """So many minutes after noon."""
    return NOON + dt.timedelta(minutes=minutes)


def order(state: str = "sent", **changes: Any) -> Order:
    """An order for street A, sent at noon, to begin at 12:05 and take two minutes."""
    values: dict[str, Any] = {
        "id": "O1", "crew": "W1", "plan": "P1", "seq": 1, "treatment": "wash", "segment": "A",
        "site": None, "depot": None, "direction": "forward", "path": (), "eta": later(5),
        "due": None, "minutes": 2.0, "water_l": 300.0, "priority": 4, "episode": None,
        "reason": "r", "state": state, "issued_at": NOON,
    }  # fmt: skip
    return Order(**(values | changes))


def word(event: str, minutes: float = 1.0, crew_id: str = "W1") -> Progress:
    """What a crew says of it."""
    return Progress(1, crew_id, "O1", event, later(minutes), "why")


def standing(*orders: Order, condition: str = "ready", **changes: Any) -> Standing:
    """The crew with these orders."""
    values: dict[str, Any] = {
        "crew": crew("W1"), "condition": condition, "until": later(600), "report": None,
        "heard_at": None, "turn_at": NOON if orders else None, "orders": orders,
    }  # fmt: skip
    return Standing(**(values | changes))


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        ("sent", "accepted", "accepted"),
        ("sent", "refused", "refused"),
        ("accepted", "refused", "refused"),  # on second thoughts
        ("accepted", "started", "started"),
        ("sent", "started", "started"),  # the acceptance was lost
        ("started", "done", "done"),
        ("accepted", "done", "done"),  # the start was lost
        ("started", "failed", "failed"),
        ("silent", "started", "started"),  # it works after all
        ("withdrawn", "done", "done"),  # the street has been washed, whatever was planned
    ],
)
def test_word_moves_an_order_on(state: str, event: str, after: str) -> None:
    """Each word that follows from a state leads to the next."""
    change = told(order(state), word(event))
    assert change is not None
    assert (change.order.state, change.actor, change.event) == (after, "W1", event)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("accepted", "accepted"),  # said twice
        ("started", "accepted"),  # late
        ("done", "failed"),  # over is over
        ("started", "refused"),  # too late to refuse
        ("withdrawn", "accepted"),  # crossed with the withdrawal
        ("refused", "started"),  # contradiction
        ("done", "done"),
    ],
)
def test_word_that_changes_nothing(state: str, event: str) -> None:
    """Repeats, stragglers and contradictions leave the order as it is."""
    assert told(order(state), word(event)) is None


def test_stranger_is_not_listened_to() -> None:
    """Another crew's word about the order changes nothing."""
    assert told(order(), word("done", crew_id="W2")) is None


def test_times_and_reason_are_kept() -> None:
    """The log has the crew's times and its reason, not those of the platform."""
    begun = told(order("accepted"), word("started", 6))
    assert begun is not None
    assert begun.order.started_at == later(6)
    failed = told(begun.order, word("failed", 7))
    assert failed is not None
    assert (failed.order.ended_at, failed.order.outcome, failed.reason) == (later(7), "why", "why")
    assert failed.order.outcome_also is None, "a crew's own words are in one language"


@given(st.lists(st.sampled_from(["accepted", "refused", "started", "done", "failed"]), max_size=8))
def test_done_is_final_in_any_order_of_words(events: list[str]) -> None:
    """Whatever is said, a done order stays done, and an order begun is never refused."""
    current, was_done = order(), False
    for number, event in enumerate(events):
        change = told(current, word(event, number))
        if change is not None:
            assert not was_done
            assert not (current.state == "started" and event == "refused")
            current = change.order
        was_done = was_done or current.state == "done"


@pytest.mark.parametrize(("minutes", "silent"), [(9.9, False), (10, True)])
def test_unanswered_order_is_silent(minutes: float, silent: bool) -> None:
    """After ten minutes without an answer the next order of a crew is silent."""
    found = unanswered(standing(order()), later(minutes), SETTINGS, WORDS)
    assert bool(found) == silent
    assert all(change.order.state == "silent" for change in found)


def test_only_the_next_order_must_be_answered() -> None:
    """The second order may wait; its time begins when the first has ended."""
    second = order(id="O2", segment="B", seq=2)
    found = unanswered(standing(order(), second), later(15), SETTINGS, WORDS)
    assert [change.order.id for change in found] == ["O1"]
    its_turn = standing(second, turn_at=later(14))
    assert unanswered(its_turn, later(15), SETTINGS, WORDS) == []


@pytest.mark.parametrize(("minutes", "silent"), [(35, False), (35.1, True)])
def test_accepted_order_must_begin(minutes: float, silent: bool) -> None:
    """Half an hour after its arrival an order not begun is silent."""
    accepted = order("accepted", accepted_at=later(1))
    found = unanswered(standing(accepted), later(minutes), SETTINGS, WORDS)
    assert bool(found) == silent


@pytest.mark.parametrize(("minutes", "silent"), [(37, False), (37.1, True)])
def test_begun_order_must_end(minutes: float, silent: bool) -> None:
    """Half an hour after work should have ended it is silent."""
    begun = order("started", started_at=later(5))
    found = unanswered(standing(begun), later(minutes), SETTINGS, WORDS)
    assert bool(found) == silent


def test_crew_that_vanishes_at_work_is_not_waited_for() -> None:
    """A crew that sent positions and has been quiet for 15 minutes loses its order."""
    accepted = order("accepted", accepted_at=NOON)
    report = CrewReport("W1", NOON, 113.88, 22.48, None, "driving")
    for minutes, count in ((14.9, 0), (15, 1)):
        quiet = standing(accepted, report=report, heard_at=NOON)
        assert len(unanswered(quiet, later(minutes), SETTINGS, WORDS)) == count


def test_broken_vehicle_has_failed_what_it_had_begun() -> None:
    """Work under way on a broken truck has failed at once; the rest is the next plan's."""
    begun, rest = order("started", started_at=NOON), order(id="O2", seq=2)
    found = unanswered(standing(begun, rest, condition="broken"), later(1), SETTINGS, WORDS)
    assert [(change.order.id, change.order.state) for change in found] == [("O1", "failed")]


@pytest.mark.parametrize(
    ("condition", "other", "reason"),
    [
        ("broken", False, "broken down"),
        ("off", False, "shift is over"),
        ("ready", True, "given to W2"),
        ("ready", False, "not in the new plan"),
    ],
)
def test_withdrawal_says_why(condition: str, other: bool, reason: str) -> None:
    """An order missing from the new plan is withdrawn with the reason."""
    plan = [replace(order(), id="O9", crew="W2")] if other else []
    found = withdrawals([standing(order(), condition=condition)], plan, later(1), WORDS)
    assert [(change.order.state, change.event) for change in found] == [("withdrawn", "withdrawn")]
    assert reason in (found[0].reason or "")


def test_order_of_the_new_plan_is_not_withdrawn() -> None:
    """What the plan still names goes on."""
    assert withdrawals([standing(order())], [order()], later(1), WORDS) == []
