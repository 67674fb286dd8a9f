"""What the API says of alarms and of how well they serve."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from console.models import ID_PATTERN, Text

AlarmState = Literal["unacknowledged", "acknowledged", "returned", "shelved", "out_of_service"]
Source = Literal["episode", "concern", "station", "platform"]
Act = Literal["acknowledge", "shelve", "unshelve", "comment", "take"]

ALARM_PATTERN = r"^(episode|station|platform):[A-Za-z0-9_-]{1,64}$|^concern:[0-9]{1,18}$"
AlarmId = Annotated[str, Field(pattern=ALARM_PATTERN)]


class Alarm(BaseModel):
    """One alarm. `kind` is the rule of an episode, the kind of a concern, `silent` of a station or
    `readings` of the platform; `group` is shared by what has one cause; `said` is the sentence of a
    concern by language."""

    source: Source
    kind: str
    level: int
    state: AlarmState
    since: datetime
    ended_at: datetime | None
    segment: str | None
    site: str | None
    crew: str | None
    station: str | None
    episode: str | None
    group: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    taken_by: str | None
    taken_at: datetime | None
    shelved_until: datetime | None
    role: str | None
    said: dict[str, str] | None
    out_until: datetime | None
    out_why: str | None


class ListedAlarm(Alarm):
    id: str


class AlarmLine(BaseModel):
    """One line of an alarm's story; `detail` depends on `event`."""

    at: datetime
    actor: str
    event: str
    detail: dict[str, Any]


class AlarmStory(ListedAlarm):
    log: list[AlarmLine]


class AlarmList(BaseModel):
    """The most urgent first. `returned_in_all` counts what is over and unseen, listed or not."""

    items: list[ListedAlarm]
    returned_in_all: int


class Batch(BaseModel):
    """One act on several alarms; `minutes` is needed to shelve, `text` to comment and may give the
    reason for shelving."""

    act: Act
    ids: list[AlarmId] = Field(min_length=1, max_length=500)
    minutes: int | None = Field(default=None, ge=1, le=1440)
    text: Text = Field(default="", max_length=2000)


class Outcome(BaseModel):
    """What became of one of them; `why` is a word to count by, `detail` a sentence."""

    id: str
    ok: bool
    why: str | None = None
    detail: str | None = None


class BatchAnswer(BaseModel):
    done: int
    failed: int
    results: list[Outcome]


class Acknowledged(BaseModel):
    """The alarms that were over and unseen, and are seen now."""

    ids: list[str]


class Suppressed(BaseModel):
    """What by design calls nobody, or not yet. `why` is `hold` (it has not held long enough),
    `patience` (the platform has yet time to mend it), `notice` (the early warning is off while a
    notice of haze or sand dust holds; `kind` says which) or `swing` (it came back within its
    release, `swings` times in a day, and was not called anew)."""

    why: Literal["hold", "patience", "notice", "swing"]
    id: str
    kind: str
    segment: str | None
    site: str | None
    crew: str | None
    since: datetime
    swings: int | None


class OutOfService(BaseModel):
    """A segment, site or station whose alarms call nobody for a while, with the reason."""

    subject: str = Field(pattern=ID_PATTERN)
    hours: float = Field(gt=0, le=24 * 31)
    why: Text = Field(min_length=1, max_length=500)


class StandingOutOfService(BaseModel):
    id: int
    subject: str
    since: datetime
    until: datetime
    why: str
    given_by: str


class Flood(BaseModel):
    """A stretch of more annunciations than anybody can follow; it goes on when `until` is the end
    of the span."""

    since: datetime
    until: datetime
    annunciations: int
    peak_10min: int


class Slot(BaseModel):
    """Annunciations of the ten minutes from `at` on, by level."""

    at: datetime
    low: int
    medium: int
    high: int


class StaleAlarm(BaseModel):
    id: str
    place: str | None
    kind: str
    level: int
    since: datetime
    acknowledged: bool


class BadActor(BaseModel):
    """A source that calls much. `swings` are rises while it was recovering, which call nobody."""

    place: str
    kind: str
    times: int
    swings: int
    share: float
    most_in_minute: int
    most_in_hour: int
    chatters: bool


class ShelvedAlarm(BaseModel):
    id: str
    place: str | None
    kind: str
    level: int
    until: datetime
    by: str | None
    why: str | None


class Midnight(BaseModel):
    at: datetime
    unacknowledged: int


class Priority(BaseModel):
    """`share` of the annunciations, against what EEMUA 191 and ISA-18.2 recommend."""

    level: int
    count: int
    share: float | None
    target: float


class Norms(BaseModel):
    """What the figures are held against; EEMUA 191, ANSI/ISA-18.2-2016."""

    acceptable_per_operator_hour: float = 6
    manageable_per_operator_hour: float = 12
    flood_begins_above: int = 10
    flood_ends_below: int = 5
    stale_after_h: int = 24
    stale_most: int = 5
    flood_share_most: float = 0.01
    bad_actors_share_most: float = 0.05


class AlarmHealth(BaseModel):
    """How well the alarms served in a span."""

    since: datetime
    until: datetime
    operators: float
    annunciations: int
    per_operator_hour: float
    verdict: Literal["acceptable", "manageable", "too_many"]
    peak_10min: int
    peak_at: datetime | None
    floods: list[Flood]
    flood_share: float
    slots: list[Slot]
    stale: list[StaleAlarm]
    bad_actors: list[BadActor]
    priorities: list[Priority]
    acknowledged: int
    acknowledge_p50_min: float | None
    acknowledge_p95_min: float | None
    shelved: list[ShelvedAlarm]
    out_of_service: list[StandingOutOfService]
    midnights: list[Midnight]
    norms: Norms
