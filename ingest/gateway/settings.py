"""What an operator may set about the gateways."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Limits of what a logger may do, and what it is asked to do.

    devices: TOML file of the loggers' passwords and keys; it belongs to nobody but the gateway.
    any_password: take loggers that the file has no password for. A number is then enough.
    connections, connections_per_address: at once. Many loggers may stand behind one address of a
        mobile network.
    guesses_per_min: wrong numbers or passwords of one address, before it is kept out.
    idle_s: silence after which a connection is closed. login_s: for the first good frame.
    frame_s: from the first byte of a frame to its last. answer_s: for a logger to take an answer.
    frame_bytes: of the longest segment; the standard's editions say 1,024, and four digits 9,999.
    frames_per_s, burst: of one logger; it waits where it sends faster. A burst is a back-fill.
    bad_frames: one after the other, before a connection is closed. junk_bytes: likewise.
    in_hand: frames that the broker has not acknowledged, of all loggers together.
    hold_s: how long a frame waits for a broker that is away; then the connection is closed.
    packets_s: how long the rest of a message that came in part is waited for.
    clock_off_s: a logger's clock that is off by more is set; 0 sets none.
    ask_again: whether missing minutes are asked for.
    metrics: HOST:PORT where Prometheus may read what was counted; nowhere when empty. Whoever
        reaches it may read: leave it on loopback.
    """

    devices: str = ""
    any_password: bool = False
    connections: int = 5000
    connections_per_address: int = 512
    guesses_per_min: int = 20
    idle_s: float = 900.0
    login_s: float = 120.0
    frame_s: float = 30.0
    answer_s: float = 20.0
    frame_bytes: int = 9999
    frames_per_s: float = 20.0
    burst: int = 600
    bad_frames: int = 20
    junk_bytes: int = 4096
    in_hand: int = 1000
    hold_s: float = 60.0
    packets_s: float = 600.0
    clock_off_s: float = 60.0
    ask_again: bool = True
    metrics: str = ""

    def __post_init__(self) -> None:
        for name in (
            "connections",
            "connections_per_address",
            "guesses_per_min",
            "idle_s",
            "login_s",
            "frame_s",
            "answer_s",
            "frames_per_s",
            "burst",
            "bad_frames",
            "junk_bytes",
            "in_hand",
            "hold_s",
            "packets_s",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"gateway.{name} is {getattr(self, name)}: give more than 0")
        if not 64 <= self.frame_bytes <= 9999:
            raise ValueError(f"gateway.frame_bytes is {self.frame_bytes}: give 64 to 9999")
        if self.clock_off_s < 0:
            raise ValueError(f"gateway.clock_off_s is {self.clock_off_s}: give 0 or more")
