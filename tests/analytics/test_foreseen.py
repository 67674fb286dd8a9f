"""What the model foresees, on a real database: live and in one block, the same tables."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analytics.fold import State, advance
from analytics.happenings import Happenings, Work
from analytics.history import Block, store
from analytics.layout import Layout
from analytics.moments import time_of
from analytics.results import Results
from analytics.runner import Analytics
from analytics.street.settings import StreetSettings
from store.database import connect
from tests.analytics.streets import SETTINGS as WHOLE
from tests.analytics.streets import START, made_up_day

SETTINGS = replace(WHOLE, street=StreetSettings(members=20))
MINUTES = 130
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORKS = (
    Work("O1", "W1", "wash", "S1", None, START + 20, START + 30, True),
    Work("O2", "W1", "sweep", "S3", None, START + 32, START + 40, True),
    Work("O3", "W1", "wash", "S2", None, START + 90, None, False),
)
TABLES = {
    "minutes": b"SELECT * FROM segment_minutes ORDER BY segment, ts",
    "forecasts": b"SELECT * FROM segment_forecasts ORDER BY segment, ts, horizon_min",
    "worth": b"SELECT * FROM treatment_worth ORDER BY segment, treatment",
    "ground": b"SELECT * FROM segment_ground ORDER BY segment",
    "learned": b"SELECT * FROM learned_effects ORDER BY ts, treatment",
    "verdicts": b"SELECT * FROM verdicts ORDER BY order_id",
    "episodes": b"SELECT id, level, state, peak, causes, verdict FROM episodes ORDER BY id",
}
EMPTY = (
    b"TRUNCATE segment_minutes, segment_forecasts, treatment_worth, segment_ground,"
    b" learned_effects, verdicts, episodes, episode_log, flags, notices, checkpoints, readings,"
    b" batches, outbox, station_gains"
)


@pytest.fixture
def conn(migrated_embedded_db):
    with connect(migrated_embedded_db, name="test") as conn:
        yield conn


def stored(conn, street, ends, settings=SETTINGS):
    """All rows of each table after blocks that end at these minutes."""
    conn.execute(EMPTY)
    layout = Layout.of(street, settings)
    results = Results(layout, settings)
    readings = made_up_day(layout, MINUTES, 2)
    minute = -(-readings.ts_ms // 60_000)
    state, happenings = State.start(START, layout, settings), Happenings((), WORKS)
    for end in ends:
        arrived = readings[(minute > state.minute) & (minute <= end)]
        later, minutes = advance(state, end, arrived, happenings, layout, settings)
        store(conn, results, Block(state, later, minutes, happenings), NOW)
        state = later
    found = {name: conn.execute(query).fetchall() for name, query in TABLES.items()}
    conn.commit()
    return found


def test_live_and_in_one_block_the_tables_are_the_same(conn, street):
    """Minute by minute, cut anywhere, or all at once: every row of minutes with their estimates,
    of forecasts, worth, learnt effects and verdicts, and episodes with their last causes, to the
    last bit."""
    whole = stored(conn, street, [START + MINUTES])
    assert stored(conn, street, range(START + 1, START + MINUTES + 1)) == whole
    assert stored(conn, street, [START + 47, START + 62, START + 119, START + MINUTES]) == whole
    assert all(whole.values())


def test_forecasts_are_kept_of_hours_and_of_the_newest_quarter(conn, street):
    """What a quarter of an hour foresaw gives way to the next one; whole hours stay. Quantiles
    rise, chances are chances and fall with the level."""
    found = stored(conn, street, range(START + 50, START + MINUTES + 1, 10))["forecasts"]
    assert {row[1] for row in found} == {time_of(START + at) for at in (60, 120)}
    stored(conn, street, range(START + 50, START + 119, 4))
    times = conn.execute(b"SELECT DISTINCT ts FROM segment_forecasts ORDER BY ts").fetchall()
    assert [ts for (ts,) in times] == [time_of(START + 60), time_of(START + 105)]
    for row in found:
        quantiles, chances = row[3:8], row[8:11]
        assert row[2] in (15, 60, 180)
        assert list(quantiles) == sorted(quantiles)
        assert 1 >= chances[0] >= chances[1] >= chances[2] >= 0


def test_a_level_without_a_limit_has_no_chance(conn, street):
    """Where the hourly rule lacks a level, nothing is said of passing it."""
    rule = replace(SETTINGS.rules["inc60"], limits=(None, 80.0, 160.0))
    settings = replace(SETTINGS, rules={"inc60": rule})
    stored(conn, street, [START + 60], settings)
    rows = conn.execute(
        b"SELECT count(*), count(chance_1), count(chance_2), count(chance_3) FROM segment_forecasts"
    ).fetchone()
    assert rows == (12, 0, 12, 12)


def test_worth_is_of_one_time_and_of_every_treatment(conn, street):
    """The dispatcher finds one set: each segment with each treatment, as of the newest quarter;
    an older one, written after it, changes nothing."""
    newest = stored(conn, street, [START + MINUTES])["worth"]
    assert len(newest) == 4 * 5
    assert {row[2] for row in newest} == {time_of(START + 120)}
    layout = Layout.of(street, SETTINGS)
    state, minutes = advance(
        State.start(START, layout, SETTINGS), START + 40, made_up_day(layout, 40, 2),
        Happenings(), layout, SETTINGS,
    )  # fmt: skip
    assert state.minute < START + MINUTES
    Results(layout, SETTINGS).store_foreseen(conn, minutes)
    assert conn.execute(TABLES["worth"]).fetchall() == newest


def test_a_minute_says_what_the_model_has_it_for(conn, street):
    """The estimate lies in its interval; the increment told is the measured one where a station
    stands."""
    stored(conn, street, [START + MINUTES])
    apart, outside = conn.execute(
        b"SELECT count(*) FILTER (WHERE abs(estimate - increment) > 1),"
        b" count(*) FILTER (WHERE estimate NOT BETWEEN low AND high) FROM segment_minutes"
    ).fetchone()
    assert apart > 0
    assert outside == 0


def tell(conn, layout, readings, stored_at):
    """Put readings where ingest does."""
    rows = [
        (
            layout.stations[readings.station[i]],
            datetime.fromtimestamp(readings.ts_ms[i] / 1000, UTC),
            *(float(readings.values[i, column]) for column in (0, 1)),
            stored_at,
        )
        for i in range(len(readings))
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            b"INSERT INTO readings (station, ts, pm10, pm25, wind_speed, wind_dir, source,"
            b" stored_at) VALUES (%s, %s, %s, %s, 2, 90, 'json', %s)",
            rows,
        )
    conn.execute(
        b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, %s)",
        (stored_at, min(row[1] for row in rows), len(rows)),
    )
    conn.commit()


def test_late_readings_leave_the_tables_as_if_they_had_been_in_time(conn, street):
    """What was foreseen without them is taken back: forecasts, worth and what was learnt are those
    of all readings."""
    layout = Layout.of(street, SETTINGS)
    readings = made_up_day(layout, 100, 5)
    late = (readings.station == 0) & (readings.ts_ms > (START + 25) * 60_000)

    def lived(parts):
        conn.execute(EMPTY)
        conn.commit()
        analytics = Analytics(street, SETTINGS)
        for part, at in parts:
            tell(conn, layout, part, time_of(at))
            analytics.step(conn, time_of(at))
        return [conn.execute(TABLES[name]).fetchall() for name in ("forecasts", "worth", "learned")]

    in_time = lived([(readings, START + 100)])
    early = readings[~late & (readings.ts_ms <= (START + 20) * 60_000)]
    rest = readings[~late & (readings.ts_ms > (START + 20) * 60_000)]
    parts = [(early, START + 20), (rest, START + 95), (readings[late], START + 100)]
    assert lived(parts) == in_time
    assert all(in_time)


def test_what_lies_on_the_road_is_told_within_its_bounds(conn, street):
    """Each segment of the model has its silt between the ends of its interval, shares from 0 to 1,
    and water that is not negative."""
    ground = stored(conn, street, [START + MINUTES])["ground"]
    assert [row[0] for row in ground] == sorted(row[0] for row in ground)
    assert ground
    for _segment, _ts, silt, low, high, tracked, film_mm, wet in ground:
        assert 0 < low <= silt <= high
        assert 0 <= tracked <= 1
        assert 0 <= wet <= 1
        assert film_mm >= 0
