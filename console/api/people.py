"""Who may come in: yourself, and for administrators everybody."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from console import people_models as models
from console.access import Administrator, Anybody, Gate, admitted
from console.api.common import district_of, gate_of, pool_of
from console.passwords import hash_password, one_time, weakness
from console.pool import Conn, row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from console.users import GRANTED, NAME_PATTERN, User
from store.statements import statements

SQL = statements("people")

router = APIRouter(tags=["people"])
UserName = Annotated[str, Path(pattern=NAME_PATTERN)]


def _person(user: User) -> User:
    """Raises Refusal 403 for a program, which has neither a password nor sessions, and for a screen
    on a wall, before which anybody may stand."""
    if user.came in ("token", "wall"):
        raise Refusal(HTTPStatus.FORBIDDEN, f"This is for people; you come by a {user.came}.")
    return user


@router.get("/me")
async def me(user: Anybody) -> models.Me:
    """Who you are, and what you may do."""
    return models.Me(
        name=user.name,
        role=user.role,
        may_act="act" in user.scopes,
        scopes=sorted(user.scopes),  # type: ignore[arg-type]
        crew=user.crew,
        must_change=user.must_change,
    )


@router.post("/token")
async def token(request: Request, user: Anybody) -> models.Bearer:
    """A bearer for what you run yourself; it may what you may, and ends with your password.

    A program that runs on its own has a token of its own: see `POST /api/v1/tokens`.
    """
    if user.came == "program":
        raise Refusal(HTTPStatus.FORBIDDEN, "A bearer makes no other: send a name and password.")
    text, expires = await gate_of(request).open("program", _person(user), request)
    return models.Bearer(access_token=text, expires_at=expires)


@router.post("/me/password", status_code=HTTPStatus.NO_CONTENT)
async def change_password(request: Request, user: Anybody, body: models.NewPassword) -> None:
    """Change your password; all your sessions and bearers end, this one too."""
    gate = gate_of(request)
    if await admitted(request, _person(user).name, body.current) is None:
        raise Refusal(HTTPStatus.FORBIDDEN, "The current password is not right.")
    if body.new == body.current:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Give another password than the current.")
    hashed = await _hashed(user.name, body.new)
    async with pool_of(request).connection() as conn, conn.transaction():
        await _set_password(gate, conn, user.name, hashed, must_change=False)
        await gate.record(conn, user.name, "change_password", {})


@router.get("/me/sessions")
async def my_sessions(request: Request, user: Anybody) -> list[models.Session]:
    """Where you are signed in."""
    return await _sessions(request, _person(user).name, user.session)


@router.delete("/me/sessions/{session}", responses=NOT_FOUND)
async def end_my_session(
    request: Request, user: Anybody, session: Annotated[int, Path(ge=1, le=2**62)]
) -> models.Ended:
    """End one of your sessions."""
    gate = gate_of(request)
    values = {"id": session, "user": _person(user).name, "now": gate.wall_now()}
    async with pool_of(request).connection() as conn, conn.transaction():
        if not await row(conn, SQL.end_session, values):
            raise Refusal(HTTPStatus.NOT_FOUND, f"You have no session {session}.")
        await gate.record(conn, user.name, "end_session", {"session": session})
    return models.Ended(ended=1)


@router.delete("/me/sessions")
async def sign_out_elsewhere(request: Request, user: Anybody) -> models.Ended:
    """End all your sessions but this one."""
    gate = gate_of(request)
    async with pool_of(request).connection() as conn, conn.transaction():
        ended = await _end_sessions(gate, conn, _person(user).name, but=user.session)
        await gate.record(conn, user.name, "end_sessions", {"sessions": ended})
    return models.Ended(ended=ended)


@router.get("/users")
async def users(request: Request, _: Administrator) -> list[models.Person]:
    """Every user, those who may not come in any more last."""
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.users, {"now": gate_of(request).wall_now()})
    return [models.Person.model_validate(user) for user in found]


@router.post("/users", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def add_user(
    request: Request, administrator: Administrator, body: models.NewUser
) -> models.Added:
    """Add a user, with a password of your choice or one made up that has to be changed."""
    gate = gate_of(request)
    crew = _tie(request, body.role, body.crew)
    made_up = one_time() if body.password is None else None
    hashed = await _hashed(body.name, made_up or body.password or "")
    values: dict[str, Any] = {
        "name": body.name,
        "role": body.role,
        "crew": crew,
        "password_hash": hashed,
        "at": gate.wall_now(),
        "must_change": made_up is not None,
    }
    async with pool_of(request).connection() as conn, conn.transaction():
        if not await row(conn, SQL.add_user, values):
            raise Refusal(HTTPStatus.CONFLICT, f"There is a user {body.name} already.")
        detail = {"name": body.name, "role": body.role, "crew": crew}
        await gate.record(conn, administrator.name, "add_user", detail)
    return models.Added(
        name=body.name,
        role=body.role,
        may_act="act" in GRANTED[body.role],
        scopes=sorted(GRANTED[body.role]),
        crew=crew,
        must_change=made_up is not None,
        one_time_password=made_up,
    )


@router.patch("/users/{name}", responses=NOT_FOUND | CONFLICT)
async def change_user(
    request: Request, administrator: Administrator, name: UserName, body: models.ChangedUser
) -> models.Person:
    """Change a user's role or crew, shut them out or let them in, or open the lock of too many
    wrong passwords. One who is shut out is signed out everywhere. The last administrator stays."""
    gate = gate_of(request)
    now = gate.wall_now()
    async with pool_of(request).connection() as conn, conn.transaction():
        administrators = await rows(conn, SQL.administrators_for_update, {})
        found = await row(conn, SQL.user_for_update, {"name": name})
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"There is no user {name}.")
        role = body.role or found["role"]
        wanted = found["crew"] if body.crew is None else body.crew or None
        disabled = found["disabled_at"] is not None if body.disabled is None else body.disabled
        others = [one for one in administrators if one["name"] != name]
        if not others and (role != "administrator" or disabled) and len(administrators) == 1:
            raise Refusal(HTTPStatus.CONFLICT, f"{name} is the only administrator: make another.")
        values = {
            "name": name,
            "role": role,
            "crew": _tie(request, role, wanted if role == "crew" else body.crew or None),
            "disabled_at": (found["disabled_at"] or now) if disabled else None,
            "unlock": body.unlock,
        }
        await conn.execute(SQL.change_user, values)
        if disabled or role != found["role"]:
            await _end_sessions(gate, conn, name)
        changes = {key: value for key, value in body if value not in (None, False)}
        if body.disabled is not None:
            changes["disabled"] = body.disabled
        await gate.record(conn, administrator.name, "change_user", {"name": name} | changes)
        everybody = await rows(conn, SQL.users, {"now": now})
    return models.Person.model_validate(next(one for one in everybody if one["name"] == name))


@router.post("/users/{name}/password", responses=NOT_FOUND)
async def reset_password(
    request: Request, administrator: Administrator, name: UserName
) -> models.OneTime:
    """A password made up for a user who has lost theirs; they are signed out everywhere, and have
    to change it at the next login."""
    gate = gate_of(request)
    password = one_time()
    hashed = await hash_password(password)
    async with pool_of(request).connection() as conn, conn.transaction():
        await _set_password(gate, conn, name, hashed, must_change=True)
        await gate.record(conn, administrator.name, "reset_password", {"name": name})
    return models.OneTime(one_time_password=password)


@router.get("/users/{name}/sessions")
async def sessions(request: Request, _: Administrator, name: UserName) -> list[models.Session]:
    """Where a user is signed in."""
    return await _sessions(request, name, None)


@router.delete("/users/{name}/sessions")
async def sign_out(request: Request, administrator: Administrator, name: UserName) -> models.Ended:
    """Sign a user out everywhere."""
    gate = gate_of(request)
    async with pool_of(request).connection() as conn, conn.transaction():
        ended = await _end_sessions(gate, conn, name)
        detail = {"name": name, "sessions": ended}
        await gate.record(conn, administrator.name, "end_sessions", detail)
    return models.Ended(ended=ended)


async def _hashed(name: str, password: str) -> str:
    """Raises Refusal 422 for a password that is too weak."""
    if weak := weakness(name, password):
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, weak)
    return await hash_password(password)


def _tie(request: Request, role: str, crew: str | None) -> str | None:
    """The crew that a user is tied to. Raises Refusal 422 where that makes no sense."""
    if crew is None:
        return None
    if role != "crew":
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"Only the role crew is tied to a crew, not {role}."
        )
    if all(known.id != crew for known in district_of(request).crews):
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"There is no crew {crew} in this district.")
    return crew


async def _set_password(
    gate: Gate, conn: Conn, name: str, hashed: str, *, must_change: bool
) -> None:
    """Raises Refusal 404. Every session ends."""
    values = {"name": name, "password_hash": hashed, "at": gate.wall_now()}
    if not await row(conn, SQL.set_password, values | {"must_change": must_change}):
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no user {name}.")
    await _end_sessions(gate, conn, name)


async def _end_sessions(gate: Gate, conn: Conn, name: str, but: int | None = None) -> int:
    values = {"user": name, "now": gate.wall_now(), "but": but}
    return len(await rows(conn, SQL.end_sessions, values))


async def _sessions(request: Request, name: str, own: int | None) -> list[models.Session]:
    gate = gate_of(request)
    now = gate.wall_now()
    values = {"user": name, "now": now, "idle_since": gate.idle_since(now)}
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.sessions, values)
    return [models.Session.model_validate(one | {"own": one["id"] == own}) for one in found]
