"""What an operator may set about taking messages in."""

from dataclasses import dataclass

MOST_IN_HAND = 50_000
"""A broker counts its messages to 65,535 and begins anew. A copy that it sent while the first was
still in hand must be acknowledged before that, or the acknowledgement would meet another one."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Limits of the path from broker to table.

    lateness_h: readings older than this are stored and marked late.
    ahead_min: a time further ahead of the clock than this is refused.
    payload_kib: a longer payload is a dead letter, unread.
    items: a longer array is a dead letter, unread.
    batch_rows: so many rows are committed at once, or fewer.
    batch_age_ms: nothing waits longer than this for a batch to fill.
    quiet_ms: a batch is committed when nothing has come for so long. A broker stops at its
        in-flight window (20 messages on Mosquitto as it comes), so waiting longer than this for a
        full batch would be waiting for ourselves.
    in_hand_messages, in_hand_mib: what may lie in memory between broker and commit; beyond it
        nothing more is read from the socket.
    client_id: names the session that the broker keeps. Two ingests must not share one.
    """

    lateness_h: float = 48.0
    ahead_min: float = 10.0
    payload_kib: int = 256
    items: int = 1000
    batch_rows: int = 5000
    batch_age_ms: int = 250
    quiet_ms: int = 2
    in_hand_messages: int = 20_000
    in_hand_mib: int = 64
    client_id: str = "roaddust-ingest"

    def __post_init__(self) -> None:
        for name in ("lateness_h", "ahead_min", "quiet_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"ingest.{name} is {getattr(self, name)}: give 0 or more")
        for name in (
            "payload_kib",
            "items",
            "batch_rows",
            "batch_age_ms",
            "in_hand_messages",
            "in_hand_mib",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"ingest.{name} is {getattr(self, name)}: give 1 or more")
        if self.in_hand_messages > MOST_IN_HAND:
            raise ValueError(
                f"ingest.in_hand_messages is {self.in_hand_messages}: give {MOST_IN_HAND} at most"
            )
        if not self.client_id:
            raise ValueError("ingest.client_id is empty: the broker keeps its session by it")
