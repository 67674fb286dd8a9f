"""What an operator may set about the makers' gateways."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VendorSettings:
    """table: TOML file of what events mean; the one that is shipped when empty.

    token: last part of the address that cameras post to, https://host/hikvision/TOKEN. Who knows it
        may send; without one the listener does not start.
    pictures: folder to keep pictures in; none are kept when empty, only their digests.
    request_kib: of the longest request. requests: worked on at once.
    in_hand: messages that the broker has not acknowledged. hold_s: how long one waits for it.
    replies: answer docks that wait for a reply. Off where another cloud answers them.
    client_id: names the session that the broker keeps for the bridge.
    metrics: HOST:PORT where Prometheus may read what was counted; nowhere when empty.
    """

    table: str = ""
    token: str = field(default="", repr=False)
    pictures: str = ""
    request_kib: int = 8192
    requests: int = 16
    in_hand: int = 200
    hold_s: float = 20.0
    replies: bool = True
    client_id: str = "roaddust-dji"
    metrics: str = ""

    def __post_init__(self) -> None:
        for name in ("request_kib", "requests", "in_hand", "hold_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"vendors.{name} is {getattr(self, name)}: give more than 0")
        if not self.client_id:
            raise ValueError("vendors.client_id is empty: the broker keeps its session by it")
