"""Recorded readings, replayed at their own times or as if they came in now."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.connection import Address
from roaddust.embedded import EmbeddedBroker
from simulators.replay import BadRecord, Replayed, read, replay
from tests.services.waiting import wait_until
from tests.simulators.fake_platform import PREFIX, FakePlatform, platform

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOURS = """date,ws,wd,nox,pm10,pm25
1998-01-01T00:00:00Z,0.6,280,285,29,
1998-01-01T01:00:00Z,2.16,230,,37,12.5
1998-01-01T02:00:00Z,,,39,,
1998-01-02T00:00:00Z,2.76,190,,NA,9
1998-01-05T13:00:00Z,1,10,,30,9
"""


def write(folder: Path, text: str) -> Path:
    """A CSV file."""
    path = folder / "record.csv"
    path.write_text(text, encoding="utf-8")
    return path


def play(url: str, path: Path, **changes: Any) -> Replayed:
    """Replay a file as station ST1, at its own times unless said otherwise."""
    settings: dict[str, Any] = {
        "station": "ST1",
        "address": Address.parse(url),
        "prefix": PREFIX,
        "speed": None,
        "own_times": True,
        "now": lambda: NOW,
        "stop": threading.Event(),
        "patience_s": 30.0,
    }
    return replay([path], **(settings | changes))


def order_of(it: FakePlatform) -> list[list[str] | str]:
    """The times published: a list for a message of readings, a text for a clock."""
    return [
        body["now"] if topic == "up/clock" else [one["ts"] for one in body]
        for topic, body in ((topic, json.loads(payload)) for topic, payload in it.said)
    ]


def test_rows_come_at_their_own_times_before_their_clock(
    nats: EmbeddedBroker, tmp_path: Path
) -> None:
    """Rows up to t, then the clock t; empty stretches have no ticks; gaps are left out."""
    with platform(nats.url) as it:
        replayed = play(nats.url, write(tmp_path, HOURS))
    assert replayed == Replayed(rows=5, published=4, skipped=1)
    assert order_of(it) == [
        "1997-12-31T00:00:00Z",
        ["1998-01-01T00:00:00Z"],
        "1998-01-01T00:00:00Z",
        ["1998-01-01T01:00:00Z", "1998-01-02T00:00:00Z"],
        "1998-01-02T00:00:00Z",
        ["1998-01-05T13:00:00Z"],
        "1998-01-06T00:00:00Z",
    ]
    readings = [one for body in it.of("/readings") for one in body]
    assert readings[1] == {
        "ts": "1998-01-01T01:00:00Z",
        "wind_speed": 2.16,
        "wind_dir": 230.0,
        "pm10": 37.0,
        "pm25": 12.5,
    }
    assert readings[2].keys() == {"ts", "wind_speed", "wind_dir", "pm25"}
    assert {topic for topic, _ in it.said} == {"up/stations/ST1/readings", "up/clock"}


def test_a_shorter_tick(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """With a tick of an hour each hourly row has its clock."""
    with platform(nats.url) as it:
        play(nats.url, write(tmp_path, HOURS), tick=timedelta(hours=1))
    assert [body["now"] for body in it.of("up/clock")] == [
        "1997-12-31T23:00:00Z",
        "1998-01-01T00:00:00Z",
        "1998-01-01T01:00:00Z",
        "1998-01-01T02:00:00Z",
        "1998-01-02T00:00:00Z",
        "1998-01-05T13:00:00Z",
    ]


def test_as_if_it_came_in_now(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """Readings carry the time of sending, never one twice, and no clock goes along."""
    with platform(nats.url) as it:
        replayed = play(nats.url, write(tmp_path, HOURS), own_times=False)
        wait_until(lambda: bool(it.said), lambda: "nothing came")
    assert replayed == Replayed(rows=5, published=4, skipped=1)
    assert order_of(it) == [
        [
            "2026-03-02T04:00:00Z",
            "2026-03-02T04:00:00.001Z",
            "2026-03-02T04:00:00.002Z",
            "2026-03-02T04:00:00.003Z",
        ]
    ]


def test_a_speed_spaces_the_rows(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """With a speed each row is sent by itself, when its turn has come."""
    rows = "ts,pm10\n1998-01-01T00:00:00Z,1\n1998-01-01T01:00:00Z,2\n1998-01-01T02:00:00Z,3\n"
    with platform(nats.url) as it:
        replayed = play(nats.url, write(tmp_path, rows), own_times=False, speed=36_000.0)
        wait_until(lambda: len(it.said) == 3, lambda: f"{it.said}")
    assert replayed.published == 3
    assert [len(body) for body in it.of("/readings")] == [1, 1, 1]


def test_long_records_go_in_arrays_with_progress(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """No message has more than the contract's thousand items, and the whole file is told of."""
    first = datetime(1998, 1, 1, tzinfo=UTC)
    lines = [f"{(first + timedelta(hours=n)).isoformat()},{n % 90}" for n in range(5000)]
    path = write(tmp_path, "\n".join(["time,PM10", *lines]))
    shares: list[float] = []
    with platform(nats.url) as it:
        replayed = play(nats.url, path, progress=shares.append, tick=timedelta(days=100))
    bodies = it.of("/readings")
    assert sum(len(body) for body in bodies) == replayed.published == 5000
    assert max(len(body) for body in bodies) <= 1000
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_stop_ends_a_replay(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """A replay that was stopped says how far it came."""
    stop = threading.Event()
    with platform(nats.url, lambda *_: stop.set()):
        replayed = play(nats.url, write(tmp_path, HOURS), stop=stop)
    assert replayed.rows < 5


def test_columns_may_be_named(tmp_path: Path) -> None:
    """Columns with names of their own are given the contract's; milliseconds are times too."""
    path = write(tmp_path, "when;x,Feinstaub,PM2.5,flag\n883612800000,50,20,T\n")
    rows = list(read([path], {"when;x": "ts", "feinstaub": "pm10", "flag": "status"}))
    assert [(row.at, row.values) for row in rows] == [
        (datetime(1998, 1, 1, tzinfo=UTC), {"pm10": 50.0, "pm25": 20.0, "status": "T"})
    ]


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        # Nobody knows when.
        ("pm10\n5\n", None, "no column of times"),
        # Nobody knows what.
        ("ts,x\n1998-01-01T00:00:00Z,5\n", None, "no column that is known"),
        # A column that was named is not there.
        ("ts,pm10\n", {"x": "tsp"}, "no column 'x'"),
        # Two columns for one quantity.
        ("ts,pm25,pm2.5\n", None, "2 columns for 'pm25'"),
        # A time without an offset could be any.
        ("ts,pm10\n1998-01-01 00:00,5\n", None, "line 2.*offset"),
        ("ts,pm10\nyesterday,5\n", None, "line 2.*no time"),
        # A cell that is no number and no gap.
        ("ts,pm10\n1998-01-01T00:00:00Z,5\n1998-01-01T01:00:00Z,<5\n", None, "line 3.*'<5'"),
        ("ts,pm10\n1998-01-01T00:00:00Z,inf\n", None, "no number"),
        ("", None, "no column of times"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, text: str, columns: dict[str, str] | None, says: str
) -> None:
    """What is wrong is said with file, line and remedy."""
    with pytest.raises(BadRecord, match=says):
        list(read([write(tmp_path, text)], columns))
