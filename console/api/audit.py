"""What people and programs did."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from console import people_models as models
from console.access import Administrator
from console.api.common import Limit, Utc, gate_of, pool_of
from console.pool import row, rows
from store.statements import statements

SQL = statements("people")

router = APIRouter(tags=["people"])

Actor = Annotated[str | None, Query(max_length=80, description="a user, or token:NAME")]
Actions = Annotated[list[Annotated[str, Query(max_length=64)]] | None, Query(max_length=50)]
Before = Annotated[int | None, Query(ge=1, le=2**62, description="`next` of the page before")]

AT_ONCE = 1000
CALCULATES = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""
COLUMNS = ("id", "at", "actor", "action", "detail")


def _filters(actor: str | None, action: list[str] | None, since: Any, until: Any) -> dict[str, Any]:
    # A NUL matches nothing, and the database cannot hold one.
    return {
        "actor": actor.replace("\x00", "\ufffd") if actor else actor,
        "actions": [one.replace("\x00", "\ufffd") for one in action] if action else None,
        "since": since,
        "until": until,
    }


@router.get("/audit")
async def audit(
    request: Request,
    _: Administrator,
    actor: Actor = None,
    action: Actions = None,
    since: Utc | None = None,
    until: Utc | None = None,
    before: Before = None,
    limit: Limit = 100,
) -> models.AuditPage:
    """Every act of a person or a program and every login that failed, newest first."""
    values = _filters(actor, action, since, until) | {"before": before, "limit": limit + 1}
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.audit_page, values)
    return models.AuditPage(
        items=[models.AuditLine.model_validate(line) for line in found[:limit]],
        next=found[limit - 1]["id"] if len(found) > limit else None,
    )


@router.get("/audit/words")
async def audit_words(request: Request, _: Administrator) -> models.AuditWords:
    """The actions and actors that there are lines of."""
    async with pool_of(request).connection() as conn:
        found = await row(conn, SQL.audit_words, {})
    return models.AuditWords.model_validate(found)


@router.get(
    "/audit.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "All lines, newest first"}},
)
async def audit_csv(
    request: Request,
    administrator: Administrator,
    actor: Actor = None,
    action: Actions = None,
    since: Utc | None = None,
    until: Utc | None = None,
) -> StreamingResponse:
    """The same as a table for a spreadsheet, whole. A text that a spreadsheet would calculate has
    an apostrophe in front. That it was taken away is itself on record."""
    gate, pool = gate_of(request), pool_of(request)
    values = _filters(actor, action, since, until)
    async with pool.connection() as conn, conn.transaction():
        asked = {
            "actor": values["actor"], "action": values["actions"], "since": since, "until": until,
        }  # fmt: skip
        detail = {key: value for key, value in asked.items() if value}
        await gate.record(conn, administrator.name, "export_audit", detail)

    async def lines() -> AsyncIterator[str]:
        # The mark by which spreadsheets know UTF-8.
        yield "\ufeff" + _csv(COLUMNS)
        before = None
        while True:
            async with pool.connection() as conn:
                found = await rows(
                    conn, SQL.audit_page, values | {"before": before, "limit": AT_ONCE}
                )
            yield "".join(_csv(_cells(line)) for line in found)
            if len(found) < AT_ONCE:
                return
            before = found[-1]["id"]

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


def _cells(line: dict[str, Any]) -> list[str]:
    detail = json.dumps(line["detail"], ensure_ascii=False)
    return [str(line["id"]), line["at"].isoformat(), line["actor"], line["action"], detail]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet calculates."""
    return f"'{cell}" if cell.startswith(CALCULATES) else cell


def _csv(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return written.getvalue()
