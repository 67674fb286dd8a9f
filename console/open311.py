"""Residents' complaints by GeoReport v2, so that a city's hotline or app needs no programming.

A complaint becomes what one on `up/reports/open311` becomes: dispatch gives it a clock of the day
and answers it with an order or a reason, and that answer is what the resident is told. What says
who complained is not kept: nobody needs it to clean a street.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from console.access import address_of, at_most, basic_of, bearer_of, identified
from console.api.common import feed_of, gate_of, pool_of
from console.open311_models import (
    Accepted,
    GeoReportError,
    NewRequest,
    Service,
    ServiceDefinition,
    ServiceRequest,
)
from console.pool import rows
from console.problems import Refusal
from console.texts import language_of, name_in, texts
from console.users import User
from geo.district import District
from geo.places import PlaceIndex
from store.statements import statements

SQL = statements("open311")

CHANNEL = "open311"
NEAR_M = 500.0
"""A complaint farther from every street is not of this district."""
ON_STREET_M = 150.0
"""Nearer than this it is about the street; what lies farther off is recorded without one."""
SPAN = timedelta(days=90)
"""What the specification gives when nobody asks for a time."""
PAGE = 1000
KINDS = ("dust", "noise", "other")

Form = Literal["json", "xml"]
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where complaints are taken."""

    district: District
    public_url: str
    places: PlaceIndex

    @classmethod
    def of(cls, district: District, public_url: str) -> "Desk":
        return cls(district, public_url, PlaceIndex(district))


class _InGeoReport(APIRoute):
    """A route whose refusals are GeoReport's, in the form that was asked for."""

    def get_route_handler(self) -> Any:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                answer: Response = await handle(request)
            except RequestValidationError as error:
                words = [
                    f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}"
                    for item in error.errors()
                ]
                return _refused(request, HTTPStatus.BAD_REQUEST, words)
            except HTTPException as error:
                return _refused(request, error.status_code, [str(error.detail)], error.headers)
            return answer

        return handled


def _refused(request: Request, status: int, words: Sequence[str], headers: Any = None) -> Response:
    errors = [GeoReportError(code=status, description=text) for text in words]
    form: Form = "xml" if request.url.path.endswith(".xml") else "json"
    return _written(form, "errors", "error", errors, status, headers)


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": list[GeoReportError],
        "description": HTTPStatus(status).phrase,
        "content": {"text/xml": {}},
    }
    for status in (400, 401, 403, 404, 429)
}
IN_XML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/xml": {}}}}
router = APIRouter(prefix="/open311", tags=["open311"], route_class=_InGeoReport, responses=_ERRORS)


async def key_holder(
    request: Request,
    bearer: Annotated[Any, Depends(bearer_of)],
    basic: Annotated[Any, Depends(basic_of)],
    api_key: Annotated[str | None, Query(max_length=200, description="a token")] = None,
) -> User:
    """Who asks: by `api_key`, which is a token with the scope `complaints`, or as everywhere. Never
    by a cookie, which another site could borrow for a form."""
    if api_key is None and request.method == "POST":
        given = (await request.form()).get("api_key")
        api_key = given if isinstance(given, str) else None
    if api_key:
        user = await _of_key(request, api_key)
    else:
        user = await identified(request, bearer, basic)
    if "complaints" not in user.scopes:
        raise Refusal(HTTPStatus.FORBIDDEN, "This key has not the right `complaints`.")
    return user


async def _of_key(request: Request, key: str) -> User:
    """Raises Refusal 401."""
    user = await gate_of(request).of_token(key, address_of(request))
    if user is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "This api_key is not one of ours, or has expired.")
    if request.method == "POST":
        at_most(request, user.name)
    return user


Holder = Annotated[User, Depends(key_holder)]
Lang = Annotated[str | None, Query(max_length=10, description="zh-CN (when left out) or en")]
Jurisdiction = Annotated[
    str | None, Query(max_length=64, description="the district's id, or nothing")
]


@router.get("/discovery.{form}", response_model=None, responses=IN_XML)
async def discovery(request: Request, form: Form) -> Response:
    """Where the endpoints are."""
    desk = _desk(request)
    base = desk.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    told = {
        "changeset": "2026-01-01 00:00",
        "contact": name_in("zh-CN", desk.district.name),
        "key_service": f"{base}/people",
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": f"{base}/open311/v2",
                "changeset": "2026-01-01 00:00",
                "type": "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    if form == "json":
        return JSONResponse(told)
    items = {"endpoints": "endpoint", "formats": "format"}
    return _xml(_element("discovery", told, items))


@router.get("/v2/services.{form}", response_model=list[Service], responses=IN_XML)
async def services(
    request: Request, form: Form, lang: Lang = None, jurisdiction_id: Jurisdiction = None
) -> Response:
    """What can be complained of."""
    _check_jurisdiction(request, jurisdiction_id)
    found = [_service(kind, lang) for kind in KINDS]
    return _written(form, "services", "service", found)


@router.get(
    "/v2/services/{service_code}.{form}", response_model=ServiceDefinition, responses=IN_XML
)
async def service(
    request: Request, service_code: str, form: Form, jurisdiction_id: Jurisdiction = None
) -> Response:
    """What else to ask of a service: nothing, for all of them."""
    _check_jurisdiction(request, jurisdiction_id)
    if service_code not in KINDS:
        raise Refusal(HTTPStatus.NOT_FOUND, f"service_code {service_code} was not found")
    found = ServiceDefinition.model_validate({"service_code": service_code})
    if form == "json":
        return JSONResponse(found.model_dump(mode="json"))
    return _xml(_element("service_definition", found.model_dump(), {"attributes": "attribute"}))


@router.get("/v2/requests.{form}", response_model=list[ServiceRequest], responses=IN_XML)
async def requests(
    request: Request,
    _: Holder,
    form: Form,
    service_request_id: Annotated[str | None, Query(max_length=3300)] = None,
    service_code: Annotated[str | None, Query(max_length=100)] = None,
    start_date: Annotated[datetime | None, Query()] = None,
    end_date: Annotated[datetime | None, Query()] = None,
    status: Annotated[str | None, Query(max_length=20)] = None,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    lang: Lang = None,
    jurisdiction_id: Jurisdiction = None,
) -> Response:
    """Complaints that came in here, and what became of them, the newest first: those of 90 days
    before `end_date` unless asked for by `service_request_id`. Lists are separated by commas."""
    _check_jurisdiction(request, jurisdiction_id)
    states = _listed(status)
    if states and not set(states) <= {"open", "closed"}:
        raise Refusal(HTTPStatus.BAD_REQUEST, "status: give open, closed or both")
    ids = _listed(service_request_id)
    since, until = (await _span(request, start_date, end_date)) if ids is None else (None, None)
    values = {
        "ids": ids,
        "kinds": _listed(service_code),
        "since": since,
        "until": until,
        "closed": states[0] == "closed" if states and len(set(states)) == 1 else None,
        "limit": page_size,
        "skip": (page - 1) * page_size,
    }
    found = await _found(request, values, lang)
    return _written(form, "service_requests", "request", found)


@router.get(
    "/v2/requests/{service_request_id}.{form}",
    response_model=list[ServiceRequest],
    responses=IN_XML,
)
async def one_request(
    request: Request,
    _: Holder,
    service_request_id: str,
    form: Form,
    lang: Lang = None,
    jurisdiction_id: Jurisdiction = None,
) -> Response:
    """One complaint, and what became of it."""
    _check_jurisdiction(request, jurisdiction_id)
    found = await _found(request, {"ids": _listed(service_request_id)}, lang)
    if not found:
        raise Refusal(HTTPStatus.NOT_FOUND, "service_request_id was not found")
    return _written(form, "service_requests", "request", found)


@router.post(
    "/v2/requests.{form}",
    response_model=list[Accepted],
    status_code=HTTPStatus.CREATED,
    responses={201: {"content": {"text/xml": {}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": NewRequest.model_json_schema()}
            },
        }
    },
)
async def add_request(
    request: Request,
    holder: Holder,
    form: Form,
    lang: Lang = None,
    jurisdiction_id: Jurisdiction = None,
) -> Response:
    """Complain: `service_code`, `lat` and `long` are needed."""
    given = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    _check_jurisdiction(request, given.get("jurisdiction_id") or jurisdiction_id)
    try:
        asked = NewRequest.model_validate({key: value for key, value in given.items() if value})
    except ValidationError as error:
        words = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        return _refused(request, HTTPStatus.BAD_REQUEST, words)
    place = _desk(request).places.nearest(asked.long, asked.lat, NEAR_M)
    if place is None:
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            f"lat, long: no street of this district is within {NEAR_M:.0f} m of there",
        )
    on_street = _desk(request).places.nearest(
        asked.long, asked.lat, ON_STREET_M, treatable_only=True
    )
    now = await feed_of(request).time()
    id_ = f"{now:%Y%m%d}-{base64.b32encode(secrets.token_bytes(5)).decode()}"
    said = [asked.description, asked.address_string, str(asked.media_url or "")]
    values = {
        "channel": CHANNEL,
        "id": id_,
        "at": now,
        "text": "\n".join(text for text in said if text) or None,
        "lon": asked.long,
        "lat": asked.lat,
        "segment": on_street[0].segment if on_street else None,
        "kind": asked.service_code,
    }
    async with pool_of(request).connection() as conn, conn.transaction():
        await conn.execute(SQL.add_complaint, values)
        await gate_of(request).record(conn, holder.name, "complaint", {"ref": f"{CHANNEL}/{id_}"})
    says = texts(language_of(lang))["open311"]
    notice = says["notice" if asked.service_code == "dust" else "recorded"]
    accepted = [Accepted(service_request_id=id_, service_notice=notice)]
    return _written(form, "service_requests", "request", accepted, HTTPStatus.CREATED)


# What is told ---------------------------------------------------------------------------------


def status_notes(found: Fields, words: Mapping[str, str], treatments: Mapping[str, str]) -> str:
    """What a resident is told of a complaint: what it was answered with, and what came of it."""
    if found["kind"] != "dust":
        return words["recorded"]
    if found["place"] is None and found["outcome"] == "nowhere":
        return words["nowhere"]
    if found["treatment"] is None:
        if found["answer"] is None:
            return words["waiting"]
        return words.get(f"reason_{found['answer']}", words["reason"])
    work = treatments[found["treatment"]]
    if found["order_state"] != "done":
        return words["begun" if found["started_at"] else "ordered"].format(work=work)
    if found["effective"] and found["reduction_pct"] is not None:
        less = round(found["reduction_pct"])
        return words["helped"].format(work=work, less=less)
    return words["done"].format(work=work)


def is_closed(found: Fields) -> bool:
    """Whether nothing more will be done of it; what was not made goes on the next day."""
    return found["ended_at"] is not None and found["outcome"] != "not_made"


async def _found(request: Request, values: Fields, lang: str | None) -> list[ServiceRequest]:
    anything: dict[str, Any] = {
        "ids": None, "kinds": None, "since": None, "until": None, "closed": None,
        "limit": PAGE, "skip": 0,
    }  # fmt: skip
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.complaints, {"channel": CHANNEL} | anything | dict(values))
    language = language_of(lang)
    says, treatments = texts(language)["open311"], texts(language)["treatment"]
    desk = _desk(request)
    return [
        ServiceRequest(
            service_request_id=one["id"],
            status="closed" if is_closed(one) else "open",
            status_notes=status_notes(one, says, treatments),
            service_name=says[one["kind"]],
            service_code=one["kind"],
            description=one["text"],
            agency_responsible=name_in(language, desk.district.name),
            requested_datetime=one["ts"],
            updated_datetime=_updated(one),
            expected_datetime=one["due"],
            address=_street(desk, one["segment"] or one["place"], language),
            address_id=one["segment"] or one["place"],
            lat=one["lat"],
            long=one["lon"],
        )
        for one in found
    ]


def _updated(found: Fields) -> datetime:
    times = ("ts", "answered_at", "begun_at", "ended_at", "started_at", "order_ended_at")
    newest: datetime = max(found[name] for name in times if found[name] is not None)
    return newest


def _street(desk: Desk, segment: str | None, language: Any) -> str | None:
    known = desk.district.segments.get(segment) if segment else None
    return name_in(language, known.name) if known else None


def _service(kind: Any, lang: str | None) -> Service:
    words = texts(language_of(lang))["open311"]
    return Service(
        service_code=kind,
        service_name=words[kind],
        description=words[f"{kind}_about"],
        keywords=words["keywords"],
        group=words["group"],
    )


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.open311
    return desk


def _check_jurisdiction(request: Request, asked: str | None) -> None:
    """Raises Refusal 404."""
    if asked and asked != _desk(request).district.id:
        raise Refusal(HTTPStatus.NOT_FOUND, "jurisdiction_id was not found")


def _listed(text: str | None) -> list[str] | None:
    """Of a list with commas; None when there is none. The database cannot hold a NUL."""
    if text is None:
        return None
    parts = [part.strip() for part in text.replace("\x00", "\ufffd").split(",")]
    return [part for part in parts if part] or None


async def _span(
    request: Request, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime]:
    """Raises Refusal 400 for a span longer than the specification allows."""
    for time in (start, end):
        if time is not None and (time.utcoffset() is None or not 1970 < time.year < 2200):
            raise Refusal(
                HTTPStatus.BAD_REQUEST, "start_date, end_date: give a time with its offset"
            )
    until = end or (start + SPAN if start else await feed_of(request).time())
    since = start or until - SPAN
    if until - since > SPAN:
        raise Refusal(HTTPStatus.BAD_REQUEST, "start_date, end_date: give 90 days at most")
    return since, until


# How it is written ----------------------------------------------------------------------------


def _written(
    form: Form,
    root: str,
    item: str,
    things: Sequence[BaseModel],
    status: int = HTTPStatus.OK,
    headers: Any = None,
) -> Response:
    plain = [thing.model_dump(mode="json") for thing in things]
    if form == "json":
        return JSONResponse(plain, status, headers=headers)
    written = ET.Element(root)
    written.extend(_element(item, one, {}) for one in plain)
    return _xml(written, status, headers)


def _element(name: str, thing: Any, items: Mapping[str, str]) -> ET.Element:
    """An element of a value; `items` names the elements of lists by the list's own name."""
    made = ET.Element(name)
    if isinstance(thing, Mapping):
        made.extend(_element(key, value, items) for key, value in thing.items())
    elif isinstance(thing, list):
        made.extend(_element(items[name], one, items) for one in thing)
    elif isinstance(thing, bool):
        made.text = str(thing).lower()
    elif thing is not None:
        made.text = _sayable(str(thing))
    return made


def _sayable(text: str) -> str:
    """Without what XML cannot hold at all."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n\r" or (letter >= " " and not 0xD800 <= ord(letter) <= 0xDFFF
                                  and ord(letter) not in (0xFFFE, 0xFFFF))
    )  # fmt: skip


def _xml(root: ET.Element, status: int = HTTPStatus.OK, headers: Any = None) -> Response:
    said: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(said, status, headers=headers, media_type="text/xml; charset=utf-8")
