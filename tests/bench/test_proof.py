"""Proof of service held against what the crews of a simulated morning truly did."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.dispatched import MONDAY, Dispatched, Script
from bench.proof import arrivals, proof
from dispatch.settings import DispatchSettings
from geo.district import load_district
from simulators.crews import CrewHabits
from store.database import Connection, connect

SETTINGS = DispatchSettings(iterations=5)


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """A fresh database."""
    with connect(migrated_embedded_db, name="test") as connection:
        yield connection


def test_what_is_proven_was_treated_and_what_was_treated_is_proven(conn: Connection) -> None:
    """A fifth of the orders is driven with the valve closed and called done: those are found out,
    and the honest ones are not accused, though positions are a few metres off."""
    district = load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")
    world = Dispatched(
        conn, district, SETTINGS, CrewHabits(), Script(), MONDAY, seed=2, closed=0.2, noise_m=3.0
    )
    for _ in world.run(240):
        pass
    truth: dict[str, float] = defaultdict(float)
    for _, work in world.works:
        truth[work.order] += work.share
    found: Any = proof(conn, district, truth, SETTINGS.limits.proof_share)
    assert found["metres"]["precision"] > 0.95
    assert found["metres"]["recall"] > 0.95
    assert found["orders"]["proven, not treated"] == 0
    assert found["orders"]["neither"] > 3
    assert found["orders"]["proven and treated"] > 20
    told: Any = arrivals(conn)
    # A crew is told anew when its arrival has moved by more than this.
    assert told["5 min before"]["median_abs_min"] <= SETTINGS.publish_shift_min
    assert told["first word"]["orders"] > 20
