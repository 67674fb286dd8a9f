"""Who may come in: users and their rights, and the lock-out after repeated failures.

A right is a scope. A role is a bundle of them for people; a program's token has those it was given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from console.pace import Pace, neighbourhood
from console.passwords import NOBODY, hash_password, matches, one_time, stored
from store.database import Connection
from store.statements import statements

__all__ = ["hash_password"]

Role = Literal["viewer", "operator", "dispatcher", "crew", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
Came = Literal["password", "desk", "wall", "program", "token"]
Scope = Literal["read", "act", "dispatch", "complaints", "metrics", "admin", "crew"]

SCOPES: dict[Scope, str] = {
    "read": "see everything that the pages show",
    "act": "acknowledge, shelve and comment, and add work",
    "dispatch": "plan: assign, pin, hold, add and forbid work, and speak for a crew",
    "complaints": "pass on residents' complaints, and see what became of them",
    "metrics": "read the platform's own figures",
    "admin": "manage users and tokens, and read the audit",
    "crew": "work as the crew that one is tied to",
}
GRANTED: dict[Role, frozenset[Scope]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "act", "complaints"}),
    "dispatcher": frozenset({"read", "act", "complaints", "dispatch"}),
    "crew": frozenset({"crew"}),
    "administrator": frozenset({"read", "act", "complaints", "dispatch", "metrics", "admin"}),
}
"""A crew's leader sees their own work only."""
FOR_PROGRAMS: tuple[Scope, ...] = ("read", "act", "dispatch", "complaints", "metrics", "admin")

MAY_LOOK = frozenset({"viewer", "operator", "dispatcher", "administrator"})
MAY_ACT = frozenset({"operator", "dispatcher", "administrator"})
MAY_DISPATCH = frozenset({"dispatcher", "administrator"})
MAY_ADMINISTER = frozenset({"administrator"})
EVERYBODY = MAY_LOOK | {"crew"}

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)

FIRST_ADMIN = "admin"
NAME_PATTERN = r"^[\w.-]{1,64}$"

SQL = statements("people")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whose identity has been shown: a person, or a program by its token.

    scopes: what they may do. crew: whose leader they are. session: the number of the session that
    they come with. must_change: the password was given to them, and they may do nothing else yet.
    came: by what they were known.
    """

    name: str
    role: str
    scopes: frozenset[str]
    crew: str | None = None
    session: int | None = None
    must_change: bool = False
    came: Came = "password"


class TooManyTries(Exception):
    """Too many wrong passwords from one address. `wait_s`: until it may try again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong passwords; wait {wait_s} s")
        self.wait_s = wait_s


def ensure_admin(conn: Connection, now: datetime) -> str | None:
    """Make the first administrator if there is none, and return the password made up for it.

    Returns None when an administrator exists already. The password is nowhere else: the caller
    shows it once. Commits.
    """
    password = one_time()
    made = conn.execute(
        SQL.add_first_admin,
        {"name": FIRST_ADMIN, "password_hash": stored(password), "at": now},
    ).fetchone()
    if made:
        conn.execute(
            SQL.audit,
            {
                "at": now,
                "actor": "roaddust",
                "action": "add_user",
                "detail": Jsonb({"name": FIRST_ADMIN, "role": "administrator"}),
            },
        )
    conn.commit()
    return password if made else None


def add_user(
    conn: Connection, name: str, password: str, role: Role, now: datetime, crew: str | None = None
) -> bool:
    """Add a user; False when the name is taken. Commits."""
    made = conn.execute(
        SQL.add_user,
        {
            "name": name,
            "password_hash": stored(password),
            "role": role,
            "crew": crew,
            "at": now,
            "must_change": False,
        },
    ).fetchone()
    conn.commit()
    return made is not None


def is_locked(locked_until: datetime | None, now: datetime) -> bool:
    return locked_until is not None and now < locked_until


def printable(text: str, most: int) -> str:
    """What a stranger sent, fit to be kept: no NUL, which the database cannot hold, no control."""
    return "".join(letter for letter in text if letter.isprintable())[:most]


class Doorkeeper:
    """Tells users by name and password, counting failures per name and per address.

    `wall_now` is real time, not the platform's: a day simulated in minutes must not open a lock.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        wall_now: Callable[[], datetime],
        failures: int,
        failures_in: timedelta,
    ) -> None:
        self._pool = pool
        self._wall_now = wall_now
        self._guesses = Pace(failures, failures_in)

    async def admit(self, name: str, password: str, address: str) -> User | None:
        """The user, or None for an unknown name, a wrong password, or one locked or disabled.

        They are not told apart, neither by the answer nor by the work done for it, so that nobody
        learns which names exist. Raises TooManyTries.
        """
        now = self._wall_now()
        where = neighbourhood(address)
        if wait_s := self._guesses.wait_s(where, now):
            raise TooManyTries(wait_s)
        name = printable(name, 64)
        async with self._pool.connection() as conn:
            row = await (await conn.execute(SQL.user, {"name": name})).fetchone()
        right = await matches(row["password_hash"] if row else NOBODY, password)
        barred = row is None or is_locked(row["locked_until"], now) or row["disabled_at"]
        async with self._pool.connection() as conn:
            if not right or barred or row is None:
                self._guesses.spend(where, now)
                known = row["name"] if row else None
                await self._count_failure(conn, known, address, now, counts=not barred)
                return None
            await conn.execute(SQL.forget_failures, {"name": name})
        return known_as(row)

    async def _count_failure(
        self, conn: Any, name: str | None, address: str, now: datetime, *, counts: bool
    ) -> None:
        # A door that is locked or unknown counts under a name that nobody has: the same work. What
        # is no name is not kept, for people type their password into the wrong field.
        counted = {"name": name if counts else "", "allowed": FAILURES_ALLOWED}
        async with conn.transaction():
            row = await (
                await conn.execute(SQL.count_failure, counted | {"until": now + LOCKED_FOR})
            ).fetchone()
            shut = row is not None and is_locked(row["locked_until"], now)
            await conn.execute(
                SQL.audit,
                {
                    "at": now,
                    "actor": name or "?",
                    "action": "locked_out" if shut else "login_failed",
                    "detail": Jsonb({"address": address}),
                },
            )


def known_as(row: Any, *, session: int | None = None, came: Came = "password") -> User:
    """The user that a row of the database speaks of; on a wall, somebody who looks."""
    role: Role = row["role"]
    if came == "wall" and role in MAY_LOOK:
        role = "viewer"
    return User(
        row["name"],
        role,
        frozenset() if row["must_change"] else GRANTED[role],
        row["crew"],
        session,
        row["must_change"],
        came,
    )
