"""Reports of days, weeks and months, and dossiers of sites: as JSON, PDF and workbook."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from console import models
from console.access import Actor, Looker
from console.api.common import Id, Limit, PathId, district_of, feed_of, pool_of
from console.pool import rows
from console.problems import NOT_FOUND, Refusal
from console.reports.blocks import Document
from console.reports.document import document
from console.reports.dossier import DAYS, MOST_DAYS, Dossier, dossier, dossier_document
from console.reports.excel import excel
from console.reports.figures import Figures
from console.reports.kept import Kept, keep, kept
from console.reports.making import Scope, make
from console.reports.pdf import pdf
from console.reports.period import EARLIEST, LATEST, Kind, Period, period
from console.texts import DEFAULT, Language
from store.database import Connection, connect
from store.statements import statements

SQL = statements("reports")
AUDIT = statements("console")

router = APIRouter(tags=["reports"])

Form = Literal["json", "pdf", "xlsx"]
MEDIA: dict[Form, str] = {
    "json": "application/json",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FILES: dict[int | str, dict[str, Any]] = NOT_FOUND | {
    200: {"content": {MEDIA["pdf"]: {}, MEDIA["xlsx"]: {}}},
    406: {"model": None, "description": "None of the forms there are."},
}
AT_A_TIME = anyio.CapacityLimiter(2)
"""Reports made or written at once: each takes a core for a moment."""
PATIENCE = "-c statement_timeout=120s"

Result = TypeVar("Result")
DayName = Annotated[
    str,
    Path(
        pattern=r"^\d{4}-\d{2}-\d{2}(\.(json|pdf|xlsx))?$",
        description="Any day of the period; `.json`, `.pdf` or `.xlsx` after it asks for that "
        "form, else `Accept` does.",
    ),
]
Lang = Annotated[Language, Query(description="Of the words in a PDF or workbook.")]


class ReportHead(BaseModel):
    """A report that is kept: `day` is the first of its period, `version` its newest."""

    kind: Kind
    day: date
    version: int
    made_at: datetime
    made_by: str
    why: str


class ReportList(BaseModel):
    items: list[ReportHead]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last")


class Report(BaseModel):
    """A report's figures. `version` is null where it was computed just now and is not kept."""

    kind: str
    day: date
    version: int | None
    newest: int | None
    made_at: datetime | None
    made_by: str | None
    why: str | None
    figures: Figures


class Wish(BaseModel):
    """Which report to make: `day` is any day of the period."""

    kind: Kind
    day: date = Field(ge=EARLIEST, le=LATEST)


@router.get("/reports")
async def reports(
    request: Request,
    _: Looker,
    kind: Kind | None = None,
    after: Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}~(day|week|month)$")] = None,
    limit: Limit = 100,
) -> ReportList:
    """The newest version of every report that is kept, the latest periods first."""
    day, _tilde, before_kind = (after or "").partition("~")
    values = {
        "kind": kind,
        "before": _day(day) if day else None,
        "before_kind": before_kind or None,
        "limit": limit + 1,
    }
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.reports_page, values)
    last = found[limit - 1] if len(found) > limit else None
    return ReportList.model_validate(
        {"items": found[:limit], "next": f"{last['day']}~{last['kind']}" if last else None}
    )


@router.post("/reports", status_code=HTTPStatus.CREATED)
async def make_report(request: Request, user: Actor, wish: Wish) -> ReportHead:
    """Make a report now and keep it; where nothing has changed, its newest version stays."""
    now = await feed_of(request).time()
    wanted, district = _period(wish.kind, wish.day), district_of(request)

    def work(conn: Connection) -> Kept | None:
        if wanted.since(_zone(district)) >= now:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"The {wish.kind} of {wish.day} has not begun: give a day up to today.",
            )
        its = make(conn, district, wanted, now)
        with conn.transaction():
            version = keep(conn, its, now, user.name, "asked")
            detail = {"kind": wanted.kind, "day": wanted.first, "version": version}
            values = {"at": now, "actor": user.name, "action": "report", "detail": Jsonb(detail)}
            conn.execute(AUDIT.audit, values)
        return kept(conn, wish.kind, wanted.first, version)

    made = await on_own_connection(request, work)
    assert made is not None
    return ReportHead.model_validate(made, from_attributes=True)


@router.get("/reports/{kind}/{day}", responses=FILES)
async def report(
    request: Request,
    _: Looker,
    kind: Kind,
    day: DayName,
    lang: Lang = DEFAULT,
    version: Annotated[int | None, Query(ge=1, le=10**6)] = None,
    segment: Id | None = None,
    crew: Id | None = None,
) -> Report:
    """A report as it is kept, its newest version unless another is asked for; computed now where
    none is kept, and for one segment or crew."""
    name, _dot, suffix = day.partition(".")
    form = _form(request, suffix)
    wanted = _period(kind, _day(name))
    scope = Scope(segment, crew)
    found = await find(request, wanted, scope, version)
    if form != "json":
        doc = await written(request, found, scope, lang)
        return await _file(doc, form)  # type: ignore[return-value]
    return found


@router.get("/sites/{site}/{dossier_name}", responses=FILES)
async def site_dossier(
    request: Request,
    _: Looker,
    site: PathId,
    dossier_name: Annotated[str, Path(pattern=r"^dossier(\.(json|pdf|xlsx))?$")],
    since: Annotated[date | None, Query(alias="from", ge=EARLIEST, le=LATEST)] = None,
    until: Annotated[date | None, Query(alias="to", ge=EARLIEST, le=LATEST)] = None,
    lang: Lang = DEFAULT,
) -> Dossier:
    """What is known of one site over local days `from` to `to`, both included; of the last four
    weeks when left out."""
    form = _form(request, dossier_name.partition(".")[2])
    its, span = await find_dossier(request, site, since, until)
    if form != "json":
        doc = dossier_document(district_of(request), its, span, lang)
        return await _file(doc, form)  # type: ignore[return-value]
    return its


# What the pages use too ---------------------------------------------------------------------------


async def find(request: Request, wanted: Period, scope: Scope, version: int | None) -> Report:
    """A kept report, or one computed now. Raises Refusal 404 for what there is not."""
    district = district_of(request)
    _known(district, scope)
    now = await feed_of(request).time()

    def work(conn: Connection) -> Report:
        kind = wanted.kind
        if scope == Scope():
            held = kept(conn, kind, wanted.first, version)
            if held is not None:
                return Report(
                    kind=held.kind, day=held.day, version=held.version, newest=held.newest,
                    made_at=held.made_at, made_by=held.made_by, why=held.why,
                    figures=held.figures,
                )  # fmt: skip
        if version is not None:
            raise Refusal(
                HTTPStatus.NOT_FOUND, f"There is no version {version} of this report: leave it out."
            )
        return Report(
            kind=kind, day=wanted.first, version=None, newest=None, made_at=None, made_by=None,
            why=None, figures=make(conn, district, wanted, now, scope),
        )  # fmt: skip

    return await on_own_connection(request, work)


async def find_dossier(
    request: Request, site: str, since: date | None, until: date | None
) -> tuple[Dossier, Period]:
    """A dossier computed now, and its span."""
    district = district_of(request)
    if all(one.id != site for one in district.sites):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no site {site}.")
    now = await feed_of(request).time()
    last = until or now.astimezone(_zone(district)).date()
    first = since or last - timedelta(days=DAYS - 1)
    if not timedelta() <= last - first < timedelta(days=MOST_DAYS):
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"`to` must be at or after `from`, by less than {MOST_DAYS} days.",
        )
    span = Period("span", first, last + timedelta(days=1))
    found = await on_own_connection(request, lambda conn: dossier(conn, district, site, span, now))
    return found, span


async def written(request: Request, found: Report, scope: Scope, lang: Language) -> Document:
    """The document of a report."""
    return await _in_thread(
        lambda: document(
            district_of(request),
            found.figures,
            lang,
            scope=scope,
            version=found.version,
            made_at=found.made_at,
            why=found.why,
        )
    )


async def on_own_connection(request: Request, work: Callable[[Connection], Result]) -> Result:
    """In a thread: a report reads for seconds, and a snapshot of its own."""
    dsn: Any = pool_of(request).conninfo

    def run() -> Result:
        with connect(dsn, name="reports", autocommit=True) as conn:
            conn.execute(SQL.be_patient)
            return work(conn)

    return await _in_thread(run)


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await anyio.to_thread.run_sync(work, limiter=AT_A_TIME)


async def _file(doc: Document, form: Form) -> Response:
    body = await _in_thread(lambda: pdf(doc) if form == "pdf" else excel(doc))
    name = f"{doc.name}-{doc.language}.{form}"
    return Response(
        body, media_type=MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


def _form(request: Request, suffix: str) -> Form:
    """By the suffix, else by what the asker would rather have. Raises Refusal 406."""
    for form in MEDIA:
        if suffix == form:
            return form
    offered = [(_liking(request.headers.get("accept", "*/*"), MEDIA[form]), form) for form in MEDIA]
    liking, form = max(offered, key=lambda pair: pair[0])
    if liking <= 0:
        raise Refusal(
            HTTPStatus.NOT_ACCEPTABLE, f"There are {', '.join(MEDIA.values())}: accept one of them."
        )
    return form


def _liking(accept: str, media: str) -> float:
    """The weight that an `Accept` header gives a media type (RFC 9110, 12.5.1)."""
    best = (-1, 0.0)
    for part in accept.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        kind = kind.lower()
        exact = (media, media.split("/", maxsplit=1)[0] + "/*", "*/*")
        if kind in exact:
            best = max(best, (2 - exact.index(kind), weight))
    return best[1]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= LATEST:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{text}: no such day; give one from {EARLIEST} to {LATEST}.",
        )
    return day


def _period(kind: Kind, day: date) -> Period:
    return period(kind, day)


def _known(district: models.District, scope: Scope) -> None:
    if scope.segment is not None and scope.crew is not None:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Give `segment` or `crew`, not both.")
    if scope.segment is not None and all(s.id != scope.segment for s in district.segments):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no segment {scope.segment}.")
    if scope.crew is not None and all(c.id != scope.crew for c in district.crews):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no crew {scope.crew}.")


def _zone(district: models.District) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(district.timezone)
