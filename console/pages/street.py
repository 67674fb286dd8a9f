"""The street on one page: map, queue, plan."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.pages.common import framed

router = APIRouter(include_in_schema=False)


@router.get("/")
async def street(request: Request) -> Response:
    return await framed(request, "page.html", "street")
