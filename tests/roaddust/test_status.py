"""`roaddust status`: what came in, who is heard, what waits."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest.runner import Ingest
from ingest.spread import SIZES, Spread
from roaddust.cli import app
from roaddust.ingestfigures import IngestFigures
from roaddust.status import AWAY_AFTER, status
from store.database import connect
from tests.ingest.conftest import Devices, new_ingest  # noqa: F401
from tests.services import Mosquitto
from tests.services.waiting import wait_until
from tests.street import write_street

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW_MS = 1_772_352_000_000


@given(st.lists(st.floats(0, 1e6), max_size=50), st.floats(0.01, 1))
def test_a_spread_keeps_what_it_is_told(values: list[float], share: float) -> None:
    """Its counts are of all values, its quantile is a bound that enough of them are not above, and
    it comes out of the store as it went in."""
    spread = Spread(SIZES)
    spread.add(values)
    assert sum(spread.counts) == len(values)
    assert spread.total == pytest.approx(sum(values))
    bound = spread.quantile(share)
    if bound is not None:
        assert sum(value <= bound for value in values) >= share * len(values)
    elif values:
        assert sum(value <= SIZES[-1] for value in values) < share * len(values)
    again = Spread.of_json(json.loads(json.dumps(spread.as_json())))
    assert (again.counts, again.total, again.bounds) == (spread.counts, spread.total, SIZES)


def test_a_page_of_health(
    tmp_path: Path,
    mosquitto: Mosquitto,
    migrated_embedded_db: str,
    new_ingest: Callable[..., Ingest],  # noqa: F811
) -> None:
    """What an ingest has taken in is told by kind of outcome, and adds up; a worker that says
    nothing any more is away, one that stopped in good order is not."""
    ingest = new_ingest(migrated_embedded_db, mosquitto.url)
    devices = Devices(mosquitto.url)
    for n in (0, 1, 1, 2):
        devices.send("stations/S1/readings", {"ts": NOW_MS - n * 60_000, "pm10": n})
    devices.send("stations/S1/readings", b"no JSON")
    devices.flush()
    wait_until(lambda: ingest.counters.messages == 5, lambda: f"{ingest.counters}")
    devices.close()
    figures = IngestFigures(migrated_embedded_db, ingest, "roaddust-ingest")
    figures.say(stopped=False)
    with connect(migrated_embedded_db, name="test") as conn:
        wall = datetime.now(UTC)
        (worker,) = status(conn, NOW, wall, UTC).workers
        assert (worker.received, worker.stored, worker.duplicates, worker.dead) == (5, 3, 1, 1)
        assert (worker.state, worker.in_hand) == ("running", 0)
        assert worker.arrival_p99_s is not None
        assert worker.ts_p99_s in (60.0, 300.0)
        (late,) = status(conn, NOW, wall + 2 * AWAY_AFTER, UTC).workers
        assert late.state == "away"
        figures.last()
        (ended,) = status(conn, NOW, wall + timedelta(days=1), UTC).workers
        assert ended.state == "stopped"
    folder = write_street(tmp_path / "street")
    command = ["status", "--district", str(folder), "--db", migrated_embedded_db]
    page = CliRunner(env={"COLUMNS": "200"}).invoke(app, command)
    assert page.exit_code == 0, page.output
    for words in (
        "收到 received",
        "roaddust-ingest",
        "已停 stopped",
        "死信 dead letters",
        "json 1",
    ):
        assert words in page.stdout
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert told["readings_stored"] == 3
    assert told["workers"][0]["duplicates"] == 1
    assert told["letters"] == {"json": 1}
