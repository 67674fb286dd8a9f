"""What an operator may set about taking messages in."""

import re
from dataclasses import dataclass

MOST_IN_HAND = 50_000
"""A broker counts its messages to 65,535 and begins anew. A copy that it sent while the first was
still in hand must be acknowledged before that, or the acknowledgement would meet another one."""

MOST_SESSION_DAYS = 3650
_GROUP = re.compile(r"[A-Za-z0-9_-]+\Z")
_DAY_S = 86_400


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
        nothing more is read from the socket. A broker of MQTT 5 is asked for no more messages.
    client_id: names the session that the broker keeps. Two ingests must not share one.
    session_days: how long a broker of MQTT 5 keeps it while ingest is away; one of 3.1.1 keeps it
        until its own limit.
    mqtt5: try MQTT 5 first. A broker that refuses it is spoken to in 3.1.1 anyway.
    workers, worker: how many processes share the messages, and which of them this is, from 1 on.
        Each has a session of its own; the broker must speak MQTT 5.
    leaves: take what the session still holds and ask for nothing new: for a worker that is to be
        taken away.
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
    session_days: float = 30.0
    mqtt5: bool = True
    workers: int = 1
    worker: int = 1
    leaves: bool = False

    @property
    def session(self) -> str:
        """The client id of this worker."""
        return self.client_id if self.worker == 1 else f"{self.client_id}-{self.worker}"

    @property
    def shared(self) -> bool:
        """Whether this worker takes a share of the messages, not all."""
        return self.workers > 1 or self.worker > 1

    @property
    def group(self) -> str | None:
        """The workers' group; None where no group can be named so."""
        return self.client_id if _GROUP.match(self.client_id) else None

    @property
    def session_s(self) -> int:
        return round(self.session_days * _DAY_S)

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
        if not 0 < self.session_days <= MOST_SESSION_DAYS:
            raise ValueError(
                f"ingest.session_days is {self.session_days}: give more than 0 and at most "
                f"{MOST_SESSION_DAYS}; after that the broker would forget what it holds"
            )
        if self.workers < 1:
            raise ValueError(f"ingest.workers is {self.workers}: give 1 or more")
        if not (1 <= self.worker <= self.workers or (self.leaves and self.worker > 1)):
            raise ValueError(
                f"ingest.worker is {self.worker} of {self.workers}: number the workers from 1 on"
            )
        if self.workers > 1 and not self.mqtt5:
            raise ValueError(
                "ingest.workers: several workers need MQTT 5, set ingest.mqtt5 to true"
            )
        if self.shared and self.group is None:
            raise ValueError(
                f"ingest.client_id is {self.client_id!r}, which also names the workers' group: "
                "write it in letters, digits, - and _"
            )
