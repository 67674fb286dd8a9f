"""The API keeps to its own description, whoever asks and whatever they send; and nobody gets beyond
their rights.

A longer run: ``SCHEMATHESIS_EXAMPLES=200 pytest tests/console/test_schema.py``.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.app import create_app
from console.settings import ConsoleSettings
from geo.district import District, load_district
from roaddust.embedded import EmbeddedPostgres
from tests.console import plausible
from tests.console.conftest import PASSWORD, SECRET, XINGHAI, Hands, Running, _prepare_full
from tests.services import fresh_database

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)

# Who may what ---------------------------------------------------------------------------------

PEOPLE = {
    "viewer": "watcher",
    "operator": "operator",
    "dispatcher": "planner",
    "crew": "driver",
    "administrator": "boss",
}
"""Roles, and who has them in these tests."""
PROGRAMS = ("read", "act", "dispatch", "complaints", "metrics", "admin")
"""Scopes; each is had by a token that has nothing else."""
WHO = ("nobody", *PEOPLE, *(f"token {scope}" for scope in PROGRAMS))

LOOK = {"viewer", "operator", "dispatcher", "administrator", "token read"}
ACT = {"operator", "dispatcher", "administrator", "token act"}
DECIDE = ACT | {"token dispatch"}
WEIGH = LOOK | DECIDE
ADMIN = {"administrator", "token admin"}
COMPLAIN = {"operator", "dispatcher", "administrator", "token complaints"}
PERSON = set(PEOPLE)
SIGNED_IN = set(WHO) - {"nobody"}
CREW_SAYS = {"crew", "dispatcher", "administrator", "token dispatch"}
CREW_SEES = LOOK | {"crew"}

MAY: dict[str, set[str]] = {
    # district
    "GET /api/v1/district": LOOK,
    "GET /api/v1/segments": LOOK,
    "GET /api/v1/sites": LOOK,
    "GET /api/v1/stations": LOOK,
    "GET /api/v1/crews": LOOK,
    # state
    "GET /api/v1/stations/health": LOOK,
    "GET /api/v1/state": LOOK,
    "GET /api/v1/live": LOOK,
    "GET /api/v1/segments/{segment}/history": LOOK,
    "GET /api/v1/replay": LOOK,
    "GET /api/v1/replay/plan": LOOK,
    "GET /api/v1/replay/strip": LOOK,
    "GET /api/v1/outlook": LOOK,
    "GET /api/v1/today": LOOK,
    # alarms
    "GET /api/v1/alarms": LOOK,
    "GET /api/v1/alarms/health": LOOK,
    "POST /api/v1/alarms/batch": ACT,
    "POST /api/v1/alarms/returned/acknowledge": ACT,
    "GET /api/v1/alarms/suppressed": LOOK,
    "GET /api/v1/alarms/out-of-service": LOOK,
    "POST /api/v1/alarms/out-of-service": ACT,
    "DELETE /api/v1/alarms/out-of-service/{subject}": ACT,
    "GET /api/v1/alarms/{alarm}": LOOK,
    "POST /api/v1/alarms/{alarm}/acknowledge": ACT,
    "POST /api/v1/alarms/{alarm}/take": ACT,
    "POST /api/v1/alarms/{alarm}/shelve": ACT,
    "POST /api/v1/alarms/{alarm}/unshelve": ACT,
    "POST /api/v1/alarms/{alarm}/comment": ACT,
    # episodes
    "GET /api/v1/episodes": LOOK,
    "GET /api/v1/episodes/{episode}": LOOK,
    "POST /api/v1/episodes/{episode}/acknowledge": ACT,
    "POST /api/v1/episodes/{episode}/shelve": ACT,
    "POST /api/v1/episodes/{episode}/unshelve": ACT,
    "POST /api/v1/episodes/{episode}/comment": ACT,
    # dispatch; what an operator may decide is less than what a dispatcher may, see test_board
    "GET /api/v1/plan": LOOK,
    "GET /api/v1/orders": LOOK,
    "GET /api/v1/verdicts": LOOK,
    "GET /api/v1/orders/{order}": LOOK,
    "GET /api/v1/segments/{segment}/why": LOOK,
    "GET /api/v1/sites/{site}/why": LOOK,
    "GET /api/v1/board": LOOK,
    "GET /api/v1/overrides": LOOK,
    "POST /api/v1/overrides": DECIDE,
    "DELETE /api/v1/overrides/{number}": DECIDE,
    "POST /api/v1/previews": DECIDE,
    "GET /api/v1/previews/{number}": WEIGH,
    "DELETE /api/v1/previews/{number}": DECIDE,
    # reports
    "GET /api/v1/reports": LOOK,
    "POST /api/v1/reports": ACT,
    "GET /api/v1/reports/{kind}/{day}": LOOK,
    "GET /api/v1/sites/{site}/{dossier_name}": LOOK,
    # crew: one's own; a dispatcher speaks for any, as when one calls in
    "GET /api/v1/crew/map": CREW_SEES,
    "GET /api/v1/crew/orders": CREW_SEES,
    "POST /api/v1/crew/progress": CREW_SAYS,
    "POST /api/v1/crew/position": CREW_SAYS,
    "POST /api/v1/crew/photos": CREW_SAYS,
    "GET /api/v1/photos": LOOK,  # and a crew, of its own orders: see test_board
    "GET /api/v1/photos/{photo}": LOOK,
    # platform
    "GET /api/v1/health": LOOK,
    # people
    "GET /api/v1/me": SIGNED_IN,
    "POST /api/v1/token": set(),  # by name and password only: a bearer makes no other
    "POST /api/v1/me/password": PERSON,
    "GET /api/v1/me/sessions": PERSON,
    "DELETE /api/v1/me/sessions": PERSON,
    "DELETE /api/v1/me/sessions/{session}": PERSON,
    "GET /api/v1/users": ADMIN,
    "POST /api/v1/users": ADMIN,
    "PATCH /api/v1/users/{name}": ADMIN,
    "POST /api/v1/users/{name}/password": ADMIN,
    "GET /api/v1/users/{name}/sessions": ADMIN,
    "DELETE /api/v1/users/{name}/sessions": ADMIN,
    "GET /api/v1/tokens": ADMIN,
    "POST /api/v1/tokens": ADMIN,
    "DELETE /api/v1/tokens/{token}": ADMIN,
    "GET /api/v1/audit": ADMIN,
    "GET /api/v1/audit/words": ADMIN,
    "GET /api/v1/audit.csv": ADMIN,
    # open311
    "GET /open311/discovery.{form}": set(WHO),
    "GET /open311/v2/services.{form}": set(WHO),
    "GET /open311/v2/services/{service_code}.{form}": set(WHO),
    "GET /open311/v2/requests.{form}": COMPLAIN,
    "POST /open311/v2/requests.{form}": COMPLAIN,
    "GET /open311/v2/requests/{service_request_id}.{form}": COMPLAIN,
}
"""Who may do what. An operation that is not here may not exist."""

PATHS = {
    "form": "json", "number": "999999", "session": "999999", "token": "999999",
    "photo": str(UUID(int=1)),
    "day": "2026-03-01", "kind": "day", "segment": "XH07N", "dossier_name": "dossier.json",
}  # fmt: skip
"""What stands in a path; of all else there is no such thing."""
AT = plausible.NOW.isoformat()
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/crew/progress": {
        "json": {"key": str(UUID(int=2)), "order": "none", "event": "accepted", "at": AT},
    },
    "POST /api/v1/crew/position": {"json": {"at": AT, "lon": 113.89, "lat": 22.49}},
    "POST /api/v1/crew/photos": {"params": {"key": str(UUID(int=3)), "order": "none", "at": AT}},
    "POST /api/v1/me/password": {"json": {"current": PASSWORD, "new": "short"}},
    "GET /api/v1/photos": {"params": {"order": "none"}},
}
"""Where the right is asked for after the request has been understood."""


def test_table_is_complete(description: dict[str, Any]) -> None:
    """Every operation is in the table, and nothing else: whoever adds one says who may use it."""
    found = {
        f"{method.upper()} {path}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    assert found - MAY.keys() == set(), "say in MAY who may do this"
    assert MAY.keys() - found == set(), "this is gone"


@dataclass(frozen=True)
class Doors:
    """A console, and a client for everybody."""

    running: Running
    crew: str
    clients: dict[str, httpx.Client]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """The OpenAPI description of the application."""
    app = create_app(
        load_district(XINGHAI), "", now=Hands(plausible.NOW), wall_now=Hands(plausible.NOW),
        secret=SECRET,
    )  # fmt: skip
    return app.openapi()


@pytest.fixture(scope="module")
def schema(description: dict[str, Any], doors: "Doors") -> Any:
    """The description as the tests ask by it."""
    read = schemathesis.openapi.from_dict(description)
    read.config.update(base_url=doors.running.address)
    return read


@pytest.fixture(scope="module")
def doors(embedded_server: EmbeddedPostgres, district: District) -> Iterator[Doors]:
    """A console where many changes a minute are nobody's business."""
    with fresh_database(embedded_server, _prepare_full) as dsn:
        running = Running(
            district, dsn, now=Hands(plausible.NOW),
            settings=ConsoleSettings(writes_per_min=10**6, failures=10**6),
        )  # fmt: skip
        clients = {}
        try:
            crew = min(district.crews)
            with running.as_("boss") as boss:
                planner = {
                    "name": "planner",
                    "role": "dispatcher",
                    "password": PASSWORD,
                }
                boss.post("/api/v1/users", json=planner)
                boss.patch("/api/v1/users/driver", json={"crew": crew})
                texts = {
                    scope: boss.post("/api/v1/tokens", json={"name": scope, "scopes": [scope]})
                    for scope in PROGRAMS
                }
            for who in WHO:
                clients[who] = httpx.Client(base_url=running.address, timeout=60)
                if who in PEOPLE:
                    login = (PEOPLE[who], PASSWORD)
                    answer = clients[who].post("/api/v1/token", auth=login)
                    clients[who].headers["Authorization"] = (
                        f"Bearer {answer.json()['access_token']}"
                    )
                elif who != "nobody":
                    token = texts[who.partition(" ")[2]].json()["token"]
                    clients[who].headers["Authorization"] = f"Bearer {token}"
            yield Doors(running, crew, clients)
        finally:
            for client in clients.values():
                client.close()
            running.stop()


@pytest.mark.parametrize("operation", MAY)
def test_who_may_what(doors: Doors, operation: str) -> None:
    """Each role and each scope may exactly what the table says; a stranger has to sign in."""
    method, _, template = operation.partition(" ")
    path = template
    for name in ("form", *[part.partition("}")[0] for part in template.split("{")[1:]]):
        path = path.replace(f"{{{name}}}", PATHS.get(name, "none"))
    found = {}
    for who, client in doors.clients.items():
        plain = {} if method in ("GET", "DELETE") else {"json": {}}
        asked = dict(BODIES.get(operation, plain))
        query = dict(asked.pop("params", {}))
        if "/crew/" in path and who != "crew":
            query["crew"] = doors.crew
        with client.stream(method, path, params=query, **asked) as answer:
            found[who] = answer.status_code
    assert all(status < 500 for status in found.values()), found
    allowed = {who for who, status in found.items() if status not in (401, 403)}
    assert allowed == MAY[operation], found
    if "nobody" not in MAY[operation]:
        assert found["nobody"] == 401
        assert all(found[who] == 403 for who in SIGNED_IN - MAY[operation]), found


# The description ------------------------------------------------------------------------------


def test_description_says_what_programs_need(description: dict[str, Any]) -> None:
    """Each operation has an id of its own, words, a known tag, its refusals as problem details, and
    the right that it takes."""
    tags = {tag["name"] for tag in description["tags"]}
    ids = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            ids.append(operation["operationId"])
            assert operation["description"], where
            assert set(operation["tags"]) <= tags, where
            assert len(operation["tags"]) == 1, where
            if path.startswith("/open311"):
                continue
            assert {"401", "403", "422", "429"} <= operation["responses"].keys(), where
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert "application/problem+json" in answer["content"], where
            schemes = [next(iter(one)) for one in operation["security"]]
            assert schemes == ["session", "token", "password"], where
            if MAY[f"{method.upper()} {path}"] in (LOOK, ACT, ADMIN) and "photos" not in path:
                (scope,) = operation["security"][1]["token"]
                assert f"token {scope}" in MAY[f"{method.upper()} {path}"], where
    assert len(set(ids)) == len(ids)


def operations() -> list[str]:
    """Every operation but the stream, which has no end."""
    return [operation for operation in MAY if operation != "GET /api/v1/live"]


@pytest.mark.parametrize("who", ["nobody", *PEOPLE])
@pytest.mark.parametrize("operation", operations())
def test_keeps_to_its_description(doors: Doors, schema: Any, operation: str, who: str) -> None:
    """Whatever the description allows, and what it does not: no error of the server's, and every
    answer is one that is described."""
    method, _, path = operation.partition(" ")
    headers = {key: value for key, value in doors.clients[who].headers.items()
               if key == "authorization"}  # fmt: skip

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=schema[path][method.lower()].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()
