"""Who may come in."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from psycopg.types.json import Jsonb

from console import models
from console.access import Administrator, Anybody, Gate
from console.api.common import pool_of
from console.pool import row, rows
from console.problems import CONFLICT, Refusal
from console.users import MAY_ACT, hash_password
from store.statements import statements

SQL = statements("console")

router = APIRouter()


@router.get("/me", tags=["people"])
async def me(user: Anybody) -> models.Me:
    """Who you are."""
    return models.Me(name=user.name, role=user.role, may_act=user.role in MAY_ACT)


@router.post("/token", tags=["people"])
async def token(request: Request, user: Anybody) -> models.Token:
    """A bearer token for a program; it ends with the password it was made under."""
    gate: Gate = request.app.state.gate
    text, expires = gate.seal("token", user)
    return models.Token(access_token=text, expires_at=expires)


@router.post("/me/password", tags=["people"], status_code=HTTPStatus.NO_CONTENT)
async def change_password(request: Request, user: Anybody, body: models.NewPassword) -> None:
    """Change your password; every session and token of the old one ends."""
    gate: Gate = request.app.state.gate
    if await gate.doorkeeper.admit(user.name, body.current) is None:
        raise Refusal(HTTPStatus.FORBIDDEN, "The current password is not right.")
    hashed = await hash_password(body.new)
    async with pool_of(request).connection() as conn, conn.transaction():
        await conn.execute(SQL.set_password, {"name": user.name, "password_hash": hashed})
        await conn.execute(
            SQL.audit,
            {
                "at": gate.wall_now(),
                "actor": user.name,
                "action": "change_password",
                "detail": Jsonb({}),
            },
        )


@router.get("/users", tags=["people"])
async def users(request: Request, _: Administrator) -> list[models.UserRow]:
    """Every user."""
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.users, {})
    return [models.UserRow.model_validate(user) for user in found]


@router.post("/users", tags=["people"], status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def add_user(
    request: Request, administrator: Administrator, body: models.NewUser
) -> models.Me:
    """Add a user."""
    gate: Gate = request.app.state.gate
    now = gate.wall_now()
    values: dict[str, Any] = {"name": body.name, "role": body.role, "at": now}
    hashed = await hash_password(body.password)
    async with pool_of(request).connection() as conn, conn.transaction():
        if not await row(conn, SQL.add_user, values | {"password_hash": hashed}):
            raise Refusal(HTTPStatus.CONFLICT, f"There is a user {body.name} already.")
        await conn.execute(
            SQL.audit,
            {
                "at": now,
                "actor": administrator.name,
                "action": "add_user",
                "detail": Jsonb({"name": body.name, "role": body.role}),
            },
        )
    return models.Me(name=body.name, role=body.role, may_act=body.role in MAY_ACT)
