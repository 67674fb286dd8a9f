"""What the API answers about the past."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class Strip(BaseModel):
    """A local day at a glance, in steps that end at `ts`: columns of equal length.

    `worst` is null where nothing is stored; `exceeding` are segments at level 2 or 3; `measured`
    segments with a measurement near; `treatments` crews at work.
    """

    day: date
    step_minutes: int
    ts: list[datetime]
    worst: list[int | None]
    exceeding: list[int]
    measured: list[int]
    treatments: list[int]
    first: datetime | None = Field(description="oldest minute that is stored, of any day")
    last: datetime | None = Field(description="newest minute that is stored")


class Ahead(BaseModel):
    """Quantiles of a segment's mean increment, µg/m³, over the hour that ends `horizon_min` after
    the outlook's time, and the chance that the hourly mean passes each limit by then."""

    horizon_min: int
    q10: float
    q50: float
    q90: float
    chance_1: float | None
    chance_2: float | None
    chance_3: float | None


class Outlook(BaseModel):
    """What the model foresees of every segment."""

    ts: datetime | None
    segments: dict[str, list[Ahead]]
