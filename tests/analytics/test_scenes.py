"""What is looked up around an episode, held to the plain way of looking it up."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.happenings import Event
from analytics.layout import Layout
from analytics.readings import WIND_DIR, WIND_SPEED
from analytics.scenes import HEALTH_READINGS, HOUR, WIND_AGE_MIN, _flagged_share, _lately, _wind
from tests.analytics.streets import SETTINGS, START, made_up_day

minutes = st.integers(START - 5, START + 190)


@given(seed=st.integers(0, 99), minute=minutes, every=st.sampled_from([1, 7, 40]))
def test_the_wind_is_that_of_each_stations_newest_reading(street, seed, minute, every):
    """Of the last half hour, in whatever rhythm; none where nobody says anything believable."""
    layout = Layout.of(street, SETTINGS)
    readings = made_up_day(layout, 180, seed, every=every, dropout=0.4)
    rng = np.random.default_rng(seed)
    readings.values[:, WIND_SPEED] = rng.choice([0.4, 3.0, 99.0, np.nan], len(readings))
    readings.values[:, WIND_DIR] = rng.choice([10.0, 200.0, 400.0], len(readings))
    winds = []
    for station in range(len(layout.stations)):
        for row in np.flatnonzero(readings.station == station)[::-1]:
            age_ms = minute * 60_000 - readings.ts_ms[row]
            speed, towards = readings.values[row, [WIND_SPEED, WIND_DIR]]
            if 0 <= age_ms < WIND_AGE_MIN * 60_000 and speed < 60 and towards <= 360:
                winds.append((speed, np.radians(towards)))
                break
    east = np.mean([v * np.sin(a) for v, a in winds]) if winds else 0.0
    north = np.mean([v * np.cos(a) for v, a in winds]) if winds else 0.0
    speed, towards = _wind(readings, minute, len(layout.stations))
    assert np.isclose(speed, np.hypot(east, north))
    assert np.isclose(speed * np.sin(np.radians(towards)), east, atol=1e-9)


@given(seed=st.integers(0, 99), minute=minutes)
def test_a_stations_health_is_that_of_its_last_readings(street, seed, minute):
    """Ten of them up to the minute, those with a value; the worst of the place's stations."""
    layout = Layout.of(street, SETTINGS)
    readings = made_up_day(layout, 180, seed, dropout=0.3)
    rng = np.random.default_rng(seed)
    believed = rng.random((len(readings), 3)) < 0.7
    readings.values[rng.random(len(readings)) < 0.2, 0] = np.nan
    shares = [0.0]
    for station in (1, 3):
        before = (readings.station == station) & (readings.ts_ms <= minute * 60_000)
        rows = [r for r in np.flatnonzero(before)[-HEALTH_READINGS:] if readings.values[r, 0] > -99]
        shares += [np.mean([not believed[r, 0] for r in rows])] if rows else []
    assert np.isclose(_flagged_share(readings, believed, minute, [1, 3]), max(shares))


@given(at=st.lists(minutes, max_size=30), minute=minutes)
def test_events_are_those_of_the_last_hour(at, minute):
    """The hour that ends with the minute, its own minute included."""
    events = [Event(m, "dust_plume", None, None) for m in sorted(at)]
    found = _lately(events, minute)
    assert list(found) == [e for e in events if minute - HOUR < e.minute <= minute]
