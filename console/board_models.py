"""What the dispatch board's part of the API takes and answers with."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from console.models import ID_PATTERN, Text

Id = Annotated[str, Field(pattern=ID_PATTERN)]
OverrideKind = Literal["pin", "forbid", "assign", "hold", "add"]
Treatment = Literal["wash", "sweep", "fog", "heavy_clean", "hand_wash", "inspect"]
Two = tuple[float, float]


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None or not 1970 < at.year < 2200:
        raise ValueError("give a time with its offset, after 1970 and before 2200")
    return at


Instant = Annotated[datetime, AfterValidator(_aware)]


class Bar(BaseModel):
    """A stretch of a crew's time; `order` is what is done or driven to. Planned ones lie after
    `now`."""

    kind: Literal["drive", "work", "refill", "standing", "off", "broken"]
    start: datetime
    end: datetime
    planned: bool
    order: str | None
    late: bool


class BarOrder(BaseModel):
    """What a bar stands for."""

    id: str
    crew: str
    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    eta: datetime
    due: datetime | None
    minutes: float
    water_l: float
    priority: int
    episode: str | None
    reason: str
    also: str | None
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    outcome_also: str | None
    pinned: bool


class Done(BaseModel):
    """A day so far, and with what still stands in the plan. `due` counts the musts whose time has
    come, `on_time` those of them that were begun by then; `due_planned` and `on_time_planned` are
    the same of those to come, as the plan has them."""

    treatments: int
    water_l: float
    km: float
    on_time: int
    due: int
    treatments_planned: int
    water_planned_l: float
    km_planned: float
    on_time_planned: int
    due_planned: int


class BoardCrew(BaseModel):
    """`condition` is how the plan in force counts on it: ready, off, broken, silent or held."""

    crew: str
    condition: str | None
    state: str | None
    seen_at: datetime | None
    lon: float | None
    lat: float | None
    water_l: float | None
    shifts: list[tuple[datetime, datetime]]
    bars: list[Bar]
    orders: list[BarOrder]
    water: list[tuple[datetime, float]]
    water_ahead: list[tuple[datetime, float]]
    today: Done


class Band(BaseModel):
    """When the weather kept water off the street: `sand_dust`, `rain` or `frost`."""

    start: datetime
    end: datetime
    code: str


class LeftOut(BaseModel):
    """A place that the plan in force gives nothing, and why."""

    place: str
    treatment: str | None
    reason: str
    also: str | None
    code: str | None
    episode: str | None
    level: int | None
    due: datetime | None


class Override(BaseModel):
    """What somebody decided against the plan; it holds while `ended_at` is null and `until` has not
    come."""

    id: int
    kind: str
    place: str | None
    treatment: str | None
    crew: str | None
    order_id: str | None
    priority: int | None
    due: datetime | None
    why: str
    given_by: str
    given_at: datetime
    until: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None


class OverridePage(BaseModel):
    items: list[Override]
    next: int | None = Field(description="Give it as `after` for the next page; null on the last")


class Board(BaseModel):
    """Crews over a span of time."""

    now: datetime
    since: datetime
    until: datetime
    plan: str | None
    plan_at: datetime | None
    trigger: str | None
    crews: list[BoardCrew]
    weather: list[Band]
    left_out: list[LeftOut]
    overrides: list[Override]
    today: Done


class Asked(BaseModel):
    """What a decision is about. A kind needs: pin: order. forbid: place (and treatment unless every
    one is meant). assign: place, treatment, crew. hold: crew. add: place, treatment; priority,
    due and crew may be given."""

    kind: OverrideKind
    until: Instant
    place: Id | None = None
    treatment: Treatment | None = None
    crew: Id | None = None
    order: Id | None = None
    priority: Literal[1, 2, 3] | None = None
    due: Instant | None = None


class NewOverride(Asked):
    """A decision, and why."""

    why: Text = Field(min_length=1, max_length=500)


class NewPreview(BaseModel):
    """A decision that is thought of, or the number of one to be taken back."""

    wish: Asked | None = None
    withdraw: int | None = Field(default=None, ge=1)


class PreviewOrder(BaseModel):
    """An order of the plan that would be made."""

    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    eta: datetime
    minutes: float
    due: datetime | None
    priority: int
    crew: str
    state: str


class Gained(PreviewOrder):
    """`from` is the crew that has it otherwise, null for work that would not be done."""

    from_: str | None = Field(alias="from")


class Lost(PreviewOrder):
    to: str | None


class Moved(PreviewOrder):
    """`by_min` is later for more than 0."""

    by_min: float


class CrewEffect(BaseModel):
    """What a decision changes for a crew; pairs are without it and with it."""

    crew: str
    gained: list[Gained]
    lost: list[Lost]
    moved: list[Moved]
    orders: Two
    km: Two
    water_l: Two
    work_min: Two


class Totals(BaseModel):
    """Without the decision and with it. `spared` is what residents are spared by the work planned,
    person·h·µg/m³, null where no model says it."""

    orders: Two
    km: Two
    water_l: Two
    work_min: Two
    spared: Two | None


class LeftMust(BaseModel):
    place: str
    treatment: str | None
    priority: int
    reason: str
    also: str | None


class Unmet(BaseModel):
    """Why what is asked for would not come about."""

    text: str
    also: str | None


class Effect(BaseModel):
    """Two plans side by side, from one situation: without the decision and with it."""

    crews: list[CrewEffect]
    orders: dict[str, list[PreviewOrder]]
    late_before: list[PreviewOrder]
    late: list[PreviewOrder]
    left_out_before: list[LeftMust]
    left_out: list[LeftMust]
    totals: Totals
    sentence: dict[str, str]
    unmet: Unmet | None = None


class Preview(BaseModel):
    """A question to the dispatcher and its answer. `stale`: `plan` when another plan is in force by
    now, `age` when the answer is more than five minutes old."""

    id: int
    asked_at: datetime
    asked_by: str
    wish: dict[str, Any]
    answered_at: datetime | None
    plan: str | None
    answer: Effect | None
    problem: str | None
    stale: Literal["plan", "age"] | None


class Photo(BaseModel):
    """A photo of an order; the picture is at `/api/v1/photos/{id}`."""

    id: str
    order_id: str
    crew: str
    taken_by: str
    taken_at: datetime
    width_px: int
    height_px: int
