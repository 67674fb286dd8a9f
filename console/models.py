"""What the API answers with. Times are UTC, lengths metres, PM in µg/m³, water in litres."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

Level = Literal[0, 1, 2, 3]
Freshness = Literal["live", "stale", "none"]
Standing = Literal["live", "stale", "unmeasured"]
StationHealth = Literal["live", "late", "silent", "doubted"]
EpisodeState = Literal["pending", "active", "recovering", "closed"]
OrderState = Literal[
    "sent", "accepted", "started", "done", "failed", "refused", "withdrawn", "silent"
]
LonLat = tuple[float, float]


class Segment(BaseModel):
    """A piece of road as the district folder draws it."""

    id: str
    name: str
    name_en: str | None
    road: str | None
    line: list[LonLat]
    oneway: bool
    treat: bool
    length_m: float
    width_m: float
    residents: int


class Site(BaseModel):
    """A place that makes dust; `rings` are its outlines, empty when it is drawn as a point."""

    id: str
    name: str
    name_en: str | None
    kind: str
    operator: str | None
    centre: LonLat
    rings: list[list[LonLat]]
    gates: list[str]


class Station(BaseModel):
    id: str
    kind: str
    lon: float
    lat: float
    segment: str | None
    site: str | None
    height_m: float | None


class Camera(BaseModel):
    id: str
    lon: float
    lat: float
    segment: str | None
    site: str | None


class Depot(BaseModel):
    id: str
    kind: str
    lon: float
    lat: float


class Crew(BaseModel):
    """A crew and its vehicle; `tank_l` is 0 for one that carries no water."""

    id: str
    name: str
    kind: str
    depot: str
    tank_l: float
    shifts: list[str]


class BaseMap(BaseModel):
    """Tiles to draw under the streets; `crs` is the datum that they are in."""

    url: str
    attribution: str
    crs: Literal["wgs84", "gcj02"]
    subdomains: str


class District(BaseModel):
    """Everything of the district folder that a page draws; it does not change while running."""

    id: str
    name: str
    timezone: str
    segments: list[Segment]
    sites: list[Site]
    stations: list[Station]
    cameras: list[Camera]
    depots: list[Depot]
    crews: list[Crew]
    limits: dict[str, list[float | None]]
    tiles: BaseMap | None = None


class SegmentNow(BaseModel):
    """The newest minute of a segment. `standing` says how far to trust it: `unmeasured` when
    nobody measures near (never to be shown as clean), `stale` when the minute is old. `estimate`
    is the increment at the kerbs by the model, between `low` and `high` with 90 %."""

    ts: datetime | None
    pm10: float | None
    background: float | None
    increment: float | None
    level: Level
    confidence: float
    cause: str | None
    treated_at: datetime | None
    estimate: float | None
    low: float | None
    high: float | None
    standing: Standing


class StationNow(BaseModel):
    """The newest reading. `health` in one word: `late` after 10 minutes, `silent` after 2 hours,
    `doubted` when `doubts` names the tests that it or the minutes before it did not pass."""

    ts: datetime | None
    pm10: float | None
    pm25: float | None
    tsp: float | None
    temp: float | None
    rh: float | None
    wind_speed: float | None
    wind_dir: float | None
    rain: float | None
    noise: float | None
    status: str | None
    doubts: list[str]
    freshness: Freshness
    health: StationHealth


class StationDay(BaseModel):
    """How a station was on a local day: `missing` is a share of the day, `flagged` and `by_test`
    are shares of its readings, `gain` is against what it used to read."""

    station: str
    day: date
    readings: int
    last_seen: datetime
    every_min: float
    missing: float
    flagged: float
    by_test: dict[str, float]
    gain: float | None


class CrewNow(BaseModel):
    """Where a crew is. `heading` is degrees clockwise from north, null until it has moved."""

    ts: datetime | None
    lon: float | None
    lat: float | None
    heading: float | None
    speed_kmh: float | None
    water_l: float | None
    state: str | None
    freshness: Freshness


class CameraNow(BaseModel):
    """What a camera saw in the last hour: trucks, and its newest flag with the picture it sent."""

    ts: datetime | None
    trucks: int
    flags: int
    flag: str | None
    flag_ts: datetime | None
    confidence: float | None
    truck: str | None
    media: Any
    note: str | None


class Wind(BaseModel):
    """Mean wind of the stations; `dir` is where it comes from."""

    speed: float
    dir: float
    stations: int


class Counts(BaseModel):
    levels: dict[str, int]
    stale: int
    unmeasured: int
    open: int
    unacknowledged: int
    shelved: int


class Overview(BaseModel):
    """The head of the page."""

    now: datetime
    wind: Wind | None
    rain: float | None = Field(description="mm since the stations' readings before, their median")
    background: float | None
    counts: Counts
    newest_reading: datetime | None
    stations_live: int
    sand_dust_since: datetime | None
    haze_since: datetime | None
    plan: str | None
    plan_at: datetime | None
    plan_trigger: str | None
    no_water: Literal["sand_dust", "rain", "frost"] | None = Field(
        description="the weather that kept water off the street in that plan"
    )


class Cause(BaseModel):
    kind: str
    site: str | None = None
    probability: float | None = None
    evidence: str | None = None
    also: str | None = Field(None, description="The evidence in the other language")


class EpisodeVerdict(BaseModel):
    effective: bool | None = None
    reduction_pct: float | None = None
    low: float | None = None
    high: float | None = None


class Episode(BaseModel):
    id: str
    segment: str | None
    site: str | None
    rule: str
    level: int
    state: str
    started_at: datetime
    peak_at: datetime | None
    peak: float | None
    ended_at: datetime | None
    causes: list[Cause]
    verdict: EpisodeVerdict | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    shelved_until: datetime | None
    group: str | None
    measured: bool
    orders: list[str]
    reason: str | None = None
    also: str | None = Field(None, description="The reason in the other language")


class LogLine(BaseModel):
    """One line of an episode's story; `detail` depends on `event`."""

    id: int
    at: datetime
    actor: str
    event: str
    detail: dict[str, Any]


class EpisodeStory(Episode):
    log: list[LogLine]


class BoardOrder(BaseModel):
    """An order without its path."""

    id: str
    crew: str
    plan: str
    seq: int
    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    direction: str | None
    eta: datetime
    due: datetime | None
    minutes: float
    water_l: float
    priority: int
    episode: str | None
    reason: str
    also: str | None = Field(None, description="The reason in the other language")
    state: str
    issued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    outcome_also: str | None = Field(
        None, description="The outcome in the other language, where it is not a crew's own word"
    )


class Order(BoardOrder):
    path: list[LonLat]
    accepted_at: datetime | None


class Sources(BaseModel):
    """What a verdict rests on, in percent of the increment: the model of the street, and difference
    in differences. `disagree`: the two intervals do not meet; null where one is missing."""

    model_pct: float | None
    model_low: float | None
    model_high: float | None
    differences_pct: float | None
    differences_low: float | None
    differences_high: float | None
    disagree: bool | None


class Verdict(Sources):
    """What a treatment did to the increment; positive is cleaner, `low` to `high` its interval."""

    order_id: str
    segment: str
    treatment: str
    done_at: datetime
    judged_at: datetime
    effective: bool | None
    reduction_pct: float | None
    low: float | None
    high: float | None
    method: str


class JudgedOrder(BoardOrder, Sources):
    """An order with its verdict, once there is one (`judged_at`)."""

    effective: bool | None
    reduction_pct: float | None
    low: float | None
    high: float | None
    judged_at: datetime | None
    method: str | None


class Minutes(BaseModel):
    """Columns of equal length, one entry per step; `ts` is the end of the step. `estimate` is the
    increment at the kerbs by the model, between `low` and `high` with 90 %."""

    ts: list[datetime]
    pm10: list[float | None]
    background: list[float | None]
    increment: list[float | None]
    level: list[int]
    confidence: list[float]
    estimate: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Foreseen(BaseModel):
    """Quantiles of the mean increment, µg/m³, over the hour that ends `horizon_min` after `ts`, for
    15 over the quarter, and the chance that the hourly mean passes each limit by then."""

    ts: datetime
    horizon_min: int
    q10: float
    q25: float
    q50: float
    q75: float
    q90: float
    chance_1: float | None
    chance_2: float | None
    chance_3: float | None


class Worth(BaseModel):
    """What a treatment at `ts` would spare residents within three hours, person·h·µg/m³, with its
    standard deviation; `dose` is what they breathe of the segment's dust without it."""

    ts: datetime
    treatment: str
    spared: float
    spared_sd: float
    dose: float


class SpanEpisode(BaseModel):
    id: str
    rule: str
    level: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    peak_at: datetime | None
    peak: float | None


class History(BaseModel):
    """A segment over a span: its minutes, its orders with verdicts, its episodes, what was foreseen
    at the end of it, and what treatments were worth then."""

    segment: str
    since: datetime
    until: datetime
    step_minutes: int
    minutes: Minutes
    orders: list[JudgedOrder]
    episodes: list[SpanEpisode]
    forecast: list[Foreseen]
    worth: list[Worth]


class State(BaseModel):
    """Everything that moves, as the pages see it."""

    overview: Overview
    segments: dict[str, SegmentNow]
    stations: dict[str, StationNow]
    crews: dict[str, CrewNow]
    cameras: dict[str, CameraNow]
    episodes: dict[str, Episode]
    orders: dict[str, BoardOrder]
    alarms: dict[str, dict[str, Any]] = Field(description="As `/alarms` lists them, by id")


class CrewPlan(BaseModel):
    crew: str
    orders: list[Order]


class Plan(BaseModel):
    """The orders that stand now, by crew and in sequence."""

    plan: str | None
    issued_at: datetime | None
    trigger: str | None
    crews: list[CrewPlan]


class EpisodePage(BaseModel):
    items: list[Episode]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last")


class OrderPage(BaseModel):
    items: list[Order]
    next: str | None


class VerdictPage(BaseModel):
    items: list[Verdict]
    next: str | None


class Health(BaseModel):
    """`ok` is false when readings have stopped coming in."""

    ok: bool
    now: datetime
    newest_stored: datetime | None
    outbox: int
    dead_letters_last_hour: int
    browsers: int


ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
"""Ids as the contract allows them."""

Text = Annotated[str, AfterValidator(lambda text: text.replace("\x00", "").strip())]
"""What a person wrote; PostgreSQL has no NUL."""


class Shelve(BaseModel):
    """How long to shelve for, in minutes of the platform's time, and why."""

    minutes: int = Field(ge=1, le=1440)
    reason: Text = Field(default="", max_length=500)


class Comment(BaseModel):
    text: Text = Field(min_length=1, max_length=2000)


class NewUser(BaseModel):
    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    password: str = Field(min_length=10, max_length=200)
    role: Literal["viewer", "operator", "dispatcher", "crew", "administrator"]


class NewPassword(BaseModel):
    current: str = Field(max_length=200)
    new: str = Field(min_length=10, max_length=200)


class UserRow(BaseModel):
    name: str
    role: str
    created_at: datetime
    locked_until: datetime | None


class Me(BaseModel):
    name: str
    role: str
    may_act: bool


class Token(BaseModel):
    """A bearer token: what a program sends instead of a password."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_at: datetime
