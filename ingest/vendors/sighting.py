"""What an adapter makes of a maker's message."""

from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, str]
"""The message's leaves as texts, by path: `AID.illegalTrafficEvent`, `data.file.name`."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something seen, in the maker's words.

    senders: names of who saw it, the most exact first. ts: of when, an RFC 3339 text with an
    offset or milliseconds since 1970. facts: everything it says. media: what shows it.
    """

    senders: tuple[str, ...]
    ts: str | int
    facts: Facts = field(repr=False)
    media: list[dict[str, Any]] = field(default_factory=list)
