import numpy as np

from analytics.minutes import minute_means, minute_of, spans
from analytics.readings import COLUMNS, Readings


def readings(minutes, station=None):
    """Readings at the end of the given minutes."""
    n = len(minutes)
    return Readings(
        np.zeros(n, np.int64) if station is None else np.array(station),
        np.array(minutes, np.int64) * 60_000,
        np.full((n, len(COLUMNS)), 50.0),
        np.full(n, ord("N"), np.int64),
    )


def test_a_minute_ends_at_its_number():
    """(m - 1, m] belongs to minute m."""
    assert minute_of(np.array([60_000, 60_001, 119_999, 120_000])).tolist() == [1, 2, 2, 2]


def test_a_reading_stands_for_its_stations_rhythm():
    """One a minute stands for a minute, one an hour for an hour, whatever drop-out came before."""
    assert spans(readings([1, 2, 3, 40, 41])).tolist() == [1, 1, 1, 1, 1]
    assert spans(readings([60, 120, 180, 480])).tolist() == [1, 60, 60, 60]
    assert spans(readings([10, 15, 20, 21])).tolist() == [1, 5, 1, 1]


def test_minutes_are_means_of_what_counts():
    """Two readings in a minute average, a bad one is left out, an hourly one holds."""
    some = readings([1, 1, 2, 3])
    values = np.array([[40.0], [60.0], [100.0], [70.0]])
    good = np.array([[True], [True], [False], [True]])
    means, known = minute_means(some, values, good, after=0, upto=4, n=1)
    assert means[:, 0, 0].tolist() == [50_000, 0, 70_000, 0]
    assert known[:, 0, 0].tolist() == [True, False, True, False]
