"""`roaddust backtest`: history worked out again, beside what live analytics made of it."""

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from analytics.layout import Layout
from analytics.readings import PM10, PM25, TSP, Readings
from analytics.runner import Analytics
from analytics.settings import AnalyticsSettings
from geo.district import District, load_district
from roaddust.cli import app
from store.database import Connection, connect
from tests.analytics.streets import START, made_up_day
from tests.street import write_street

HOURS = 8
INSERT = (
    b"INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir, rain,"
    b" source, stored_at, late) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'json', %s, %s)"
)

runner = CliRunner()


def time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_street(tmp_path / "street")


def keep(conn: Connection, district: District, readings: Readings, *, late: bool = False) -> None:
    """Put readings into the store as ingest does."""
    stations = tuple(district.stations)
    with conn.cursor() as cursor:
        cursor.executemany(
            INSERT,
            [
                (
                    stations[readings.station[i]],
                    datetime.fromtimestamp(readings.ts_ms[i] / 1000, UTC),
                    *(None if np.isnan(v) else float(v) for v in readings.values[i]),
                    time(START),
                    late,
                )
                for i in range(len(readings))
            ],
        )
    conn.commit()


EPISODES = (
    b"SELECT id, segment, site, rule, level, state, started_at, peak_at, peak, ended_at, causes"
    b" FROM episodes WHERE NOT withdrawn AND started_at <= %(upto)s ORDER BY id"
)
RESULTS = (
    EPISODES,
    b"SELECT * FROM segment_minutes WHERE ts <= %(upto)s ORDER BY segment, ts",
    b"SELECT * FROM flags WHERE ts <= %(upto)s ORDER BY 1, 2, 3, 4",
    b"SELECT * FROM notices WHERE started_at <= %(upto)s ORDER BY id",
)
EMPTY = (
    b"TRUNCATE readings, batches, segment_minutes, episodes, episode_log, flags, checkpoints,"
    b" outbox, notices"
)
ACROSS = (
    b"SELECT count(*) FROM episodes WHERE NOT withdrawn AND started_at <= %(at)s"
    b" AND (ended_at IS NULL OR ended_at > %(at)s)"
)


def results(dsn: str, upto: int) -> list[list[tuple[object, ...]]]:
    """All that is stored of the time up to a minute."""
    with connect(dsn, name="test") as conn:
        return [conn.execute(query, {"upto": time(upto)}).fetchall() for query in RESULTS]


def quiet(dsn: str) -> set[int]:
    """Minutes of the second half at which no episode lasts."""
    with connect(dsn, name="test") as conn:
        minutes = range(START + HOURS * 30, START + HOURS * 60)
        return {m for m in minutes if conn.execute(ACROSS, {"at": time(m)}).fetchone() == (0,)}


def lived(dsn: str, folder: Path, *, hidden: bool = False) -> None:
    """A made-up third of a day, its last two hours calm, that live analytics has worked out in
    steps of ten minutes; hidden: what one station said in its middle hours came too late for it."""
    district = load_district(folder)
    settings = AnalyticsSettings()
    readings = made_up_day(Layout.of(district, settings), HOURS * 60, 2)
    hour = (readings.ts_ms // 60_000 - START) // 60
    calm = hour >= HOURS - 2
    for column, most in ((PM25, 20.0), (PM10, 42.0), (TSP, 50.0)):
        values = readings.values[calm, column]
        readings.values[calm, column] = np.where(values > most, most + values % 3, values)
    late = (readings.station == 0) & (hour >= 2) & (hour < 5) & hidden
    with connect(dsn, name="test") as conn:
        keep(conn, district, readings[~late])
        keep(conn, district, readings[late], late=True)
        analytics = Analytics(district, settings)
        for minute in range(START + 10, START + HOURS * 60 + 1, 10):
            analytics.step(conn, time(minute))


def backtest(dsn: str, folder: Path, *more: str) -> Result:
    return runner.invoke(
        app,
        [
            *("backtest", "--district", str(folder), "--db", dsn),
            *("--from", time(START).isoformat(), "--to", time(START + HOURS * 60).isoformat()),
            *more,
        ],
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_rules_in_force_raise_what_live_analytics_raised(
    migrated_embedded_db: str, folder: Path, tmp_path: Path
) -> None:
    """With nothing changed every episode is found again to the minute, and so is every minute
    over a limit and every alarm; nothing is written."""
    lived(migrated_embedded_db, folder)
    done = backtest(migrated_embedded_db, folder, "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    episodes = rows(tmp_path / "out" / "episodes.csv")
    assert len(episodes) > 5
    assert {row["fate"] for row in episodes} == {"same"}
    for row in episodes:
        for column in ("episode", "started_at", "ended_at", "level", "peak", "cause"):
            assert row[f"stored_{column}"] == row[f"backtest_{column}"]
    minutes = rows(tmp_path / "out" / "minutes.csv")
    assert minutes
    assert all(row["stored"] == row["backtest"] for row in minutes)
    alarms = rows(tmp_path / "out" / "alarms.csv")
    by_side = {
        side: [row["at"] for row in alarms if row["side"] == side]
        for side in ("stored", "backtest")
    }
    assert by_side["stored"]
    assert by_side["stored"] == by_side["backtest"]
    with connect(migrated_embedded_db, name="test") as conn:
        assert conn.execute(b"SELECT max(ts) FROM checkpoints").fetchone() == (
            time(START + HOURS * 60),
        )


def test_other_rules_are_told_apart(
    migrated_embedded_db: str, folder: Path, tmp_path: Path
) -> None:
    """Halved limits raise more and longer episodes, and an alarm load to match; a rule may say
    only what differs, and the page stands by itself."""
    lived(migrated_embedded_db, folder)
    trial = tmp_path / "trial.toml"
    trial.write_text(
        "hold = 3\n[analytics.rules.inc60]\nlimits = [25, 40, 80]\n"
        "[analytics.rules.inc15]\nlimits = [9000, 9001, 9002]\n"
    )
    out = tmp_path / "out"
    done = backtest(migrated_embedded_db, folder, "--rules", str(trial), "--out", str(out))
    assert done.exit_code == 0, done.output
    fates = Counter((row["rule"], row["fate"]) for row in rows(out / "episodes.csv"))
    assert fates["inc60", "changed"] + fates["inc60", "new"] > 0
    assert fates["inc15", "gone"] > 0
    assert fates["inc15", "new"] == fates["inc15", "same"] == 0
    assert sum(int(row["backtest"]) for row in rows(out / "minutes.csv")) > sum(
        int(row["stored"]) for row in rows(out / "minutes.csv")
    )
    page = (out / "index.html").read_text(encoding="utf-8")
    wanted = re.findall(r"(?:src|href)\s*=\s*[\"']([^\"']+)", page)
    assert all(target.startswith(("#", "data:")) for target in wanted)
    assert "http" not in page
    assert "新增" in page
    assert "per operator-hour" in done.stdout


def test_what_came_too_late_is_taken_in(
    migrated_embedded_db: str, folder: Path, tmp_path: Path
) -> None:
    """Readings that live analytics passed over change what a backtest finds: at their own station,
    or, since one model holds the street together, near it."""
    lived(migrated_embedded_db, folder, hidden=True)
    done = backtest(migrated_embedded_db, folder, "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    episodes = rows(tmp_path / "out" / "episodes.csv")
    assert any(row["fate"] != "same" for row in episodes)


def test_what_came_too_late_is_written_in(migrated_embedded_db: str, folder: Path) -> None:
    """A span that is settled is replaced beside live analytics at work: its results become what
    they would have been had all come in time, and what lies after it stays."""
    dsn = migrated_embedded_db
    lived(dsn, folder)
    restful = quiet(dsn)
    with connect(dsn, name="test") as conn:
        whole = {minute: results(dsn, minute) for minute in restful}
        conn.execute(EMPTY)
    lived(dsn, folder, hidden=True)
    minute = max(restful & quiet(dsn))
    assert results(dsn, minute) != whole[minute]
    with connect(dsn, name="test") as conn:
        # Days later.
        conn.execute(LATER, {"ts": time(START + 5 * 1440)})
        after = conn.execute(AFTER, {"after": time(minute)}).fetchall()
    with connect(dsn, name="live") as live:
        assert Analytics(load_district(folder), AnalyticsSettings()).lead(live)
        done = backtest(dsn, folder, "--to", time(minute).isoformat(), "--write")
    assert done.exit_code == 0, done.output
    assert results(dsn, minute) == whole[minute]
    with connect(dsn, name="test") as conn:
        assert conn.execute(AFTER, {"after": time(minute)}).fetchall() == after


def test_live_analytics_goes_on_from_what_was_written(
    migrated_embedded_db: str, folder: Path
) -> None:
    """A span that live analytics may still change is refused while it runs. Replaced while it does
    not, it is what live analytics goes on from: the end is as if all had come in time."""
    dsn, end = migrated_embedded_db, START + HOURS * 60
    lived(dsn, folder)
    whole = results(dsn, end)
    with connect(dsn, name="test") as conn:
        conn.execute(EMPTY)
    lived(dsn, folder, hidden=True)
    assert results(dsn, end) != whole
    upto = ("--to", time(START + 5 * 60 + 13).isoformat())
    district, settings = load_district(folder), AnalyticsSettings()
    with connect(dsn, name="live") as live:
        assert Analytics(district, settings).lead(live)
        refused = backtest(dsn, folder, *upto, "--write")
        assert refused.exit_code == 1
        assert "live analytics is running" in refused.output
    done = backtest(dsn, folder, *upto, "--write")
    assert done.exit_code == 0, done.output
    with connect(dsn, name="live") as live:
        Analytics(district, settings).step(live, time(end))
    assert results(dsn, end) == whole


def test_a_settled_span_is_not_cut_through_an_episode(
    migrated_embedded_db: str, folder: Path
) -> None:
    """Whichever end an episode lasts across, the refusal names it and a time to give instead, and
    nothing is changed."""
    dsn = migrated_embedded_db
    lived(dsn, folder)
    busy = sorted(set(range(START + HOURS * 30, START + HOURS * 60)) - quiet(dsn))
    before = results(dsn, START + HOURS * 60)
    with connect(dsn, name="test") as conn:
        conn.execute(LATER, {"ts": time(START + 5 * 1440)})
    done = backtest(dsn, folder, "--to", time(busy[0]).isoformat(), "--write")
    assert done.exit_code == 1
    assert "lasts across --to: give 2026" in " ".join(done.output.split())
    assert results(dsn, START + HOURS * 60) == before


def test_rules_on_trial_are_not_written(migrated_embedded_db: str, folder: Path) -> None:
    """What stands in the store is by the rules in force; others are refused, with what to do."""
    trial = folder / "trial.toml"
    trial.write_text("hold = 3\n")
    done = backtest(migrated_embedded_db, folder, "--rules", str(trial), "--write")
    assert done.exit_code == 2
    assert "district.toml" in done.output


LATER = (
    b"INSERT INTO readings (station, ts, pm10, source, stored_at)"
    b" VALUES ('R1', %(ts)s, 20, 'json', %(ts)s)"
)
AFTER = b"SELECT * FROM segment_minutes WHERE ts > %(after)s ORDER BY segment, ts"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        # The later time first.
        (["--from", "2026-03-03", "--to", "2026-03-02"], 2, "backwards"),
        (["--from", "yesterday"], 2, "2026-03-02T08:00"),
        # Before anything was stored.
        (["--from", "2020-01-01", "--to", "2020-02-01"], 1, "there are readings from 2026-03-02"),
    ],
)
def test_a_span_without_an_answer_is_refused(
    migrated_embedded_db: str, folder: Path, arguments: list[str], status: int, words: str
) -> None:
    """Times that cannot be meant say what to write, and a span without data where there is some."""
    with connect(migrated_embedded_db, name="test") as conn:
        district = load_district(folder)
        keep(conn, district, made_up_day(Layout.of(district, AnalyticsSettings()), 5, 1))
    done = backtest(migrated_embedded_db, folder, *arguments)
    assert done.exit_code == status
    assert words in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[analytics.rules.inc61]\nlimits = [1, 2, 3]", "there is no rule inc61; there are inc60,"),
        ("[dispatch]\nseed = 3", "dispatch changes nothing"),
        ("[analytics.rules.inc60]\nlimits = [3, 2, 1]", "must be positive and rise"),
        ("[analytics.rules\n", "not valid TOML"),
    ],
)
def test_rules_that_cannot_be_tried_are_named(
    migrated_embedded_db: str, folder: Path, tmp_path: Path, text: str, words: str
) -> None:
    """A file of rules with a mistake in it is refused with its name and what to write."""
    trial = tmp_path / "trial.toml"
    trial.write_text(text)
    done = backtest(migrated_embedded_db, folder, "--rules", str(trial))
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "trial.toml" in said
    assert words in said


def test_an_empty_store_says_so(migrated_embedded_db: str, folder: Path) -> None:
    """Nothing at all stored: what to do first."""
    done = backtest(migrated_embedded_db, folder)
    assert done.exit_code == 1
    assert "no reading is stored" in done.output


def test_times_may_be_local_or_milliseconds(
    migrated_embedded_db: str, folder: Path, tmp_path: Path
) -> None:
    """A time without an offset is the district's own, a number is milliseconds since 1970."""
    with connect(migrated_embedded_db, name="test") as conn:
        district = load_district(folder)
        keep(conn, district, made_up_day(Layout.of(district, AnalyticsSettings()), 300, 1))
    begins = (time(START) + timedelta(hours=8)).replace(tzinfo=None).isoformat()
    ends = str((START + 300) * 60_000)
    for n, first in enumerate((begins, str(START * 60_000), time(START).isoformat())):
        out = tmp_path / str(n)
        arguments = ("--from", first, "--to", ends, "--out", str(out))
        done = backtest(migrated_embedded_db, folder, *arguments)
        assert done.exit_code == 0, done.output
    told = {(tmp_path / str(n) / "episodes.csv").read_text() for n in range(3)}
    assert len(told) == 1
