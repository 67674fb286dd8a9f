"""What the OpenAPI description says beyond what the routes say by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from console.problems import MEDIA_TYPE

PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
TAGS = {
    "district": "What does not move: streets, sites, stations, crews, and the limits of the rules.",
    "state": "What moves, now and before, as one answer or as server-sent events.",
    "alarms": "The queue of a desk: what is to be seen to, and how it is being kept.",
    "episodes": "Exceedances with their story, and what an operator does to them.",
    "why": "Why: what stands behind an order, a segment or a site.",
    "dispatch": "Plans, orders, decisions of people, and verdicts.",
    "crew": "What a crew's leader sees and says.",
    "reports": "Days, weeks and months in figures.",
    "platform": "Whether the platform itself is well.",
    "people": "Users, sessions, tokens of programs, and the record of what was done.",
    "open311": "Residents' complaints by GeoReport v2.",
}
ABOUT = """Dust control for truck roads: what the console's pages show and do.

Times are RFC 3339 in UTC, lengths metres, PM µg/m³, water litres. Lists come in pages: give `next`
of one as the cursor of the following. Refusals are problem details (RFC 9457). Changes are limited
to a number a minute (429 with `Retry-After`); a request to 1 MiB, a photo to 5.
"""


def operation_id(route: APIRoute) -> str:
    """A name that does not change with the path."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def describe(app: FastAPI) -> None:
    """Give `app` its description, made once."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=ABOUT,
                    routes=app.routes,
                    tags=_tags(),
                )
            )
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _tags() -> list[dict[str, Any]]:
    return [{"name": name, "description": words} for name, words in TAGS.items()]


def _with_problems(description: dict[str, Any]) -> dict[str, Any]:
    """Refusals under their own media type; the framework puts every model under JSON's."""
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
                if int(status) >= 400 and (
                    schema.get("$ref", "").endswith("/ProblemDetails") or "content" not in answer
                ):
                    answer["content"] = {MEDIA_TYPE: {"schema": schema or PROBLEM}}
    return description
