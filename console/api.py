"""REST under /api/v1: the same things that the pages show and do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, AwareDatetime

from console import acts, models
from console.access import Actor, Administrator, Anybody, Gate, Looker
from console.feed import Feed
from console.overview import READING_STALE_AFTER
from console.paging import cursor, page
from console.pool import Pool, row, rows
from console.problems import CONFLICT, NOT_FOUND, RESPONSES, Refusal
from console.users import MAY_ACT, hash_password
from store.statements import statements

SQL = statements("console")
HEALTH = statements("health")
STEPS_DRAWN_MAX = 1500
"""A chart has no more pixels than this."""

router = APIRouter(prefix="/api/v1", responses=RESPONSES)


def _utc(time: datetime) -> datetime:
    if not 1970 < time.year < 2200:
        raise ValueError("give a year after 1970 and before 2200")
    return time.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_utc)]
Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Id = Annotated[str, Query(pattern=models.ID_PATTERN)]
PathId = Annotated[str, Path(pattern=models.ID_PATTERN)]


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


def _feed(request: Request) -> Feed:
    feed: Feed = request.app.state.feed
    return feed


def _district(request: Request) -> models.District:
    district: models.District = request.app.state.district
    return district


@router.get("/district", tags=["district"])
async def district(request: Request, _: Looker) -> models.District:
    """The district as it is drawn, with the limits of the rules."""
    return _district(request)


@router.get("/segments", tags=["district"])
async def segments(request: Request, _: Looker) -> list[models.Segment]:
    """Every segment, treatable or only driven on."""
    return _district(request).segments


@router.get("/sites", tags=["district"])
async def sites(request: Request, _: Looker) -> list[models.Site]:
    """Every site."""
    return _district(request).sites


@router.get("/stations", tags=["district"])
async def stations(request: Request, _: Looker) -> list[models.Station]:
    """Every station."""
    return _district(request).stations


@router.get("/stations/health", tags=["state"])
async def station_health(
    request: Request,
    _: Looker,
    hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24,
) -> list[models.StationDay]:
    """How each station was, by local day: missing, doubted and by which test, last heard, gain."""
    last = await _feed(request).time()
    span = {"first": last - timedelta(hours=hours), "last": last}
    async with _pool(request).connection() as conn:
        found = await rows(conn, HEALTH.station_days, span | {"zone": _district(request).timezone})
    return [models.StationDay.model_validate(day) for day in found]


@router.get("/crews", tags=["district"])
async def crews(request: Request, _: Looker) -> list[models.Crew]:
    """Every crew."""
    return _district(request).crews


@router.get("/state", tags=["state"])
async def state(request: Request, _: Looker) -> models.State:
    """Everything that moves, right now."""
    return models.State.model_validate(await _feed(request).fresh())


@router.get(
    "/live",
    tags=["state"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}},
)
async def live(request: Request, _: Looker) -> StreamingResponse:
    """The state as server-sent events: one `snapshot`, then a `change` whenever something changes.

    A change holds, section by section, only the entries that differ; a null entry is gone.
    """
    feed = _feed(request)

    async def until_left() -> AsyncIterator[bytes]:
        async for piece in feed.stream():
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
    if all(known.id != segment for known in _district(request).segments):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no segment {segment} in this district.")
    end = until or await _feed(request).time()
    span = {"segment": segment, "since": end - timedelta(hours=hours), "until": end}
    step = max(1, -(-int(hours * 60) // STEPS_DRAWN_MAX))
    async with _pool(request).connection() as conn:
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
    async with _pool(request).connection() as conn:
        found = await rows(conn, SQL.episodes_page, values | cursor(after))
    return models.EpisodePage.model_validate(page(found, limit, "started_at", "id"))


@router.get("/episodes/{episode}", tags=["episodes"], responses=NOT_FOUND)
async def episode(request: Request, _: Looker, episode: PathId) -> models.EpisodeStory:
    """One episode with its whole story."""
    return await _story(request, episode)


@router.post("/episodes/{episode}/acknowledge", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def acknowledge(request: Request, user: Actor, episode: PathId) -> models.EpisodeStory:
    """Say that you have seen it."""
    await acts.acknowledge(_pool(request), episode, user.name, await _feed(request).time())
    return await _acted(request, episode)


@router.post("/episodes/{episode}/shelve", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def shelve(
    request: Request, user: Actor, episode: PathId, body: models.Shelve
) -> models.EpisodeStory:
    """Put it aside for so many minutes; it comes back by itself."""
    now = await _feed(request).time()
    await acts.shelve(_pool(request), episode, user.name, now, body.minutes, body.reason)
    return await _acted(request, episode)


@router.post("/episodes/{episode}/unshelve", tags=["episodes"], responses=NOT_FOUND | CONFLICT)
async def unshelve(request: Request, user: Actor, episode: PathId) -> models.EpisodeStory:
    """Bring it back now."""
    await acts.unshelve(_pool(request), episode, user.name, await _feed(request).time())
    return await _acted(request, episode)


@router.post("/episodes/{episode}/comment", tags=["episodes"], responses=NOT_FOUND)
async def comment(
    request: Request, user: Actor, episode: PathId, body: models.Comment
) -> models.EpisodeStory:
    """Add a remark to its story."""
    now = await _feed(request).time()
    await acts.comment(_pool(request), episode, user.name, now, body.text)
    return await _acted(request, episode)


@router.get("/plan", tags=["dispatch"])
async def plan(request: Request, _: Looker, crew: Id | None = None) -> models.Plan:
    """The orders that stand, by crew and in sequence, each with its path."""
    async with _pool(request).connection() as conn:
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
    async with _pool(request).connection() as conn:
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
    async with _pool(request).connection() as conn:
        found = await rows(conn, SQL.verdicts_page, values | cursor(after))
    return models.VerdictPage.model_validate(page(found, limit, "judged_at", "order_id"))


@router.get("/health", tags=["platform"])
async def health(request: Request, _: Looker) -> models.Health:
    """Whether readings come in and messages go out."""
    feed = _feed(request)
    now = await feed.time()
    async with _pool(request).connection() as conn:
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


@router.get("/me", tags=["people"])
async def me(user: Anybody) -> models.Me:
    """Who you are."""
    return models.Me(name=user.name, role=user.role, may_act=user.role in MAY_ACT)


@router.post("/token", tags=["people"])
async def token(request: Request, user: Anybody) -> models.Token:
    """A bearer token for a program; it ends with the password it was made under."""
    gate: Gate = request.app.state.gate
    text, expires = gate.seal("token", user)
    return models.Token(access_token=text, expires_at=expires)


@router.post("/me/password", tags=["people"], status_code=HTTPStatus.NO_CONTENT)
async def change_password(request: Request, user: Anybody, body: models.NewPassword) -> None:
    """Change your password; every session and token of the old one ends."""
    gate: Gate = request.app.state.gate
    if await gate.doorkeeper.admit(user.name, body.current) is None:
        raise Refusal(HTTPStatus.FORBIDDEN, "The current password is not right.")
    hashed = await hash_password(body.new)
    async with _pool(request).connection() as conn, conn.transaction():
        await conn.execute(SQL.set_password, {"name": user.name, "password_hash": hashed})
        await conn.execute(
            SQL.audit,
            {
                "at": gate.wall_now(),
                "actor": user.name,
                "action": "change_password",
                "detail": Jsonb({}),
            },
        )


@router.get("/users", tags=["people"])
async def users(request: Request, _: Administrator) -> list[models.UserRow]:
    """Every user."""
    async with _pool(request).connection() as conn:
        found = await rows(conn, SQL.users, {})
    return [models.UserRow.model_validate(user) for user in found]


@router.post("/users", tags=["people"], status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def add_user(
    request: Request, administrator: Administrator, body: models.NewUser
) -> models.Me:
    """Add a user."""
    gate: Gate = request.app.state.gate
    now = gate.wall_now()
    values: dict[str, Any] = {"name": body.name, "role": body.role, "at": now}
    hashed = await hash_password(body.password)
    async with _pool(request).connection() as conn, conn.transaction():
        if not await row(conn, SQL.add_user, values | {"password_hash": hashed}):
            raise Refusal(HTTPStatus.CONFLICT, f"There is a user {body.name} already.")
        await conn.execute(
            SQL.audit,
            {
                "at": now,
                "actor": administrator.name,
                "action": "add_user",
                "detail": Jsonb({"name": body.name, "role": body.role}),
            },
        )
    return models.Me(name=body.name, role=body.role, may_act=body.role in MAY_ACT)


async def _story(request: Request, episode: str) -> models.EpisodeStory:
    async with _pool(request).connection() as conn:
        found = await row(conn, SQL.episode, {"id": episode})
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no episode {episode}.")
        story = await rows(conn, SQL.episode_log, {"id": episode})
    return models.EpisodeStory.model_validate(found | {"log": story})


async def _acted(request: Request, episode: str) -> models.EpisodeStory:
    _feed(request).nudge()
    return await _story(request, episode)
