"""The way in and out, the words of the pages, and the list of the API."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from console.access import COOKIE, HOST_COOKIE, Gate, admitted, cookie_of, same_origin
from console.pages.common import landing, language_for, remember_language, templates
from console.pool import Conn
from console.problems import Refusal
from console.texts import LANGUAGES, language_of, name_in, texts
from console.users import SCOPES
from store.statements import statements

SQL = statements("people")

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(request: Request) -> Response:
    return remember_language(request, _login(request))


@router.post("/login")
async def login(
    request: Request,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=200)],
    wall: Annotated[bool, Form()] = False,
) -> Response:
    """Open a session, or show the form again. Always a new one: what the browser had is ended, so
    that nobody can have chosen it."""
    if not same_origin(request):
        raise Refusal(HTTPStatus.FORBIDDEN, "Another site sent this form.")
    gate: Gate = request.app.state.gate
    try:
        user = await admitted(request, name, password)
    except Refusal as refusal:
        if refusal.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            raise
        return _login(request, refusal)
    if user is None:
        return _login(request, Refusal(HTTPStatus.UNAUTHORIZED, ""))
    await _end_session(request)
    text, ends_at = await gate.open("wall" if wall else "desk", user, request)
    came = await gate.of_session(text)
    response = RedirectResponse(landing(came or user), HTTPStatus.SEE_OTHER)
    secure = request.url.scheme == "https"
    response.set_cookie(
        HOST_COOKIE if secure else COOKIE,
        text,
        max_age=int((ends_at - gate.wall_now()).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session, here and in the database: a copy of the cookie is worth nothing then."""
    if not same_origin(request):
        raise Refusal(HTTPStatus.FORBIDDEN, "Another site sent this form.")
    await _end_session(request)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    secure = request.url.scheme == "https"
    response.delete_cookie(HOST_COOKIE if secure else COOKIE, secure=secure, httponly=True)
    return response


async def _end_session(request: Request) -> None:
    gate: Gate = request.app.state.gate
    cookie = cookie_of(request)
    user = await gate.of_session(cookie) if cookie else None
    if user is None:
        return
    conn: Conn
    async with gate.pool.connection() as conn, conn.transaction():
        values = {"id": user.session, "user": user.name, "now": gate.wall_now()}
        await conn.execute(SQL.end_session, values)
        await gate.record(conn, user.name, "logout", {})


@router.get("/texts/{language}.json")
async def texts_of(language: str) -> JSONResponse:
    return JSONResponse(
        texts(language_of(language)), headers={"Cache-Control": "public, max-age=60"}
    )


@router.get("/api")
async def api_page(request: Request) -> Response:
    """A page of the API made from its own OpenAPI description: no outside viewer."""
    language = language_for(request)
    page = templates.TemplateResponse(
        request,
        "api.html",
        {
            "openapi": request.app.openapi(),
            "language": language,
            "other": next(other for other in LANGUAGES if other != language),
            "texts": texts(language),
            "scopes": SCOPES,
        },
    )
    return remember_language(request, page)


def _login(request: Request, refusal: Refusal | None = None) -> HTMLResponse:
    language = language_for(request)
    status = HTTPStatus(refusal.status_code) if refusal else HTTPStatus.OK
    return templates.TemplateResponse(
        request,
        "login.html",
        {
            "language": language,
            "other": next(other for other in LANGUAGES if other != language),
            "texts": texts(language),
            "district": name_in(language, request.app.state.district.name),
            "failed": refusal is not None,
            "changed": refusal is None and "changed" in request.query_params,
            "too_many": status == HTTPStatus.TOO_MANY_REQUESTS,
        },
        status,
        headers=refusal.headers if refusal else None,
    )
