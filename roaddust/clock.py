"""The one clock. Everything else is told the time."""

import threading
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the platform takes for now."""

    def now(self) -> datetime:
        """An aware time in UTC."""
        ...


class WallClock:
    """The system's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TickClock:
    """The time that `up/clock` last said; before the first tick, the time given."""

    def __init__(self, start: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def set(self, now: datetime) -> None:
        """Move on; a tick from the past is ignored, time never runs back."""
        with self._lock:
            self._now = max(self._now, now)
