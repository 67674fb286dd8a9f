"""Times as devices write them, worked out once for all that write the same one."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from simulators.message import rfc3339


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time: milliseconds since 1970, RFC 3339 in UTC, and the local YYYYMMDDhhmmss of HJ 212."""

    at: datetime
    ms: int
    rfc3339: str
    local: str

    @classmethod
    def of(cls, at: datetime, timezone: ZoneInfo) -> "Stamp":
        """The stamp of an aware time."""
        local = f"{at.astimezone(timezone):%Y%m%d%H%M%S}"
        return cls(at, round(at.timestamp() * 1000), rfc3339(at), local)
