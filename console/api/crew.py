"""The crew's page: its orders, its words, its position and its photos."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import anyio
import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Security
from fastapi.responses import Response
from psycopg.types.json import Jsonb

from console import crew_models as models
from console.access import allowed
from console.api.common import Id, district_of, feed_of, pool_of
from console.board_models import Instant, Photo
from console.models import Crew, LonLat
from console.photos import BadPhoto, Picture, drawn_anew
from console.pool import Conn, row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from console.users import User
from geo.datum import gcj02_to_bd09, wgs84_to_gcj02
from store.statements import statements

SQL = statements("crewpage")
INGEST = statements("ingest")
OVERRIDES = statements("overrides")

PHOTOS_MAX = 12
"""Of one order."""
OLDEST = timedelta(hours=48)
"""As the way in by the broker has it: what is older is left out of every result."""

_drawing = anyio.CapacityLimiter(1)

router = APIRouter(prefix="/crew", tags=["crew"])
photos = APIRouter(prefix="/photos", tags=["crew"])

Signed = Annotated[User, Security(allowed, scopes=[])]
Whose = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="For dispatchers: which crew")
]


def _crew_of(request: Request, user: User, wanted: str | None, *, speaks: bool) -> Crew:
    """The crew that is meant. A leader has their own; a dispatcher speaks for any, as when one
    calls in; whoever may look may look. Raises Refusal 403 or 404."""
    if "crew" in user.scopes:
        if user.crew is None:
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "You are tied to no crew yet: ask an administrator to say which is yours.",
            )
        if wanted not in (None, user.crew):
            raise Refusal(HTTPStatus.FORBIDDEN, f"You work as {user.crew}, not as {wanted}.")
        wanted = user.crew
    elif ("dispatch" if speaks else "read") not in user.scopes:
        what = "speak for a crew" if speaks else "see a crew's page"
        raise Refusal(HTTPStatus.FORBIDDEN, f"You may not {what}.")
    if wanted is None:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Say which crew: `?crew=`.")
    crew = next((crew for crew in district_of(request).crews if crew.id == wanted), None)
    if crew is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no crew {wanted} in this district.")
    return crew


@router.get("/map")
async def crew_map(request: Request, user: Signed) -> models.CrewMap:
    """Streets, sites and depots for the small map."""
    if not user.scopes & {"crew", "read"}:
        raise Refusal(HTTPStatus.FORBIDDEN, "You may not see the district.")
    district = district_of(request)
    return models.CrewMap(
        timezone=district.timezone,
        segments=[
            models.Place(id=s.id, name=s.name, name_en=s.name_en, line=s.line)
            for s in district.segments
        ],
        sites=[
            models.Place(
                id=s.id, name=s.name, name_en=s.name_en, line=s.rings[0] if s.rings else [s.centre]
            )
            for s in district.sites
        ],
        depots=district.depots,
    )


@router.get(
    "/orders",
    response_model=models.CrewPage,
    responses=NOT_FOUND | {304: {"description": "Nothing has changed since `If-None-Match`"}},
)
async def crew_orders(request: Request, user: Signed, crew: Whose = None) -> Response:
    """The crew's orders in sequence, and those of today that are over. `Roaddust-Now` says the
    platform's time also when nothing has changed."""
    mine = _crew_of(request, user, crew, speaks=False)
    now = await feed_of(request).time()
    zone = ZoneInfo(district_of(request).timezone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)
    async with pool_of(request).connection() as conn:
        standing = await rows(conn, SQL.orders, {"crew": mine.id})
        past = await rows(conn, SQL.history, {"crew": mine.id, "since": midnight})
        place = await row(conn, SQL.position, {"crew": mine.id, "now": now})
        waiting = await rows(conn, SQL.waiting_words, {"crew": mine.id})
    said: dict[str, list[str]] = {}
    for word in waiting:
        said.setdefault(word["order_id"], []).append(word["event"])
    centres = {site.id: site.centre for site in district_of(request).sites}
    page = models.CrewPage(
        crew=mine.id,
        name=mine.name,
        kind=mine.kind,
        tank_l=mine.tank_l,
        now=now,
        orders=[
            models.CrewOrder.model_validate(
                order | _goals(order, centres) | {"said": said.get(order["id"], [])}
            )
            for order in standing
        ],
        history=[models.PastOrder.model_validate(order) for order in past],
        position=models.CrewPlace.model_validate(place) if place else None,
    )
    # The clock alone is no news; with it nothing would ever be the same.
    text = page.model_dump_json(exclude={"now"})
    tag = f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Roaddust-Now": now.isoformat(), "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(page.model_dump_json(), media_type="application/json", headers=headers)


def _goals(order: Mapping[str, Any], centres: Mapping[str, LonLat]) -> dict[str, LonLat | None]:
    """Where an order's work starts, in the three datums of Chinese maps."""
    goal = centres.get(order["site"]) if order["site"] else None
    if goal is None and order["path"]:
        goal = tuple(order["path"][-1])
    if goal is None:
        return {"goal": None, "goal_gcj": None, "goal_bd": None}
    gcj = wgs84_to_gcj02(*goal)
    bd = gcj02_to_bd09(*gcj)
    return {
        "goal": (goal[0], goal[1]),
        "goal_gcj": (round(float(gcj[0]), 6), round(float(gcj[1]), 6)),
        "goal_bd": (round(float(bd[0]), 6), round(float(bd[1]), 6)),
    }


@router.post("/progress", responses=NOT_FOUND)
async def say(
    request: Request, user: Signed, word: models.Word, crew: Whose = None
) -> models.Taken:
    """Say what has become of an order: the same as a Progress message of the contract, stored as
    ingest stores one, in one transaction. A repeat of a key changes nothing."""
    mine = _crew_of(request, user, crew, speaks=True)
    now = await feed_of(request).time()
    async with pool_of(request).connection() as conn, conn.transaction():
        order = await row(conn, SQL.order_crew, {"id": word.order})
        if order is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no order {word.order}.")
        if order["crew"] != mine.id:
            raise Refusal(HTTPStatus.FORBIDDEN, f"{word.order} is not an order of {mine.id}.")
        if not await _first(conn, word.key, mine.id, user.name, "progress", now):
            return models.Taken(key=word.key, repeat=True)
        # A phone's clock may be wrong: nothing was done before it was ordered, nor after now.
        ts = min(max(word.at.astimezone(UTC), order["issued_at"]), now)
        values = {
            "crew": mine.id, "order": word.order, "event": word.event, "ts": ts,
            "reason": word.reason, "water_l": word.water_l, "stored_at": now,
        }  # fmt: skip
        await conn.execute(SQL.add_progress, values)
        await _woken(conn, "progress", ts, now)
        said = {"crew": mine.id, "order": word.order, "event": word.event, "at": ts.isoformat()}
        await _audit(conn, user.name, "progress", said, now)
    feed_of(request).nudge()
    return models.Taken(key=word.key, repeat=False)


@router.post("/position", status_code=HTTPStatus.NO_CONTENT, responses=NOT_FOUND)
async def stand(
    request: Request, user: Signed, place: models.NewPosition, crew: Whose = None
) -> None:
    """Say where the crew is: the same as a Position message of the contract. A repeat of a time
    changes nothing."""
    mine = _crew_of(request, user, crew, speaks=True)
    now = await feed_of(request).time()
    ts = min(place.at.astimezone(UTC), now)
    if ts < now - OLDEST:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "That was more than two days ago.")
    async with pool_of(request).connection() as conn, conn.transaction():
        values = {
            "crew": mine.id, "ts": ts, "lon": place.lon, "lat": place.lat,
            "speed_kmh": place.speed_kmh, "water_l": None, "state": None, "stored_at": now,
        }  # fmt: skip
        if await row(conn, SQL.add_position, values) is not None:
            await _woken(conn, "positions", ts, now)


@router.post(
    "/photos",
    responses=NOT_FOUND | CONFLICT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/jpeg", "image/png", "image/webp")
            },
        }
    },
)
async def add_photo(
    request: Request,
    user: Signed,
    key: UUID,
    order: Id,
    at: Annotated[Instant, Query()],
    crew: Whose = None,
) -> models.Taken:
    """Add a photo to an order: the picture is the body of the request, JPEG, PNG or WebP of at most
    5 MiB where the operator has set nothing else. It is judged by what is in it and drawn anew."""
    mine = _crew_of(request, user, crew, speaks=True)
    now = await feed_of(request).time()
    async with pool_of(request).connection() as conn:
        known = await row(conn, SQL.order_crew, {"id": order})
        if known is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no order {order}.")
        if known["crew"] != mine.id:
            raise Refusal(HTTPStatus.FORBIDDEN, f"{order} is not an order of {mine.id}.")
    picture = await _picture(request)
    async with pool_of(request).connection() as conn, conn.transaction():
        if not await _first(conn, key, mine.id, user.name, "photo", now):
            return models.Taken(key=key, repeat=True)
        count = await row(conn, SQL.photos_of, {"order": order})
        if count is not None and count["photos"] >= PHOTOS_MAX:
            raise Refusal(HTTPStatus.CONFLICT, f"{order} has {PHOTOS_MAX} photos: enough.")
        values = {
            "id": key, "order": order, "crew": mine.id, "by": user.name,
            "at": min(max(at.astimezone(UTC), known["issued_at"]), now),
            "width_px": picture.width_px, "height_px": picture.height_px, "jpeg": picture.jpeg,
        }  # fmt: skip
        await conn.execute(SQL.add_photo, values)
        said = {"crew": mine.id, "order": order, "photo": str(key)}
        await _audit(conn, user.name, "photo", said, now)
    return models.Taken(key=key, repeat=False)


async def _picture(request: Request) -> Picture:
    """The picture in the body. Raises Refusal 422; one that is too large never gets here."""
    try:
        return await anyio.to_thread.run_sync(drawn_anew, await request.body(), limiter=_drawing)
    except BadPhoto as bad:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(bad)) from None


@photos.get("", responses=NOT_FOUND)
async def photos_of(request: Request, user: Signed, order: Id) -> list[Photo]:
    """The photos of an order, oldest first. A crew sees its own."""
    async with pool_of(request).connection() as conn:
        known = await row(conn, SQL.order_crew, {"id": order})
        found = await rows(conn, SQL.photos, {"order": order})
    _own(user, known)
    if known is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no order {order}.")
    return [Photo.model_validate(photo) for photo in found]


@photos.get(
    "/{photo}",
    response_class=Response,
    responses=NOT_FOUND | {200: {"content": {"image/jpeg": {}}, "description": "The picture"}},
)
async def picture(request: Request, user: Signed, photo: Annotated[UUID, Path()]) -> Response:
    """A photo. A crew sees its own."""
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.photo, {"id": photo})
    _own(user, found)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no photo {photo}.")
    headers = {
        "Content-Disposition": f'attachment; filename="{photo}.jpg"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=86400",
    }
    return Response(bytes(found["jpeg"]), media_type="image/jpeg", headers=headers)


def _own(user: User, found: Mapping[str, Any] | None) -> None:
    """Raises Refusal 403 for what another crew photographed, and for what nobody did: a crew does
    not learn which orders there are."""
    own = found is not None and "crew" in user.scopes and found["crew"] == user.crew
    if not (own or "read" in user.scopes):
        raise Refusal(HTTPStatus.FORBIDDEN, "You may see the photos of your own crew.")


async def _first(conn: Conn, key: UUID, crew: str, by: str, kind: str, now: datetime) -> bool:
    """Whether this key comes for the first time. Raises Refusal 403 for the key of another crew."""
    values = {"key": key, "crew": crew, "by": by, "kind": kind, "at": now}
    if await row(conn, SQL.take_key, values) is not None:
        return True
    known = await row(conn, SQL.key_crew, {"key": key})
    if known is None or known["crew"] != crew:
        raise Refusal(HTTPStatus.FORBIDDEN, "This key was used by another crew.")
    return False


async def _woken(conn: Conn, kind: str, ts: datetime, now: datetime) -> None:
    """Tell the later stages which part of the past has changed, as ingest does."""
    values = {"kinds": [kind], "min_ts": [ts], "rows": [1], "stored_at": now}
    await conn.execute(INGEST.add_batches, values)


async def _audit(
    conn: Conn, actor: str, action: str, detail: dict[str, Any], now: datetime
) -> None:
    values = {"at": now, "actor": actor, "action": action, "detail": Jsonb(detail)}
    await conn.execute(OVERRIDES.audit, values)
