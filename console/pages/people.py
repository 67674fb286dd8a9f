"""People and programs, for administrators; and for everybody their own account."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.pages.common import framed
from console.users import EVERYBODY, MAY_ADMINISTER

router = APIRouter(include_in_schema=False)


@router.get("/people")
async def people(request: Request) -> Response:
    return await framed(request, "people.html", "people", _zone(request), roles=MAY_ADMINISTER)


@router.get("/me")
async def me(request: Request) -> Response:
    return await framed(request, "me.html", "me", _zone(request), roles=EVERYBODY)


def _zone(request: Request) -> dict[str, str]:
    """Where the district is in time: a crew's leader may not ask for the district."""
    return {"zone": request.app.state.district.timezone}
