"""What every part of the API needs: its parameters, and what the application holds for it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import AfterValidator, AwareDatetime

from console import models
from console.access import Gate
from console.feed import Feed
from console.pool import Pool
from console.shared import Shared


def _utc(time: datetime) -> datetime:
    if not 1970 < time.year < 2200:
        raise ValueError("give a year after 1970 and before 2200")
    return time.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_utc)]
Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Id = Annotated[str, Query(pattern=models.ID_PATTERN)]
PathId = Annotated[str, Path(pattern=models.ID_PATTERN)]


def pool_of(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


def gate_of(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def feed_of(request: Request) -> Feed:
    feed: Feed = request.app.state.feed
    return feed


def shared_of(request: Request) -> Shared:
    shared: Shared = request.app.state.shared
    return shared


def district_of(request: Request) -> models.District:
    district: models.District = request.app.state.district
    return district
