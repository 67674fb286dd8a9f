"""What a maker's gateway has done since its start."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class VendorCounters:
    """messages: that came. events: published, by kind. passed_over: what no rule takes, and what
    is no event. again: the same that lasts. unreadable: published as they came, to become dead
    letters, by reason. refused: requests that were not taken, by why. replies: sent."""

    messages: int = 0
    passed_over: int = 0
    again: int = 0
    replies: int = 0
    events: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
