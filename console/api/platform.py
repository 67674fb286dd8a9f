"""Whether the platform itself is well."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request

from console import models
from console.access import Looker
from console.api.common import feed_of, pool_of
from console.overview import READING_STALE_AFTER
from console.pool import row
from store.statements import statements

SQL = statements("console")

router = APIRouter()


@router.get("/health", tags=["platform"])
async def health(request: Request, _: Looker) -> models.Health:
    """Whether readings come in and messages go out."""
    feed = feed_of(request)
    now = await feed.time()
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.health, {"since": now - timedelta(hours=1)})
    assert found is not None
    stored: datetime | None = found["stored_at"]
    return models.Health(
        ok=stored is not None and now - stored <= READING_STALE_AFTER,
        now=now,
        newest_stored=stored,
        outbox=found["outbox"],
        dead_letters_last_hour=found["dead_letters"],
        browsers=feed.browsers,
    )
