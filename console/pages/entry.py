"""The way in and out, the words of the pages, and the list of the API."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from console.access import COOKIE, Gate, same_origin
from console.pages.common import language_for, remember_language, templates
from console.problems import Refusal
from console.sessions import LASTS
from console.texts import LANGUAGES, language_of, name_in, texts
from console.users import MAY_LOOK

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(request: Request) -> Response:
    return remember_language(request, _login(request, failed=False))


@router.post("/login")
async def login(
    request: Request,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=200)],
) -> Response:
    """Open a session, or show the form again."""
    if not same_origin(request):
        raise Refusal(HTTPStatus.FORBIDDEN, "Another site sent this form.")
    gate: Gate = request.app.state.gate
    user = await gate.doorkeeper.admit(name, password)
    if user is None or user.role not in MAY_LOOK:
        return _login(request, failed=True)
    seal, _ = gate.seal("session", user)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        seal,
        max_age=int(LASTS["session"].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    if not same_origin(request):
        raise Refusal(HTTPStatus.FORBIDDEN, "Another site sent this form.")
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response


@router.get("/texts/{language}.json")
async def texts_of(language: str) -> JSONResponse:
    return JSONResponse(
        texts(language_of(language)), headers={"Cache-Control": "public, max-age=60"}
    )


@router.get("/api")
async def api_page(request: Request) -> HTMLResponse:
    """A page of the API made from its own OpenAPI description: no outside viewer."""
    return templates.TemplateResponse(
        request, "api.html", {"openapi": request.app.openapi(), "language": language_for(request)}
    )


def _login(request: Request, *, failed: bool) -> HTMLResponse:
    language = language_for(request)
    return templates.TemplateResponse(
        request,
        "login.html",
        {
            "language": language,
            "other": next(other for other in LANGUAGES if other != language),
            "texts": texts(language),
            "district": name_in(language, request.app.state.district.name),
            "failed": failed,
        },
        HTTPStatus.UNAUTHORIZED if failed else HTTPStatus.OK,
    )
