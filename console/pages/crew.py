"""The crew's page on a phone, and the worker that keeps it there without a signal."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from console.pages.common import HERE, framed
from console.users import EVERYBODY

router = APIRouter(include_in_schema=False)


@router.get("/crew")
async def crew(request: Request) -> Response:
    return await framed(request, "crew.html", "crew", roles=EVERYBODY)


@router.get("/crew-worker.js")
async def worker() -> Response:
    """From the root, because a worker governs only what lies below it."""
    return FileResponse(
        HERE / "static" / "crew-worker.js",
        media_type="text/javascript",
        headers={"Cache-Control": "no-cache"},
    )
