"""How fast a device may send: as a bucket of tokens."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """rate_per_s: in the long run; burst: at once, after a rest."""

    rate_per_s: float
    burst: float
    _tokens: float | None = None
    _at_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Take one more; how long to wait before it is worked on, 0 within the pace."""
        if self._tokens is None:
            self._tokens, self._at_s = self.burst, now_s
        self._tokens = min(self.burst, self._tokens + (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        # Who comes back again and again while it should wait does not run up debts for ever.
        self._tokens = max(-self.burst, self._tokens - 1)
        return max(0.0, -self._tokens / self.rate_per_s)
