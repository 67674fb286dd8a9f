"""A small district, and two hours of it that are lived once for all tests."""

from datetime import UTC, datetime

import pytest

from bench.recorded import Recorded, record
from geo.district import District, load_district
from simulators.scenario import Scenario
from tests.evaluation.district import write_blocks

START = datetime(2026, 3, 1, 22, tzinfo=UTC)  # 06:00 in Shanghai
MINUTES = 120


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """Seven streets around a block and a half."""
    return load_district(write_blocks(tmp_path_factory.mktemp("bench") / "blocks"))


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """A dry morning of much mud, lines that fail and clocks that are wrong."""
    return Scenario(
        name="morning",
        purpose="A dry morning",
        start=START,
        days=1.0,
        first_gate_failure_min=(5.0, 10.0),
        late_per_day=60.0,
        duplicate_rate=0.05,
        clock_faults_per_day=10.0,
    )


@pytest.fixture(scope="session")
def recorded(district: District, scenario: Scenario) -> Recorded:
    """Two hours of that morning under the timetable, with seed 3."""
    return record(district, scenario, 3, MINUTES / 1440.0)
