"""What is kept of a trial: what truly happened, what was ordered, what was done."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulators.scenario import Scenario
from simulators.treatment import Work

__all__ = [
    "BLOCK_MIN",
    "STREET",
    "Cause",
    "EpisodeSaid",
    "OrderSaid",
    "ProgressSaid",
    "Record",
    "WorkDone",
]

Rows = NDArray[np.float32]

STREET = "street"
"""The source that no site is to blame for; the others are ids of sites."""

# By source there would be too much of every minute.
BLOCK_MIN = 10


@dataclass(frozen=True, slots=True)
class WorkDone:
    """Work that counted in a minute of the trial; ``minute`` is its row in the arrays."""

    minute: int
    work: Work


@dataclass(frozen=True, slots=True)
class OrderSaid:
    """An order as the crew's plans had it: since ``said_at``, until ``withdrawn_at`` if it was."""

    order: str
    crew: str
    treatment: str
    segment: str | None
    site: str | None
    priority: int | None
    episode: str | None
    said_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def treats(self) -> bool:
        """Whether it treats or inspects, rather than moves the vehicle."""
        return self.treatment not in ("refill", "return")


@dataclass(frozen=True, slots=True)
class ProgressSaid:
    """What a crew said of an order: accepted, refused, started, done or failed."""

    ts: datetime
    crew: str
    order: str
    event: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """One of an episode's causes; ``site`` is set for kind ``site``."""

    kind: str
    site: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class EpisodeSaid:
    """An episode as it was published at a time, one of possibly many changes."""

    heard_at: datetime
    episode: str
    segment: str | None
    site: str | None
    level: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Record:
    """A trial: one policy, one seed, one scenario.

    Row ``t`` of the arrays is the minute that ends at ``start`` + t + 1 minutes.

    Attributes
    ----------
    segments, sources
        The ids of the arrays' axes; ``sources`` are `STREET` and the sites, also those that the
        district does not know.
    residents
        (segment,) people within 300 m.
    judges
        Whether who sent the crews says episodes at all.
    increment
        (time, segment) µg/m³ of PM10 that streets and sites truly added at the kerbs.
    background
        (time,) regional PM10 in µg/m³.
    by_source
        (block, segment, source) means of the increment over `BLOCK_MIN` minutes.
    works
        Everything that crews did to segments and sites.
    orders, progress, episodes
        What was said on the wire, in the order of hearing; an order once, as it was said last.
    km, water_m3
        Per crew: driven (the work included), and put on streets and sites, by its own reports.
    """

    policy: str
    judges: bool
    scenario: Scenario
    seed: int
    start: datetime
    segments: tuple[str, ...]
    sources: tuple[str, ...]
    residents: NDArray[np.float64]
    increment: Rows
    background: Rows
    by_source: Rows
    works: tuple[WorkDone, ...]
    orders: tuple[OrderSaid, ...]
    progress: tuple[ProgressSaid, ...]
    episodes: tuple[EpisodeSaid, ...]
    km: dict[str, float]
    water_m3: dict[str, float]

    @property
    def minutes(self) -> int:
        """How long the trial was."""
        return len(self.increment)

    @property
    def hours(self) -> float:
        """How long the trial was."""
        return self.minutes / 60.0

    def end_of(self, row: int) -> datetime:
        """When the minute of a row ended."""
        return self.start + timedelta(minutes=row + 1)

    def row_of(self, at: datetime) -> int:
        """The row of the minute in which a time lies; before the start it is negative."""
        return int(np.ceil((at - self.start).total_seconds() / 60.0)) - 1
