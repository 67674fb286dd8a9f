"""Which stage runs where: threads of this process on the wall clock, steps of a tick in lockstep.

Stages meet in the store and on the broker and know nothing of each other; this is the one place
that knows them all. Each is imported where it is started: a process that only ingests has neither
the memory nor the start of the search for routes and of the pages.
"""

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from broker.connection import Address
from geo.district import District
from ingest.runner import Ingest
from ingest.silence import SilenceWatch
from roaddust import bell
from roaddust.clock import Clock, TickClock, WallClock
from roaddust.ingestfigures import IngestFigures
from roaddust.keys import console_key
from roaddust.notices import Notifier
from roaddust.publisher import AWAY, BrokerSilent, Publisher
from roaddust.registry import registry
from roaddust.reviews import look_at_rounds, review_day, review_week
from roaddust.routine import Duty, Routine
from roaddust.settings import STAGES, Settings, Stage
from roaddust.timetable import Job, Timetable, wake
from store.database import Connection, abilities, connect
from store.meta import get_meta, put_meta
from store.migrate import migrate
from store.upkeep import clean

log = logging.getLogger(__name__)

ANALYTICS_EVERY_S = 5.0
DISPATCH_EVERY_S = 5.0
SILENCES_EVERY_S = 15.0
STOP_S = 5.0
RETRY_S = 0.5


class WrongUse(ValueError):
    """A platform that cannot work as it was asked for; the message says what to ask for."""


class PlatformFailed(RuntimeError):
    """A stage has ended by an error: in one line, the whole of it is in the log."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a person wants to know of a platform that has just started."""

    server: str
    migrated: list[str]
    console: str | None
    admin_password: str | None


class Platform:
    """The stages asked for, against a given broker and database. Use as a context manager.

    `failure` holds what stopped it, if something did; `failed`, which may be given, is set then.
    Raises WrongUse for stages that cannot work without one that is not asked for.
    """

    def __init__(
        self,
        district: District,
        settings: Settings,
        stages: Collection[Stage] = STAGES,
        *,
        failed: threading.Event | None = None,
    ) -> None:
        self._district, self._settings, self._stages = district, settings, set(stages)
        steps = sorted(self._stages & {"analytics", "dispatch"})
        if settings.clock == "mqtt" and steps and "ingest" not in self._stages:
            raise WrongUse(
                f"--clock mqtt: {' and '.join(steps)} would never step, because it is ingest that "
                "hears a tick. Add ingest to --only, or run on the wall clock"
            )
        if settings.clock == "mqtt" and settings.ingest.shared:
            raise WrongUse(
                f"--clock mqtt with {settings.ingest.workers} workers of ingest: a tick comes to "
                "one of them, and another may still hold what came before it. Set ingest.workers "
                "to 1"
            )
        self.clock: Clock = WallClock() if settings.clock == "wall" else TickClock()
        self.failure: BaseException | None = None
        self.failed = failed or threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open = ExitStack()
        self.after_tick: Callable[[datetime], None] | None = None
        self.ingest: Ingest | None = None

    def start(self) -> Started:
        """Bring the schema up to date and start every stage.

        Raises ConnectionError for a broker, psycopg.OperationalError for a database that is not
        there, OSError for a port that is taken, ValueError for the address of no broker.
        """
        settings = self._settings
        address = Address.parse(settings.mqtt)
        migrated = migrate(settings.db)
        with connect(settings.db, name="start", autocommit=True) as conn:
            server = abilities(conn).words
        admin_password = None
        try:
            console = self._start_console() if "console" in self._stages else None
            if self._stages & {"ingest", "analytics", "dispatch"}:
                # The process that hears is the one that says whether anybody is heard; of several
                # workers the first, as there is one such topic.
                hears = "ingest" in self._stages and settings.ingest.worker == 1
                publisher = Publisher(address, settings.prefix, status=hears)
                publisher.start()
                self._open.callback(publisher.stop)
                if isinstance(self.clock, TickClock):
                    self._start_lockstep(address, publisher, self.clock)
                else:
                    self._start_threads(address, publisher)
                if hears:
                    publisher.online()
            if console:
                from console.users import ensure_admin

                # Last: the password is told once, by a start that has succeeded.
                with connect(settings.db, name="start", autocommit=True) as conn:
                    admin_password = ensure_admin(conn, WallClock().now())
        except BaseException:
            self.stop()
            raise
        return Started(server, migrated, console, admin_password)

    def check(self) -> None:
        """Raises PlatformFailed when a stage has ended by an error."""
        if self.failure is not None:
            words = str(self.failure).strip().partition("\n")[0]
            if not isinstance(self.failure, OSError | WrongUse | BrokerSilent):
                words = f"{type(self.failure).__name__}: {words}"
            raise PlatformFailed(f"the platform has stopped: {words}") from self.failure

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
        from console.app import Console

        settings = self._settings
        secret = console_key(settings.data)
        try:
            console = Console(
                self._district,
                settings.db,
                host=settings.host,
                port=settings.port,
                now=self.clock.now if settings.clock == "wall" else None,
                wall_now=WallClock().now,
                secret=secret,
                limits={name: rule.limits for name, rule in settings.analytics.rules.items()},
                settings=settings.console,
            )
        except OSError as error:
            raise OSError(
                f"the console cannot listen on {settings.host} port {settings.port} "
                f"({error.strerror or error}): give another one with --port, 0 for any that is free"
            ) from error
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
        figures = IngestFigures(self._settings.db, self.ingest, self._settings.ingest.session)
        self._open.callback(figures.last)
        self._spawn("figures", lambda: figures.run(self._stop))

    def _start_threads(self, address: Address, publisher: Publisher) -> None:
        """On the wall clock every stage goes its own way, stepped by APScheduler."""
        settings, jobs = self._settings, []
        if "ingest" in self._stages:
            self._start_ingest(address)
            self._spawn("watch", self._watch_ingest)
            if settings.ingest.worker == 1:
                silences = SilenceWatch(self._district.stations)
                jobs.append(self._stage("silences", SILENCES_EVERY_S, silences.step))
        if "analytics" in self._stages:
            from analytics.runner import Analytics

            analytics = Analytics(self._district, settings.analytics)
            settle_s = settings.analytics.settle_s
            jobs.append(
                self._stage(
                    "analytics",
                    ANALYTICS_EVERY_S,
                    lambda conn, now: analytics.step(conn, now, settle_s=settle_s),
                )
            )
        if "dispatch" in self._stages:
            from dispatch.runner import Dispatcher

            dispatcher = Dispatcher(self._district, settings.dispatch)
            routine = Routine(self._duties())
            jobs += [
                self._stage("dispatch", DISPATCH_EVERY_S, dispatcher.step),
                self._stage("routine", DISPATCH_EVERY_S, routine.step),
                self._stage("notices", DISPATCH_EVERY_S, Notifier(settings.notices).step),
            ]
        scheduler = Timetable(jobs).schedule(self.clock.now, self._fail)
        self._open.callback(scheduler.shutdown)
        if "dispatch" in self._stages:
            # Somebody at the board waits for what a decision would change.
            def plan_now() -> None:
                wake(scheduler, "dispatch", self.clock.now())

            self._spawn("bell", lambda: bell.answer(settings.db, plan_now, self._stop))
        self._spawn("outbox", lambda: publisher.run(settings.db, self._stop))

    def _stage(
        self, name: str, every_s: float, step: Callable[[Connection, datetime], object]
    ) -> Job:
        """A stage that steps again and again on a connection of its own, and waits out a database
        that is away."""
        held = self._open.enter_context(Held(self._settings.db, name))

        def use(now: datetime) -> None:
            held.use(step, now)

        return Job(name, IntervalTrigger(seconds=every_s), use)

    def _start_lockstep(self, address: Address, publisher: Publisher, clock: TickClock) -> None:
        """In lockstep every tick is one pass over the stages, in order, answered at its end."""
        from analytics.runner import Analytics
        from dispatch.runner import Dispatcher

        settings, stages = self._settings, self._stages
        analytics = Analytics(self._district, settings.analytics)
        dispatcher = Dispatcher(self._district, settings.dispatch)
        routine = Routine(self._duties())
        silences = SilenceWatch(self._district.stations)
        with connect(settings.db, name="lockstep") as conn:
            reached = get_meta(conn, "now")
            publisher.drain(conn)
        if reached is not None:
            clock.set(datetime.fromisoformat(reached["now"]))
        held = self._open.enter_context(Held(settings.db, "lockstep"))

        def step(conn: Connection, now: datetime) -> None:
            silences.step(conn, now)
            if "analytics" in stages:
                analytics.step(conn, now)
            if "dispatch" in stages and dispatcher.lead(conn):
                dispatcher.step(conn, now)
                routine.step(conn, now)
            put_meta(conn, "now", {"now": now})
            publisher.drain(conn)

        def answer(_conn: Connection, now: datetime) -> None:
            publisher.done(now)

        def tick(now: datetime) -> None:
            if now < clock.now():
                # The world needs its answer; what is worked out stays.
                log.warning(
                    "a tick of %s after that of %s: time does not run back", now, clock.now()
                )
            else:
                clock.set(now)
                self._insist(held, step, now)
                if self.after_tick:
                    self.after_tick(now)
            self._insist(held, answer, now)

        if "dispatch" in stages and settings.notices.contacts:
            # Beside the ticks: a simulated day does not wait for a mail server.
            sends = self._stage("notices", DISPATCH_EVERY_S, Notifier(settings.notices).step)
            self._open.callback(Timetable([sends]).schedule(clock.now, self._fail).shutdown)
        self._start_ingest(address, tick)
        self._spawn("watch", self._watch_ingest)

    def _insist(
        self, held: "Held", step: Callable[[Connection, datetime], object], now: datetime
    ) -> None:
        """Step until it succeeds. A tick cut off by the stop is not acknowledged: it comes again
        at the next start."""
        while not held.use(step, now):
            if self._stop.wait(RETRY_S):
                raise ConnectionAbortedError(f"stopped before the tick of {now} was worked out")

    def _watch_ingest(self) -> None:
        """Ingest runs the ticks; what stops it stops the platform."""
        while not self._stop.wait(0.2):
            if self.ingest is not None and self.ingest.failure is not None:
                self._fail(self.ingest.failure)
                return

    def _duties(self) -> list[Duty]:
        """What is due at a time of day."""
        from roaddust.reporting import Reporting

        settings, district = self._settings, self._district

        def upkeep(_conn: Connection, now: datetime) -> None:
            # On a connection of its own: it commits as it goes.
            with connect(settings.db, name="upkeep") as conn:
                clean(
                    conn,
                    now,
                    keep=timedelta(days=settings.keep_days),
                    lateness=timedelta(hours=settings.ingest.lateness_h),
                )

        def at(hour: int, minute: int, weekday: str | None = None) -> CronTrigger:
            return CronTrigger(
                hour=hour, minute=minute, day_of_week=weekday, timezone=district.timezone
            )

        def daily(conn: Connection, now: datetime) -> None:
            review_day(conn, district, settings.dispatch, now)

        def weekly(conn: Connection, now: datetime) -> None:
            review_week(conn, district, settings.dispatch, now)

        def rounds(conn: Connection, now: datetime) -> None:
            look_at_rounds(conn, district, settings.dispatch, now)

        reporting = Reporting(
            district, settings.db, settings.reports, settings.language, settings.data / "reports"
        )
        return [
            Duty("daily review", at(0, 5), daily),
            Duty("weekly review", at(0, 15, "mon"), weekly),
            Duty("upkeep", at(3, 30), upkeep),
            Duty("rounds", at(20, 0), rounds),
            *reporting.duties(),
        ]

    # Threads ----------------------------------------------------------------------------------

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                run()
            except BaseException as error:
                log.exception("%s has stopped", name)
                self._fail(error)

        thread = threading.Thread(target=guarded, name=f"roaddust-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fail(self, error: BaseException) -> None:
        """Whatever ends a stage ends the platform."""
        self.failure = error
        self.failed.set()


class Held:
    """A connection kept from step to step, and made anew when the database has been away."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn, self._name = dsn, name
        self._conn: Connection | None = None

    def use(self, step: Callable[[Connection, datetime], object], now: datetime) -> bool:
        """One step; False, with a word in the log, while the database or the broker is away."""
        try:
            if self._conn is None:
                self._conn = connect(self._dsn, name=self._name)
            step(self._conn, now)
        except AWAY as error:
            log.warning("%s: the database is away (%s); trying again", self._name, error)
            self.close()
            return False
        except BrokerSilent as error:
            log.warning("%s: %s; trying again", self._name, error)
            if self._conn is not None:
                with suppress(*AWAY):
                    self._conn.rollback()
            return False
        return True

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
