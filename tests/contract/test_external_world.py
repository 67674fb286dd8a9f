"""A world that others wrote, from the contract alone, gets plans that it can drive."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.database import connect
from tests.contract.world import World, write_district


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    return write_district(tmp_path / "grid")


def test_an_outsiders_world_is_served(grid, migrated_embedded_db, any_broker, tmp_path):
    """Six hours in lockstep: dust is found, crews are sent, and no plan is one that a driver
    would have to refuse: paths hold together, one-way streets are kept, tanks never run dry."""
    log = (tmp_path / "platform.log").open("wb")
    platform = subprocess.Popen(
        [
            sys.executable, "-m", "roaddust.cli", "run", "--district", str(grid),
            "--only", "ingest,analytics,dispatch", "--clock", "mqtt",
            "--mqtt", any_broker.url, "--db", migrated_embedded_db,
        ],
        stderr=log,
    )  # fmt: skip
    try:
        with connect(migrated_embedded_db, name="test", autocommit=True) as conn:
            world = World(grid, any_broker.host, any_broker.port)
            try:
                world.run(6)
            finally:
                world.close()
            dead = conn.execute(b"SELECT reason, detail FROM dead_letters").fetchall()
            stored = conn.execute(b"SELECT count(*) FROM readings").fetchone()
    finally:
        platform.terminate()
        status = platform.wait(20)
        log.close()
    assert world.faults == []
    assert dead == []
    assert stored == (6 * 60 * len(world.stations),)
    assert {episode["segment"] for episode in world.episodes.values()} >= {"H11", "H30"}
    washed = {order["segment"] for order in world.done if order["treatment"] == "wash"}
    assert washed >= {"H11", "H30"}
    assert set(world.states) == set(world.streets)
    assert status == 0
