"""Analytics on a real database: whatever the order of arrival, the results are the same."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analytics.fold import advance
from analytics.layout import Layout
from analytics.readings import COLUMNS, Readings
from analytics.runner import Analytics
from store.database import connect
from tests.analytics.streets import SETTINGS, START, made_up_day
from tests.services.waiting import wait_until

HOURS = 5
EVERY_MIN = 10

INSERT = (
    b"INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir, rain,"
    b" source, stored_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'json', %s)"
)
BATCH = b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, %s)"
EPISODES = (
    b"SELECT id, segment, site, rule, level, state, started_at, peak_at, peak, ended_at, causes"
    b" FROM episodes WHERE NOT withdrawn ORDER BY id"
)
MINUTES = (
    b"SELECT segment, ts, pm10, background, increment, level, confidence, cause"
    b" FROM segment_minutes ORDER BY segment, ts"
)
LOG = (
    b"SELECT episode, at, event, detail FROM episode_log WHERE actor = 'analytics'"
    b" ORDER BY episode, at, event"
)
FLAGS = b"SELECT station, ts, quantity, test, flag, reason FROM flags ORDER BY 1, 2, 3, 4"
EMPTY = (
    b"TRUNCATE readings, batches, segment_minutes, episodes, episode_log, flags, checkpoints,"
    b" outbox, notices"
)


def time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def deliver(
    conn, district, readings: Readings, delay_min: Sequence[int], restarts=(), every=EVERY_MIN
):
    """Store the readings as late as `delay_min` says, stepping analytics every so many minutes
    and starting it afresh after the steps in `restarts`; what it says in the end."""
    layout = Layout.of(district, SETTINGS)
    conn.execute(EMPTY)
    conn.commit()
    analytics = Analytics(district, SETTINGS)
    arrives = readings.ts_ms + np.asarray(delay_min) * 60_000
    end = START + HOURS * 60
    last = int(arrives.max() // 60_000) + 2
    before = 0
    for n, now in enumerate(range(START + every, max(end, last) + every, every)):
        due = np.flatnonzero((arrives > before) & (arrives <= now * 60_000))
        before = now * 60_000
        if len(due):
            rows = [
                (
                    layout.stations[readings.station[i]],
                    datetime.fromtimestamp(readings.ts_ms[i] / 1000, UTC),
                    *(None if np.isnan(v) else float(v) for v in readings.values[i]),
                    time(now),
                )
                for i in due
            ]
            with conn.cursor() as cursor:
                cursor.executemany(INSERT, rows)
            conn.execute(BATCH, (time(now), min(row[1] for row in rows), len(rows)))
            conn.commit()
        analytics.step(conn, time(min(now, end)))
        if n in restarts:
            analytics = Analytics(district, SETTINGS)
    analytics.step(conn, time(end))
    return [conn.execute(query).fetchall() for query in (EPISODES, MINUTES, FLAGS)]


@pytest.fixture
def conn(migrated_embedded_db):
    with connect(migrated_embedded_db, name="test") as conn:
        yield conn


@settings(
    max_examples=3,
    # Shrinking a case that steps through hours on a database takes longer than reading it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_shuffled_arrival_gives_equal_results(conn, street, data):
    """Readings minutes or hours late, in any order, with restarts in between: the same episodes,
    minutes and flags as if all had come in time."""
    layout = Layout.of(street, SETTINGS)
    seed = data.draw(st.integers(1, 3), label="day")
    readings = made_up_day(layout, HOURS * 60, seed)
    in_time = deliver(conn, street, readings, np.zeros(len(readings), int))
    assert {row[5] for row in in_time[0]} >= {"closed"}

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="delays"))
    worst = data.draw(st.sampled_from([5, 60, 300]), label="minutes late at worst")
    share = data.draw(st.sampled_from([0.02, 0.3]), label="share that is late")
    delay = rng.integers(0, worst + 1, len(readings)) * (rng.random(len(readings)) < share)
    restarts = data.draw(st.sets(st.integers(0, 40), max_size=3), label="restarts")
    assert deliver(conn, street, readings, delay, restarts) == in_time


class Killed(BaseException):
    """What nothing in a step is made to catch."""


@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_being_killed_leaves_no_trace(migrated_embedded_db, street, data):
    """The process ends in the middle of a step, after some of its statements and before its
    commit, again and again; its successor on a new session ends with the same episodes, minutes,
    flags and log as one that was never interrupted."""
    readings = made_up_day(Layout.of(street, SETTINGS), HOURS * 60, data.draw(st.integers(1, 9)))
    with connect(migrated_embedded_db, name="test") as conn:
        unharmed = deliver(conn, street, readings, np.zeros(len(readings), int))
        log = conn.execute(LOG).fetchall()
        conn.execute(EMPTY)
        store_all(conn, street, readings)
    steps = st.integers(0, HOURS * 60 // EVERY_MIN - 1)
    deaths = data.draw(
        st.dictionaries(steps, st.sampled_from(LAST_WORDS), min_size=1, max_size=4),
        label="steps at which it dies, before this",
    )
    conn, analytics = connect(migrated_embedded_db, name="mortal"), Analytics(street, SETTINGS)
    for n, now in enumerate(range(START + EVERY_MIN, START + HOURS * 60 + 1, EVERY_MIN)):
        if n in deaths:
            die_in_step(conn, analytics, now, deaths[n])
            conn, analytics = (
                connect(migrated_embedded_db, name="heir"),
                Analytics(street, SETTINGS),
            )
            wait_until(partial(analytics.lead, conn), lambda: "nobody leads")
        analytics.step(conn, time(now))
    with conn:
        assert [conn.execute(query).fetchall() for query in (EPISODES, MINUTES, FLAGS)] == unharmed
        assert conn.execute(LOG).fetchall() == log


def die_in_step(conn, analytics: Analytics, now: int, last_words: str) -> None:
    """The session ends as it stands, with neither commit nor rollback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_words, dying)
        patch.setattr(conn, "rollback", lambda: None)
        with pytest.raises(Killed):
            analytics.step(conn, time(now))
    conn.close()


LAST_WORDS = (
    "analytics.results.Results.store_flags",
    "analytics.results.Results.judge_works",
    "analytics.runner.publish",
)


def dying(*_: object) -> None:
    raise Killed


def store_all(conn, district, readings: Readings) -> None:
    """Every reading at once, and the line that tells analytics of it."""
    stations = tuple(district.stations)
    rows = [
        (
            stations[readings.station[i]],
            datetime.fromtimestamp(readings.ts_ms[i] / 1000, UTC),
            *(None if np.isnan(v) else float(v) for v in readings.values[i]),
            time(START),
        )
        for i in range(len(readings))
    ]
    with conn.cursor() as cursor:
        cursor.executemany(INSERT, rows)
    conn.execute(BATCH, (time(START), time(START + 1), len(rows)))
    conn.commit()


@pytest.mark.parametrize("every", [1, 37])
def test_the_rhythm_of_steps_leaves_no_trace(conn, street, every):
    """Stepped each minute, every ten or every 37, the same comes out."""
    readings = made_up_day(Layout.of(street, SETTINGS), HOURS * 60, 4)
    in_time = np.zeros(len(readings), int)
    usual = deliver(conn, street, readings, in_time)
    assert usual[0]
    assert deliver(conn, street, readings, in_time, every=every) == usual


def test_who_is_always_late_costs_no_more_with_time(conn, street, monkeypatch):
    """A station half an hour behind for hours: each step works out that half hour again, not
    all the hours since it fell behind."""
    layout = Layout.of(street, SETTINGS)
    readings = made_up_day(layout, HOURS * 60, 1)
    worked: list[int] = []

    def counted(state, block, *rest):
        worked.append(block - state.minute)
        return advance(state, block, *rest)

    monkeypatch.setattr("analytics.history.advance", counted)
    late_min = 30
    deliver(conn, street, readings, np.where(readings.station == 0, late_min, 0))
    steps = HOURS * 60 // EVERY_MIN
    assert sum(worked) <= steps * (late_min + 2 * EVERY_MIN)
    assert max(worked) <= late_min + 2 * EVERY_MIN


def half_heard_hours(district) -> tuple[Readings, np.ndarray]:
    """Two hours of a street whose every other minute is dusty, and which of the readings tell of
    the clean ones: until they come in, it looks dusty throughout."""
    layout = Layout.of(district, SETTINGS)
    minute, station = np.meshgrid(np.arange(1, 121), np.arange(len(layout.stations)), indexing="xy")
    values = np.full((*minute.shape, len(COLUMNS)), np.nan)
    values[..., 0] = 40.0 + minute % 7
    clean = (station == 0) & (minute % 2 == 1)
    values[..., 0] = np.where(
        station == 0, np.where(clean, 5.0, 140.0) + minute % 7, values[..., 0]
    )
    readings = Readings(
        station.ravel(),
        (START + minute.ravel()) * 60_000,
        values.reshape(-1, len(COLUMNS)),
        np.full(minute.size, ord("N")),
    )
    return readings, clean.ravel()


def test_an_episode_that_late_data_denies_is_withdrawn(conn, street):
    """A street taken for dusty while its clean minutes are not heard of: once they are, the
    episodes are taken back, which their log says, and their messages are cleared."""
    readings, unheard = half_heard_hours(street)
    delay = np.where(unheard, 130, 0)
    assert deliver(conn, street, readings, delay)[0] == []
    gone = {row[0] for row in conn.execute(b"SELECT id FROM episodes WHERE withdrawn").fetchall()}
    assert gone
    logged = conn.execute(b"SELECT episode FROM episode_log WHERE event = 'withdrawn'").fetchall()
    assert {row[0] for row in logged} == gone
    last = conn.execute(
        b"SELECT DISTINCT ON (topic) topic, payload FROM outbox"
        b" WHERE topic LIKE 'down/episodes/%%' AND retain ORDER BY topic, id DESC",
        (),
    ).fetchall()
    assert dict(last) == {f"down/episodes/{episode}": b"" for episode in gone}


WORK = (
    b"INSERT INTO plans (id, issued_at, trigger, solver, body)"
    b" VALUES ('P', now(), 't', '{}', '{}');"
    b"INSERT INTO orders (id, crew, plan, seq, treatment, segment, path, eta, minutes, water_l,"
    b" priority, reason, state, issued_at)"
    b" VALUES ('O', 'W1', 'P', 1, 'wash', 'S2', '[]', now(), 5, 0, 3, 'r', 'started', now())"
)
PROGRESS = (
    b"INSERT INTO progress (crew, order_id, event, ts, stored_at) VALUES ('W1', 'O', %s, %s, %s)"
)


def test_work_under_way_is_worked_in(conn, street):
    """A treatment that has begun and not ended is no obstacle; once done, it is remembered."""
    conn.execute(WORK, prepare=False)
    conn.execute(PROGRESS, ("started", time(START + 70), time(START + 70)))
    conn.commit()
    readings = made_up_day(Layout.of(street, SETTINGS), HOURS * 60, 1)
    deliver(conn, street, readings, np.zeros(len(readings), int))
    treated = b"SELECT min(treated_at) FROM segment_minutes WHERE segment = 'S2'"
    assert conn.execute(treated).fetchone() == (None,)
    conn.execute(PROGRESS, ("done", time(START + 80), time(START + 80)))
    conn.execute(
        b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('progress', %s, %s, 1)",
        (time(START + 80), time(START + 80)),
    )
    conn.commit()
    Analytics(street, SETTINGS).step(conn, time(START + HOURS * 60))
    assert conn.execute(treated).fetchone() == (time(START + 80),)


def test_one_writes_at_a_time(conn, street, migrated_embedded_db):
    """A second instance does nothing while the first one's session lasts, and then goes on."""
    with connect(migrated_embedded_db, name="second") as other:
        first, second = Analytics(street, SETTINGS), Analytics(street, SETTINGS)
        assert first.lead(conn)
        assert not second.lead(other)
        second.step(other, time(START + 5))
        assert other.execute(b"SELECT count(*) FROM checkpoints").fetchone() == (0,)
        other.commit()
        conn.close()
        wait_until(lambda: second.lead(other), lambda: "nobody took over")
