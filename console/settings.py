"""What an operator may set about who comes in."""

from dataclasses import dataclass

from console.tiles import Tiles


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Limits on people, programs and requests.

    idle_min: a session that nothing has used for so long ends. An open page uses its own.
    session_h: a session of a desk ends after this in any case; a shift.
    wall_days: that of a wall screen, which may only look.
    failures: wrong passwords from one address before it has to wait.
    failures_min: how long until such an address has all its tries back.
    writes_per_min: changes that one person or program may make; twice that in a burst.
    body_mib: a larger request is refused.
    photo_mib: the same for a photo.
    body_s: a request that takes longer to arrive is refused.
    hosts: names under which the console is reached; any when empty.
    public_url: what Open311's discovery says, where a proxy stands in front.
    tiles: a base map under the streets; none when left out, and then nothing is asked of others.
    """

    idle_min: float = 60.0
    session_h: float = 12.0
    wall_days: float = 90.0
    failures: int = 20
    failures_min: float = 15.0
    writes_per_min: int = 120
    body_mib: float = 1.0
    photo_mib: float = 5.0
    body_s: float = 30.0
    hosts: tuple[str, ...] = ()
    public_url: str = ""
    tiles: Tiles | None = None

    def __post_init__(self) -> None:
        for name in (
            "idle_min",
            "session_h",
            "wall_days",
            "failures",
            "failures_min",
            "writes_per_min",
            "body_mib",
            "photo_mib",
            "body_s",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"console.{name} is {getattr(self, name)}: give more than 0")
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            raise ValueError(
                f"console.public_url is {self.public_url!r}: begin it with https:// or http://"
            )


DEFAULTS = ConsoleSettings()
