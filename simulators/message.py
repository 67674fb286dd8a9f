"""What a simulated device says: a topic, a payload, and how much of what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Kind = Literal["readings", "events", "positions", "progress", "reports"]

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message; `topic` is without the prefix.

    count: the items in the payload that are to be stored and were not said before.
    """

    topic: str
    payload: bytes
    kind: Kind
    count: int = 1


def encode(value: Any) -> bytes:
    """JSON, the keys in the order they were put in."""
    return _encoder.encode(value)


def shortened(names: Sequence[str], most: int = 12) -> str:
    """A list of names for a sentence; of very many, the first ones and how many more."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def rfc3339(at: datetime) -> str:
    """UTC with milliseconds where there are any."""
    at = at.astimezone(UTC)
    spec = "milliseconds" if at.microsecond else "seconds"
    return at.isoformat(timespec=spec).replace("+00:00", "Z")
