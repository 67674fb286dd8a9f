"""Plans, orders and verdicts."""

from itertools import groupby
from operator import itemgetter
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console import models
from console.access import Looker
from console.api.common import After, Id, Limit, Utc, pool_of, shared_of
from console.paging import cursor, page
from console.pool import Pool, row, rows
from store.statements import statements

SQL = statements("console")

router = APIRouter()


@router.get("/plan", tags=["dispatch"], response_model=models.Plan)
async def plan(request: Request, _: Looker, crew: Id | None = None) -> Response:
    """The orders that stand, by crew and in sequence, each with its path."""

    async def made() -> bytes:
        return (await _plan(pool_of(request), crew)).model_dump_json().encode()

    # Every page asks for it at each change of an order.
    whole = (
        await shared_of(request).answer("plan", "orders", made) if crew is None else await made()
    )
    return Response(whole, media_type="application/json")


async def _plan(pool: Pool, crew: str | None) -> models.Plan:
    async with pool.connection() as conn:
        newest = await row(conn, SQL.latest_plan, {})
        orders = await rows(conn, SQL.open_orders, {})
    return models.Plan.model_validate(
        {
            "plan": newest["id"] if newest else None,
            "issued_at": newest["issued_at"] if newest else None,
            "trigger": newest["trigger"] if newest else None,
            "crews": [
                {"crew": crew_id, "orders": list(mine)}
                for crew_id, mine in groupby(orders, key=itemgetter("crew"))
                if crew in (None, crew_id)
            ],
        }
    )


@router.get("/orders", tags=["dispatch"])
async def orders(
    request: Request,
    _: Looker,
    state: Annotated[list[models.OrderState] | None, Query()] = None,
    crew: Id | None = None,
    segment: Id | None = None,
    episode: Id | None = None,
    since: Utc | None = None,
    until: Utc | None = None,
    after: After = None,
    limit: Limit = 100,
) -> models.OrderPage:
    """Orders by when they were issued, newest first."""
    values = {
        "states": state,
        "crew": crew,
        "segment": segment,
        "episode": episode,
        "since": since,
        "until": until,
        "limit": limit + 1,
    }
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.orders_page, values | cursor(after))
    return models.OrderPage.model_validate(page(found, limit, "issued_at", "id"))


@router.get("/verdicts", tags=["dispatch"])
async def verdicts(
    request: Request,
    _: Looker,
    segment: Id | None = None,
    since: Utc | None = None,
    until: Utc | None = None,
    after: After = None,
    limit: Limit = 100,
) -> models.VerdictPage:
    """Verdicts by when they were reached, newest first."""
    values = {"segment": segment, "since": since, "until": until, "limit": limit + 1}
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.verdicts_page, values | cursor(after))
    return models.VerdictPage.model_validate(page(found, limit, "judged_at", "order_id"))
