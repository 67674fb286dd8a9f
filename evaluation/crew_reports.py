"""What crews say of themselves, read from their messages."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from simulators.message import Message

__all__ = ["Position", "Progress", "crew_reports"]


class Position(msgspec.Struct, frozen=True):
    """Where a crew is, and what it has in its tank."""

    ts: datetime
    lon: float
    lat: float
    speed_kmh: float
    water_l: float
    state: str


class Progress(msgspec.Struct, frozen=True):
    """How an order stands; ``water_l`` is what the tank then held, if told."""

    ts: datetime
    order: str
    event: str
    reason: str | None = None
    water_l: float | None = None


_position = msgspec.json.Decoder(Position)
_progress = msgspec.json.Decoder(Progress)


def crew_reports(messages: Iterable[Message]) -> Iterator[tuple[str, Position | Progress]]:
    """Pick out the reports of crews, each with the crew, in the order they were said.

    Raises msgspec.DecodeError for one that is not as the contract has it.
    """
    for message in messages:
        if message.kind == "positions":
            yield _crew(message), _position.decode(message.payload)
        elif message.kind == "progress":
            yield _crew(message), _progress.decode(message.payload)


def _crew(message: Message) -> str:
    return message.topic.split("/")[2]
