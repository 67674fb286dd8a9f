"""A report's figures with what they are compared to, out of the database."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from console.models import District
from console.reports.change import Change
from console.reports.figures import Figures, compared, figures
from console.reports.period import Period
from console.reports.rows import Rows, gather
from store.database import Connection


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is of: the district, or one segment or crew of it."""

    segment: str | None = None
    crew: str | None = None


DISTRICT = Scope()


def make(
    conn: Connection,
    district: District,
    wanted: Period,
    now: datetime,
    scope: Scope = DISTRICT,
) -> Figures:
    """Compute a report. `conn` is idle: each period is read in a transaction of its own."""
    zone = ZoneInfo(district.timezone)
    district = _part(district, scope)
    stations = [station.id for station in district.stations]
    rows = _scoped(gather(conn, wanted, zone, now, stations), district, scope)
    its = figures(district, wanted, rows)
    others: list[tuple[Change, ...]] = []
    for other in (wanted.before, wanted.last_year):
        if rows.first_reading is None or other.until(zone) <= rows.first_reading:
            others.append(())
            continue
        # Of a period that goes on the same part of the other one is compared.
        same = (
            now if rows.upto >= wanted.until(zone) else other.since(zone) + (rows.upto - rows.since)
        )
        then = _scoped(gather(conn, other, zone, min(now, same), stations), district, scope)
        others.append(compared(its, figures(district, other, then), rows, then))
    return replace(its, changes=others[0], changes_last_year=others[1])


def _part(district: District, scope: Scope) -> District:
    """With the stations alone that speak of it."""
    if scope == DISTRICT:
        return district
    here = [s for s in district.stations if scope.segment and s.segment == scope.segment]
    return district.model_copy(update={"stations": here})


def _scoped(rows: Rows, district: District, scope: Scope) -> Rows:
    if scope.segment is not None:
        return rows.of_segment(scope.segment, frozenset(s.id for s in district.stations))
    if scope.crew is not None:
        return rows.of_crew(scope.crew)
    return rows
