"""Did it help: orders are followed for an hour after they end, and then told of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.street.members import TREATMENTS
from analytics.street.model import Street, Treating
from analytics.street.watches import FROM_MIN, LONGEST_MIN, UPTO_MIN, Watches
from tests.analytics.street_minutes import NOON, errors, minute_after, model_of, silence

MEMBERS = 30


@pytest.fixture(scope="module")
def model(street):
    """Of a street that is dusty enough for a wash to be felt."""
    return model_of(street, MEMBERS, silt_g_m2=4.0)


def treating(model, order="O1", segment=1, treatment="wash", *, share=1.0, ends=True):
    water = 0.3 if treatment != "sweep" else 0.0
    return Treating(order, segment, TREATMENTS.index(treatment), share, water, ends)


def watched(model, works, minutes=UPTO_MIN + 12, street=None):
    """What orders come to over so many minutes; works: by minute, from 1 on."""
    street = street or Street.start(NOON, model.ground, model.settings)
    found, quiet = [], 0 * errors(model)
    for t in range(1, minutes + 1):
        now = minute_after(model, street, works=tuple(works.get(t, ())))
        street, was = model.step(street, now, silence(model), errors(model), quiet)
        found += [(t, effect) for effect in was.effects]
    return street, found


def test_a_wash_lowers_and_is_told_of_an_hour_after(model):
    """65 minutes after its end, once, with the middle inside its interval; then it is forgotten."""
    street, found = watched(model, {3: [treating(model)]})
    ((at, effect),) = found
    assert at == 3 + UPTO_MIN
    assert (effect.order, effect.segment, effect.treatment, effect.end) == ("O1", 1, 0, NOON + 3)
    assert effect.low <= effect.reduction_pct <= effect.high
    assert effect.reduction_pct > 10
    assert len(street.watches) == 0


def test_the_end_counts_and_not_the_beginning(model):
    """Of a work of ten minutes, too, the hour is that after it."""
    works = {t: [treating(model, share=0.1, ends=t == 12)] for t in range(3, 13)}
    _, ((at, effect),) = watched(model, works, 90)
    assert at == 12 + UPTO_MIN
    assert effect.end == NOON + 12


def test_no_work_has_no_effect(model):
    """Without crews nobody is told of; of a work that takes and wets nothing, an interval about
    zero."""
    _, found = watched(model, {})
    assert found == []
    nothing = treating(model, treatment="sweep", share=0.0)
    _, ((_, effect),) = watched(model, {3: [nothing]})
    assert effect.reduction_pct == pytest.approx(0.0, abs=0.05)
    assert effect.low < 0 < effect.high


def test_of_two_washes_each_does_less_than_one_alone(model):
    """Each order is compared with the street without that one: the other has been there."""
    _, ((_, alone),) = watched(model, {3: [treating(model)]}, 90)
    _, found = watched(model, {3: [treating(model)], 9: [treating(model, "O2")]}, 90)
    first = next(effect for _, effect in found if effect.order == "O1")
    assert len(found) == 2
    assert 0 < first.reduction_pct < alone.reduction_pct


def test_who_has_not_ended_is_dropped(model):
    """After five hours nobody waits any longer, and nothing is said."""
    unended = treating(model, ends=False)
    street, found = watched(model, {3: [unended]}, LONGEST_MIN + 2)
    assert found == []
    assert street.watches.orders == ("O1",)
    street, found = watched(model, {}, 2, street)
    assert found == []
    assert len(street.watches) == 0


# By themselves -------------------------------------------------------------------------------


def one(minute=0, members=4):
    some = np.ones((1, members), np.float32)
    return Watches.none(members).begin(["O1"], [0], [0], minute, some, some)


def felt_over(watches, upto, kerb, ratio, members=4):
    """Every minute from 1 on, a street that is all the segment's own; what settles, and when."""
    whole = np.full((len(watches), members), kerb, np.float32)
    found = []
    for minute in range(1, upto + 1):
        held = whole[: len(watches)]
        watches = watches.felt(minute, held, held, np.full_like(held, ratio))
        watches, effects = watches.settle(minute, 0.1)
        found += [(minute, effect) for effect in effects]
    return watches, found


@settings(max_examples=20)
@given(st.floats(0.7, 8.0))
def test_twice_the_dust_without_is_half_of_it_spared(ratio):
    """A street that would have `ratio` times the dust is 1 - 1/ratio better off; where it would
    have had less, worse. The interval holds the middle."""
    watches = one().ended({"O1"}, 0)
    _, ((at, effect),) = felt_over(watches, UPTO_MIN, 100.0, ratio)
    assert at == UPTO_MIN
    assert effect.reduction_pct == pytest.approx(100 * (1 - 1 / ratio), abs=0.1)
    assert effect.low < effect.reduction_pct < effect.high


def test_less_than_the_noise_is_no_effect():
    """Where the kerb has hardly any dust with or without, nothing is claimed."""
    _, ((_, effect),) = felt_over(one().ended({"O1"}, 0), UPTO_MIN, 1.0, 4.0)
    assert effect.reduction_pct == 0.0


def test_the_hour_counts_from_five_minutes_on():
    """While a crew works and in the five minutes after, nothing is counted; then 60 minutes are."""
    watches = one()
    kerb = np.full((1, 4), 80.0, np.float32)
    for minute in range(1, 200):
        if minute == 30:
            watches = watches.ended({"O1"}, minute)
        watches = watches.felt(minute, kerb, kerb, kerb / 40)
        counted = min(max(minute - 30 - FROM_MIN, 0), UPTO_MIN - FROM_MIN)
        assert watches.minutes.tolist() == [counted]


def test_an_end_is_told_once():
    """A second word of the same end changes nothing."""
    watches = one().ended({"O1"}, 7).ended({"O1"}, 9)
    assert watches.end.tolist() == [7]


def test_a_watch_of_which_half_is_missing_is_not_told():
    """Fewer than thirty minutes of the hour make no verdict."""
    watches, effects = one().ended({"O1"}, 0).settle(UPTO_MIN, 0.1)
    assert effects == ()
    assert len(watches) == 0


@settings(max_examples=20)
@given(st.lists(st.text(max_size=8), max_size=5, unique=True), st.integers(0, 99))
def test_watches_come_out_of_a_checkpoint_as_they_went_in(orders, seed):
    """Whatever orders are called: to the last bit."""
    rng = np.random.default_rng(seed)
    rows = rng.random((len(orders), 4)).astype(np.float32)
    number = list(range(len(orders)))
    watches = Watches.none(4).begin(orders, number, number, NOON, rows, 2 * rows)
    watches = watches.ended(set(orders[:2]), NOON + 1)
    back = Watches.of(watches.arrays())
    assert back.orders == watches.orders
    for name, part in watches.arrays().items():
        other = back.arrays()[name]
        assert (other.dtype, other.shape) == (part.dtype, part.shape)
        assert other.tobytes() == part.tobytes()


def test_some_are_those_asked_for():
    """Picked by index, in that order."""
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    watches = Watches.none(4).begin(["a", "b", "c"], [5, 6, 7], [0, 1, 2], NOON, rows, rows)
    some = watches.some(np.array([2, 0]))
    assert some.orders == ("c", "a")
    assert some.segment.tolist() == [7, 5]
    np.testing.assert_array_equal(some.load, rows[[2, 0]])
