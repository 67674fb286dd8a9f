"""How well the alarms serve."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.pages.common import framed

router = APIRouter(include_in_schema=False)


@router.get("/alarms")
async def alarms(request: Request) -> Response:
    return await framed(request, "alarms.html", "alarms")
