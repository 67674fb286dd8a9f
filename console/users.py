"""Who may come in: users, their passwords (argon2) and the lock-out after repeated failures."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.database import Connection
from store.statements import statements

Role = Literal["viewer", "operator", "dispatcher", "crew", "administrator"]

MAY_LOOK = frozenset({"viewer", "operator", "dispatcher", "administrator"})
MAY_ACT = frozenset({"operator", "dispatcher", "administrator"})
MAY_ADMINISTER = frozenset({"administrator"})

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_LENGTH_MIN = 10

FIRST_ADMIN = "admin"

SQL = statements("console")
_hasher = PasswordHasher()
# Compared against when the name is unknown, so that a guess takes as long as with a known one.
_nobody = _hasher.hash(secrets.token_urlsafe())
# Each verification takes 64 MiB; a flood of guesses must not take the memory of the platform.
_verifying = anyio.CapacityLimiter(2)


@dataclass(frozen=True, slots=True)
class User:
    """A user whose identity has been shown; `stamp` changes with the password."""

    name: str
    role: Role
    stamp: str


def ensure_admin(conn: Connection, now: datetime) -> str | None:
    """Make the first administrator if there is none, and return the password made up for it.

    Returns None when an administrator exists already. The password is nowhere else: the caller
    shows it once. Commits.
    """
    password = secrets.token_urlsafe(12)
    made = conn.execute(
        SQL.add_first_admin,
        {"name": FIRST_ADMIN, "password_hash": _hasher.hash(password), "at": now},
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


def add_user(conn: Connection, name: str, password: str, role: Role, now: datetime) -> bool:
    """Add a user; False when the name is taken. Commits."""
    made = conn.execute(
        SQL.add_user,
        {"name": name, "password_hash": _hasher.hash(password), "role": role, "at": now},
    ).fetchone()
    conn.commit()
    return made is not None


def stamp(password_hash: str) -> str:
    """A few characters of the hash: put into a session, they end it when the password changes."""
    return password_hash[-12:]


def is_locked(locked_until: datetime | None, now: datetime) -> bool:
    return locked_until is not None and now < locked_until


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def hash_password(password: str) -> str:
    return await anyio.to_thread.run_sync(_hasher.hash, password, limiter=_verifying)


class Doorkeeper:
    """Tells users by name and password, counting failures.

    `wall_now` is real time, not the platform's: a day simulated in minutes must not open a lock.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], wall_now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._wall_now = wall_now

    async def admit(self, name: str, password: str) -> User | None:
        """The user, or None for an unknown name, a wrong password or a locked user.

        The three are not told apart, so that nobody learns which names exist.
        """
        now = self._wall_now()
        name = name.replace("\x00", "")  # a name that the database cannot even hold
        async with self._pool.connection() as conn:
            row = await (await conn.execute(SQL.user, {"name": name})).fetchone()
        known = row["password_hash"] if row else _nobody
        right = await anyio.to_thread.run_sync(_verify, known, password, limiter=_verifying)
        if row is None or is_locked(row["locked_until"], now):
            return None
        async with self._pool.connection() as conn:
            if not right:
                await self._count_failure(conn, name, now)
                return None
            await conn.execute(SQL.forget_failures, {"name": name})
        return User(row["name"], row["role"], stamp(row["password_hash"]))

    async def known(self, name: str, expected_stamp: str) -> User | None:
        """The user of a session, unless gone or with a newer password."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(SQL.user, {"name": name})).fetchone()
        if row is None or not secrets.compare_digest(stamp(row["password_hash"]), expected_stamp):
            return None
        return User(row["name"], row["role"], expected_stamp)

    async def _count_failure(self, conn: Any, name: str, now: datetime) -> None:
        row = await (
            await conn.execute(
                SQL.count_failure,
                {"name": name, "allowed": FAILURES_ALLOWED, "until": now + LOCKED_FOR},
            )
        ).fetchone()
        if row and is_locked(row["locked_until"], now):
            await conn.execute(
                SQL.audit,
                {"at": now, "actor": name, "action": "locked_out", "detail": Jsonb({})},
            )
