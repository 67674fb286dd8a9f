"""Episodes, and what an operator does to them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request

from console import acts, models
from console.access import Actor, Looker
from console.api.common import After, Id, Limit, PathId, Utc, feed_of, pool_of
from console.paging import cursor, page
from console.pool import row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from store.statements import statements

SQL = statements("console")

router = APIRouter()


@router.get("/episodes", tags=["episodes"])
async def episodes(
    request: Request,
    _: Looker,
    state: Annotated[list[models.EpisodeState] | None, Query()] = None,
    segment: Id | None = None,
    site: Id | None = None,
    level_min: Annotated[int | None, Query(ge=1, le=3)] = None,
    since: Utc | None = None,
    until: Utc | None = None,
    after: After = None,
    limit: Limit = 100,
) -> models.EpisodePage:
    """Episodes by when they started, newest first."""
    values = {
        "states": state,
        "segment": segment,
        "site": site,
        "level_min": level_min,
        "since": since,
        "until": until,
        "limit": limit + 1,
    }
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.episodes_page, values | cursor(after))
    return models.EpisodePage.model_validate(page(found, limit, "started_at", "id"))


@router.get("/episodes/{episode}", tags=["episodes"], responses=NOT_FOUND)
async def episode(request: Request, _: Looker, episode: PathId) -> models.EpisodeStory:
    """One episode with its whole story."""
    return await _story(request, episode)


@router.post("/episodes/{episode}/acknowledge", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def acknowledge(request: Request, user: Actor, episode: PathId) -> models.EpisodeStory:
    """Say that you have seen it."""
    await acts.acknowledge(pool_of(request), episode, user.name, await feed_of(request).time())
    return await _acted(request, episode)


@router.post("/episodes/{episode}/shelve", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def shelve(
    request: Request, user: Actor, episode: PathId, body: models.Shelve
) -> models.EpisodeStory:
    """Put it aside for so many minutes; it comes back by itself."""
    now = await feed_of(request).time()
    await acts.shelve(pool_of(request), episode, user.name, now, body.minutes, body.reason)
    return await _acted(request, episode)


@router.post("/episodes/{episode}/unshelve", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def unshelve(request: Request, user: Actor, episode: PathId) -> models.EpisodeStory:
    """Bring it back now."""
    await acts.unshelve(pool_of(request), episode, user.name, await feed_of(request).time())
    return await _acted(request, episode)


@router.post("/episodes/{episode}/comment", tags=["episodes"], responses=NOT_FOUND)
async def comment(
    request: Request, user: Actor, episode: PathId, body: models.Comment
) -> models.EpisodeStory:
    """Add a remark to its story."""
    now = await feed_of(request).time()
    await acts.comment(pool_of(request), episode, user.name, now, body.text)
    return await _acted(request, episode)


async def _story(request: Request, episode: str) -> models.EpisodeStory:
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.episode, {"id": episode})
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no episode {episode}.")
        story = await rows(conn, SQL.episode_log, {"id": episode})
    return models.EpisodeStory.model_validate(found | {"log": story})


async def _acted(request: Request, episode: str) -> models.EpisodeStory:
    feed_of(request).nudge()
    return await _story(request, episode)
