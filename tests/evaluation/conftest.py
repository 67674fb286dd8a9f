"""A small district, a plain scenario, and trials that are lived once for all tests."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest

from evaluation.record import Record
from evaluation.trial import run_trial
from geo.district import District, load_district
from simulators.scenario import Scenario
from tests.evaluation.district import write_blocks

START = datetime(2026, 3, 1, 22, tzinfo=UTC)  # 06:00 in Shanghai
HOURS = 4


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """Seven streets around a block and a half."""
    return load_district(write_blocks(tmp_path_factory.mktemp("evaluation") / "blocks"))


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """A dry morning with obedient crews and much mud at the gate."""
    return Scenario(
        name="morning",
        purpose="A dry morning",
        start=START,
        days=1.0,
        first_gate_failure_min=(5.0, 10.0),
    )


@pytest.fixture(scope="session")
def trial(district: District, scenario: Scenario) -> Callable[[str], Record]:
    """A trial of a policy in the scenario, four hours with seed 3."""

    @cache
    def lived(policy: str) -> Record:
        return run_trial(district, scenario, 3, policy, HOURS / 24.0)

    return lived
