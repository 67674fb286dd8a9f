"""The platform on the wall clock, in processes of its own, against given services."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.connection import Address, client
from roaddust.cli import app
from store.database import connect
from tests.services import Mosquitto
from tests.services.waiting import wait_until
from tests.street import write_street

# Help and errors are laid out for a terminal: one that breaks no line that a test looks for.
WIDE = {"COLUMNS": "250", "TERMINAL_WIDTH": "250", "TERM": "dumb"}
Heard = queue.Queue[tuple[str, Any]]
Start = Callable[..., subprocess.Popen[bytes]]

LEADERS = (
    b"SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
    b" WHERE locktype = 'advisory' AND application_name = 'roaddust-dispatch' AND granted"
)


@pytest.fixture
def start(tmp_path: Path, mosquitto: Mosquitto, any_migrated_db: str) -> Iterator[Start]:
    """Start `roaddust run` with the given options; what still runs at the end is killed."""
    folder = write_street(tmp_path / "street")
    with ExitStack() as running:

        def started(*options: str, name: str = "platform") -> subprocess.Popen[bytes]:
            log = running.enter_context((tmp_path / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "roaddust.cli", "run", "--district", str(folder),
                 "--mqtt", mosquitto.url, "--db", any_migrated_db, *options],
                stderr=log,
                cwd=tmp_path,
            )  # fmt: skip
            running.callback(process.wait)
            running.callback(process.kill)
            return process

        yield started


@contextmanager
def street_in_the_dust(mosquitto: Mosquitto) -> Iterator[Heard]:
    """A broker client that has told of an hour of dust on S2 and hears what comes of it."""
    heard: Heard = queue.Queue()
    outsider = client(Address.parse(mosquitto.url), "street", persistent=False)
    outsider.on_message = lambda _c, _u, m: heard.put(
        (m.topic, json.loads(m.payload) if m.payload else None)
    )
    outsider.connect(mosquitto.host, mosquitto.port)
    outsider.loop_start()
    outsider.subscribe("roaddust/v1/down/#", qos=1)
    hear(heard, "down/status", lambda body: body == {"status": "online"})
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for station, pm10 in (("R1", 60.0), ("R2", 400.0), ("R3", 60.0), ("R4", 60.0), ("B1", 50.0)):
        series = [
            {
                "ts": (now - timedelta(minutes=m)).isoformat(),
                "pm10": pm10 + m % 7,
                "temp": 20.0,
                "rain": 0.0,
            }
            for m in range(60)
        ]
        outsider.publish(f"roaddust/v1/up/stations/{station}/readings", json.dumps(series), qos=1)
    try:
        yield heard
    finally:
        outsider.disconnect()
        outsider.loop_stop()


def hear(heard: Heard, topic: str, wanted: Callable[[Any], bool]) -> Any:
    """The first message under `topic` that is as wanted."""
    while True:
        said, body = heard.get(timeout=60)
        if said.startswith(f"roaddust/v1/{topic}") and wanted(body):
            return body


def test_dust_on_the_wall_clock_sends_a_crew(start: Start, mosquitto: Mosquitto) -> None:
    """Stages in two processes: late readings open an episode and the crew gets an order for it;
    SIGTERM ends each cleanly."""
    processes = [
        start("--only", "ingest", name="ingest"),
        start("--only", "analytics,dispatch", name="rest"),
    ]
    with street_in_the_dust(mosquitto) as heard:
        episode = hear(heard, "down/episodes/", lambda body: body and body["state"] == "active")
        assert episode["segment"] == "S2"
        assert episode["causes"][0]["evidence"]
        plan = hear(
            heard,
            "down/crews/W1/orders",
            lambda body: any(o["segment"] == "S2" and o["episode"] for o in body["orders"]),
        )
        assert plan["crew"] == "W1"
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in processes] == [0, 0]


def test_another_dispatcher_takes_over(
    start: Start, mosquitto: Mosquitto, any_migrated_db: str
) -> None:
    """Of two dispatchers one leads; when it is killed the other does, and it alone."""
    with connect(any_migrated_db, name="test", autocommit=True) as conn:

        def leader() -> int | None:
            found = conn.execute(LEADERS).fetchall()
            assert len(found) <= 1
            return int(found[0][0]) if found else None

        killed = start("--only", "dispatch", name="dispatch-1")
        wait_until(lambda: leader() is not None, lambda: "nobody leads")
        first = leader()
        other = start("--only", "dispatch", name="dispatch-2")
        killed.kill()
        killed.wait()
        # Until the server has seen that the first is gone, its session still holds the lock.
        wait_until(lambda: leader() not in {None, first}, lambda: "nobody took over")
        other.send_signal(signal.SIGTERM)
        assert other.wait(20) == 0


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--only", "ingset"], 2, "ingset"),  # no such stage
        (["--clock", "sundial"], 2, "clock"),  # no such clock
        (["--clock", "mqtt", "--only", "analytics"], 2, "ingest"),  # nobody would hear a tick
        (["--mqtt", "127.0.0.1"], 2, "mqtt://"),  # no address of a broker
        (["--mqtt", "mqtt://127.0.0.1:99999"], 2, "mqtt"),  # no such port
        (["--db", "host=127.0.0.1 port=9 dbname=x"], 1, "port 9"),  # no database there
        (["--district", "nowhere"], 2, "nowhere"),  # no such folder
    ],
)
def test_what_cannot_run_says_so(
    tmp_path: Path, options: list[str], status: int, said: str
) -> None:
    """The exit status and one message without a traceback."""
    folder = write_street(tmp_path / "street")
    found = roaddust(
        "run", "--district", str(folder), "--db", "host=127.0.0.1 port=9 dbname=x", *options,
        cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == status
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_broker_that_is_not_there_is_said(tmp_path: Path, migrated_embedded_db: str) -> None:
    """With a database and no broker the message names the broker's option."""
    found = roaddust(
        "run", "--district", str(write_street(tmp_path / "street")), "--only", "ingest",
        "--db", migrated_embedded_db, "--mqtt", "mqtt://127.0.0.1:9",
    )  # fmt: skip
    assert found.returncode == 1
    assert "--mqtt" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_start_that_fails_keeps_the_first_password(
    tmp_path: Path, migrated_embedded_db: str
) -> None:
    """A start that ends at a taken port says which and what to do, and makes no administrator
    whose password nobody has seen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = roaddust(
            "run", "--district", str(write_street(tmp_path / "street")), "--only", "console",
            "--db", migrated_embedded_db, "--port", str(port), cwd=tmp_path,
        )  # fmt: skip
    assert found.returncode == 1
    assert f"port {port}" in found.stderr
    assert "--port" in found.stderr
    assert "Traceback" not in found.stderr
    with connect(migrated_embedded_db, name="test") as conn:
        assert conn.execute(b"SELECT name FROM users").fetchall() == []


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["demo", "--hours", "-1"], 2, "--hours"),
        (["demo", "--hours", "0"], 2, "--hours"),
        (["demo", "--scenario", "nope"], 2, "nope"),
        (["simulate", "--days", "0"], 2, "--days"),
        (["simulate", "--scenario", "nope"], 2, "ordinary"),  # and those that there are
        (["simulate", "--speed", "max"], 2, "--lockstep"),
        (["simulate", "--config", "broken.toml"], 1, "broken.toml"),
        (["dead-letters", "list", "--limit", "-1"], 2, "--limit"),
        (["status", "--db", "mysql://u:PWLEAK@h/x"], 2, "postgresql://"),
        (["status", "--db", "EMPTY"], 1, "roaddust migrate"),
    ],
)
def test_wrong_use_is_told_from_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    embedded_db: str,
    command: list[str],
    status: int,
    said: str,
) -> None:
    """Status 2 for what was asked wrongly and 1 for what failed, in words and without secrets."""
    monkeypatch.chdir(tmp_path)
    Path("broken.toml").write_text("port = [1")
    found = CliRunner(env=WIDE).invoke(
        app, [embedded_db if word == "EMPTY" else word for word in command]
    )
    assert found.exit_code == status, found.output
    assert said in found.output
    assert "PWLEAK" not in found.output
    assert isinstance(found.exception, SystemExit)


def test_check_reads_the_settings_of_a_district(tmp_path: Path) -> None:
    """`check` says of a district's overrides what `run` would say, and fails."""
    folder = write_street(tmp_path / "street")
    with (folder / "district.toml").open("a") as file:
        file.write("[analytics]\nhold_mim = 3\n")
    found = CliRunner().invoke(app, ["check", str(folder)])
    assert found.exit_code == 1
    assert "analytics.hold_mim" in found.output
    assert "1 errors" in found.output


def test_a_demo_deletes_only_what_a_demo_made(tmp_path: Path) -> None:
    """A folder of somebody else's in the demo's place stays, and the words name it."""
    theirs = tmp_path / "data" / "postgres"
    theirs.mkdir(parents=True)
    (theirs / "years").write_text("of work")
    found = roaddust("demo", "--hours", "1", "--no-console", "--data", str(tmp_path / "data"))
    assert found.returncode == 1
    assert str(theirs) in found.stderr
    assert (theirs / "years").read_text() == "of work"


def roaddust(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, on a terminal that is wide enough for its words."""
    return subprocess.run(
        [sys.executable, "-m", "roaddust.cli", *words],
        capture_output=True, text=True, check=False, cwd=cwd,
        env=os.environ | WIDE,
    )  # fmt: skip
