"""Who asks, and whether they may: session cookie, bearer, token of a program or HTTP Basic."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import (
    APIKeyCookie,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    SecurityScopes,
)
from fastapi.security.http import HTTPAuthorizationCredentials
from psycopg.types.json import Jsonb

from console.pace import Pace
from console.pool import Pool, row
from console.problems import Refusal
from console.sessions import MARK, Sealer
from console.settings import ConsoleSettings
from console.users import SCOPES, Doorkeeper, TooManyTries, User, known_as, printable
from store.statements import statements

SQL = statements("people")

COOKIE = "roaddust_session"
HOST_COOKIE = f"__Host-{COOKIE}"
"""Where the connection is secure: no other host of the domain, and no plain page, can set it."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER_LASTS = timedelta(days=30)
TOUCH_AFTER = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(days=90)

_RIGHTS = "; ".join(f"`{scope}`: {words}" for scope, words in SCOPES.items())
_cookie = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    auto_error=False,
    description="What a browser has after the login.",
)
bearer_of = HTTPBearer(
    scheme_name="token",
    auto_error=False,
    description=f"A program's token, with the scopes it was given. {_RIGHTS}. Or the bearer that "
    "`POST /api/v1/token` gives for a name and password, with what that person may do.",
)
basic_of = HTTPBasic(
    scheme_name="password", auto_error=False, description="A person's name and password."
)

SessionKind = Literal["desk", "wall", "program"]


@dataclass(frozen=True, slots=True)
class Gate:
    """What it takes to tell who asks."""

    pool: Pool
    doorkeeper: Doorkeeper
    sealer: Sealer
    wall_now: Callable[[], datetime]
    settings: ConsoleSettings
    writes: Pace

    def idle_since(self, now: datetime) -> datetime:
        """A desk's session that was last used before this is over."""
        return now - timedelta(minutes=self.settings.idle_min)

    async def of_session(self, text: str, *, bearer: bool = False) -> User | None:
        """Whose session a cookie or bearer opens; it has been used now."""
        now = self.wall_now()
        values: dict[str, Any] = {
            "digest": self.sealer.digest("bearer" if bearer else "cookie", text),
            "kinds": ["program"] if bearer else ["desk", "wall"],
            "now": now,
            "idle_since": self.idle_since(now),
        }
        async with self.pool.connection() as conn:
            found = await row(conn, SQL.session, values)
            if found is None:
                return None
            if now - found["seen_at"] >= TOUCH_AFTER:
                await conn.execute(SQL.use_session, {"id": found["id"], "now": now})
        return known_as(found, session=found["id"], came=found["kind"])

    async def of_token(self, text: str, address: str) -> User | None:
        """The program that a token is of."""
        now = self.wall_now()
        digest = self.sealer.digest("token", text)
        async with self.pool.connection() as conn:
            found = await row(conn, SQL.token, {"digest": digest, "now": now})
            if found is None:
                return None
            if found["used_at"] is None or now - found["used_at"] >= TOUCH_AFTER:
                used = {"id": found["id"], "now": now, "address": address}
                await conn.execute(SQL.use_token, used)
        scopes = frozenset(found["scopes"])
        return User(f"token:{found['name']}", "program", scopes, came="token")

    async def holds(self, user: User) -> bool:
        """Whether what somebody came with still opens the door: asked of those who stay long."""
        now = self.wall_now()
        if user.came == "password":
            return True
        async with self.pool.connection() as conn:
            if user.came == "token":
                values = {"name": user.name.partition(":")[2], "now": now}
                return await row(conn, SQL.token_holds, values) is not None
            values = {"id": user.session, "now": now, "idle_since": self.idle_since(now)}
            if await row(conn, SQL.session_holds, values) is None:
                return False
            await conn.execute(SQL.use_session, {"id": user.session, "now": now})
        return True

    async def open(self, kind: SessionKind, user: User, request: Request) -> tuple[str, datetime]:
        """A new session of `user`: the text that opens it, and when it ends."""
        now = self.wall_now()
        lasts = {
            "desk": timedelta(hours=self.settings.session_h),
            "wall": timedelta(days=self.settings.wall_days),
            "program": BEARER_LASTS,
        }[kind]
        text, digest = self.sealer.new("bearer" if kind == "program" else "cookie")
        values = {
            "digest": digest,
            "kind": kind,
            "user": user.name,
            "now": now,
            "ends_at": now + lasts,
            "address": address_of(request),
            "agent": printable(request.headers.get("user-agent", ""), 200),
        }
        async with self.pool.connection() as conn, conn.transaction():
            await conn.execute(SQL.forget_sessions, {"before": now - FORGOTTEN_AFTER})
            await conn.execute(SQL.open_session, values)
            detail = {"kind": kind, "address": values["address"]}
            await self.record(conn, user.name, "login", detail)
        return text, now + lasts

    async def record(self, conn: Any, actor: str, action: str, detail: dict[str, Any]) -> None:
        """A line of the audit, by the wall clock, in the transaction of what it tells of."""
        values = {"at": self.wall_now(), "actor": actor, "action": action}
        await conn.execute(SQL.audit, values | {"detail": Jsonb(detail)})


def address_of(request: Request) -> str:
    """Where a request comes from; a proxy on this machine is believed about it."""
    return request.client.host if request.client else "?"


def cookie_of(request: Request) -> str | None:
    """The session cookie of a browser. Over a secure connection only one that could not have been
    set over a plain one."""
    return request.cookies.get(HOST_COOKIE if request.url.scheme == "https" else COOKIE)


def same_origin(request: Request) -> bool:
    """Whether a browser says that our own page sent this.

    Programs send neither header; they have no cookie that another page could borrow.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def admitted(request: Request, name: str, password: str) -> User | None:
    """The user of a name and password. Raises Refusal 429 after too many wrong ones."""
    gate: Gate = request.app.state.gate
    try:
        return await gate.doorkeeper.admit(name, password, address_of(request))
    except TooManyTries as tries:
        raise too_many(tries.wait_s, "Too many wrong passwords came from your address.") from None


def too_many(wait_s: int, why: str) -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{why} Try again in {wait_s} s.",
        {"Retry-After": str(wait_s)},
    )


async def who(
    request: Request,
    _cookie_seen: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_of)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(basic_of)],
) -> User:
    """The user who asks. Raises Refusal 401, 403 when another site uses the cookie, 429 when they
    change things too fast."""
    return await identified(request, bearer, basic, cookie_of(request))


async def identified(
    request: Request,
    bearer: HTTPAuthorizationCredentials | None,
    basic: HTTPBasicCredentials | None,
    cookie: str | None = None,
) -> User:
    """`who`, of what came along; without a cookie where one is not to open the door."""
    gate: Gate = request.app.state.gate
    user = None
    if basic is not None:
        user = await admitted(request, basic.username, basic.password)
    elif bearer is not None:
        text = bearer.credentials
        if text.startswith(MARK):
            user = await gate.of_token(text, address_of(request))
        else:
            user = await gate.of_session(text, bearer=True)
    elif cookie is not None:
        if request.method not in SAFE_METHODS and not same_origin(request):
            raise Refusal(HTTPStatus.FORBIDDEN, "Another site asked for this in your name.")
        user = await gate.of_session(cookie)
    if user is None:
        # A browser's own page gets no Basic challenge: it would pop up over the login page.
        challenge = {} if request.headers.get("sec-fetch-mode") else {"WWW-Authenticate": "Basic"}
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "Sign in: send the session cookie, a token or a name and password. After five wrong "
            "passwords a name stays shut for 15 minutes.",
            challenge,
        )
    if request.method not in SAFE_METHODS:
        at_most(request, user.name)
    return user


def at_most(request: Request, who: str) -> None:
    """Count a change. Raises Refusal 429 when there are too many."""
    gate: Gate = request.app.state.gate
    if wait_s := gate.writes.take(who, gate.wall_now()):
        raise too_many(wait_s, "You change things too fast.")


async def allowed(wanted: SecurityScopes, user: Annotated[User, Depends(who)]) -> User:
    """The user, when they may do what a route wants. Raises Refusal 403."""
    if user.must_change:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            "Choose a password of your own first: POST /api/v1/me/password, or the page /me.",
        )
    missing = [scope for scope in wanted.scopes if scope not in user.scopes]
    if missing:
        lacking(user, missing[0])
    return user


def lacking(user: User, scope: str) -> NoReturn:
    whose = f"token {user.name}" if user.role == "program" else f"role {user.role}"
    raise Refusal(HTTPStatus.FORBIDDEN, f"The {whose} has not the right `{scope}`.")


def any_of(*scopes: str) -> Callable[..., Awaitable[User]]:
    """A dependency: the user, when they have one of these rights. Raises Refusal 403."""

    async def has_one(user: Annotated[User, Security(allowed, scopes=[])]) -> User:
        if not user.scopes.intersection(scopes):
            lacking(user, scopes[0])
        return user

    return has_one


Anybody = Annotated[User, Depends(who)]
Looker = Annotated[User, Security(allowed, scopes=["read"])]
Actor = Annotated[User, Security(allowed, scopes=["act"])]
Planner = Annotated[User, Security(allowed, scopes=["dispatch"])]
Decider = Annotated[User, Depends(any_of("dispatch", "act"))]
"""Who decides against the plan: of those who only `act`, what `api.board` lets them."""
Weigher = Annotated[User, Depends(any_of("read", "dispatch", "act"))]
"""Who asks what a decision would change sees the answer, whatever else they may see."""
CrewLeader = Annotated[User, Security(allowed, scopes=["crew"])]
Complainant = Annotated[User, Security(allowed, scopes=["complaints"])]
Administrator = Annotated[User, Security(allowed, scopes=["admin"])]
