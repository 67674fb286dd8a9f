"""What a report is computed from, as the database has it: `store/sql/reports.sql`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from psycopg.rows import class_row

from console.reports.period import Period
from store.database import Connection
from store.statements import statements

SQL = statements("reports")

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class SegmentDay:
    """Minutes of a segment on a day; the sums are of µg/m³ over `told` minutes."""

    segment: str
    day: date
    minutes: int
    measured: int
    over_1: int
    over_2: int
    over_3: int
    told: int
    increment_sum: float
    background_told: int
    background_sum: float


@dataclass(frozen=True, slots=True)
class Hour:
    """The whole street in an hour, µg/m³; `over_2` counts segment minutes."""

    hour: datetime
    increment: float | None
    background: float | None
    over_2: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """Work that came to an end; percentages are of the increment, `…_after` µg/m³ over the hour
    that the verdict speaks of."""

    id: str
    crew: str
    treatment: str
    segment: str | None
    site: str | None
    priority: int
    state: str
    issued_at: datetime
    started_at: datetime | None
    ended_at: datetime
    outcome: str | None
    outcome_also: str | None
    planned_l: float
    share: float | None
    worked_m: float | None
    water_l: float | None
    proven: bool | None
    effective: bool | None
    reduction_pct: float | None
    low_pct: float | None
    high_pct: float | None
    disagree: bool | None
    minutes_after: int
    increment_after: float | None
    low_after: float | None
    high_after: float | None


@dataclass(frozen=True, slots=True)
class Episode:
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
    causes: Sequence[Mapping[str, Any]]
    acknowledged_by: str | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Matter:
    ref: str
    day: date
    kind: str
    place: str | None
    level: int
    opened_at: datetime
    due: datetime
    answered_at: datetime | None
    answer: str | None
    begun_at: datetime | None
    ended_at: datetime | None
    outcome: str
    reason: str | None
    also: str | None


@dataclass(frozen=True, slots=True)
class Concern:
    kind: str
    subject: str
    crew: str | None
    place: str | None
    why: str
    also: str
    opened_at: datetime
    resolved_at: datetime | None
    role: str | None
    taken_by: str | None


@dataclass(frozen=True, slots=True)
class RoleCalls:
    role: str | None
    calls: int


@dataclass(frozen=True, slots=True)
class Override:
    id: int
    kind: str
    place: str | None
    treatment: str | None
    crew: str | None
    why: str
    given_by: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class SiteFlags:
    site: str
    kind: str
    day: date
    flags: int


@dataclass(frozen=True, slots=True)
class StationDay:
    """expected, received: by the station's own interval, see `station_completeness`."""

    station: str
    day: date
    readings: int
    late: int
    expected: float
    received: float
    doubted: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What a treatment takes off a soiled street, as a part of 1, with 90 %."""

    treatment: str
    removes: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rain:
    hour: datetime
    mm: float


@dataclass(frozen=True, slots=True)
class Weather:
    temp: float | None
    rh: float | None
    wind_speed: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    kind: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Drive:
    crew: str
    km: float


@dataclass(frozen=True, slots=True)
class Foreseen:
    forecasts: int
    inside: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything of one period, up to `upto`: its end, or now where it goes on.

    first_reading: the oldest one stored, of any time; None when there is none.
    """

    since: datetime
    upto: datetime
    first_reading: datetime | None
    segment_days: Sequence[SegmentDay]
    hours: Sequence[Hour]
    treatments: Sequence[Treatment]
    episodes: Sequence[Episode]
    matters: Sequence[Matter]
    concerns: Sequence[Concern]
    calls: Sequence[RoleCalls]
    overrides: Sequence[Override]
    site_flags: Sequence[SiteFlags]
    station_days: Sequence[StationDay]
    learned: Sequence[Learned]
    rain: Sequence[Rain]
    weather: Weather
    notices: Sequence[Notice]
    drives: Sequence[Drive]
    foreseen: Foreseen
    trucks: int
    complaints: int

    def of_segment(self, segment: str, stations: frozenset[str]) -> "Rows":
        """What of it is of one segment; stations: those that stand there."""
        return replace(
            self,
            segment_days=[row for row in self.segment_days if row.segment == segment],
            hours=[],
            treatments=[row for row in self.treatments if row.segment == segment],
            episodes=[row for row in self.episodes if row.segment == segment],
            matters=[row for row in self.matters if row.place == segment],
            concerns=[row for row in self.concerns if row.place == segment],
            calls=[],
            overrides=[row for row in self.overrides if row.place == segment],
            site_flags=[],
            station_days=[row for row in self.station_days if row.station in stations],
            drives=[],
            foreseen=Foreseen(0, 0),
        )

    def of_crew(self, crew: str) -> "Rows":
        """What of it is of one crew."""
        work = [row for row in self.treatments if row.crew == crew]
        return replace(
            self,
            segment_days=[],
            hours=[],
            treatments=work,
            episodes=[],
            matters=[],
            concerns=[row for row in self.concerns if row.crew == crew],
            calls=[],
            overrides=[row for row in self.overrides if row.crew == crew],
            site_flags=[],
            station_days=[],
            drives=[row for row in self.drives if row.crew == crew],
            foreseen=Foreseen(0, 0),
        )


def gather(
    conn: Connection, wanted: Period, zone: ZoneInfo, now: datetime, stations: Sequence[str]
) -> Rows:
    """Read one period in one moment: nothing that is stored meanwhile is half in it.

    stations: those that are expected to speak, whether they did or not.
    """
    since, until = wanted.since(zone), wanted.until(zone)
    upto = max(since, min(until, now))
    values = {
        "since": since, "upto": upto, "zone": zone.key, "first": wanted.first, "last": wanted.last,
        "stations": list(stations),
    }  # fmt: skip

    def all_of(kind: type[Row], statement: bytes) -> list[Row]:
        with conn.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(statement, values).fetchall()

    def one_of(statement: bytes) -> Any:
        row = conn.execute(statement, values).fetchone()
        return row[0] if row else None

    with conn.transaction():
        conn.execute(SQL.at_one_moment)
        return Rows(
            since=since,
            upto=upto,
            first_reading=one_of(SQL.stored_since),
            segment_days=all_of(SegmentDay, SQL.segment_days),
            hours=all_of(Hour, SQL.hours),
            treatments=all_of(Treatment, SQL.treatments),
            episodes=all_of(Episode, SQL.episodes),
            matters=all_of(Matter, SQL.matters),
            concerns=all_of(Concern, SQL.concerns),
            calls=all_of(RoleCalls, SQL.calls_by_role),
            overrides=all_of(Override, SQL.overrides),
            site_flags=all_of(SiteFlags, SQL.site_flags),
            station_days=all_of(StationDay, SQL.station_days),
            learned=all_of(Learned, SQL.learned),
            rain=all_of(Rain, SQL.rain_hours),
            weather=all_of(Weather, SQL.weather)[0],
            notices=all_of(Notice, SQL.notices),
            drives=all_of(Drive, SQL.drives),
            foreseen=all_of(Foreseen, SQL.foreseen)[0],
            trucks=one_of(SQL.trucks),
            complaints=one_of(SQL.complaints),
        )


def overlap_min(
    started_at: datetime, ended_at: datetime | None, since: datetime, upto: datetime
) -> float:
    """Minutes of a spell that lie in a span; one without an end goes on."""
    length = min(ended_at or upto, upto) - max(started_at, since)
    return max(length, timedelta()) / timedelta(minutes=1)
