"""Everything about one segment, to be linked and printed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from console.models import ID_PATTERN
from console.pages.common import framed, language_for
from console.problems import Refusal
from console.reports.said import Said

router = APIRouter(include_in_schema=False)


@router.get("/segments/{segment}")
async def segment(request: Request, segment: Annotated[str, Path(pattern=ID_PATTERN)]) -> Response:
    """The page, or Refusal 404 for a segment that is not there (told to those who may look)."""
    district = request.app.state.district
    found = next((s for s in district.segments if s.id == segment), None)
    words = Said(district, language_for(request))
    values = {"segment": segment, "name": words.segment(segment) if found else segment}
    page = await framed(request, "segment.html", "street", values)
    if found is None and page.status_code == HTTPStatus.OK:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no segment {segment} in this district.")
    return page
