"""What the dispatcher knows when it thinks: plain facts, loaded from the store by its runner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dispatch.overrides import Overrides


@dataclass(frozen=True, slots=True)
class Episode:
    """An open episode; `cause` is the likeliest kind and `cause_site` the site that it names;
    `group` names the open episodes that are one thing with it; `measured` and not estimated."""

    id: str
    segment: str | None
    site: str | None
    rule: str
    level: int
    state: str
    started_at: datetime
    cause: str | None = None
    cause_site: str | None = None
    shelved_until: datetime | None = None
    group: str | None = None
    measured: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the store has it; see the contract for the fields that are sent. `also` is the
    reason in the other language, `outcome_also` the outcome where it is not a crew's own word."""

    id: str
    crew: str
    plan: str
    seq: int
    treatment: str
    segment: str | None
    site: str | None
    depot: str | None
    direction: str | None
    path: tuple[tuple[float, float], ...]
    eta: datetime
    due: datetime | None
    minutes: float
    water_l: float
    priority: int
    episode: str | None
    reason: str
    state: str
    issued_at: datetime
    accepted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    also: str | None = None
    reminded_at: datetime | None = None
    outcome_also: str | None = None

    @property
    def place(self) -> str:
        """The id of the segment, site or depot."""
        place = self.segment or self.site or self.depot
        assert place is not None
        return place


@dataclass(frozen=True, slots=True)
class CrewReport:
    """A crew's newest position; `began_l` is the water with which it began the work in hand."""

    crew: str
    ts: datetime
    lon: float
    lat: float
    water_l: float | None
    state: str | None
    began_l: float | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """Medians over the stations; None where nobody measures. sand_dust: it is coming in."""

    temp_c: float | None = None
    rain_mm_30min: float | None = None
    sand_dust: bool = False


@dataclass(frozen=True, slots=True)
class Street:
    """A segment in the last quarter of an hour: mean `increment` in µg/m³, the newest
    `confidence` (0 to 1) and cause. One minute's gust is no reason to send a truck."""

    increment: float | None
    confidence: float
    cause: str | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a treatment of a segment at `ts` would spare residents within three hours, by the
    model of the street, in person-hours times µg/m³."""

    segment: str
    treatment: str
    ts: datetime
    spared: float


@dataclass(frozen=True, slots=True)
class Flag:
    """Something seen or complained of, at a segment or a site."""

    ts: datetime
    kind: str
    segment: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """An order that is over: done, refused, failed, silent or withdrawn."""

    order: str
    crew: str
    treatment: str
    place: str
    state: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CrewPast:
    """When an order of a crew last ended, when one went unanswered, when it last said how one
    ended, and the orders that it lately refused, failed or left unanswered."""

    ended_at: datetime | None = None
    silent_at: datetime | None = None
    heard_at: datetime | None = None
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """What is looked at in every step, at one time; sequences in a fixed order.

    `complaints` are places by the ref of the matter, None where no street is near.
    """

    now: datetime
    episodes: tuple[Episode, ...] = ()
    open_orders: tuple[Order, ...] = ()
    past: Mapping[str, CrewPast] = field(default_factory=dict)
    reports: Mapping[str, CrewReport] = field(default_factory=dict)
    weather: Weather = Weather()
    overrides: Overrides = field(default_factory=Overrides)
    complaints: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What wants are worked out from, at one time; sequences in a fixed order.

    `hindrance_before` is the code of what kept water off the street in the plan in force,
    `ordered` are places and treatments of the orders that are not over. `worths` are the
    newest, and none when those are old. `usual_price` is what the last wash that a day's plans
    had time for would spare per second of a crew, their mean; `begun` is when the first plan of
    all was made.
    """

    now: datetime
    episodes: tuple[Episode, ...] = ()
    ended: tuple[Ended, ...] = ()
    weather: Weather = Weather()
    hindrance_before: str | None = None
    streets: Mapping[str, Street] = field(default_factory=dict)
    ordered: frozenset[tuple[str, str]] = frozenset()
    flags: tuple[Flag, ...] = ()
    worths: tuple[Worth, ...] = ()
    usual_price: float | None = None
    begun: datetime | None = None
    overrides: Overrides = field(default_factory=Overrides)
