"""Rain counts once, however often gauges speak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.street.rain import MOST_MM_MIN, Gauges, fallen

SPAN = 240


def said(every: list[int], rate: float, upto: int = SPAN):
    """Gauges that speak every so many minutes of a steady rain that begins with minute 60."""
    rows = [
        (minute, station, rate * max(min(minute - 60, step), 0))
        for station, step in enumerate(every)
        for minute in range(step, upto, step)
    ]
    minute, station, mm = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return minute, station, mm.astype(np.float64)


@given(
    every=st.lists(st.sampled_from([1, 5, 10, 15, 60]), min_size=1, max_size=6),
    rate=st.floats(0.01, 1.0),
)
def test_rain_is_the_same_whatever_the_rhythm_of_the_gauges(every, rate):
    """Once all have spoken of it, a steady rain is its rate, not the sum of rhythms."""
    _, rain = fallen(Gauges.unheard(len(every)), *said(every, rate), 0, SPAN)
    assert rain[:60].sum() == 0
    assert rain[180:] == pytest.approx(rate)


@settings(max_examples=50)
@given(
    every=st.lists(st.sampled_from([1, 5, 15]), min_size=1, max_size=4),
    cuts=st.sets(st.integers(1, SPAN - 1), max_size=8).map(sorted),
)
def test_rain_does_not_depend_on_how_time_is_cut(every, cuts):
    """Part by part, through a checkpoint each time: the same to the last bit."""
    minute, station, mm = said(every, 0.2)
    whole = fallen(Gauges.unheard(len(every)), minute, station, mm, 0, SPAN)[1]
    gauges, parts = Gauges.unheard(len(every)), []
    for begin, end in zip([0, *cuts], [*cuts, SPAN], strict=True):
        gauges, part = fallen(gauges, minute, station, mm, begin, end - begin)
        gauges = Gauges.of(gauges.arrays())
        parts.append(part)
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_gauge_that_falls_silent_rains_no_longer_than_it_took_to_speak():
    """The total of a regular gauge is kept, and its last word ends."""
    _, rain = fallen(Gauges.unheard(1), *said([15], 0.1, upto=121), 0, SPAN)
    assert rain.sum() == pytest.approx(0.1 * 60)
    assert rain[136:].sum() == 0


def test_no_gauge_drowns_the_street():
    """A word that cannot be is held to what falls in a cloudburst."""
    _, rain = fallen(
        Gauges.unheard(1), np.array([0, 1]), np.array([0, 0]), np.array([0.0, 500.0]), 0, 2
    )
    assert rain[1] == MOST_MM_MIN
