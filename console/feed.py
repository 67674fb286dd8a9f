"""One poller that feeds every browser: a snapshot when it joins, then only what changed.

It looks each second, and at once when a stage says that it has stored something, yet never more
often than each half. Each change is put into words once, whatever the number of browsers, and the
last few are kept so that a slow browser catches up; one that is slower still gets a new snapshot.
Nobody watching, nothing asked.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import psycopg_pool

from console.pool import Pool, listening
from console.snapshot import Snapshot, Wanted, meta_now, take
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("console")

PERIOD_S = 1.0
GAP_S = 0.5
"""Stages that store many times a second are not looked at more often than this."""
KEPT = 60
"""Changes kept for slow browsers."""
KEEP_ALIVE_S = 15.0

_encode = msgspec.json.Encoder().encode


def delta(old: Snapshot, new: Snapshot) -> Snapshot:
    """What to put into `old` to get `new`; a null entry takes its id away. Empty when equal."""
    changes: Snapshot = {}
    for section, entries in new.items():
        before = old[section]
        changed: dict[str, Any] = {
            id_: entry
            for id_, entry in entries.items()
            if id_ not in before or before[id_] != entry
        }
        changed |= dict.fromkeys(before.keys() - entries.keys())
        if changed:
            changes[section] = changed
    return changes


def server_sent(event: str, data: Any) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + _encode(data) + b"\n\n"


class NoTimeYet(Exception):
    """The platform has no time yet: nothing has arrived on up/clock."""

    def __str__(self) -> str:
        return str(self.__doc__)


class Feed:
    """The shared state; `now` gives the platform's time, or None for the last tick's."""

    def __init__(self, pool: Pool, wanted: Wanted, now: Callable[[], datetime] | None) -> None:
        self._pool = pool
        self.wanted = wanted
        self._now = now
        self._snapshot: Snapshot | None = None
        self._whole: tuple[int, bytes] | None = None
        self._version = 0
        self._changed: dict[str, int] = {}
        self._changes: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._news = asyncio.Condition()
        self._wake = asyncio.Event()
        self._nudged = asyncio.Event()
        self._closed = False
        self.browsers = 0

    async def time(self) -> datetime:
        """The platform's time. Raises NoTimeYet before the first tick."""
        if self._now is not None:
            return self._now()
        async with self._pool.connection() as conn:
            tick = await meta_now(conn)
        if tick is None:
            raise NoTimeYet
        return tick

    async def fresh(self) -> Snapshot:
        """The state right now, read for the caller."""
        now = await self.time()
        async with self._pool.connection() as conn:
            return await take(conn, self.wanted, now)

    def nudge(self) -> None:
        """Somebody has just changed something: look again at once."""
        self._wake.set()
        self._nudged.set()

    def changed(self, section: str) -> int | None:
        """A number that is another one after each change of a section; None while nobody watches,
        when nothing is looked at."""
        if not self.browsers or self._snapshot is None:
            return None
        return self._changed[section]

    async def poll(self) -> None:
        """Keep the state up to date until closed; a database that is away is asked again."""
        while not self._closed:
            self._wake.clear()
            self._nudged.clear()
            if self.browsers:
                try:
                    await self.advance(await self.fresh())
                except (psycopg.Error, psycopg_pool.PoolTimeout, NoTimeYet) as error:
                    log.warning("the console cannot read the state: %s", error)
            for event, patience_s in ((self._nudged, GAP_S), (self._wake, PERIOD_S - GAP_S)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), patience_s)
                    break

    async def listen(self, dsn: str) -> None:
        """Hear of it when a stage has stored something; without a database the clock is enough."""
        while not self._closed:
            try:
                async with await listening(dsn) as conn:
                    await conn.execute(SQL.listen)
                    self._wake.set()  # for what was said before
                    async for _ in conn.notifies():
                        self._wake.set()
            except psycopg.Error as error:
                log.debug("the console does not hear the stages: %s", error)
            await asyncio.sleep(PERIOD_S)

    async def close(self) -> None:
        """End every stream."""
        self._closed = True
        self.nudge()
        async with self._news:
            self._news.notify_all()

    async def advance(self, new: Snapshot) -> None:
        """Take in the state as it is now, and tell every stream what is different."""
        old, self._snapshot = self._snapshot, new
        changes = new if old is None else delta(old, new)
        if not changes:
            return
        self._version += 1
        self._changed |= dict.fromkeys(changes, self._version)
        if old is not None:
            self._changes.append((self._version, server_sent("change", changes)))
        async with self._news:
            self._news.notify_all()

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events for one browser, until the feed is closed."""
        if not self.browsers:
            # Nobody has watched: what is kept may be hours old.
            self._snapshot = self._whole = None
            self._changes.clear()
        self.browsers += 1
        self.nudge()
        seen = -1
        try:
            yield b"retry: 2000\n\n"
            while not self._closed:
                pieces, seen = self._since(seen)
                if pieces:
                    for piece in pieces:
                        yield piece
                    continue
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S), self._news:
                        while not self._has_news(seen):
                            await self._news.wait()
                except TimeoutError:
                    # An event, not a comment: a page must be able to tell a quiet street from a
                    # connection that has died without a word.
                    yield b"event: beat\ndata: {}\n\n"
        finally:
            self.browsers -= 1

    def _has_news(self, seen: int) -> bool:
        return self._closed or (self._snapshot is not None and self._version > seen)

    def _since(self, seen: int) -> tuple[list[bytes], int]:
        if self._snapshot is None or self._version <= seen:
            return [], seen
        oldest = self._changes[0][0] if self._changes else self._version + 1
        if seen < 0 or seen + 1 < oldest:
            if self._whole is None or self._whole[0] != self._version:
                self._whole = (self._version, server_sent("snapshot", self._snapshot))
            return [self._whole[1]], self._version
        return [piece for version, piece in self._changes if version > seen], self._version
