"""What messages become: plain records, times in microseconds since 1970 (UTC)."""

from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from ingest.refusals import Reason


class Reading(NamedTuple):
    """A station's reading: µg/m³, °C, %, hPa, m/s, degrees, mm, dB(A)."""

    ts_us: int
    pm10: float | None = None
    pm25: float | None = None
    tsp: float | None = None
    temp: float | None = None
    rh: float | None = None
    pressure: float | None = None
    wind_speed: float | None = None
    wind_dir: float | None = None
    rain: float | None = None
    noise: float | None = None
    status: str = "N"
    extra: dict[str, Any] | None = None


QUANTITIES = Reading._fields[1:11]
"""Names of the values, in order."""
PARTICLES = frozenset({"pm10", "pm25", "tsp"})


class Event(NamedTuple):
    """What a camera or a drone saw."""

    ts_us: int
    id: str
    kind: str
    confidence: float | None
    lon: float | None
    lat: float | None
    segment: str | None
    site: str | None
    truck: str | None
    plate: str | None
    number: int | None
    media: Any
    note: str | None


class Position(NamedTuple):
    """Where a crew is."""

    ts_us: int
    lon: float
    lat: float
    speed_kmh: float | None
    water_l: float | None
    state: str | None


class Progress(NamedTuple):
    """What a crew says of an order."""

    ts_us: int
    order: str
    event: str
    reason: str | None
    photos: Any
    water_l: float | None


class Report(NamedTuple):
    """What a resident complains of."""

    ts_us: int
    id: str
    text: str | None
    lon: float | None
    lat: float | None
    segment: str | None
    kind: str


class Refused(NamedTuple):
    """A message, or an item of one, that becomes a dead letter.

    part: place of the item in the array, None for the whole message; payload: bytes of the item,
    None for those of the whole message.
    """

    reason: Reason
    detail: str
    part: int | None = None
    payload: bytes | None = None


Record = TypeVar("Record")


@dataclass(slots=True)
class Decoded(Generic[Record]):
    """What an adapter makes of a payload.

    parts: beside each record, its place in the payload's array; None where the payload is one
    record, or cannot be taken apart.
    """

    source: str
    records: list[Record] = field(default_factory=list)
    parts: list[int | None] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
