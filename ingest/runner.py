"""From the broker to the tables: taken, decoded, committed, and only then acknowledged.

The network thread hands messages to the writer thread through a bounded hand-over. The writer
decodes them and closes a batch as soon as the network is quiet, the batch is full, or a tick of the
clock comes. A third thread commits it, and the next one is decoded meanwhile: while the database
works on a batch, this process has nothing else to do.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from broker.connection import Address
from ingest import messages
from ingest.arrivals import Arrival, InHand
from ingest.batch import Batch, Early
from ingest.instants import POSTGRES_EPOCH_US, aware, instant, microseconds
from ingest.items import read
from ingest.refusals import Refusal
from ingest.registry import Registry
from ingest.settings import IngestSettings
from ingest.spread import LATENCIES_S, SIZES, Spread
from ingest.subscription import Subscription
from ingest.topics import CLOCK, Topics
from ingest.writing import Written, write
from store.database import Connection, connect

log = logging.getLogger(__name__)

IDLE_S = 1.0
FIRST_RETRY_S, LAST_RETRY_S = 0.1, 5.0
DRAIN_S = 3.0
TIMED = 64
EARLY_KEPT = 100_000
"""Records ahead of the clock that are remembered until the tick; more than that stay letters."""

_CLOCK = msgspec.json.Decoder(messages.Clock)


@dataclass(slots=True)
class Counters:
    """Since the start. messages: settled with the broker, ticks too. stored and duplicates are by
    kind, dead by reason. batch_rows: rows and letters of each batch. arrival_s: from a message's
    arrival to the commit; ts_s: from the time of a reading, of up to TIMED of each batch."""

    messages: int = 0
    ticks: int = 0
    batches: int = 0
    stored: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    batch_rows: Spread = field(default_factory=lambda: Spread(SIZES))
    arrival_s: Spread = field(default_factory=lambda: Spread(LATENCIES_S))
    ts_s: Spread = field(default_factory=lambda: Spread(LATENCIES_S))

    def time(self, batch: Batch, now_s: float, now_us: int) -> None:
        """A batch is committed. now_s: by the clock of `Arrival.at_s`; now_us: platform's time."""
        self.batch_rows.add([batch.size])
        self.arrival_s.add(now_s - arrival.at_s for arrival in batch.arrivals)
        readings = batch.tables.get("readings")
        if readings is not None:
            rows = readings.rows
            self.ts_s.add(
                max(0.0, (now_us - row[1] - POSTGRES_EPOCH_US) / 1e6)
                for row in rows[:: max(1, len(rows) // TIMED)]
            )

    def add(self, written: Written) -> None:
        self.batches += 1
        for name in ("stored", "duplicates", "dead"):
            mine: Counter[str] = getattr(self, name)
            mine.update(getattr(written, name))


class Ingest:
    """Takes all of `up/#` into the store.

    clock_now: the platform's time. on_clock: in lockstep, called in the writer thread with each
    tick once everything before it is committed; without it ticks mean nothing.

    `failure` is what stopped it (an error of ours, or one that `on_clock` raised): what was not
    committed is not acknowledged, and comes again at the next start.
    """

    def __init__(
        self,
        dsn: str,
        address: Address,
        prefix: str,
        registry: Registry,
        settings: IngestSettings,
        clock_now: Callable[[], datetime],
        on_clock: Callable[[datetime], None] | None = None,
    ) -> None:
        self._dsn = make_conninfo(dsn, connect_timeout=2)
        self._settings, self._clock_now, self._on_clock = settings, clock_now, on_clock
        self._topics = Topics(registry, settings.items)
        self._in_hand = InHand(settings.in_hand_messages, settings.in_hand_mib * 2**20)
        self._subscription = Subscription(
            address,
            settings.session,
            prefix,
            self._in_hand,
            group=settings.group,
            shared=settings.shared,
            leaves=settings.leaves,
            keep_s=settings.session_s,
            five=settings.mqtt5,
        )
        self._writer = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self._draining = threading.Event()
        self._giving_up = threading.Event()
        self._conn: Connection | None = None
        self._committer = ThreadPoolExecutor(1, "ingest-commit")
        self._committing: Future[bool] | None = None
        self._told: list[Early] = []
        self._last_tick_us: int | None = None
        self.counters = Counters()
        self.failure: BaseException | None = None

    @property
    def version(self) -> str:
        """Of MQTT, as it is spoken with the broker now."""
        return self._subscription.version

    @property
    def in_hand(self) -> int:
        """Messages taken from the broker and not settled yet."""
        return self._in_hand.messages

    def start(self) -> None:
        """Returns when subscribed. Raises ConnectionError for a broker that is away or refuses."""
        # The writer first: what a session has kept comes before the answer to SUBSCRIBE.
        self._writer.start()
        try:
            self._subscription.start()
        except ConnectionError:
            self.stop()
            raise

    def stop(self) -> None:
        """Store and acknowledge what is in hand, and disconnect: in less than 5 s.

        With the database away what is in hand stays unacknowledged; the broker sends it again.
        """
        self._subscription.stop_reading()
        self._draining.set()
        self._in_hand.wake()
        if self._writer.ident is not None:
            self._writer.join(DRAIN_S)
            self._giving_up.set()
            if self._writer.is_alive() and self._conn is not None:
                self._conn.cancel()
                self._writer.join(0.5)
        self._subscription.end()

    # In the writer thread, and `_commit` also in the third ---------------------------------------

    def _run(self) -> None:
        try:
            while not (self._draining.is_set() and self._in_hand.is_taken()):
                self._take_batch()
                if self._giving_up.is_set():
                    break
            self._await_commit()
        except BaseException as error:
            log.exception("ingest has stopped")
            self.failure = error
            self._subscription.stop_reading()
        finally:
            self._committer.shutdown()
            if self._conn is not None:
                self._conn.close()

    def _take_batch(self) -> None:
        """Take messages until it is time to commit, and commit."""
        arrival = self._in_hand.take(0 if self._draining.is_set() else IDLE_S)
        if arrival is None:
            return
        settings = self._settings
        batch = self._new_batch()
        commit_at = time.monotonic() + settings.batch_age_ms / 1000
        tick: Arrival | None = None
        while arrival is not None:
            if arrival.topic == CLOCK:
                tick = arrival
                break
            batch.add(arrival)
            if batch.size >= settings.batch_rows or time.monotonic() >= commit_at:
                break
            arrival = self._next(commit_at)
        self._await_commit()
        if self._giving_up.is_set():
            return
        if tick is not None:
            self._tick(batch, tick)
        elif self._on_clock is not None:
            self._commit_early_as_letters(batch)
        else:
            self._committing = self._committer.submit(self._commit, batch)

    def _next(self, commit_at: float) -> Arrival | None:
        """The next message; None when it is time to commit.

        A pause is none while an earlier batch is under way: this one would only have to wait.
        """
        quiet_s = self._settings.quiet_ms / 1000
        while (arrival := self._in_hand.take(quiet_s)) is None:
            under_way = self._committing is not None and not self._committing.done()
            if not under_way or self._draining.is_set() or time.monotonic() >= commit_at:
                break
        return arrival

    def _await_commit(self) -> None:
        """Until the batch before is committed; raises what has stopped that."""
        if self._committing is not None:
            self._committing.result()
            self._committing = None

    def _new_batch(self) -> Batch:
        return Batch(
            self._topics,
            self._settings,
            microseconds(self._clock_now()),
            lockstep=self._on_clock is not None,
        )

    def _commit_early_as_letters(self, batch: Batch) -> None:
        early = batch.refuse_early()
        if self._commit(batch):
            self._told.extend(early[: max(0, EARLY_KEPT - len(self._told))])

    def _tick(self, batch: Batch, tick: Arrival) -> None:
        """Commit what came before the tick, let the later stages have it, acknowledge it."""
        try:
            now_us = instant(read(_CLOCK.decode, tick.payload).now)
        except Refusal as refusal:
            batch.arrivals.append(tick)
            batch.refuse((tick, None), refusal.reason, refusal.detail)
            self._commit_early_as_letters(batch)
            return
        if self._on_clock is None:
            batch.arrivals.append(tick)
            self._commit(batch)
            self.counters.ticks += 1
            return
        if tick.again and now_us == self._last_tick_us:
            # NATS sends a tick again that is not acknowledged in time, while it is being worked on.
            batch.arrivals.append(tick)
            self._commit_early_as_letters(batch)
            return
        batch.judge_early(now_us, batch.early, told=False)
        batch.judge_early(now_us, self._told, told=True)
        if batch and not self._commit(batch):
            return
        self._told.clear()
        self._on_clock(aware(now_us))
        self._last_tick_us = now_us
        self.counters.ticks += 1
        self._settle([tick])

    def _commit(self, batch: Batch) -> bool:
        """Write the batch and acknowledge it; False when told to give up.

        With the database away it waits, and so, message by message, does the broker.
        """
        wait_s = FIRST_RETRY_S
        while not self._giving_up.is_set():
            try:
                conn = self._connection()
                with conn.transaction():
                    written = write(conn, batch)
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as e:
                log.warning("the database is away (%s); next try in %.1f s", _line(e), wait_s)
                self._drop_connection()
                self._giving_up.wait(wait_s)
                wait_s = min(LAST_RETRY_S, wait_s * 2)
                continue
            self.counters.add(written)
            self.counters.time(batch, time.monotonic(), microseconds(self._clock_now()))
            self._settle(batch.arrivals)
            return True
        return False

    def _settle(self, arrivals: list[Arrival]) -> None:
        self.counters.messages += len(arrivals)
        self._subscription.settle(arrivals)

    def _connection(self) -> Connection:
        if self._conn is None:
            self._conn = connect(self._dsn, name="ingest", autocommit=True)
        return self._conn

    def _drop_connection(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
