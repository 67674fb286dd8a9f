"""The pages, a module for each, and the files they are made of."""

from fastapi import APIRouter

from console.pages import alarms, crew, dispatch, entry, people, reports, segment, street, wall
from console.pages.files import import_map_hash, mount_files

__all__ = ["import_map_hash", "mount_files", "router"]

router = APIRouter(include_in_schema=False)
for part in (entry, people, street, segment, alarms, dispatch, reports, crew, wall):
    router.include_router(part.router)
