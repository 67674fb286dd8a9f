"""Whether a device's clock is wrong, told from the times that it writes into its frames."""

from dataclasses import dataclass


@dataclass(slots=True)
class ClockWatch:
    """Two frames one after the other must agree on how wrong: one alone may be an old frame that
    is sent again, and says what time it was then.

    off_s: a clock that is off by more is set; 0 sets none. every_s: not more often than this.
    agree_s: by how much the two may differ.
    """

    off_s: float
    every_s: float = 3600.0
    agree_s: float = 5.0
    _before_s: float | None = None
    _said_us: int | None = None
    _set_at_s: float | None = None

    def is_wrong(self, device_us: int, now_us: int, now_s: float) -> bool:
        """Judge a frame. device_us: its QN; now_us: our time; now_s: of a clock that never jumps.

        True at most once in `every_s`: then the clock is to be set.
        """
        if not self.off_s or device_us == self._said_us:
            return False
        ahead_s = (device_us - now_us) / 1e6
        before_s, self._before_s, self._said_us = self._before_s, ahead_s, device_us
        if before_s is None or abs(ahead_s - before_s) > self.agree_s:
            return False
        if abs(ahead_s) <= self.off_s:
            return False
        if self._set_at_s is not None and now_s - self._set_at_s < self.every_s:
            return False
        self.was_set(now_s)
        return True

    def was_set(self, now_s: float) -> None:
        """The device has been told the time."""
        self._set_at_s, self._before_s = now_s, None
