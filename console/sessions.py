"""What opens a door: long random texts of which only a keyed hash is stored.

A cookie, a bearer and a token are hashed under different words, so that none of them ever passes
for another; and with a key that is not in the database, so that whoever reads or writes its tables
can neither use a session nor make one.
"""

import hmac
import secrets
from typing import Literal

Kind = Literal["cookie", "bearer", "token"]

MARK = "roaddust_"
"""Begins every token of a program, so that one is known for what it is where it does not belong."""
BYTES = 32
LONGEST = 200
"""Nothing longer is looked at."""


class Sealer:
    """Makes texts that open a door, and tells what they are stored as."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise ValueError(f"the console's secret has {len(secret)} characters: give 32 or more")
        self._key = secret.encode()

    def new(self, kind: Kind) -> tuple[str, bytes]:
        """A new text, and its digest."""
        text = (MARK if kind == "token" else "") + secrets.token_urlsafe(BYTES)
        return text, self.digest(kind, text)

    def digest(self, kind: Kind, text: str) -> bytes:
        """What a text of a kind is stored as; of a text that is no text of ours, too."""
        said = text[:LONGEST].encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, kind.encode() + b"\0" + said, "sha256")
