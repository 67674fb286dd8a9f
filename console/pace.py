"""How fast somebody may go on: a bucket of tries per person or address, in bounded memory.

A bucket holds `burst` tries and gets them back evenly over `refill_s`. The least recently seen
bucket is forgotten when there are too many; an attacker with that many addresses is not stopped by
counting addresses.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil

KEPT = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


class Pace:
    """Buckets by key. Time is handed in; it may stand still, and running back gives nothing."""

    def __init__(self, burst: int, refill: timedelta, kept: int = KEPT) -> None:
        self._burst, self._kept = float(burst), kept
        self._per_s = burst / refill.total_seconds()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, key: str, now: datetime) -> int:
        """Whole seconds until `key` has a try; 0 when it has one now."""
        left = self._left(key, now)
        return 0 if left >= 1 else max(1, ceil((1 - left) / self._per_s))

    def take(self, key: str, now: datetime) -> int:
        """Take one try if there is one: 0, else the seconds to wait."""
        wait_s = self.wait_s(key, now)
        if not wait_s:
            self.spend(key, now)
        return wait_s

    def spend(self, key: str, now: datetime) -> None:
        """One try less, down to none."""
        left = self._left(key, now)
        self._buckets[key] = _Bucket(max(0.0, left - 1), now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._kept:
            self._buckets.popitem(last=False)

    def __len__(self) -> int:
        return len(self._buckets)

    def _left(self, key: str, now: datetime) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._burst
        since_s = max(0.0, (now - bucket.at).total_seconds())
        return min(self._burst, bucket.left + since_s * self._per_s)


def neighbourhood(address: str) -> str:
    """What is counted as one address: in IPv6 the /64 that one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
