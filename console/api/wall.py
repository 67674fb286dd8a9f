"""Today in figures, as they hang on the wall."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import BaseModel

from console.access import Looker
from console.api.common import district_of, feed_of, pool_of
from console.models import District
from console.pool import Conn, row, rows
from console.reports import avoided
from console.reports.rows import Learned, Treatment
from store.statements import statements

SQL = statements("wall")
REPORTS = statements("reports")

router = APIRouter()


class Avoided(BaseModel):
    """What residents did not breathe because streets were treated, person·h·µg/m³ with 90 %, as a
    report of the day has it; `of` so many treatments, those that a verdict speaks of."""

    value: float
    low: float
    high: float
    of: int


class Today(BaseModel):
    """The local day until now. `opened` and `closed` are episodes that held; `treatments` those
    done, by kind; `judged` verdicts that could tell, `effective` of them."""

    day: date
    now: datetime
    opened: int
    closed: int
    treatments: dict[str, int]
    water_l: float
    orders_open: int
    judged: int
    effective: int
    avoided: Avoided


@router.get("/today", tags=["state"])
async def today(request: Request, _: Looker) -> Today:
    """The local day in figures."""
    now = await feed_of(request).time()
    zone = ZoneInfo(district_of(request).timezone)
    day = now.astimezone(zone).date()
    since = datetime.combine(day, time.min, zone)
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.today, {"since": since, "now": now})
        spared = await _avoided(conn, district_of(request), since, now)
    assert found is not None
    return Today.model_validate(found | {"day": day, "now": now, "avoided": spared})


async def _avoided(conn: Conn, district: District, since: datetime, now: datetime) -> Avoided:
    span = {"since": since, "upto": now}
    works = [Treatment(**one) for one in await rows(conn, REPORTS.treatments, span)]
    learned = [Learned(**one) for one in await rows(conn, REPORTS.learned, span)]
    total, of = avoided.of_district(works, learned, district)
    return Avoided(value=total.value, low=total.low, high=total.high, of=of)
