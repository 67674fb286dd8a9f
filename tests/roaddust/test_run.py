"""The platform on the wall clock, in processes of its own, against given services."""

import json
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.connection import Address, client
from store.database import connect
from tests.services import Mosquitto
from tests.services.waiting import wait_until
from tests.street import write_street

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
    pair = [start("--only", "dispatch", name=f"dispatch-{n}") for n in (1, 2)]
    with connect(any_migrated_db, name="test", autocommit=True) as conn:

        def leader() -> int | None:
            found = conn.execute(LEADERS).fetchall()
            assert len(found) <= 1
            return int(found[0][0]) if found else None

        wait_until(lambda: leader() is not None, lambda: "nobody leads")
        first = leader()
        pair[0].kill()
        pair[0].wait()
        wait_until(lambda: leader() is not None, lambda: "nobody took over")
        second = leader()
        pair[1].send_signal(signal.SIGTERM)
        assert pair[1].wait(20) == 0
    assert first is not None
    assert second is not None


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--only", "ingset"], 2, "ingset"),  # no such stage
        (["--clock", "sundial"], 1, "clock"),  # no such clock
        (["--mqtt", "mqtt://127.0.0.1:9"], 1, "--mqtt"),  # no broker there
        (["--db", "host=127.0.0.1 port=9 dbname=x"], 1, "port 9"),  # no database there
        (["--district", "nowhere"], 1, "nowhere"),  # no such folder
    ],
)
def test_what_cannot_run_says_so(
    tmp_path: Path, options: list[str], status: int, said: str
) -> None:
    """The exit status and one message without a traceback."""
    folder = write_street(tmp_path / "street")
    found = subprocess.run(
        [sys.executable, "-m", "roaddust.cli", "run", "--district", str(folder),
         "--db", "host=127.0.0.1 port=9 dbname=x", *options],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == status
    assert said in found.stderr
    assert "Traceback" not in found.stderr
