"""REST under /api/v1: the same things that the pages show and do, a module for each matter."""

from fastapi import APIRouter

from console.api import (
    alarms,
    audit,
    board,
    crew,
    dispatch,
    district,
    episodes,
    people,
    platform,
    replay,
    reports,
    state,
    tokens,
    wall,
    why,
)
from console.problems import RESPONSES

router = APIRouter(prefix="/api/v1", responses=RESPONSES)
parts = (
    district,
    state,
    replay,
    wall,
    alarms,
    episodes,
    dispatch,
    why,
    board,
    reports,
    crew,
    platform,
    people,
    tokens,
    audit,
)
for part in parts:
    router.include_router(part.router)
router.include_router(crew.photos)
