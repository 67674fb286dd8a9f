"""What every page needs: who looks, in which language, and the frame around what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from console.access import Gate, cookie_of
from console.texts import LANGUAGES, Language, language_of, name_in, texts
from console.users import MAY_ADMINISTER, MAY_LOOK, User

HERE = Path(__file__).parents[1]
LANGUAGE_COOKIE = "roaddust_language"

templates = Jinja2Templates(HERE / "templates")


@dataclass(frozen=True, slots=True)
class Door:
    """An entry of the menu: where it leads, its text `menu.<name>`, and who sees it."""

    name: str
    path: str
    roles: frozenset[str] = MAY_LOOK


MENU = (
    Door("street", "/"),
    Door("alarms", "/alarms"),
    Door("board", "/board"),
    Door("reports", "/reports"),
    Door("crew", "/crew", frozenset({"crew"})),
    Door("wall", "/wall"),
    Door("people", "/people", MAY_ADMINISTER),
)
"""The pages in the order of the menu."""


async def visitor(request: Request) -> User | None:
    """The user whose session the browser holds."""
    gate: Gate = request.app.state.gate
    cookie = cookie_of(request)
    return await gate.of_session(cookie) if cookie else None


def landing(user: User) -> str:
    """Where somebody begins who has just come in: the first door that is theirs."""
    if user.must_change:
        return "/me"
    first = "wall" if user.came == "wall" else None
    doors = [door for door in MENU if user.role in door.roles]
    doors.sort(key=lambda door: door.name != first)
    return doors[0].path if doors else "/me"


def language_for(request: Request) -> Language:
    """The language asked for now, else the one asked for before."""
    return language_of(request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE))


def remember_language(request: Request, response: Response) -> Response:
    """Keep the language that was asked for."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=365 * 86_400, samesite="lax")
    return response


async def framed(
    request: Request,
    template: str,
    door: str,
    values: Mapping[str, Any] | None = None,
    roles: frozenset[str] = MAY_LOOK,
) -> Response:
    """A page inside the frame with the menu, or the way to the login.

    `template` extends `frame.html` and finds `texts`, `language`, `district` (its name), `user`,
    `door` and its own `values`.
    """
    user = await visitor(request)
    if user is None:
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    if user.role not in roles or (user.must_change and request.url.path != "/me"):
        return RedirectResponse(landing(user), HTTPStatus.SEE_OTHER)
    language = language_for(request)
    page = templates.TemplateResponse(
        request,
        template,
        {
            "language": language,
            "other": next(other for other in LANGUAGES if other != language),
            "texts": texts(language),
            "district": name_in(language, request.app.state.district.name),
            "user": user,
            "menu": [entry for entry in MENU if user.role in entry.roles],
            "door": door,
            **(values or {}),
        },
    )
    return remember_language(request, page)
