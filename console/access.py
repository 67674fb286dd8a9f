"""Who asks, and whether they may: session cookie, bearer token or HTTP Basic."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from console.problems import Refusal
from console.sessions import LASTS, Kind, Sealer
from console.users import MAY_ACT, MAY_ADMINISTER, MAY_LOOK, Doorkeeper, User

COOKIE = "roaddust_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_cookie = APIKeyCookie(name=COOKIE, scheme_name="session", auto_error=False)
_bearer = HTTPBearer(scheme_name="token", auto_error=False)
_basic = HTTPBasic(scheme_name="password", auto_error=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """What it takes to tell who asks."""

    doorkeeper: Doorkeeper
    sealer: Sealer
    wall_now: Callable[[], datetime]

    async def of_seal(self, kind: Kind, text: str) -> User | None:
        claim = self.sealer.open(kind, text, self.wall_now())
        return await self.doorkeeper.known(claim.name, claim.stamp) if claim else None

    def seal(self, kind: Kind, user: User) -> tuple[str, datetime]:
        """A seal for `user` and when it ends."""
        now = self.wall_now()
        return self.sealer.seal(kind, user.name, user.stamp, now), now + LASTS[kind]


def same_origin(request: Request) -> bool:
    """Whether a browser says that our own page sent this.

    Programs send neither header; they have no cookie that another page could borrow.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def who(
    request: Request,
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> User:
    """The user who asks. Raises Refusal 401, or 403 when another site uses the cookie."""
    gate: Gate = request.app.state.gate
    user = None
    if basic is not None:
        user = await gate.doorkeeper.admit(basic.username, basic.password)
    elif bearer is not None:
        user = await gate.of_seal("token", bearer.credentials)
    elif cookie is not None:
        if request.method not in SAFE_METHODS and not same_origin(request):
            raise Refusal(HTTPStatus.FORBIDDEN, "Another site asked for this in your name.")
        user = await gate.of_seal("session", cookie)
    if user is None:
        # A browser's own page gets no Basic challenge: it would pop up over the login page.
        challenge = {} if request.headers.get("sec-fetch-mode") else {"WWW-Authenticate": "Basic"}
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "Sign in: send the session cookie, a bearer token or a name and password. After five "
            "wrong passwords a name stays shut for 15 minutes.",
            challenge,
        )
    return user


def _with_role(roles: frozenset[str], what: str) -> Callable[[User], Awaitable[User]]:
    async def check(user: Annotated[User, Depends(who)]) -> User:
        if user.role not in roles:
            raise Refusal(HTTPStatus.FORBIDDEN, f"The role {user.role} may not {what}.")
        return user

    return check


Anybody = Annotated[User, Depends(who)]
Looker = Annotated[User, Depends(_with_role(MAY_LOOK, "look at the console"))]
Actor = Annotated[User, Depends(_with_role(MAY_ACT, "act on episodes"))]
Administrator = Annotated[User, Depends(_with_role(MAY_ADMINISTER, "manage users"))]
