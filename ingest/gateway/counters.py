"""What a gateway has done since its start, for a page of health or a scraper."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """connections: open now. accepted, closed: since the start, closed by why. turned_away: at the
    door, by why. frames: that came; bad: of them, by what the codec said; refused: by why.
    published: acknowledged by the broker. answers: sent, by command. requests: sent, by command.
    unpublished: given up because the broker was away; they were not answered.
    """

    connections: int = 0
    accepted: int = 0
    frames: int = 0
    published: int = 0
    unpublished: int = 0
    turned_away: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    requests: Counter[int] = field(default_factory=Counter)
