"""The sky over the street: the sun, the wind as it is told, and what dries."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.readings import COLUMNS, RAIN, RH, TEMP, WIND_DIR, WIND_SPEED, Readings
from analytics.street.inputs import STALE_MIN, Sky, weather
from analytics.street.rain import Gauges
from analytics.street.weather import (
    Weather,
    drying_mm_h,
    local_hours,
    sun_height,
    vapour_deficit_kpa,
)
from tests.analytics.street_minutes import NOON, model_of

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe")
NEW_YEAR = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) // 60
"""At the end of a leap year."""


def minute(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) // 60


@pytest.mark.parametrize(
    ("when", "lon", "lat", "sine"),
    [
        ((2026, 3, 20, 12, 7), 0.0, 0.0, 1.0),  # equinox, the sun's own noon
        ((2026, 3, 20, 0, 7), 0.0, 0.0, 0.0),
        ((2026, 6, 21, 12, 2), 0.0, 23.44, 1.0),  # over the tropic
        ((2026, 12, 21, 12, 0), 0.0, 67.5, 0.0),  # polar night
        ((2026, 6, 21, 0, 0), 0.0, 67.5, np.sin(np.radians(0.94))),  # and the midnight sun
        ((2026, 3, 2, 4, 37), 113.9, 22.5, np.sin(np.radians(60.2))),  # 12:37 in Shenzhen
        ((2026, 3, 20, 4, 32), 113.9, 22.5, np.sin(np.radians(67.4))),
        ((2026, 3, 20, 16, 32), 113.9, 22.5, 0.0),
    ],
)
def test_the_sun_stands_where_the_almanac_has_it(when, lon, lat, sine):
    """At its noon, its midnight, and on the longest and shortest day: to 2 %."""
    got = sun_height(minute(*when), 1, lon, lat)[0]
    assert got == pytest.approx(sine, rel=0.02, abs=0.01)


@given(st.integers(-3000, 3000) | st.integers(-5, 5), st.integers(1, 20), st.sampled_from(ZONES))
@example(-10, 20, "Europe/Berlin")
def test_light_and_hours_do_not_hang_on_where_a_span_began(start, count, zone):
    """Over the turn of a leap year, too: each minute by itself is the same as in its span, to the
    last bit."""
    first = NEW_YEAR + start
    spans = [sun_height(first, count, 113.9, 22.5), *local_hours(first, count, ZoneInfo(zone))]
    for t in range(count):
        alone = [sun_height(first + t, 1, 113.9, 22.5), *local_hours(first + t, 1, ZoneInfo(zone))]
        assert [part[0] for part in alone] == [part[t] for part in spans]


@settings(max_examples=30)
@given(st.integers(-400_000, 400_000), st.sampled_from(ZONES))
def test_the_hour_is_that_of_the_place(start, zone):
    """Summer time and quarter hours included."""
    hours, days = local_hours(NOON + start, 90, ZoneInfo(zone))
    for t in (0, 29, 59, 89):
        at = datetime.fromtimestamp((NOON + start + t) * 60, ZoneInfo(zone))
        assert hours[t] == pytest.approx(at.hour + at.minute / 60)
        assert days[t] == at.weekday()


def test_what_the_air_still_takes_up():
    """Half of 2.34 kPa at 20 °C and 50 %, of 4.24 kPa at 30 °C; nothing in fog."""
    assert vapour_deficit_kpa(20.0, 50.0) == pytest.approx(1.17, rel=0.01)
    assert vapour_deficit_kpa(30.0, 50.0) == pytest.approx(2.12, rel=0.01)
    assert vapour_deficit_kpa(20.0, 100.0) == 0.0
    assert vapour_deficit_kpa(20.0, 103.0) == 0.0


def test_a_film_dries_in_warmth_wind_and_sun():
    """1.17 kPa at 2 m/s: 1.17 · 0.224 mm/h in the dark, 1.8 times that under a full sun; an unknown
    wind is a light one."""
    dark = Weather(2.0, 90.0, 20.0, 50.0, 0.0, 0.0)
    assert drying_mm_h(dark) == pytest.approx(0.262, rel=0.01)
    assert drying_mm_h(Weather(2.0, 90.0, 20.0, 50.0, 0.0, 1.0)) == pytest.approx(0.471, rel=0.01)
    unknown = Weather(float("nan"), float("nan"), 20.0, 50.0, 0.0, 0.0)
    assert drying_mm_h(unknown) == drying_mm_h(Weather(1.0, 0.0, 20.0, 50.0, 0.0, 0.0))


# What stations tell ---------------------------------------------------------------------------


def told(*rows: tuple[int, int, dict[int, float]]) -> Readings:
    """Readings of (station, minute after NOON, values by column)."""
    rows = sorted(rows, key=lambda row: row[:2])
    values = np.full((len(rows), len(COLUMNS)), np.nan)
    for i, (_, _, columns) in enumerate(rows):
        for column, value in columns.items():
            values[i, column] = value
    return Readings(
        np.array([row[0] for row in rows], np.int64),
        np.array([(NOON + row[1]) * 60_000 - 20_000 for row in rows], np.int64),
        values,
        np.full(len(rows), ord("N"), np.int64),
    )


def wind(speed: float, deg: float) -> dict[int, float]:
    return {WIND_SPEED: speed, WIND_DIR: deg}


@pytest.fixture(scope="module")
def ground(street):
    """Of six stations."""
    return model_of(street).ground


def sky_after(sky, said, first, count, ground):
    """What is known after a span of which no gauge has told before, and its weather."""
    sky, _, found = weather(sky, Gauges.unheard(len(ground.own)), said, first, count, ground)
    return sky, found


def test_before_anybody_speaks_the_wind_is_unknown(ground):
    """And the air is that of a mild dry day; the sun needs nobody to tell it."""
    _, (now,) = sky_after(Sky.unknown(), Readings.none(), NOON, 1, ground)
    assert np.isnan(now.wind_ms)
    assert np.isnan(now.wind_from_deg)
    assert (now.temp, now.rh, now.rain_mm) == (20.0, 60.0, 0.0)
    assert now.sun == pytest.approx(sun_height(NOON, 1, 113.89, 22.484)[0], rel=1e-3)


def test_after_an_hour_of_silence_the_sky_is_forgotten(ground):
    """What was told last holds for an hour, and not a minute longer; a new word is not mixed with
    the forgotten one."""
    said = told((0, 0, wind(4.0, 200.0) | {TEMP: 9.0, RH: 80.0}), (0, 70, wind(1.0, 20.0)))
    _, now = sky_after(Sky.unknown(), said, NOON, 71, ground)
    for t in (0, 1, STALE_MIN):
        assert (now[t].wind_ms, now[t].temp, now[t].rh) == (4.0, 9.0, 80.0)
        assert now[t].wind_from_deg == pytest.approx(200.0)
    assert np.isnan(now[STALE_MIN + 1].wind_ms)
    assert np.isnan(now[STALE_MIN + 1].wind_from_deg)
    assert (now[STALE_MIN + 1].temp, now[STALE_MIN + 1].rh) == (20.0, 60.0)
    assert now[70].wind_ms == 1.0
    assert now[70].wind_from_deg == pytest.approx(20.0)


def test_the_middle_station_is_believed(ground):
    """One of three that is far off changes nothing; of two, it is the middle between them."""
    three = told(
        *((s, 0, wind(v, 90.0) | {TEMP: 10.0 * v}) for s, v in enumerate((1.0, 2.0, 50.0)))
    )
    _, (now,) = sky_after(Sky.unknown(), three, NOON, 1, ground)
    assert now.wind_ms == 2.0
    two = told((0, 0, {TEMP: 10.0}), (1, 0, {TEMP: 11.0}), (1, 0, {TEMP: 13.0}))
    _, (now,) = sky_after(Sky.unknown(), two, NOON, 1, ground)
    assert now.temp == 11.0


def test_winds_about_north_meet_in_the_north(ground):
    """350 and 10 degrees are not south together."""
    _, (now,) = sky_after(
        Sky.unknown(), told((0, 0, wind(2.0, 350.0)), (1, 0, wind(2.0, 10.0))), NOON, 1, ground
    )
    assert min(now.wind_from_deg, 360 - now.wind_from_deg) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        wind(999.0, 80.0),
        wind(-1.0, 80.0),
        wind(2.0, 999.0),
        wind(2.0, -9999.0),
        wind(2.0, float("inf")),
    ],
)
def test_broken_vanes_are_not_heeded(ground, broken):
    """What is no speed or no direction does not move the wind, whatever stands beside it."""
    first = told((0, 0, wind(2.0, 90.0)))
    sky, _ = sky_after(Sky.unknown(), first, NOON, 1, ground)
    good = {column: v for column, v in wind(2.0, 90.0).items() if broken[column] in (2.0, 80.0)}
    alone = told((0, 1, broken))
    _, (now,) = sky_after(sky, alone, NOON + 1, 1, ground)
    assert now.wind_ms == 2.0
    assert now.wind_from_deg == pytest.approx(90.0)
    beside = told((0, 1, good | wind(2.0, 90.0)), (1, 1, broken | good))
    _, (now,) = sky_after(sky, beside, NOON + 1, 1, ground)
    assert now.wind_ms == 2.0
    assert now.wind_from_deg == pytest.approx(90.0)


def test_impossible_air_is_not_heeded(ground):
    """Temperatures and humidities that cannot be leave what was known."""
    said = told((0, 0, {TEMP: 12.0, RH: 70.0}), (0, 1, {TEMP: 999.0, RH: 0.0}))
    _, now = sky_after(Sky.unknown(), said, NOON, 2, ground)
    assert (now[1].temp, now[1].rh) == (12.0, 70.0)


def test_rain_counts_once(ground):
    """However many stations tell of it, and in its own minute alone."""
    said = told(
        *((s, t, {RAIN: mm}) for s in range(3) for t, mm in enumerate((0.0, 0.4, 0.0))),
        (0, 3, {RAIN: -1.0}),
    )
    _, now = sky_after(Sky.unknown(), said, NOON, 5, ground)
    assert [minute.rain_mm for minute in now] == pytest.approx([0.0, 0.4, 0.0, 0.0, 0.0])


def test_rain_of_several_readings_in_a_minute_adds_up(ground):
    """Each tells what fell since the one before it."""
    said = told(
        (0, 0, {RAIN: 0.0}), (1, 0, {RAIN: 0.0}),
        *((0, 1, {RAIN: 0.1}) for _ in range(3)), (1, 1, {RAIN: 0.3}),
    )  # fmt: skip
    _, (_, now) = sky_after(Sky.unknown(), said, NOON, 2, ground)
    assert now.rain_mm == pytest.approx(0.3)


@settings(max_examples=20)
@given(st.data())
def test_the_sky_is_the_same_however_time_is_cut(ground, data):
    """Minutes in one span, or cut anywhere: the same weather and the same memory."""
    some = st.tuples(
        st.integers(0, 5),
        st.integers(0, 150),
        st.fixed_dictionaries(
            {},
            optional={
                WIND_SPEED: st.floats(-1, 70),
                WIND_DIR: st.floats(-10, 400),
                TEMP: st.floats(-50, 70),
                RH: st.floats(0, 110),
                RAIN: st.floats(0, 30),
            },
        ),
    )
    said = told(*data.draw(st.lists(some, max_size=20, unique_by=lambda row: row[:2])))
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, 150), max_size=5))), 151]
    unheard = Gauges.unheard(len(ground.own))
    whole_sky, _, whole = weather(Sky.unknown(), unheard, said, NOON, 151, ground)
    sky, gauges, parts = Sky.unknown(), unheard, []
    for begin, end in itertools.pairwise(cuts):
        sky, gauges, part = weather(sky, gauges, said, NOON + begin, end - begin, ground)
        parts += part
    assert repr(parts) == repr(whole)
    assert sky == whole_sky
