"""The wall: a screen that hangs there, shows by itself, and is never asked to sign in at night.

A screen has a session of its own kind: it may only look, lasts for months, goes on while it is
used, and ends when its user's password changes or somebody ends it.
"""

import hashlib
from datetime import timedelta
from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from console.access import COOKIE, HOST_COOKIE, Gate, cookie_of, same_origin
from console.pages.common import HERE, language_for, remember_language, templates, visitor
from console.pool import row
from console.problems import Refusal
from console.texts import LANGUAGES, name_in, texts
from console.users import MAY_ACT, MAY_LOOK, User
from store.statements import statements

SQL = statements("wall")
PROLONGED_BEFORE = 2 / 3
"""Of its time: a screen that is looked at each day is given its whole time anew each month."""

router = APIRouter(include_in_schema=False)


@cache
def version() -> str:
    """Changes with anything that the pages are made of."""
    digest = hashlib.sha256()
    for folder in ("static", "templates", "texts"):
        for file in sorted((HERE / folder).rglob("*")):
            if file.is_file():
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


@router.get("/wall")
async def wall(request: Request) -> Response:
    """The page; the way to the login for whoever is nobody."""
    user = await visitor(request)
    if user is None or user.must_change or user.role not in MAY_LOOK:
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    language = language_for(request)
    page = templates.TemplateResponse(
        request,
        "wall.html",
        {
            "language": language,
            "other": next(other for other in LANGUAGES if other != language),
            "texts": texts(language),
            "district": name_in(language, request.app.state.district.name),
            "version": version(),
            "keepable": user.came != "wall" and user.role in MAY_ACT,
            "kept": user.came == "wall",
        },
    )
    return remember_language(request, await _prolonged(request, page, user))


@router.get("/wall/pulse")
async def pulse(request: Request) -> Response:
    """What a screen asks each minute: whether it is still known, and whether the page is new."""
    user = await visitor(request)
    if user is None or user.role not in MAY_LOOK:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "This screen is signed out: sign in again.")
    return await _prolonged(request, JSONResponse({"version": version()}), user)


@router.post("/wall/keep")
async def keep(request: Request) -> Response:
    """Make this browser a screen: its session becomes one that may only look, and lasts."""
    if not same_origin(request):
        raise Refusal(HTTPStatus.FORBIDDEN, "Another site sent this form.")
    gate: Gate = request.app.state.gate
    user = await visitor(request)
    if user is None:
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    if user.came == "wall" or user.must_change or user.role not in MAY_ACT:
        raise Refusal(HTTPStatus.FORBIDDEN, f"The role {user.role} may not make a wall screen.")
    text, _ = await gate.open("wall", user, request)
    return _keeping(request, RedirectResponse("/wall", HTTPStatus.SEE_OTHER), text)


async def _prolonged(request: Request, response: Response, user: User) -> Response:
    """The answer, with the cookie anew when the screen's time was running out."""
    gate: Gate = request.app.state.gate
    cookie = cookie_of(request)
    if user.came != "wall" or cookie is None:
        return response
    now, lasts = gate.wall_now(), timedelta(days=gate.settings.wall_days)
    values = {"id": user.session, "ends_at": now + lasts, "before": now + lasts * PROLONGED_BEFORE}
    async with gate.pool.connection() as conn:
        prolonged = await row(conn, SQL.prolong, values)
    return _keeping(request, response, cookie) if prolonged else response


def _keeping(request: Request, response: Response, text: str) -> Response:
    gate: Gate = request.app.state.gate
    secure = request.url.scheme == "https"
    response.set_cookie(
        HOST_COOKIE if secure else COOKIE,
        text,
        max_age=int(timedelta(days=gate.settings.wall_days).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response
