import numpy as np
import pytest

from analytics.minutes import MILLI, minute_means
from analytics.neighbours import NEIGHBOUR, NeighbourState, disagreement, doubted
from analytics.quality import FAIL, GOOD, MISSING, PM, SUSPECT, QualityState, check
from analytics.readings import COLUMNS, PM10, PM25, TSP, Readings
from analytics.settings import NeighbourSettings, QualitySettings

SETTINGS = NeighbourSettings()
MINUTES, STATIONS = 60, 4


def street(change=None, seed=1):
    """PM10 in thousandths as foreseen, but for what `change` does to it; 40 µg/m³ blow in."""
    rng = np.random.default_rng(seed)
    expected = np.log(np.full((MINUTES, STATIONS), 60.0))
    pm10 = np.exp(expected + rng.normal(0, 0.1, expected.shape))
    if change is not None:
        change(pm10)
    milli = np.rint(pm10 * 1000).astype(np.int64)
    return milli, np.ones(milli.shape, bool), expected, np.full(milli.shape, 0.2)


def judged(change=None, **more):
    state = NeighbourState.start(STATIONS)
    background = np.full(MINUTES, 40_000)
    return disagreement(state, *street(change), background, SETTINGS, **more)[1]


def leap(pm10):
    pm10[30, 1] = 900.0


def plume(pm10):
    pm10[30:50, 1] = 900.0


def dead(pm10):
    pm10[20:, 2] = 5.0


def test_what_was_foreseen_is_believed():
    """Values about the expectation pass."""
    assert (judged() == GOOD).all()


def test_a_leap_out_of_calm_is_suspect_alone():
    """One reading fifteen times what was foreseen is suspect, and none before or after it."""
    flags = judged(leap)
    assert flags[30, 1] == SUSPECT
    assert (flags == SUSPECT).sum() == 1


def test_a_plume_costs_one_reading_at_most():
    """What goes on is believed from its second reading on; with PM2.5, from the first."""
    assert (judged(plume) == SUSPECT).sum() == 1
    risen = np.zeros((MINUTES, STATIONS), bool)
    risen[30] = True
    assert (judged(plume, borne_out=risen) == GOOD).all()


def test_what_stays_under_the_background_is_suspect():
    """An eighth of what blows in is suspect from the tenth minute on."""
    flags = judged(dead)
    assert (flags[29:, 2] == SUSPECT).all()
    assert (flags == SUSPECT).sum() == MINUTES - 29


def test_nothing_foreseen_is_nothing_held_against():
    """Without an expectation no reading is flagged."""
    pm10, known, expected, spread = street(dead)
    nothing = np.full_like(expected, np.nan)
    flags = disagreement(
        NeighbourState.start(STATIONS), pm10, known, nothing, spread, np.full(MINUTES, 40_000),
        SETTINGS,
    )[1]  # fmt: skip
    assert (flags == GOOD).all()


@pytest.mark.parametrize("cut", [1, 25, 31, 59])
def test_how_time_is_cut_does_not_matter(cut):
    """Two blocks give the flags of one."""

    def trouble(pm10):
        leap(pm10)
        dead(pm10)

    parts = street(trouble)
    background = np.full(MINUTES, 40_000)
    state, first, _ = disagreement(
        NeighbourState.start(STATIONS), *(p[:cut] for p in parts), background[:cut], SETTINGS
    )
    _, second, _ = disagreement(state, *(p[cut:] for p in parts), background[cut:], SETTINGS)
    whole = disagreement(NeighbourState.start(STATIONS), *parts, background, SETTINGS)[1]
    assert (np.concatenate((first, second)) == whole).all()


def two_stations(every=1):
    """An hour of readings of 60 µg/m³ without finer dust; the second one's leaps by 250 in minute
    40, and its 20th minute's TSP is negative."""
    minute = np.tile(np.arange(every, MINUTES + 1, every), 2)
    values = np.full((len(minute), len(COLUMNS)), np.nan)
    values[:, PM10] = 60.0 + np.random.default_rng(2).normal(0, 2.0, len(minute)).round(1)
    second = np.arange(len(minute)) >= len(minute) // 2
    values[second & (minute == 40), PM10] += 250.0
    values[second & (minute == 20), TSP] = -1.0
    return Readings(
        second.astype(np.int64), minute * 60_000, values, np.full(len(minute), ord("N"))
    )


def lived(readings, ends):
    """What is flagged in blocks up to each of `ends`, and the believed means of all minutes."""
    quality, neighbour, tail = QualityState.start(2), NeighbourState.start(2), Readings.none()
    flagged, means, after = [], [], 0
    for upto in ends:
        now = readings[(readings.ts_ms > after * 60_000) & (readings.ts_ms <= upto * 60_000)]
        quality, checked = check(
            quality, tail, now, np.zeros(2, np.int64), QualitySettings(), after=after, upto=upto
        )
        of = {"after": after, "upto": upto, "n": 2}
        pm10 = minute_means(
            checked.readings, checked.readings.values[:, PM], checked.believed, **of
        )[0][:, :, 0]
        expected = np.full(pm10.shape, np.log(60.0))
        neighbour, checked = doubted(
            neighbour, checked, pm10, expected, np.full(pm10.shape, 0.1),
            np.full(len(pm10), 40_000), SETTINGS, after=after,
        )  # fmt: skip
        found = minute_means(
            checked.readings, checked.readings.values[:, PM], checked.believed, **of
        )
        means.append(np.where(found[1], found[0], -1))
        flagged += list(
            zip(checked.flagged.ts_ms.tolist(), checked.flags.tolist(),
                np.round(checked.numbers, 1).tolist(), strict=True)
        )  # fmt: skip
        tail, after = checked.readings.tail(), upto
    return flagged, np.concatenate(means)


def test_a_doubted_reading_is_flagged_beside_the_others_and_judged_by_nobody():
    """The leap's flag, its number and what other tests flagged are all there; its minute has no
    PM10, the minutes about it have."""
    flagged, means = lived(two_stations(), [MINUTES])
    assert [ts_ms // 60_000 for ts_ms, _, _ in flagged] == [20, 40]
    assert flagged[0][1][2][0] == FAIL
    leapt = np.array(flagged[1][1])
    assert leapt[0, NEIGHBOUR] == SUSPECT
    assert (leapt[1:] == MISSING).all()
    assert flagged[1][2][0][NEIGHBOUR] == 60.0
    assert means[39, 1, 0] == -1
    assert (means[[38, 40], 1, 0] > 50 * MILLI).all()
    assert (means[:, 0, 0] > 50 * MILLI).all()


def test_a_leap_that_finer_dust_shares_is_believed():
    """PM2.5 that rises along makes the same leap dust."""
    readings = two_stations()
    readings.values[:, PM25] = 20.0 + np.arange(len(readings)) % 3
    readings.values[readings.values[:, PM10] > 200, PM25] += 60.0
    flagged, means = lived(readings, [MINUTES])
    assert [ts_ms // 60_000 for ts_ms, _, _ in flagged] == [20]
    assert means[39, 1, 0] > 200 * MILLI


@pytest.mark.parametrize("cut", [39, 40, 41, 43])
def test_a_doubted_reading_that_stands_for_minutes_is_out_of_all_of_them(cut):
    """A reading every four minutes: none of the four has a mean, wherever a block ends."""
    readings = two_stations(every=4)
    whole = lived(readings, [MINUTES])
    assert (whole[1][39:43, 1, 0] == -1).all()
    parts = lived(readings, [cut, MINUTES])
    assert repr(parts[0]) == repr(whole[0])
    assert (parts[1] == whole[1]).all()
