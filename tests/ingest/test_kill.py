"""SIGKILL of the running platform loses nothing and stores nothing twice."""

from pathlib import Path

from bench.kill import run
from geo.district import load_district
from tests.services import Mosquitto

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


def test_killed_while_readings_flow(migrated_timescale_db: str, mosquitto: Mosquitto) -> None:
    """Killed twice in the flow, each reading is in the table once, with its own value."""
    station = next(iter(load_district(XINGHAI).stations))
    outcome = run(migrated_timescale_db, mosquitto, readings=5000, kills=2, seed=1, station=station)
    assert outcome.good, outcome
    assert outcome.kills == 2
