"""Kills, and services and networks that go away, lose nothing and store nothing twice."""

import sys
from pathlib import Path

from bench.interrupted import Plan, run
from geo.district import load_district
from roaddust.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, Timescale, fresh_database

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"
PLATFORM = (
    str(Path(sys.executable).parent / "roaddust"),
    *("run", "--only", "ingest", "--mqtt", "{mqtt}", "--db", "{db}"),
)


def test_killed_while_readings_flow(
    timescale_server: Timescale, migrated_timescale_db: str, mosquitto: Mosquitto
) -> None:
    """The platform killed twice in the flow: each reading is in the table once, as it was sent."""
    station = next(iter(load_district(XINGHAI).stations))
    outcome = run(
        timescale_server,
        migrated_timescale_db,
        mosquitto,
        Plan(4000, faults={"kill": 2}),
        seed=1,
        station=station,
        command=PLATFORM,
    )
    assert outcome.good, outcome
    assert outcome.faults == {"kill": 2}


def test_every_fault_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Ingest killed, database and broker restarted and the network paused: nothing is lost."""
    faults = Plan(4000, faults={"kill": 1, "database": 1, "broker": 1, "network": 1}, longest_s=1)
    with (
        EmbeddedPostgres(tmp_path / "pg", settings={"fsync": "off"}) as server,
        fresh_database(server, migrate) as dsn,
    ):
        outcome = run(server, dsn, mosquitto, faults, seed=2)
    assert outcome.good, outcome
    assert outcome.faults == faults.faults
