"""What the API says when it is asked why."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from console.models import Cause, Order, Verdict

ByLanguage = dict[str, str | None]


class Line(BaseModel):
    at: datetime
    actor: str
    event: str
    detail: dict[str, Any]


class Proof(BaseModel):
    """What the vehicle's positions and water prove of the work: `share` of the segment's length or
    of the minutes to stand; `proven` is null where it cannot be told; `spans` are metres from the
    segment's drawn start."""

    judged_at: datetime
    share: float | None
    worked_m: float | None
    driven_m: float | None
    water_l: float | None
    positions: int
    proven: bool | None
    spans: list[tuple[float, float]]


class Step(BaseModel):
    order: str | None
    treatment: str | None
    place: str | None
    eta: datetime
    minutes: float | None
    priority: int | None


class Chosen(BaseModel):
    """How the crew stood when the plan was made."""

    crew: str
    why: str
    condition: str | None
    away_m: float | None = Field(description="As the crow flies")
    orders_before: int | None
    before: list[Step]
    eta: datetime


class Override(BaseModel):
    id: int
    kind: str
    crew: str | None = None
    treatment: str | None
    why: str
    given_by: str
    given_at: datetime
    until: datetime


class Rival(BaseModel):
    """Another crew, and the first reason that holds against it: other_kind, held, off, broken,
    silent, refused, failed, no_answer, unknown, more_work or planned_other."""

    crew: str
    why: str
    condition: str | None
    away_m: float | None
    orders_before: int | None
    free_at: datetime | None
    outcome: str | None
    outcome_also: str | None
    override: Override | None


class PlanOfOrder(BaseModel):
    id: str
    issued_at: datetime
    trigger: str


class OrderStory(BaseModel):
    """Everything about one order. `reason` is by language, null in one where it was not kept."""

    order: Order
    reason: ByLanguage
    plan: PlanOfOrder | None
    chosen: Chosen
    rivals: list[Rival]
    decision: ByLanguage
    overrides: list[Override]
    log: list[Line]
    proof: Proof | None
    verdict: Verdict | None


class Decision(BaseModel):
    """What a plan decided on a place; `chosen` says whether it was to be treated."""

    plan: str
    issued_at: datetime
    trigger: str
    chosen: bool
    treatment: str | None
    reason: ByLanguage
    order: str | None
    crew: str | None
    code: str | None


class PlaceOrder(BaseModel):
    """An order at a place with what was proven and what it achieved."""

    id: str
    crew: str
    treatment: str
    priority: int
    reason: str
    also: str | None
    state: str
    issued_at: datetime
    eta: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    outcome_also: str | None
    minutes: float
    water_l: float
    episode: str | None
    proven_share: float | None
    proven: bool | None
    judged_at: datetime | None
    effective: bool | None
    reduction_pct: float | None
    low: float | None
    high: float | None
    method: str | None
    model_pct: float | None
    model_low: float | None
    model_high: float | None
    differences_pct: float | None
    differences_low: float | None
    differences_high: float | None
    disagree: bool | None


class PlaceEpisode(BaseModel):
    id: str
    segment: str | None
    site: str | None
    rule: str
    level: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    peak_at: datetime | None
    peak: float | None
    causes: list[Cause]
    measured: bool
    acknowledged_by: str | None
    shelved_until: datetime | None


class Ground(BaseModel):
    """What the model thinks lies on the road: silt in g/m² between `silt_low` and `silt_high` with
    90 %, the share of it that sites' trucks brought, the water on it, and the share of the dust
    that the water holds back."""

    ts: datetime
    silt: float
    silt_low: float
    silt_high: float
    tracked: float
    film_mm: float
    wet: float


class Learned(BaseModel):
    """The share of the silt that a treatment takes off a soiled street, with 90 %."""

    treatment: str
    ts: datetime
    removes: float
    low: float
    high: float


class PlaceWorth(BaseModel):
    """What a treatment now would spare residents in three hours, person·h·µg/m³."""

    treatment: str
    ts: datetime
    spared: float
    spared_sd: float
    dose: float | None


class Matter(BaseModel):
    ref: str
    kind: str
    level: int
    opened_at: datetime
    due: datetime
    answered_at: datetime | None
    answer: str | None
    begun_at: datetime | None
    outcome: str | None


class Seen(BaseModel):
    ts: datetime
    kind: str
    source: str
    confidence: float | None
    count: int | None
    truck: str | None
    note: str | None


class Complaint(BaseModel):
    ts: datetime
    kind: str
    channel: str
    text: str | None


class Doubt(BaseModel):
    """A stretch of readings that one test of quality control doubts."""

    station: str
    quantity: str
    test: str
    since: datetime
    until: datetime
    readings: int


class Rain(BaseModel):
    """Of the ten minutes from `at` on."""

    at: datetime
    mm: float


class PlaceWhy(BaseModel):
    """Everything that speaks for and against work at a place, as of `at`. `decision` is what the
    last plan that weighed it decided; `decisions` also those before that decided otherwise."""

    place: str
    at: datetime
    since: datetime
    decision: Decision | None
    decisions: list[Decision]
    episodes: list[PlaceEpisode]
    orders: list[PlaceOrder]
    overrides: list[Override]
    matters: list[Matter]
    ground: Ground | None
    learned: list[Learned]
    worths: list[PlaceWorth]
    seen: list[Seen]
    complaints: list[Complaint]
    doubts: list[Doubt]
    rain: list[Rain]
