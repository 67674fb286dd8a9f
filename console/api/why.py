"""Why: the whole story of an order, and what speaks for and against work at a place."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from console.access import Looker
from console.api.common import PathId, Utc, district_of, feed_of, pool_of
from console.models import District, LonLat
from console.pool import Conn, row, rows
from console.problems import NOT_FOUND, Refusal
from console.why import by_language, chosen, distance_m, rivals
from console.why_models import OrderStory, PlaceWhy
from store.statements import statements

SQL = statements("explain")
WHY = statements("why")
CONSOLE = statements("console")
ORDERS_SHOWN = 20
DECISIONS_SHOWN = 12

router = APIRouter(tags=["why"])


@router.get("/orders/{order}", responses=NOT_FOUND)
async def order_story(request: Request, _: Looker, order: PathId) -> OrderStory:
    """An order's whole story: why it was given to this crew for this time and to no other, what
    happened to it, what was proven of it and what it achieved."""
    district = district_of(request)
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.order, {"id": order})
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no order {order}.")
        plan = await row(conn, SQL.plan_of_order, {"id": order})
        place = found["segment"] or found["site"] or found["depot"]
        asked = {
            "id": order,
            "place": place,
            "treatment": found["treatment"],
            "at": plan["issued_at"] if plan else found["issued_at"],
            "plan": plan["id"] if plan else None,
            "crews": [crew.id for crew in district.crews],
        }
        decision = await row(conn, SQL.decision_of_plan, asked)
        troubles = await rows(conn, SQL.troubles, asked)
        crew_overrides = await rows(conn, SQL.crew_overrides, asked)
        overrides = await rows(conn, WHY.overrides, asked)
        positions = await rows(conn, SQL.crews_before, asked)
        log = await rows(conn, SQL.order_story, asked)
        proof = await row(conn, SQL.service, asked)
        verdict = await row(conn, SQL.verdict, asked)
    where = _point(district, place)
    away = {one["crew"]: distance_m((one["lon"], one["lat"]), where) for one in positions if where}
    reason = {"reason": found["reason"], "also": found["also"]}
    written = {"language": decision["language"] if decision else _language(found["reason"])}
    return OrderStory.model_validate(
        {
            "order": found,
            "reason": by_language(reason | written),
            "plan": plan,
            "chosen": chosen(found, plan, away.get(found["crew"])),
            "rivals": rivals(found, district.crews, plan, away, troubles, crew_overrides),
            "decision": by_language(decision),
            "overrides": overrides,
            "log": log,
            "proof": proof,
            "verdict": verdict,
        }
    )


@router.get("/segments/{segment}/why", responses=NOT_FOUND)
async def segment_why(
    request: Request,
    _: Looker,
    segment: PathId,
    hours: Annotated[float, Query(gt=0, le=168)] = 24,
    at: Utc | None = None,
) -> PlaceWhy:
    """What speaks for and against work on a segment as of `at` (now when left out), and what was
    seen there in the hours before."""
    district = district_of(request)
    if all(known.id != segment for known in district.segments):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no segment {segment} in this district.")
    stations = [station.id for station in district.stations if station.segment == segment]
    gates = [site.id for site in district.sites if segment in site.gates]
    return await _place_why(request, segment, [segment, *gates], stations, hours, at)


@router.get("/sites/{site}/why", responses=NOT_FOUND)
async def site_why(
    request: Request,
    _: Looker,
    site: PathId,
    hours: Annotated[float, Query(gt=0, le=168)] = 24,
    at: Utc | None = None,
) -> PlaceWhy:
    """The same of a site."""
    district = district_of(request)
    if all(known.id != site for known in district.sites):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no site {site} in this district.")
    stations = [station.id for station in district.stations if station.site == site]
    return await _place_why(request, site, [site], stations, hours, at)


async def _place_why(
    request: Request,
    place: str,
    places: list[str],
    stations: list[str],
    hours: float,
    at: Any,
) -> PlaceWhy:
    end = at or await feed_of(request).time()
    asked = {
        "place": place,
        "places": places,
        "segment": place,
        "stations": stations,
        "at": end,
        "until": end,
        "since": end - timedelta(hours=hours),
        "limit": ORDERS_SHOWN,
    }
    async with pool_of(request).connection() as conn:
        decision = await row(conn, WHY.decision, asked)
        told = await rows(conn, SQL.decisions, asked | {"limit": DECISIONS_SHOWN})
        answer = (
            asked
            | {
                "decision": decision and decision | {"reason": by_language(decision)},
                "decisions": [one | {"reason": by_language(one)} for one in told],
                "episodes": await rows(conn, SQL.place_episodes, asked),
                "orders": await rows(conn, SQL.place_orders, asked),
                "overrides": await rows(conn, WHY.overrides, asked),
                "matters": await rows(conn, WHY.matters, asked),
                "ground": await row(conn, SQL.ground, asked),
                "learned": await rows(conn, SQL.learned, asked),
                "worths": await rows(conn, CONSOLE.segment_worth, asked),
            }
            | await _marks(conn, asked)
        )
    return PlaceWhy.model_validate(answer)


async def _marks(conn: Conn, asked: dict[str, Any]) -> dict[str, Any]:
    """What was seen, heard and doubted on the time axis."""
    return {
        name: await rows(conn, getattr(SQL, name), asked)
        for name in ("seen", "complaints", "doubts", "rain")
    }


def _language(text: str) -> str:
    return "zh-CN" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else "en"


def _point(district: District, place: str | None) -> LonLat | None:
    """A place's middle."""
    for segment in district.segments:
        if segment.id == place:
            return segment.line[len(segment.line) // 2]
    for site in district.sites:
        if site.id == place:
            return site.centre
    return next(((one.lon, one.lat) for one in district.depots if one.id == place), None)
