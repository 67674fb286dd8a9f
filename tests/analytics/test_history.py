"""History out of the store, and the fold over it in blocks."""

from datetime import UTC, datetime

import numpy as np
import pytest

from analytics.arrivals import Arrivals
from analytics.fold import State
from analytics.history import blocks
from analytics.layout import Layout
from analytics.readings import Readings
from store.database import connect
from tests.analytics.streets import SETTINGS, START, made_up_day

INSERT = (
    b"INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir, rain,"
    b" status, source, stored_at, late)"
    b" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'json', now(), %s)"
)


@pytest.fixture
def conn(any_migrated_db):
    with connect(any_migrated_db, name="test") as conn:
        yield conn


def keep(conn, district, readings: Readings, late=None) -> None:
    """Into the store, `late` (n,) of them marked as such."""
    stations = tuple(district.stations)
    marked = np.zeros(len(readings), bool) if late is None else late
    with conn.cursor() as cursor:
        cursor.executemany(
            INSERT,
            [
                (
                    stations[readings.station[i]],
                    datetime.fromtimestamp(readings.ts_ms[i] / 1000, UTC),
                    *(None if np.isnan(v) else float(v) for v in readings.values[i]),
                    chr(readings.status[i]),
                    bool(marked[i]),
                )
                for i in range(len(readings))
            ],
        )
    conn.commit()


def equal(one: Readings, other: Readings) -> bool:
    return (
        np.array_equal(one.station, other.station)
        and np.array_equal(one.ts_ms, other.ts_ms)
        and np.array_equal(one.values, other.values, equal_nan=True)
        and np.array_equal(one.status, other.status)
    )


def test_readings_come_back_as_they_were_stored(conn, street):
    """Every value, gap, status and millisecond, sorted; none of the minutes beside the span, none
    of a station that is not in the district."""
    layout = Layout.of(street, SETTINGS)
    stored = made_up_day(layout, 90, 5)
    stored.values[::7, 3:] = np.nan
    stored.status[::11] = ord("M")
    keep(conn, street, stored)
    conn.execute(
        INSERT, ("gone", datetime.fromtimestamp(START * 60 + 90, UTC), *[1.0] * 8, "N", False)
    )
    found = Arrivals(street, layout).readings(conn, START + 20, START + 70)
    inside = (stored.ts_ms > (START + 20) * 60_000) & (stored.ts_ms <= (START + 70) * 60_000)
    assert inside.any()
    assert equal(found, stored[inside])
    assert len(Arrivals(street, layout).readings(conn, START - 50, START - 20)) == 0


def test_what_came_too_late_is_for_history_only(conn, street):
    """Marked readings are passed over by live analytics and taken in by a backtest."""
    layout = Layout.of(street, SETTINGS)
    stored = made_up_day(layout, 30, 5)
    late = stored.station == 1
    keep(conn, street, stored, late)
    assert equal(Arrivals(street, layout).readings(conn, START, START + 30), stored[~late])
    taken = Arrivals(street, layout, with_late=True).readings(conn, START, START + 30)
    assert equal(taken, stored)


def test_history_is_cut_at_whole_days(conn, street):
    """Blocks follow each other without a gap, and none is longer than a day, so that memory does
    not grow with the span."""
    layout = Layout.of(street, SETTINGS)
    state = State.start(START + 100, layout, SETTINGS)
    arrivals = Arrivals(street, layout)
    ends = [START + 100]
    for block in blocks(conn, arrivals, state, START + 4000, layout, SETTINGS):
        assert block.before.minute == ends[-1]
        assert block.minutes.first == ends[-1] + 1
        ends.append(block.state.minute)
    assert ends == [START + 100, START + 1440, START + 2880, START + 4000]
