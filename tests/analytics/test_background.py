import numpy as np
import pytest

from analytics.background import from_background_stations, from_last_day, from_street_stations
from analytics.minutes import MILLI

HOUR = 60


def minutes(*stations):
    """(60 + T, s) thousandths of stations given as lists of µg/m³ per minute."""
    return np.array(stations, np.float64).T.astype(np.int64) * MILLI


def test_plumes_past_a_background_station_do_not_lift_it():
    """Twenty minutes of a plume in the hour leave the median where it was."""
    quiet = [40] * 2 * HOUR
    plume = [40] * HOUR + [400] * 20 + [40] * 40
    pm10 = minutes(quiet, plume)
    found = from_background_stations(pm10, np.ones(pm10.shape, bool))
    assert found.tolist() == [40 * MILLI] * HOUR


def test_haze_lifts_every_station_and_a_plume_only_some():
    """Without background stations the low of the street follows haze and ignores dusty streets."""
    clean, dusty = [50] * 2 * HOUR, [50] * HOUR + [300] * HOUR
    pm10 = minutes(clean, clean, clean, dusty, dusty)
    found = from_street_stations(pm10, np.ones(pm10.shape, bool))
    assert found[-1] == 50 * MILLI
    hazy = minutes(*[[50] * HOUR + [200] * HOUR] * 5)
    assert from_street_stations(hazy, np.ones(hazy.shape, bool))[-1] == 200 * MILLI


@pytest.mark.parametrize("stations", [0, 1, 2])
def test_too_few_stations_give_no_low_of_the_street(stations):
    """Two stations cannot tell haze from dust; none at all is no error."""
    pm10 = np.full((2 * HOUR, stations), 50 * MILLI)
    assert np.isnan(from_street_stations(pm10, np.ones(pm10.shape, bool))).all()


def test_a_quarter_of_an_hour_must_be_there():
    """A station that has spoken in less than 15 of the last 60 minutes says nothing."""
    pm10 = minutes([40] * 2 * HOUR)
    known = np.zeros(pm10.shape, bool)
    known[-14:] = True
    assert np.isnan(from_background_stations(pm10, known)[-1])
    known[-15:] = True
    assert from_background_stations(pm10, known)[-1] == 40 * MILLI


def test_one_station_is_compared_with_its_own_day():
    """The low of a day's hourly means, gaps left out; nothing known is unknown."""
    hours = np.full((24, 1), np.nan)
    assert np.isnan(from_last_day(hours))
    hours[:11, 0] = np.arange(11) * 10.0
    assert from_last_day(hours) == 10.0
