"""The pages themselves: login, the one page, its texts and its files."""

from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from console.access import COOKIE, Gate, same_origin
from console.problems import Refusal
from console.sessions import LASTS
from console.texts import LANGUAGES, Language, language_of, name_in, texts
from console.users import MAY_LOOK, User

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "roaddust_language"

router = APIRouter(include_in_schema=False)
_templates = Jinja2Templates(HERE / "templates")


def mount_files(app: FastAPI) -> None:
    """Serve our own files and, from the NiceGUI wheel, Vue, Leaflet and ECharts.

    NiceGUI's server code is never loaded; see the room's README for why.
    """
    spec = find_spec("nicegui")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the nicegui wheel is missing: it carries the browser libraries")
    wheel = Path(spec.submodule_search_locations[0])
    for name, folder in {
        "vue": wheel / "static",
        "leaflet": wheel / "elements" / "leaflet" / "dist",
        "echarts": wheel / "elements" / "echart" / "dist",
    }.items():
        app.mount(f"/lib/{name}", StaticFiles(directory=folder), name=name)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")


async def _visitor(request: Request) -> User | None:
    gate: Gate = request.app.state.gate
    seal = request.cookies.get(COOKIE)
    return await gate.of_seal("session", seal) if seal else None


def _language(request: Request) -> Language:
    return language_of(request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE))


def _remember_language(request: Request, response: Response) -> Response:
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=365 * 86_400, samesite="lax")
    return response


@router.get("/")
async def page(request: Request) -> Response:
    """The one page, or the way to the login."""
    user = await _visitor(request)
    if user is None or user.role not in MAY_LOOK:
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    language = _language(request)
    return _remember_language(
        request,
        _templates.TemplateResponse(
            request,
            "page.html",
            {
                "language": language,
                "district": name_in(language, request.app.state.district.name),
            },
        ),
    )


@router.get("/login")
async def login_page(request: Request) -> Response:
    return _remember_language(request, _login(request, failed=False))


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
    return _templates.TemplateResponse(
        request, "api.html", {"openapi": request.app.openapi(), "language": _language(request)}
    )


def _login(request: Request, *, failed: bool) -> HTMLResponse:
    language = _language(request)
    return _templates.TemplateResponse(
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
