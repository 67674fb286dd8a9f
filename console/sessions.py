"""Signed statements of who somebody is: the session cookie and the token of a program."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from itsdangerous import BadSignature, URLSafeSerializer

Kind = Literal["session", "token"]

LASTS: dict[Kind, timedelta] = {"session": timedelta(hours=12), "token": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a valid seal speaks of; `stamp` is that of the password it was made under."""

    name: str
    stamp: str


class Sealer:
    """Makes and opens seals with one secret. A seal of one kind never passes for the other."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise ValueError(f"the console's secret has {len(secret)} characters: give 32 or more")
        self._serializers = {
            kind: URLSafeSerializer(secret, salt=f"roaddust-{kind}") for kind in LASTS
        }

    def seal(self, kind: Kind, name: str, stamp: str, now: datetime) -> str:
        expires = int((now + LASTS[kind]).timestamp())
        return str(self._serializers[kind].dumps([name, stamp, expires]))

    def open(self, kind: Kind, text: str, now: datetime) -> Claim | None:
        """What the seal says, or None when it is forged, of another kind or expired."""
        try:
            name, stamp, expires = self._serializers[kind].loads(text)
        except (BadSignature, ValueError, TypeError):
            return None
        if now >= datetime.fromtimestamp(expires, UTC):
            return None
        return Claim(name, stamp)
