"""How it was, and what is foreseen: any minute that is stored, in the shape of the present."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console import models
from console.access import Looker
from console.api.common import Id, Utc, district_of, feed_of, pool_of
from console.replay import outlook as outlook_at
from console.replay import plan_then, strip, take_then
from console.replay_models import Outlook, Strip

router = APIRouter()

At = Annotated[Utc, Query(description="the moment; what is later than now is now")]

Day = Annotated[date | None, Query(ge=date(1970, 1, 2), le=date(2199, 12, 31))]

_encode = msgspec.json.Encoder().encode


@router.get("/replay", tags=["state"], response_model=models.State)
async def replay(request: Request, _: Looker, at: At) -> Response:
    """Everything that moves as it was at `at`, by what is known of it today."""
    feed = feed_of(request)
    moment = min(at, await feed.time())
    async with pool_of(request).connection() as conn:
        then = await take_then(conn, feed.wanted, moment)
    # As the event stream is written: a page that plays asks for ten of these a second.
    return Response(_encode(then), media_type="application/json")


@router.get("/replay/plan", tags=["state"])
async def plan(request: Request, _: Looker, at: At, crew: Id | None = None) -> models.Plan:
    """The orders that stood at `at`, by crew and in sequence, each with its path."""
    moment = min(at, await feed_of(request).time())
    async with pool_of(request).connection() as conn:
        return models.Plan.model_validate(await plan_then(conn, moment, crew))


@router.get("/replay/strip", tags=["state"])
async def day_strip(request: Request, _: Looker, day: Day = None) -> Strip:
    """A local day in steps of five minutes, to see where to look; today when left out."""
    feed = feed_of(request)
    now = await feed.time()
    zone = ZoneInfo(district_of(request).timezone)
    wanted = min(day or now.astimezone(zone).date(), now.astimezone(zone).date())
    async with pool_of(request).connection() as conn:
        return Strip.model_validate(await strip(conn, feed.wanted.segments, wanted, zone, now))


@router.get("/outlook", tags=["state"])
async def outlook(request: Request, _: Looker, at: Utc | None = None) -> Outlook:
    """What the model foresees of every segment, as of `at` or now."""
    feed = feed_of(request)
    moment = min(at, await feed.time()) if at else await feed.time()
    async with pool_of(request).connection() as conn:
        return Outlook.model_validate(await outlook_at(conn, feed.wanted.segments, moment))
