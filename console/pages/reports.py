"""The reports there are, one of them, and the dossier of a site."""

from datetime import date
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.api.common import Id, PathId, district_of, feed_of, pool_of
from console.api.reports import find, find_dossier, written
from console.pages.common import framed, language_for, visitor
from console.pool import rows
from console.problems import Refusal
from console.reports.dossier import dossier_document
from console.reports.making import Scope
from console.reports.page import values
from console.reports.period import EARLIEST, KINDS, LATEST, Kind, newest_over, period
from console.reports.said import Said
from console.users import MAY_ACT, MAY_LOOK
from store.statements import statements

SQL = statements("reports")
LISTED = 60

router = APIRouter(include_in_schema=False)


@router.get("/reports")
async def reports(request: Request) -> Response:
    """What is kept, and a form to make or narrow one."""
    user = await visitor(request)
    if user is None or user.role not in MAY_LOOK:
        return await framed(request, "reports.html", "reports")
    language = language_for(request)
    district = district_of(request)
    say = Said(district, language)
    now = await feed_of(request).time()
    today = now.astimezone(ZoneInfo(district.timezone)).date()
    wanted = {"kind": None, "before": None, "before_kind": None, "limit": LISTED}
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.reports_page, wanted)
    return await framed(
        request,
        "reports.html",
        "reports",
        {
            "reports": [
                row
                | {
                    "said": say.period(
                        row["kind"], row["day"], period(row["kind"], row["day"]).last
                    ),
                    "at": say.moment(row["made_at"]),
                    "because": say.word("report_why", row["why"]),
                }
                for row in found
            ],
            "kinds": KINDS,
            "day": newest_over("day", today).first,
            "first": EARLIEST,
            "last": LATEST,
            "may_make": user.role in MAY_ACT,
            "sites": [(site.id, say.site(site.id)) for site in district.sites],
            "segments": [(s.id, say.segment(s.id)) for s in district.segments if s.treat],
            "crews": [(crew.id, say.crew(crew.id)) for crew in district.crews],
        },
    )


@router.get("/reports/show")
async def show(
    request: Request, kind: Kind, day: date, segment: str = "", crew: str = ""
) -> Response:
    """Where the form of the list leads."""
    if not EARLIEST <= day <= LATEST:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{day} is no day of ours.")
    first = period(kind, day).first
    wanted = request.url_for("report_page", kind=kind, day=f"{first}")
    if segment:
        wanted = wanted.include_query_params(segment=segment)
    elif crew:
        wanted = wanted.include_query_params(crew=crew)
    path = wanted.path + (f"?{wanted.query}" if wanted.query else "")
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


@router.get("/reports/{kind}/{day}", name="report_page")
async def report(
    request: Request,
    kind: Kind,
    day: date,
    version: Annotated[int | None, Query(ge=1, le=10**6)] = None,
    segment: Id | None = None,
    crew: Id | None = None,
) -> Response:
    """A report as a page."""
    user = await visitor(request)
    if user is None or user.role not in MAY_LOOK:
        return await framed(request, "report.html", "reports")
    if not EARLIEST <= day <= LATEST:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{day} is no day of ours.")
    language = language_for(request)
    wanted, scope = period(kind, day), Scope(segment, crew)
    found = await find(request, wanted, scope, version)
    doc = await written(request, found, scope, language)
    asked = {"lang": language, "version": version, "segment": segment, "crew": crew}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    base = f"/api/v1/reports/{kind}/{wanted.first}"
    return await framed(
        request,
        "report.html",
        "reports",
        values(doc)
        | {
            "found": found,
            "unfinished": not found.figures.complete,
            "files": {form: f"{base}.{form}?{query}" for form in ("pdf", "xlsx")},
            "here": f"/reports/{kind}/{wanted.first}",
            "before": f"/reports/{kind}/{wanted.before.first}",
            "after": f"/reports/{kind}/{wanted.last}",
            "may_make": user.role in MAY_ACT and scope == Scope(),
            "make": {"kind": kind, "day": f"{wanted.first}"},
        },
    )


@router.get("/sites/{site}/dossier")
async def dossier_page(
    request: Request,
    site: PathId,
    since: Annotated[date | None, Query(alias="from", ge=EARLIEST, le=LATEST)] = None,
    until: Annotated[date | None, Query(alias="to", ge=EARLIEST, le=LATEST)] = None,
) -> Response:
    """The dossier of a site as a page."""
    user = await visitor(request)
    if user is None or user.role not in MAY_LOOK:
        return await framed(request, "report.html", "reports")
    language = language_for(request)
    its, span = await find_dossier(request, site, since, until)
    doc = dossier_document(district_of(request), its, span, language)
    last = Said(district_of(request), language).last_day(span.last)
    query = f"from={span.first}&to={last}&lang={language}"
    base = f"/api/v1/sites/{site}/dossier"
    return await framed(
        request,
        "report.html",
        "reports",
        values(doc)
        | {
            "found": None,
            "unfinished": False,
            "files": {form: f"{base}.{form}?{query}" for form in ("pdf", "xlsx")},
            "here": f"/sites/{site}/dossier",
            "span": (f"{span.first}", last),
            "may_make": False,
        },
    )
