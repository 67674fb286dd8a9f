"""Which stage runs where: threads of this process on the wall clock, steps of a tick in lockstep.

Stages meet in the store and on the broker and know nothing of each other; this is the one place
that knows them all.
"""

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import psycopg
from apscheduler.triggers.cron import CronTrigger

from analytics.runner import Analytics
from broker.connection import Address
from console.app import Console
from console.users import ensure_admin
from dispatch.runner import Dispatcher
from geo.district import District
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from roaddust.clock import Clock, TickClock, WallClock
from roaddust.keys import console_key
from roaddust.publisher import Publisher
from roaddust.settings import STAGES, Settings, Stage
from roaddust.timetable import Job, Timetable
from store.database import Connection, abilities, connect
from store.meta import put_meta
from store.migrate import migrate
from store.upkeep import clean

log = logging.getLogger(__name__)

ANALYTICS_EVERY_S = 5.0
DISPATCH_EVERY_S = 5.0
RETRY_S = 2.0
STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Started:
    """What a person wants to know of a platform that has just started."""

    server: str
    migrated: list[str]
    console: str | None
    admin_password: str | None


class Platform:
    """The stages asked for, against a given broker and database. Use as a context manager.

    `failure` holds what stopped it, if something did; `failed` is set then.
    """

    def __init__(
        self, district: District, settings: Settings, stages: Collection[Stage] = STAGES
    ) -> None:
        self._district, self._settings, self._stages = district, settings, set(stages)
        self.clock: Clock = WallClock() if settings.clock == "wall" else TickClock()
        self.failure: BaseException | None = None
        self.failed = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open = ExitStack()
        self.after_tick: Callable[[datetime], None] | None = None
        self.ingest: Ingest | None = None

    def start(self) -> Started:
        """Bring the schema up to date and start every stage.

        Raises ConnectionError for a broker, psycopg.OperationalError for a database that is not
        there, OSError for a port that is taken.
        """
        settings = self._settings
        migrated = migrate(settings.db)
        with connect(settings.db, name="start", autocommit=True) as conn:
            server = abilities(conn).words
            admin_password = (
                ensure_admin(conn, WallClock().now()) if "console" in self._stages else None
            )
        address = Address.parse(settings.mqtt)
        try:
            console = self._start_console() if "console" in self._stages else None
            if self._stages & {"ingest", "analytics", "dispatch"}:
                publisher = Publisher(address, settings.prefix)
                publisher.start()
                self._open.callback(publisher.stop)
                if isinstance(self.clock, TickClock):
                    self._start_lockstep(address, publisher, self.clock)
                else:
                    self._start_threads(address, publisher)
                publisher.online()
        except BaseException:
            self.stop()
            raise
        return Started(server, migrated, console, admin_password)

    def stop(self) -> None:
        """End every stage: what is in hand is finished and acknowledged. Within 5 s."""
        self._stop.set()
        if self.ingest is not None:
            self.ingest.stop()
        for thread in self._threads:
            thread.join(STOP_S)
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The stages -------------------------------------------------------------------------------

    def _start_console(self) -> str:
        settings = self._settings
        console = Console(
            self._district,
            settings.db,
            host=settings.host,
            port=settings.port,
            now=self.clock.now if settings.clock == "wall" else None,
            wall_now=WallClock().now,
            secret=console_key(settings.data),
            limits={name: rule.limits for name, rule in settings.analytics.rules.items()},
        )
        self._spawn("console", lambda: console.run(self._stop))
        return console.address

    def _start_ingest(
        self, address: Address, on_clock: Callable[[datetime], None] | None = None
    ) -> None:
        self.ingest = Ingest(
            self._settings.db,
            address,
            self._settings.prefix,
            registry(self._district),
            self._settings.ingest,
            self.clock.now,
            on_clock,
        )
        self.ingest.start()

    def _start_threads(self, address: Address, publisher: Publisher) -> None:
        """On the wall clock every stage goes its own way."""
        settings, now = self._settings, self.clock.now
        if "ingest" in self._stages:
            self._start_ingest(address)
        if "analytics" in self._stages:
            analytics = Analytics(self._district, settings.analytics)
            settle_s = settings.analytics.settle_s
            self._spawn_steps(
                "analytics",
                lambda conn: analytics.step(conn, now(), settle_s=settle_s),
                ANALYTICS_EVERY_S,
            )
        if "dispatch" in self._stages:
            dispatcher = Dispatcher(self._district, settings.dispatch)

            def dispatch(conn: Connection) -> None:
                if dispatcher.lead(conn):
                    dispatcher.step(conn, now())

            self._spawn_steps("dispatch", dispatch, DISPATCH_EVERY_S)
            scheduler = self._timetable().schedule(now)
            self._open.callback(scheduler.shutdown, wait=False)
        self._spawn("outbox", lambda: publisher.run(settings.db, self._stop))

    def _start_lockstep(self, address: Address, publisher: Publisher, clock: TickClock) -> None:
        """In lockstep every tick is one pass over the stages, in order, answered at its end."""
        settings, stages = self._settings, self._stages
        conn = self._open.enter_context(connect(settings.db, name="lockstep"))
        analytics = Analytics(self._district, settings.analytics)
        dispatcher = Dispatcher(self._district, settings.dispatch)
        timetable = self._timetable()

        def tick(now: datetime) -> None:
            clock.set(now)
            if "analytics" in stages:
                analytics.step(conn, now)
            if "dispatch" in stages and dispatcher.lead(conn):
                dispatcher.step(conn, now)
                timetable.step(now)
            put_meta(conn, "now", {"now": now})
            publisher.drain(conn)
            if self.after_tick:
                self.after_tick(now)
            publisher.done(now)

        publisher.drain(conn)
        self._start_ingest(address, tick)
        self._spawn("watch", self._watch_ingest)

    def _watch_ingest(self) -> None:
        """Ingest runs the ticks; what stops it stops the platform."""
        while not self._stop.wait(0.2):
            if self.ingest is not None and self.ingest.failure is not None:
                raise self.ingest.failure

    def _timetable(self) -> Timetable:
        """What is due by the time of day."""
        settings = self._settings

        def upkeep(now: datetime) -> None:
            with connect(settings.db, name="upkeep") as conn:
                clean(
                    conn,
                    now,
                    keep=timedelta(days=settings.keep_days),
                    lateness=timedelta(hours=settings.ingest.lateness_h),
                )

        at_night = CronTrigger(hour=3, minute=30, timezone=self._district.timezone)
        return Timetable([Job("upkeep", at_night, upkeep)])

    # Threads ----------------------------------------------------------------------------------

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                run()
            except BaseException as error:
                log.exception("%s has stopped", name)
                self.failure = error
                self.failed.set()

        thread = threading.Thread(target=guarded, name=f"roaddust-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _spawn_steps(self, name: str, step: Callable[[Connection], None], every_s: float) -> None:
        """A stage that steps again and again, and waits out a database that is away."""

        def run() -> None:
            while not self._stop.is_set():
                try:
                    with connect(self._settings.db, name=name) as conn:
                        while not self._stop.is_set():
                            step(conn)
                            self._stop.wait(every_s)
                except psycopg.OperationalError as error:
                    log.warning("%s: the database is away (%s); trying again", name, error)
                    self._stop.wait(RETRY_S)

        self._spawn(name, run)


def registry(district: District) -> Registry:
    """What ingest needs to know of a district to tell a known id from an unknown one."""
    facts: dict[str, Any] = {
        "stations": {s.id: StationFacts(s.mn, s.pm_unit) for s in district.stations.values()},
        "cameras": frozenset(district.cameras),
        "crews": frozenset(district.crews),
        "segments": frozenset(district.segments),
        "sites": frozenset(district.sites),
        "timezone": district.timezone,
    }
    return Registry(**facts)
