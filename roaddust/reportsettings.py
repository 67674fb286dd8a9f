"""When reports are made, and to whom they are sent."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """When reports are made and how they are sent.

    Attributes
    ----------
    at
        Local time at which the day, week or month that is over is reported on.
    again_at
        Local time at which what has changed since is looked for.
    recipient
        Whom they are sent to: a name under `notices.contacts`.
    attach
        Whether the PDF goes along.
    address
        Where people reach the console (`https://dust.example.org`), for the link; none without.
    """

    at: str = "00:30"
    again_at: str = "06:30"
    recipient: str = "reports"
    attach: bool = True
    address: str = ""

    def __post_init__(self) -> None:
        for name in ("at", "again_at"):
            clock_time(getattr(self, name), f"reports.{name}")
        if self.address and urlsplit(self.address).scheme not in ("http", "https"):
            raise ValueError(
                f"reports.address: {self.address!r} is no address of a console: write "
                "https://dust.example.org"
            )


def clock_time(text: str, name: str) -> tuple[int, int]:
    """Hour and minute. Raises ValueError that names the setting."""
    hour, _, minute = text.partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise ValueError(f"{name}: {text!r} is no time of day: write 00:30")
    return int(hour), int(minute)
