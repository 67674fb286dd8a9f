"""The district as it is drawn."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import models
from console.access import Looker
from console.api.common import district_of

router = APIRouter()


@router.get("/district", tags=["district"], response_model=models.District)
async def district(request: Request, _: Looker) -> Response:
    """The district as it is drawn, with the limits of the rules."""
    return Response(request.app.state.district_json, media_type="application/json")


@router.get("/segments", tags=["district"])
async def segments(request: Request, _: Looker) -> list[models.Segment]:
    """Every segment, treatable or only driven on."""
    return district_of(request).segments


@router.get("/sites", tags=["district"])
async def sites(request: Request, _: Looker) -> list[models.Site]:
    """Every site."""
    return district_of(request).sites


@router.get("/stations", tags=["district"])
async def stations(request: Request, _: Looker) -> list[models.Station]:
    """Every station."""
    return district_of(request).stations


@router.get("/crews", tags=["district"])
async def crews(request: Request, _: Looker) -> list[models.Crew]:
    """Every crew."""
    return district_of(request).crews
