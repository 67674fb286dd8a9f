"""The contract's payloads, as msgspec reads and checks them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Time = Annotated[datetime, Meta(tz=True)] | int
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Status = Literal["N", "F", "M", "S", "D", "C", "T", "B"]

EventKind = Literal[
    "truck_pass",
    "unwashed_truck",
    "uncovered_truck",
    "wash_bay_idle",
    "dust_plume",
    "mud_on_road",
    "exposed_pile",
    "illegal_dumping",
    "illegal_parking",
    "road_damage",
]


class Reading(Struct, forbid_unknown_fields=True, gc=False):
    """A Reading that has the contract's keys and no other: the fast path."""

    ts: Time
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
    status: Status | None = None


class ReadingBesideMore(Reading, forbid_unknown_fields=False, gc=False):
    """A Reading that may have more keys, which are looked at separately."""


class SiteEvent(Struct):
    ts: Time
    kind: EventKind
    id: Id | None = None
    confidence: float | None = None
    lon: float | None = None
    lat: float | None = None
    segment: Id | None = None
    site: Id | None = None
    truck: Literal["muck", "container", "mixer", "other"] | None = None
    plate: str | None = None
    count: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None
    media: Any = None
    note: str | None = None


class Position(Struct):
    ts: Time
    lon: float
    lat: float
    speed_kmh: float | None = None
    water_l: float | None = None
    state: Literal["idle", "driving", "working", "refilling", "off", "broken"] | None = None


class Progress(Struct):
    ts: Time
    order: Id
    event: Literal["accepted", "refused", "started", "done", "failed"]
    reason: str | None = None
    photos: Any = None
    water_l: float | None = None


class Report(Struct):
    ts: Time
    id: Id | None = None
    text: str | None = None
    lon: float | None = None
    lat: float | None = None
    segment: Id | None = None
    kind: Literal["dust", "noise", "other"] = "other"


class Clock(Struct):
    now: Time
