"""Errors as problem details (RFC 9457), the same shape for every refusal of the API."""

import logging
from http import HTTPStatus
from typing import Any

import psycopg
import psycopg_pool
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.feed import NoTimeYet

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One input that was not understood."""

    where: str
    detail: str


class ProblemDetails(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    problems: list[FieldProblem] = Field(default_factory=list)


class Refusal(HTTPException):
    """A refusal with the sentence that says what was wrong and what to do."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status_code=status, detail=detail, headers=headers)


def problem(
    request: Request,
    status: int,
    detail: str,
    problems: list[FieldProblem] | None = None,
    headers: Any = None,
) -> JSONResponse:
    body = ProblemDetails(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        problems=problems or [],
    )
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails, "description": HTTPStatus(status).phrase}
    for status in (400, 401, 403, 405, 408, 413, 422, 429, 500, 503)
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemDetails, "description": "Not Found"}
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemDetails, "description": "Conflict"}
}


def answer_with_problems(app: FastAPI) -> None:
    """Register the handlers that turn every error of `app` into problem details."""

    @app.exception_handler(HTTPException)
    async def _refused(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request, error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            FieldProblem(where=".".join(str(part) for part in item["loc"]), detail=item["msg"])
            for item in error.errors()
        ]
        return problem(
            request,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Part of the request was not understood; `problems` says which.",
            problems,
        )

    async def _not_now(request: Request, error: Exception) -> JSONResponse:
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The database does not answer, or the platform has no time yet. Try again soon.",
        )

    for error_class in (psycopg.OperationalError, psycopg_pool.PoolTimeout, NoTimeYet):
        app.add_exception_handler(error_class, _not_now)


def answer(scope: Scope, refusal: Refusal) -> JSONResponse:
    """A refusal for middleware, which has no route."""
    return problem(Request(scope), refusal.status_code, refusal.detail, headers=refusal.headers)


class NeverBare:
    """ASGI middleware: what nobody expected is logged here, and told without what it was.

    The framework's own answer would lie outside the headers that every answer has.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_seen(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_seen)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            failed = Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The console could not do this; its log says why.",
            )
            await answer(scope, failed)(scope, receive, send)
