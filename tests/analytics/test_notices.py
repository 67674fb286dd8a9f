from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.minutes import MILLI
from analytics.notices import Weather, notices
from analytics.settings import NoticeSettings

SETTINGS = NoticeSettings()


def told(hours, fine=0.7, cut=None):
    """(hour, kind, change) for hourly backgrounds, from hour 0 on; None is unknown."""
    background = np.repeat([0 if h is None else round(h * MILLI) for h in hours], 60)
    known = np.repeat([h is not None for h in hours], 60)
    coarse = background.copy()
    share = np.rint(fine * coarse).astype(np.int64)
    weather, found, held = Weather.start(), [], []
    edges = sorted({0, len(background), *(cut or [])})
    for a, b in pairwise(edges):
        weather, changes, noticed = notices(
            weather, 1 + a, background[a:b], known[a:b], share[a:b], coarse[a:b], SETTINGS
        )
        found += [(c.minute / 60, c.kind, c.change) for c in changes]
        held += noticed.tolist()
    return found, held


def test_sand_dust_comes_at_once_and_goes_with_the_dust():
    """An hour at twice the six before and over 150 begins it, an hour at 150 or less ends it."""
    found, held = told([60.0] * 6 + [151.0, 400.0, 150.0], fine=0.2)
    assert found == [(7.0, "sand_dust", "begins"), (9.0, "sand_dust", "ends")]
    assert held == [False] * 420 + [True] * 120


def test_sand_dust_eases_when_it_no_longer_grows():
    """An hour that is not twice the six before eases it; the notice lasts until it is over."""
    found, held = told([60.0] * 6 + [400.0] * 5 + [90.0], fine=0.2)
    assert found == [
        (7.0, "sand_dust", "begins"),
        (10.0, "sand_dust", "eases"),  # 400 is not twice (3 x 60 + 3 x 400) / 6
        (12.0, "sand_dust", "ends"),
    ]
    assert held == [False] * 420 + [True] * 300


def test_dust_upon_dust_is_told_again():
    """What has eased and then doubles is a second notice, which washing stops for again."""
    found, _ = told([60.0] * 6 + [200.0] * 4 + [700.0], fine=0.2)
    assert found == [
        (7.0, "sand_dust", "begins"),
        (9.0, "sand_dust", "eases"),  # 200 is not twice (4 x 60 + 2 x 200) / 6
        (11.0, "sand_dust", "ends"),
        (11.0, "sand_dust", "begins"),
    ]


@pytest.mark.parametrize("last", [149.0, 119.0])
def test_a_rise_that_is_too_small_is_no_sand_dust(last):
    """Neither twice a little nor much that is not twice."""
    assert told([60.0] * 6 + [last], fine=0.2)[0] == []
    assert told([100.0] * 6 + [199.0], fine=0.2)[0] == []


def test_haze_has_to_last():
    """Three hours at 150 or over begin it, three below 120 end it, and less does neither."""
    assert told([100.0, 150.0, 150.0, 149.0, 150.0, 150.0])[0] == []
    found, _ = told([100.0] + [150.0] * 3 + [119.0, 119.0, 121.0] + [119.0] * 3)
    assert found == [(4.0, "haze", "begins"), (10.0, "haze", "ends")]


def test_coarse_air_is_no_haze():
    """PM2.5 below half of PM10 is dust from afar; where nobody measures it, haze it is."""
    assert told([100.0] + [150.0] * 4, fine=0.4)[0] == []
    hours = np.repeat([100_000, 150_000, 150_000, 150_000], 60)
    none = np.zeros(len(hours), np.int64)
    _, changes, _ = notices(
        Weather.start(), 1, hours, np.ones(len(hours), bool), none, none, SETTINGS
    )
    assert [c.kind for c in changes] == ["haze"]


def test_only_one_of_the_two_holds():
    """Sand dust that comes upon haze ends the notice of haze."""
    found, _ = told([140.0] + [150.0] * 3 + [400.0])
    assert found == [
        (4.0, "haze", "begins"),
        (5.0, "sand_dust", "begins"),
        (5.0, "haze", "ends"),
    ]


@given(
    st.lists(st.sampled_from([None, 20.0, 60.0, 130.0, 150.0, 200.0, 420.0]), max_size=15),
    st.sets(st.integers(1, 800), max_size=8),
)
def test_how_time_is_cut_does_not_matter(hours, cuts):
    """In one block or in any, the same notices."""
    assert told(hours, cut={c for c in cuts if c < 60 * len(hours)}) == told(hours)
