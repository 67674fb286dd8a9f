"""The dispatch board, decisions against the plan, and what they would change."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from psycopg.types.json import Jsonb

from console import board as boards
from console import board_models as models
from console.access import Decider, Looker, Weigher
from console.api.common import Limit, Utc, district_of, feed_of, pool_of
from console.models import Text
from console.pool import row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from console.users import User
from store.database import Connection, connect
from store.overrides import BadOverride, Wish, check, record, withdraw
from store.statements import statements

SQL = statements("board")
PREVIEWS = statements("previews")

SPAN_MAX = timedelta(hours=36)
BEHIND, AHEAD = timedelta(hours=2), timedelta(hours=6)
PREVIEWS_KEPT = 40
PREVIEW_LASTS = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=1)
UNTIL_MAX = timedelta(days=31)
ADDS = frozenset({"add"})
"""What an operator may decide without being a dispatcher."""

Number = Annotated[int, Path(ge=1, le=2**62)]

router = APIRouter(tags=["dispatch"])


@router.get("/board")
async def board(
    request: Request,
    _: Looker,
    since: Annotated[Utc | None, Query(alias="from")] = None,
    until: Utc | None = None,
) -> models.Board:
    """Crews over a span of time: what they did, what the plan has, what is left out, the day."""
    now = await feed_of(request).time()
    first, last = since or now - BEHIND, until or now + AHEAD
    if not timedelta(minutes=10) <= last - first <= SPAN_MAX:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "`until` must be ten minutes to 36 hours after `from`.",
        )
    async with pool_of(request).connection() as conn:
        found = await boards.board(conn, district_of(request), now, first, last)
    return models.Board.model_validate(found)


# Decisions ----------------------------------------------------------------------------------


@router.get("/overrides")
async def overrides(
    request: Request,
    _: Looker,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Limit = 100,
) -> models.OverridePage:
    """Decisions, standing or over, the newest first."""
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.overrides_page, {"after": after, "limit": limit + 1})
    more = len(found) > limit
    return models.OverridePage.model_validate(
        {"items": found[:limit], "next": found[limit - 1]["id"] if more else None}
    )


@router.post("/overrides", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def decide(request: Request, user: Decider, body: models.NewOverride) -> models.Override:
    """Decide something against the plan; the next plan respects it. An operator may add work;
    the rest is for dispatchers."""
    now = await _may(request, user, body)
    wish = _wish(body, user.name, body.why)
    _checked(request, wish, now)
    number = await _in_store(request, partial(_recorded, wish=wish, now=now))
    return await _override(request, number)


@router.delete("/overrides/{number}", responses=NOT_FOUND | CONFLICT)
async def take_back(
    request: Request,
    user: Decider,
    number: Number,
    why: Annotated[Text, Query(min_length=1, max_length=500)],
) -> models.Override:
    """End a decision before its time. Whoever may make it may take it back."""
    now = await feed_of(request).time()
    _may_kind(user, (await _override(request, number)).kind)
    if not why:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Say why it is taken back.")
    await _in_store(request, partial(_withdrawn, number=number, by=user.name, why=why, now=now))
    return await _override(request, number)


# What they would change ---------------------------------------------------------------------


@router.post("/previews", status_code=HTTPStatus.ACCEPTED, responses=NOT_FOUND)
async def ask(request: Request, user: Decider, body: models.NewPreview) -> models.Preview:
    """Ask the dispatcher what a decision would change. It answers within its next steps; ask for
    the preview again until `answered_at` is set. Nothing is kept."""
    if (body.wish is None) == (body.withdraw is None):
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Give `wish` or `withdraw`, one of them.")
    if body.wish is not None:
        now = await _may(request, user, body.wish)
        # Why is said when it is kept.
        wish = _wish(body.wish, user.name, "?")
        _checked(request, wish, now)
        asked = body.wish.model_dump(mode="json", exclude_none=True) | {"why": "?"}
    else:
        assert body.withdraw is not None
        now = await feed_of(request).time()
        _may_kind(user, (await _override(request, body.withdraw)).kind)
        asked = {"kind": "withdraw", "override": body.withdraw}
    async with pool_of(request).connection() as conn, conn.transaction():
        made = await row(conn, PREVIEWS.ask, {"at": now, "by": user.name, "wish": Jsonb(asked)})
        assert made is not None
        await conn.execute(
            PREVIEWS.forget, {"before": now - FORGOTTEN_AFTER, "keep": PREVIEWS_KEPT}
        )
    return await _preview(request, made["id"], now)


@router.get("/previews/{number}", responses=NOT_FOUND)
async def preview(request: Request, _: Weigher, number: Number) -> models.Preview:
    """A question and, once it is there, the answer."""
    return await _preview(request, number, await feed_of(request).time())


@router.delete("/previews/{number}", status_code=HTTPStatus.NO_CONTENT, responses=NOT_FOUND)
async def drop(request: Request, _: Decider, number: Number) -> None:
    """Discard it."""
    async with pool_of(request).connection() as conn:
        if await row(conn, PREVIEWS.drop, {"id": number}) is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no preview {number}.")


async def _preview(request: Request, number: int, now: datetime) -> models.Preview:
    async with pool_of(request).connection() as conn:
        found = await row(conn, PREVIEWS.preview, {"id": number})
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no preview {number}.")
    stale = None
    if found["answered_at"] is not None:
        if found["plan"] != found["plan_now"]:
            stale = "plan"
        elif now - found["answered_at"] > PREVIEW_LASTS:
            stale = "age"
    return models.Preview.model_validate(found | {"stale": stale})


async def _override(request: Request, number: int) -> models.Override:
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.override, {"id": number})
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no override {number}.")
    return models.Override.model_validate(found)


async def _may(request: Request, user: User, asked: models.Asked) -> datetime:
    """The platform's time. Raises Refusal for what is not this person's to decide, or for ever."""
    _may_kind(user, asked.kind)
    now = await feed_of(request).time()
    if asked.until - now > UNTIL_MAX:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, "A decision holds for 31 days at most: renew it then."
        )
    return now


def _may_kind(user: User, kind: str) -> None:
    if kind not in ADDS and "dispatch" not in user.scopes:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f"To {kind} is for a dispatcher; with your rights you may add an order.",
        )


def _wish(asked: models.Asked, by: str, why: str) -> Wish:
    return Wish(
        kind=asked.kind, why=why, given_by=by, until=asked.until, place=asked.place,
        treatment=asked.treatment, crew=asked.crew, order=asked.order, priority=asked.priority,
        due=asked.due,
    )  # fmt: skip


def _checked(request: Request, wish: Wish, now: datetime) -> None:
    district = district_of(request)
    places = [segment.id for segment in district.segments if segment.treat]
    places += [site.id for site in district.sites]
    try:
        check(wish, now, places=places, crews=[crew.id for crew in district.crews])
    except BadOverride as bad:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{bad}.") from None


def _recorded(conn: Connection, *, wish: Wish, now: datetime) -> int:
    return record(conn, wish, now)


def _withdrawn(conn: Connection, *, number: int, by: str, why: str, now: datetime) -> int:
    withdraw(conn, number, by, why, now)
    return number


async def _in_store(request: Request, act: Callable[[Connection], int]) -> int:
    """Run what `store` does in one transaction, off the loop. Raises Refusal 409 for a decision
    that the tables do not allow (an order that is over, a decision that is)."""
    dsn: Any = pool_of(request).conninfo

    def run() -> int:
        with connect(dsn, name="console") as conn:
            return act(conn)

    try:
        number = await anyio.to_thread.run_sync(run)
    except BadOverride as bad:
        raise Refusal(HTTPStatus.CONFLICT, f"{bad}.") from None
    feed_of(request).nudge()
    return number
