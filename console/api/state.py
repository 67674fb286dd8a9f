"""What moves, and how it has moved."""

from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from console import models
from console.access import Looker
from console.api.common import PathId, Utc, district_of, feed_of, gate_of, pool_of
from console.pool import rows
from console.problems import NOT_FOUND, Refusal
from store.statements import statements

SQL = statements("console")
HEALTH = statements("health")
ASKED_AGAIN = timedelta(minutes=1)
"""Whoever follows the state is asked so often whether they still may."""
STEPS_DRAWN_MAX = 1500
"""A chart has no more pixels than this."""

router = APIRouter()


@router.get("/stations/health", tags=["state"])
async def station_health(
    request: Request,
    _: Looker,
    hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24,
) -> list[models.StationDay]:
    """How each station was, by local day: missing, doubted and by which test, last heard, gain."""
    last = await feed_of(request).time()
    span = {"first": last - timedelta(hours=hours), "last": last}
    async with pool_of(request).connection() as conn:
        found = await rows(
            conn, HEALTH.station_days, span | {"zone": district_of(request).timezone}
        )
    return [models.StationDay.model_validate(day) for day in found]


@router.get("/state", tags=["state"])
async def state(request: Request, _: Looker) -> models.State:
    """Everything that moves, right now."""
    return models.State.model_validate(await feed_of(request).fresh())


@router.get(
    "/live",
    tags=["state"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}},
)
async def live(request: Request, user: Looker) -> StreamingResponse:
    """The state as server-sent events: one `snapshot`, then a `change` whenever something changes.

    A change holds, section by section, only the entries that differ; a null entry is gone.
    """
    feed, gate = feed_of(request), gate_of(request)

    async def until_left() -> AsyncIterator[bytes]:
        asked = gate.wall_now()
        async for piece in feed.stream():
            if gate.wall_now() - asked >= ASKED_AGAIN:
                if not await gate.holds(user):
                    return  # signed out elsewhere
                asked = gate.wall_now()
            yield piece

    return StreamingResponse(
        until_left(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/segments/{segment}/history", tags=["state"], responses=NOT_FOUND)
async def history(
    request: Request,
    _: Looker,
    segment: PathId,
    hours: Annotated[float, Query(gt=0, le=168)] = 2,
    until: Utc | None = None,
) -> models.History:
    """A segment over the hours before `until` (the platform's time when left out)."""
    if all(known.id != segment for known in district_of(request).segments):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no segment {segment} in this district.")
    end = until or await feed_of(request).time()
    span = {"segment": segment, "since": end - timedelta(hours=hours), "until": end}
    step = max(1, -(-int(hours * 60) // STEPS_DRAWN_MAX))
    async with pool_of(request).connection() as conn:
        minutes = await rows(conn, SQL.segment_history, span | {"step": step})
        orders = await rows(conn, SQL.segment_orders, span)
        episodes = await rows(conn, SQL.segment_episodes, span)
        forecast = await rows(conn, SQL.segment_forecast, span)
        worth = await rows(conn, SQL.segment_worth, span)
    columns = (
        "ts", "pm10", "background", "increment", "level", "confidence", "estimate", "low", "high",
    )  # fmt: skip
    return models.History.model_validate(
        span
        | {
            "step_minutes": step,
            "minutes": {name: [minute[name] for minute in minutes] for name in columns},
            "orders": orders,
            "episodes": episodes,
            "forecast": forecast,
            "worth": worth,
        }
    )
