"""Whether it rains so that nobody washes a street."""

from collections import deque

# As the contract's neighbours do: rain counts over half an hour, and ends only well below.
WINDOW_MIN = 30
BEGINS_MM = 0.2
ENDS_MM = 0.05


class Rain:
    """Rain as a crew leader sees it out of the window: `step` takes each minute's mm."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW_MIN)
        self.on = False

    def step(self, rain_mm: float) -> bool:
        """Whether it rains, counted over half an hour."""
        self._recent.append(rain_mm)
        fallen_mm = sum(self._recent)
        self.on = fallen_mm > (ENDS_MM if self.on else BEGINS_MM)
        return self.on
