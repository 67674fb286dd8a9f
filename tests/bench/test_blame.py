"""Were the causes of episodes the right ones?"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench import blame
from bench.blame import Story, Told
from bench.recorded import Recorded

MINUTES = 600
ROAD: dict[str, Any] = {"kind": "road", "site": None, "probability": 0.7}
GATE: dict[str, Any] = {"kind": "site", "site": "Q1", "probability": 0.3}


@pytest.fixture
def lived(recorded: Recorded) -> Recorded:
    """Ten hours on two segments, of which S1 is over the limit from row 200 to row 300 through
    site Q1, whose wheel wash fails from row 150 to row 250."""
    increment = np.zeros((MINUTES, 2), np.float32)
    increment[200:300, 0] = 500.0
    by_source = np.zeros((MINUTES, 2, 3), np.float32)
    by_source[200:300, 0, 1] = 400.0
    by_source[200:300, 0, 0] = 100.0
    failing = np.zeros((MINUTES, 2), bool)
    failing[150:251, 0] = True
    truth = replace(
        recorded.truth,
        increment=increment,
        by_source=by_source,
        failing=failing,
        background=np.zeros(MINUTES, np.float32),
    )
    return replace(recorded, truth=truth, segments=("S1", "S2"), sources=("street", "Q1", "X9"))


def story(*told: Told, segment: str = "S1") -> Story:
    """An episode on a segment."""
    return Story(segment, None, list(told))


def judged(lived: Recorded, *told: Story, sites: tuple[str, ...] = ("Q1",)) -> blame.Judged:
    """Held against the truth on both segments."""
    return blame.judged(lived, ("S1", "S2"), sites, told)


def test_a_spell_is_led_by_who_gave_most(lived: Recorded) -> None:
    """The only spell begins with the first limit passed, and four fifths of it are the site's."""
    (spell,) = blame.spells(lived, ("S1", "S2"))
    assert spell.source == "Q1"
    assert spell.share == pytest.approx(0.8)
    assert 200 <= spell.first < 215
    assert blame.spells(lived, ("S1", "S2"), since=300) == []


def test_the_likeliest_cause_told_last_is_the_one_that_counts(lived: Recorded) -> None:
    """First the road is named, then the site: that is right, and both statements count."""
    swapped = [{**GATE, "probability": 0.6}, {**ROAD, "probability": 0.4}]
    found = judged(
        lived,
        story(
            Told(210, True, 2, [ROAD, GATE]), Told(230, True, 2, swapped), Told(320, False, 0, ())
        ),
    )
    assert found.figures["first cause right"] == 1.0
    assert found.figures["of these led by a site"] == 1.0
    np.testing.assert_allclose(found.stated, [0.6, 0.4])
    assert found.came.tolist() == [True, False]
    wrong = judged(lived, story(Told(210, True, 2, [ROAD, GATE]), Told(320, False, 0, ())))
    assert wrong.figures["first cause right"] == 0.0


def test_an_episode_belongs_to_a_spell_of_its_own_segment_and_time(lived: Recorded) -> None:
    """Elsewhere, at another time or at level 1 it is held against nothing."""
    for other in (
        story(Told(210, True, 2, [GATE]), Told(320, False, 0, ()), segment="S2"),
        story(Told(450, True, 2, [GATE]), Told(500, False, 0, ())),
        story(Told(210, True, 1, [GATE]), Told(320, False, 0, ())),
    ):
        found = judged(lived, other)
        assert found.figures["of these on a true spell"] == 0.0
        assert found.figures["first cause right"] is None


def test_false_is_an_episode_without_a_true_spell_within_an_hour(lived: Recorded) -> None:
    """Of ten hours: one on the other segment and one much later are false, one soon after not."""
    found = judged(
        lived,
        story(Told(210, True, 2, [GATE]), Told(320, False, 0, ()), segment="S2"),
        story(Told(450, True, 2, [GATE]), Told(500, False, 0, ())),
        story(Told(350, True, 2, [GATE]), Told(380, False, 0, ())),
    )
    assert found.figures["false ones a day"] == pytest.approx(2.0 / (MINUTES / 1440.0))


def test_nobody_has_to_name_a_site_that_nobody_knows(lived: Recorded) -> None:
    """Where the district does not know the leading site, the episode is left out."""
    found = judged(lived, story(Told(210, True, 2, [ROAD]), Told(320, False, 0, ())), sites=())
    assert found.figures["of these on a true spell"] == 0.0


def test_a_failing_gate_is_found_when_an_open_episode_names_it_first(lived: Recorded) -> None:
    """From the begin of the failure, row 150, on; any segment's episode may name it."""
    named = story(Told(160, True, 1, [ROAD]), Told(175, True, 1, [GATE]), segment="S2")
    found = judged(lived, named).figures
    assert found["failing gates with an exceedance"] == 1.0
    assert found["minutes to the gate's name, median"] == 25.0
    assert found["failing gate named within 30 min"] == 1.0
    late = judged(lived, story(Told(205, True, 2, [GATE]))).figures
    assert late["minutes to the gate's name, median"] == 55.0
    assert late["failing gate named within 30 min"] == 0.0
    assert late["… within 30 min of the exceedance"] == 1.0


def test_a_closed_episode_names_nobody(lived: Recorded) -> None:
    """What was said of a site before its gate failed is no finding."""
    before = story(Told(100, True, 2, [GATE]), Told(140, False, 0, ()))
    found = judged(lived, before).figures
    assert found["failing gate never named"] == 1.0
    assert found["minutes to the gate's name, median"] is None


def test_a_gate_that_leads_to_nothing_does_not_count(lived: Recorded) -> None:
    """No exceedance through the site means no failure to be found."""
    quiet = replace(lived, truth=replace(lived.truth, increment=lived.truth.increment * 0.1))
    assert judged(quiet).figures["failing gates with an exceedance"] == 0.0


def test_an_episode_is_active_from_level_2_until_it_is_closed() -> None:
    """Recovering does not end it, and one that never got so high was never active."""
    rows = (Told(10, True, 1, ()), Told(20, True, 2, ()), Told(30, True, 0, ()))
    assert story(*rows).active == (20, None)
    assert story(*rows, Told(40, False, 0, ())).active == (20, 40)
    assert story(*rows[:1]).active is None
