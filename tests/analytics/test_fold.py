import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.fold import State, advance
from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.minutes import minute_of
from tests.analytics.streets import SETTINGS, START, district, made_up_day

LAYOUT = Layout.of(district(), SETTINGS)
LENGTH = 400
READINGS = {
    seed: made_up_day(LAYOUT, LENGTH, seed, every=every)
    for seed, every in ((1, 1), (2, 5), (3, 60))
}
HAPPENINGS = Happenings(
    events=[
        Event(START + m, kind, LAYOUT.segments[m % 7], LAYOUT.sites[m % 3])
        for m in range(0, LENGTH, 3)
        for kind in ("truck_pass", "unwashed_truck")
    ],
    works=[Work("O1", "W1", "wash", LAYOUT.segments[3], None, START + 100, START + 110, True)],
)


def fold(readings, cuts):
    """State, episodes and rows after working the whole time out in blocks that end at `cuts`."""
    minute = minute_of(readings.ts_ms)
    state = State.start(START, LAYOUT, SETTINGS)
    episodes, rows = [], []
    for end in sorted({*cuts, LENGTH}):
        block = readings[(minute > state.minute) & (minute <= START + end)]
        state, minutes = advance(state, START + end, block, HAPPENINGS, LAYOUT, SETTINGS)
        episodes += minutes.episodes
        rows.append((minutes.increment, minutes.level, minutes.cause, minutes.background))
    return state.to_bytes(), episodes, [np.concatenate(part) for part in zip(*rows, strict=True)]


WHOLE = {seed: fold(readings, []) for seed, readings in READINGS.items()}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.sampled_from(sorted(READINGS)),
    cuts=st.sets(st.integers(1, LENGTH - 1), max_size=40),
)
def test_how_time_is_cut_does_not_matter(seed, cuts):
    """Any cutting into blocks gives the same state, episodes, levels and causes, bit for bit."""
    state, episodes, rows = fold(READINGS[seed], cuts)
    assert episodes == WHOLE[seed][1]
    assert state == WHOLE[seed][0]
    for row, whole in zip(rows, WHOLE[seed][2], strict=True):
        assert (row == whole).all()


def test_the_made_up_day_is_worth_folding():
    """The days above open episodes of every level, so that equality says something."""
    assert {change.transition.top for change in WHOLE[1][1]} == {0, 1, 2, 3}


def test_a_state_survives_being_stored():
    """A checkpoint gives back the state that went in."""
    kept = WHOLE[1][0]
    assert State.from_bytes(kept).to_bytes() == kept
