"""A console on a database with three plausible hours, and people who may do different things."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from console.app import Console
from console.layers import layers
from console.limits import DEFAULTS as LIMITS
from console.models import District as Facts
from console.reports.figures import Figures
from console.reports.making import make
from console.reports.period import period
from console.settings import DEFAULTS, ConsoleSettings
from console.users import add_user
from geo.district import District, load_district
from roaddust.embedded import EmbeddedPostgres
from store.database import connect
from store.migrate import migrate
from tests.console import fortnight, plausible
from tests.services import ServiceMissing, fresh_database
from tests.services.chromium import chromium

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"
SECRET = "a secret of at least thirty-two characters"
PASSWORD = "correct horse battery"
STOPPED_WITHIN_S = 30


class Hands:
    """A clock that tests move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


Open = Callable[[str], httpx.Client]


class Running:
    """A console that serves in a thread."""

    def __init__(
        self,
        district: District,
        dsn: str,
        *,
        port: int = 0,
        now: Hands | None = None,
        settings: ConsoleSettings = DEFAULTS,
    ) -> None:
        self.dsn = dsn
        self.now = now
        self.wall = Hands(datetime(2026, 3, 2, 2, 17, tzinfo=UTC))
        self.console = Console(
            district,
            dsn,
            port=port,
            now=now,
            wall_now=self.wall,
            secret=SECRET,
            settings=settings,
        )
        self.address = self.console.address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.console.run, args=[self._stop])
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(STOPPED_WITHIN_S)
        assert not self._thread.is_alive(), "the console did not stop"

    @contextmanager
    def as_(self, name: str | None, password: str = PASSWORD) -> Iterator[httpx.Client]:
        """A client with a token of `name`, as a program has it; of nobody for None."""
        with httpx.Client(base_url=self.address, timeout=30) as client:
            if name:
                answer = client.post("/api/v1/token", auth=(name, password))
                client.headers["Authorization"] = f"Bearer {answer.json().get('access_token')}"
            yield client


def _prepare(dsn: str) -> None:
    migrate(dsn)
    with connect(dsn, name="test") as conn:
        for name, role in {
            "watcher": "viewer",
            "operator": "operator",
            "boss": "administrator",
            "driver": "crew",
        }.items():
            add_user(conn, name, PASSWORD, role, plausible.NOW)  # type: ignore[arg-type]


def _prepare_full(dsn: str) -> None:
    _prepare(dsn)
    with connect(dsn, name="test") as conn:
        plausible.fill(conn, load_district(XINGHAI))


def prepare_fortnight(dsn: str) -> None:
    """Two weeks for reports."""
    migrate(dsn)
    with connect(dsn, name="test") as conn:
        fortnight.fill(conn)


@pytest.fixture(scope="session")
def district() -> District:
    """The shipped district."""
    return load_district(XINGHAI)


@pytest.fixture
def console_db(embedded_server: EmbeddedPostgres) -> Iterator[str]:
    """A database with people and three hours in it."""
    with fresh_database(embedded_server, _prepare_full) as dsn:
        yield dsn


@pytest.fixture
def console(district: District, console_db: str) -> Iterator[Running]:
    """A console on it, a few seconds after the last minute."""
    running = Running(district, console_db, now=Hands(plausible.NOW))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def still_console(district: District, embedded_server: EmbeddedPostgres) -> Iterator[Running]:
    """The same, shared by the tests of a module that change nothing."""
    with fresh_database(embedded_server, _prepare_full) as dsn:
        running = Running(district, dsn, now=Hands(plausible.NOW))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def reader(still_console: Running) -> Iterator[httpx.Client]:
    """Somebody who looks at it."""
    with still_console.as_("watcher") as client:
        yield client


@pytest.fixture(scope="module")
def facts(district: District) -> Facts:
    """The shipped district, as pages know it."""
    return layers(district, LIMITS)


@pytest.fixture(scope="module")
def fortnight_db(embedded_server: EmbeddedPostgres) -> Iterator[str]:
    """Two weeks, which no test changes."""
    with fresh_database(embedded_server, prepare_fortnight) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def its(fortnight_db: str, facts: Facts) -> Figures:
    """The second week's figures."""
    with connect(fortnight_db, name="test", autocommit=True) as conn:
        return make(conn, facts, period("week", fortnight.FIRST), fortnight.NOW)


@pytest.fixture
def empty_console(district: District, embedded_server: EmbeddedPostgres) -> Iterator[Running]:
    """A console in lockstep before anything has happened: nobody has told it the time."""
    with fresh_database(embedded_server, _prepare) as dsn:
        running = Running(district, dsn)
        yield running
        running.stop()


@pytest.fixture
def operator(console: Running) -> Iterator[httpx.Client]:
    """Somebody who may act."""
    with console.as_("operator") as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless, one for a module."""
    try:
        with chromium() as browser:
            yield browser
    except ServiceMissing as missing:
        if os.environ.get("ROADDUST_TESTS_COMPLETE") == "1":
            raise
        pytest.skip(f"service missing: {missing}")
