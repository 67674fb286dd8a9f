"""Tokens of programs: named, with the scopes they need, for a time."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request

from console import people_models as models
from console.access import Administrator
from console.api.common import gate_of, pool_of
from console.pool import row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from store.statements import statements

SQL = statements("people")
ENDING = 4

router = APIRouter(tags=["people"])


@router.get("/tokens")
async def tokens(request: Request, _: Administrator) -> list[models.Token]:
    """Every token, those that hold first; what opens the door is not among it."""
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.tokens, {"now": gate_of(request).wall_now()})
    return [models.Token.model_validate(one) for one in found]


@router.post("/tokens", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def add_token(
    request: Request, administrator: Administrator, body: models.NewToken
) -> models.MadeToken:
    """A token for a program. It is told once: only what it hashes to is kept."""
    gate = gate_of(request)
    now = gate.wall_now()
    text, digest = gate.sealer.new("token")
    scopes = sorted(set(body.scopes))
    expires_at = now + timedelta(days=body.days)
    values = {
        "digest": digest,
        "name": body.name,
        "ending": text[-ENDING:],
        "scopes": scopes,
        "by": administrator.name,
        "now": now,
        "expires_at": expires_at,
    }
    async with pool_of(request).connection() as conn, conn.transaction():
        made = await row(conn, SQL.add_token, values)
        if made is None:
            raise Refusal(
                HTTPStatus.CONFLICT,
                f"There is a token {body.name} already: revoke it first, or give another name.",
            )
        detail = {"token": made["id"], "name": body.name, "scopes": scopes, "days": body.days}
        await gate.record(conn, administrator.name, "add_token", detail)
    return models.MadeToken(id=made["id"], name=body.name, token=text, expires_at=expires_at)


@router.delete("/tokens/{token}", status_code=HTTPStatus.NO_CONTENT, responses=NOT_FOUND)
async def revoke_token(
    request: Request, administrator: Administrator, token: Annotated[int, Path(ge=1, le=2**62)]
) -> None:
    """Make a token open nothing any more, at once."""
    gate = gate_of(request)
    values = {"id": token, "by": administrator.name, "now": gate.wall_now()}
    async with pool_of(request).connection() as conn, conn.transaction():
        revoked = await row(conn, SQL.revoke_token, values)
        if revoked is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no token {token} that holds.")
        detail = {"token": token, "name": revoked["name"]}
        await gate.record(conn, administrator.name, "revoke_token", detail)
