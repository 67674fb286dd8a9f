"""Passwords: what they are stored as, and which ones are too weak to keep.

Length counts most. What is refused besides is what anybody would try first: the own name, a
character over and over, a run along the keyboard or the alphabet.
"""

import secrets

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LENGTH_MIN = 10
LENGTH_MAX = 200
DIFFERENT_MIN = 5
RUNS = ("abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "qwertyuiop", "asdfghjkl",
        "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm")  # fmt: skip
OWN_WORDS = ("roaddust", "password", "passw0rd", "admin", "xinghai", "letmein", "welcome")
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of passwords that are read out or copied by hand: none that is mistaken for another."""

_hasher = PasswordHasher()
# Compared against when the name is unknown, so that a guess takes as long as with a known one.
NOBODY = _hasher.hash(secrets.token_urlsafe())
# Each verification takes 64 MiB; a flood of guesses must not take the memory of the platform.
_verifying = anyio.CapacityLimiter(2)


def weakness(name: str, password: str) -> str | None:
    """Why a password should not be kept for `name`, in a sentence; None when it may."""
    plain = password.casefold()
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"Give a password of {LENGTH_MIN} to {LENGTH_MAX} characters."
    if len(set(plain)) < DIFFERENT_MIN:
        return f"Give a password with at least {DIFFERENT_MIN} different characters."
    rest = plain
    for word in (name.casefold(), *OWN_WORDS):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    if len(rest) < LENGTH_MIN // 2 or _is_run(rest):
        return "Give a password that is not your name, a common word or a run of keys."
    return None


def _is_run(text: str) -> bool:
    """Whether a text is made of runs of keys, forward or back, and of nothing else."""
    runs = [way for run in RUNS for way in (run, run[::-1])]
    at = 0
    while at < len(text):
        step = next(
            (size for size in range(len(text) - at, 2, -1)
             if any(text[at : at + size] in run for run in runs)),
            0,
        )  # fmt: skip
        if not step:
            return False
        at += step
    return True


def one_time() -> str:
    """A password to be told and changed at once: 15 characters in groups, 74 bits."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(3))
    return "-".join(groups)


def stored(password: str) -> str:
    """What a password is stored as. Takes 64 MiB and some 50 ms."""
    return _hasher.hash(password)


async def hash_password(password: str) -> str:
    """`stored`, beside the loop."""
    return await anyio.to_thread.run_sync(stored, password, limiter=_verifying)


async def matches(password_hash: str, password: str) -> bool:
    """Whether a password is the one that was stored."""
    return await anyio.to_thread.run_sync(_verify, password_hash, password, limiter=_verifying)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
