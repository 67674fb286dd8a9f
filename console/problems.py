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
    for status in (400, 401, 403, 422)
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

    @app.exception_handler(Exception)
    async def _failed(request: Request, _error: Exception) -> JSONResponse:
        return problem(
            request,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "The console could not do this; its log says why.",
        )
