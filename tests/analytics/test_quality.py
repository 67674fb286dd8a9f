import numpy as np
import pytest

from analytics.quality import FAIL, GOOD, MISSING, SUSPECT, TESTS, quality
from analytics.readings import COLUMNS, PM10, PM25, TSP, Readings
from analytics.settings import QualitySettings

SETTINGS = QualitySettings()
NAN = float("nan")


def readings(pm10, pm25=None, tsp=None, status="N", station=None):
    """One reading a minute of one station, unless told otherwise."""
    n = len(pm10)
    values = np.full((n, len(COLUMNS)), NAN)
    values[:, PM10] = pm10
    if pm25 is not None:
        values[:, PM25] = pm25
    if tsp is not None:
        values[:, TSP] = tsp
    return Readings(
        np.zeros(n, np.int64) if station is None else np.array(station),
        np.arange(n, dtype=np.int64) * 60_000,
        values,
        np.array([ord(c) for c in status * n][:n], np.int64),
    )


def flags(test, *args, **kwargs):
    """Flags of PM10 by one test."""
    return quality(readings(*args, **kwargs), SETTINGS)[:, 0, TESTS.index(test)].tolist()


def test_range_fails_what_no_monitor_can_mean():
    """Negative values, values over the range and loggers' markers fail; large true ones pass."""
    assert flags("range", [-1, 0, 4999, 5001, 9999, -999, 999]) == [
        FAIL, GOOD, GOOD, FAIL, FAIL, FAIL, FAIL,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "flag"),
    [("N", GOOD), ("S", GOOD), ("F", FAIL), ("M", FAIL), ("D", FAIL), ("C", FAIL), ("T", FAIL),
     ("B", FAIL)],
)  # fmt: skip
def test_status_of_the_device_is_believed(status, flag):
    """Only normal and manual readings count."""
    assert flags("status", [50.0], status=status) == [flag]


def test_order_of_sizes_flags_both_of_a_contradiction():
    """PM2.5 clearly above PM10 makes both suspect, PM10 above TSP makes PM10 and TSP suspect."""
    found = quality(readings([50, 50, 300], [60, 51, 20], [90, 90, 200]), SETTINGS)
    order = found[:, :, TESTS.index("order")]
    assert order.tolist() == [
        [SUSPECT, SUSPECT, GOOD],
        [GOOD, GOOD, GOOD],
        [SUSPECT, GOOD, SUSPECT],
    ]


def test_flat_line_begins_with_the_twelfth_equal_value():
    """Eleven equal values pass, the twelfth fails, zeros and another station's values do not."""
    assert flags("flat", [70.0] * 13) == [GOOD] * 11 + [FAIL] * 2
    assert flags("flat", [0.0] * 13) == [GOOD] * 13
    assert flags("flat", [70.0] * 13, station=[0] * 6 + [1] * 7) == [GOOD] * 13


def test_spike_is_a_jump_over_the_last_five():
    """A lone jump is suspect and what follows is not; without five values before it, unknown."""
    assert flags("spike", [60, 62, 61, 63, 60, 900, 64]) == [GOOD] * 5 + [SUSPECT, GOOD]
    assert flags("spike", [60, 900, 64]) == [GOOD] * 3


def test_what_is_missing_is_neither_good_nor_bad():
    """A quantity that was not sent is missing in every test."""
    assert set(quality(readings([50.0]), SETTINGS)[0, 1].tolist()) == {MISSING}
