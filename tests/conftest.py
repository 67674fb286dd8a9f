"""Fixtures that every room's tests may use: fresh databases and brokers.

A test whose service this machine cannot have is skipped, and named loudly at the end of the
run. With ``ROADDUST_TESTS_COMPLETE=1`` it is an error instead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, ServiceMissing, Timescale, fresh_database

# No test may depend on how fast the machine is; and the same commit gets the same answer in CI.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

LEFT_OUT = "service missing: "


@contextmanager
def _skipping_if_missing() -> Iterator[None]:
    try:
        yield
    except ServiceMissing as missing:
        if os.environ.get("ROADDUST_TESTS_COMPLETE") == "1":
            raise
        pytest.skip(f"{LEFT_OUT}{missing}")


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL for the whole run; tests take databases on it."""
    folder = tmp_path_factory.mktemp("postgres")
    # Nothing of a test run has to survive a power cut.
    with EmbeddedPostgres(folder, settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[Timescale]:
    """One TimescaleDB for the whole run; tests take databases on it."""
    with _skipping_if_missing():
        server = Timescale(settings={"fsync": "off"})
    with server:
        yield server


@pytest.fixture
def embedded_db(embedded_server: EmbeddedPostgres) -> Iterator[str]:
    """Connection string of a fresh, empty database on plain PostgreSQL."""
    with fresh_database(embedded_server) as dsn:
        yield dsn


@pytest.fixture
def timescale_db(timescale_server: Timescale) -> Iterator[str]:
    """Connection string of a fresh database with the extension timescaledb and nothing else."""
    with fresh_database(timescale_server) as dsn:
        yield dsn


@pytest.fixture(params=["embedded", "timescale"])
def any_db(request: pytest.FixtureRequest) -> str:
    """Connection string of a fresh database, once on each kind of server."""
    dsn: str = request.getfixturevalue(f"{request.param}_db")
    return dsn


@pytest.fixture
def migrated_embedded_db(embedded_server: EmbeddedPostgres) -> Iterator[str]:
    """Connection string of a fresh database on plain PostgreSQL that has the schema."""
    with fresh_database(embedded_server, migrate) as dsn:
        yield dsn


@pytest.fixture
def migrated_timescale_db(timescale_server: Timescale) -> Iterator[str]:
    """Connection string of a fresh database on TimescaleDB that has the schema."""
    with fresh_database(timescale_server, migrate) as dsn:
        yield dsn


@pytest.fixture(params=["embedded", "timescale"])
def any_migrated_db(request: pytest.FixtureRequest) -> str:
    """Connection string of a fresh database with the schema, once on each kind of server."""
    dsn: str = request.getfixturevalue(f"migrated_{request.param}_db")
    return dsn


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """The embedded broker, on a folder of its own."""
    with EmbeddedBroker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def new_mosquitto() -> Iterator[Callable[..., Mosquitto]]:
    """Start a Mosquitto with the given options; it stops at the end of the test."""
    with ExitStack() as running:

        def start(**options: object) -> Mosquitto:
            with _skipping_if_missing():
                broker = Mosquitto(**options)  # type: ignore[arg-type]
            return running.enter_context(broker)

        yield start


@pytest.fixture
def mosquitto(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A Mosquitto with an unlimited queue and otherwise its own defaults."""
    return new_mosquitto()


@pytest.fixture(params=["nats", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> EmbeddedBroker | Mosquitto:
    """A fresh broker, once of each kind."""
    broker: EmbeddedBroker | Mosquitto = request.getfixturevalue(request.param)
    return broker


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were left out because their service is missing."""
    reasons = Counter(
        report.longrepr[2].partition(LEFT_OUT)[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and LEFT_OUT in report.longrepr[2]
    )
    if not reasons:
        return
    terminalreporter.section("TESTS LEFT OUT", sep="!", red=True, bold=True)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} left out, {reason}", red=True, bold=True)
