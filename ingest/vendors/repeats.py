"""The same thing seen again, while it lasts."""

from collections import OrderedDict

MOST = 10_000


class Repeats:
    """Remembers when each sender last saw each kind of thing."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_again(self, sender: str, kind: str, again_s: float, now_s: float) -> bool:
        """Whether it is the one of before, which lasts as long as it is seen within `again_s`."""
        before = self._last.get((sender, kind))
        return before is not None and now_s - before < again_s

    def seen(self, sender: str, kind: str, now_s: float) -> None:
        """It is safe, or was before: from here on it counts."""
        self._last[sender, kind] = now_s
        self._last.move_to_end((sender, kind))
        if len(self._last) > MOST:
            self._last.popitem(last=False)
