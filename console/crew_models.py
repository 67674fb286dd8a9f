"""What the crew's page's part of the API takes and answers with."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from console.board_models import Id, Instant
from console.models import Depot, LonLat, Text

Litres = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


class Place(BaseModel):
    """A segment or site as the small map draws it."""

    id: str
    name: str
    name_en: str | None
    line: list[LonLat]


class CrewMap(BaseModel):
    """What the small map draws; it does not change while the platform runs."""

    timezone: str
    segments: list[Place]
    sites: list[Place]
    depots: list[Depot]


class CrewOrder(BaseModel):
    """An order as a crew's leader needs it. `goal` is where the work starts, in WGS 84; `goal_gcj`
    in GCJ-02 and `goal_bd` in BD-09, for the usual navigation apps."""

    id: str
    seq: int
    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    direction: str | None
    path: list[LonLat]
    eta: datetime
    due: datetime | None
    minutes: float
    water_l: float
    priority: int
    reason: str
    also: str | None
    state: str
    issued_at: datetime
    accepted_at: datetime | None
    started_at: datetime | None
    goal: LonLat | None
    goal_gcj: LonLat | None
    goal_bd: LonLat | None
    said: list[str] = Field(description="Words taken here that the dispatcher has yet to take in")


class PastOrder(BaseModel):
    """An order of today that is over."""

    id: str
    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    state: str
    started_at: datetime | None
    ended_at: datetime
    outcome: str | None
    photos: int


class CrewPlace(BaseModel):
    ts: datetime
    lon: float
    lat: float
    water_l: float | None
    state: str | None


class CrewPage(BaseModel):
    """Everything on a crew's page. `tank_l` is 0 for a crew without water."""

    crew: str
    name: str
    kind: str
    tank_l: float
    now: datetime
    orders: list[CrewOrder]
    history: list[PastOrder]
    position: CrewPlace | None


class Word(BaseModel):
    """A crew's word about an order. `key` is made up when the button is pressed and sent again with
    every repeat; `at` is when that was, by the platform's clock as the page knows it."""

    key: UUID
    order: Id
    event: Literal["accepted", "refused", "started", "done", "failed"]
    at: Instant
    reason: Annotated[Text, Field(max_length=500)] | None = None
    water_l: Litres | None = None

    @model_validator(mode="after")
    def _says_why(self) -> "Word":
        if self.event in ("refused", "failed") and not self.reason:
            raise ValueError(f"`{self.event}` needs a `reason`: say why")
        return self


class NewPosition(BaseModel):
    """Where the phone is, in WGS 84."""

    at: Instant
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    speed_kmh: float | None = Field(default=None, ge=0, le=300, allow_inf_nan=False)


class Taken(BaseModel):
    """`repeat`: it had come before, and was not taken twice."""

    key: UUID
    repeat: bool
