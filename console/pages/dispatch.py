"""The dispatch board: crews over their shifts."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.pages.common import framed

router = APIRouter(include_in_schema=False)


@router.get("/board")
async def board(request: Request) -> Response:
    return await framed(request, "board.html", "board")
