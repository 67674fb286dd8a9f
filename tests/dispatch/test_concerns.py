"""The chain of roles: who hears of trouble, and when."""

import datetime as dt
from dataclasses import replace

import pytest

from dispatch.concerns import Concern, call, sort
from dispatch.limits import Limits
from dispatch.troubles import LeftMust
from dispatch.words import other
from tests.dispatch.towns import NOON

LIMITS = Limits()


def later(minutes: float) -> dt.datetime:
    """So many minutes after noon."""
    return NOON + dt.timedelta(minutes=minutes)


def concern(kind: str = "order", **changes: object) -> Concern:
    """A must that W1 has refused at noon."""
    return replace(Concern(kind, "O-1", "why", "warum", NOON, crew="W1"), **changes)  # type: ignore[arg-type]


def story(one: Concern, minutes: int) -> list[tuple[int, str, str]]:
    """What is said about a concern that stands so long: minute, event and role."""
    told: list[tuple[int, str, str]] = []
    for minute in range(minutes + 1):
        if said := call(one, later(minute), LIMITS):
            one = said.concern
            told.append((minute, said.event, said.role))
    return told


def test_the_chain_runs_while_trouble_stands() -> None:
    """The platform has five minutes; then each role its time, with a reminder half way."""
    assert story(concern(), 70) == [
        (5, "called", "crew_leader"),
        (10, "reminded", "crew_leader"),
        (15, "called", "dispatcher"),
        (23, "reminded", "dispatcher"),
        (30, "called", "duty_manager"),
        (60, "reminded", "duty_manager"),
    ]


def test_trouble_of_no_crew_begins_with_the_dispatcher() -> None:
    """No crew's leader could be meant."""
    assert story(concern(crew=None), 5) == [(5, "called", "dispatcher")]


def test_what_no_crew_can_help_begins_with_the_dispatcher() -> None:
    """An unanswered episode is told of at once."""
    assert story(concern("unanswered"), 0) == [(0, "called", "dispatcher")]


def test_the_chain_waits_while_it_is_shelved() -> None:
    """Nobody is called for what was put aside; afterwards the role that was called has its time
    anew, and then the chain goes on."""
    shelved = concern(role="crew_leader", called_at=later(5), shelved_until=later(60))
    assert story(shelved, 80) == [
        (65, "reminded", "crew_leader"),
        (70, "called", "dispatcher"),
        (78, "reminded", "dispatcher"),
    ]


def test_who_takes_it_has_time() -> None:
    """While somebody sees to it nobody is called; afterwards the chain goes on."""
    taken = concern(role="crew_leader", called_at=later(5), taken_at=later(6))
    assert call(taken, later(65), LIMITS) is None
    after = call(taken, later(66), LIMITS)
    assert after is not None
    assert (after.event, after.role) == ("called", "dispatcher")


def test_a_role_that_the_settings_have_no_more_is_reminded() -> None:
    """A changed chain does not stop the words about what stands."""
    limits = Limits(roles=("dispatcher", "mayor"), role_min={"mayor": 20.0},
                    first_role=dict.fromkeys(LIMITS.first_role, "dispatcher"))  # fmt: skip
    said = call(concern(role="crew_leader", called_at=NOON), later(60), limits)
    assert said is not None
    assert said.event == "reminded"


def test_sorting_opens_keeps_and_resolves() -> None:
    """New trouble is opened once, what is gone is resolved, what stands keeps its row."""
    old, gone = replace(concern(), id=1), replace(concern(), id=2, subject="O-2")
    found = sort([concern(), concern(), concern(subject="O-3")], [old, gone])
    assert [one.subject for one in found.new] == ["O-3"]
    assert found.gone == (gone,)
    assert found.standing == (old,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"roles": ()}, "roles"),
        ({"roles": ("a",)}, "minutes above 0 for a"),
        ({"first_role": {"order": "mayor"}}, "mayor"),
        ({"patience_min": {"hunger": 1.0}}, "hunger"),
        ({"proof_share": 1.5}, "proof_share"),
        ({"late_min": 0.0}, "late_min"),
        ({"overnight_level": 4}, "overnight_level"),
    ],
)
def test_bad_limits(changes: dict[str, object], words: str) -> None:
    """Limits that cannot be kept are refused, and the message names them."""
    with pytest.raises(ValueError, match=words):
        Limits(**changes)  # type: ignore[arg-type]


def test_a_must_that_is_left_says_why_in_the_words_it_ended_with() -> None:
    """The platform's own words in both languages; a crew's as they came, or that none came."""
    left = LeftMust("O1", "W1", "wash", "A", "failed", NOON, "broken down", "车辆故障")
    assert (left.why, other(left.why)) == ("broken down", "车辆故障")
    told = replace(left, outcome="前方施工", outcome_also=None)
    assert (told.why, other(told.why)) == ("前方施工", None)
    assert replace(left, outcome=None, outcome_also=None).why == "?"
