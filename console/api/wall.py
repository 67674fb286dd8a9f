"""Today in figures, as they hang on the wall."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import BaseModel

from console.access import Looker
from console.api.common import district_of, feed_of, pool_of
from console.pool import row
from store.statements import statements

SQL = statements("wall")

router = APIRouter()


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


@router.get("/today", tags=["state"])
async def today(request: Request, _: Looker) -> Today:
    """The local day in figures."""
    now = await feed_of(request).time()
    zone = ZoneInfo(district_of(request).timezone)
    day = now.astimezone(zone).date()
    since = datetime.combine(day, time.min, zone)
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.today, {"since": since, "now": now})
    assert found is not None
    return Today.model_validate(found | {"day": day, "now": now})
