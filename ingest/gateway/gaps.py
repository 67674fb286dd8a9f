"""Which times of a station never came, and when to ask for them again."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

MIN_US = 60_000_000


@dataclass(slots=True)
class Span:
    """Times that are missing, both ends of them included. due_s: not asked for before."""

    first_us: int
    last_us: int
    asked: int = 0
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asking:
    """most_asked: after so many tries a span is left as it is. first_wait_s: between the first
    two, twice as long after each. most_min: of one request. keep_h: what is older is not asked
    for. most_spans: remembered at once; the oldest are forgotten."""

    most_asked: int = 5
    first_wait_s: float = 60.0
    most_min: int = 60
    keep_h: float = 24.0
    most_spans: int = 32


@dataclass(slots=True)
class Gaps:
    """The gaps of one station, seen from the times that come.

    The usual distance between two times is the median of the last few that came in order, in
    whole minutes; a gap is more than one and a half of it.
    """

    asking: Asking
    _last_us: int | None = None
    _steps: deque[int] = field(default_factory=lambda: deque(maxlen=9))
    spans: list[Span] = field(default_factory=list)

    @property
    def usual_us(self) -> int | None:
        """The usual distance between two times; None until three have come."""
        if len(self._steps) < 3:
            return None
        return max(MIN_US, round(median(self._steps) / MIN_US) * MIN_US)

    def came(self, ts_us: int) -> None:
        """Data of that time has come, new or late."""
        self._fill(ts_us)
        if self._last_us is None:
            self._last_us = ts_us
            return
        step = ts_us - self._last_us
        if step <= 0:
            return
        usual = self.usual_us
        if usual is not None and step > 1.5 * usual:
            self._missed(self._last_us + usual, ts_us - usual)
        else:
            self._steps.append(step)
        self._last_us = ts_us

    def due(self, now_us: int, now_s: float) -> tuple[int, int] | None:
        """First and last time to ask for now, at most one request at a time; None for none."""
        oldest_us = now_us - round(self.asking.keep_h * 60 * MIN_US)
        most = self.asking.most_asked
        self.spans = [
            span
            for span in self.spans
            if span.last_us >= oldest_us and (span.asked < most or span.due_s > now_s)
        ]
        if not self.spans or any(span.due_s > now_s for span in self.spans):
            return None
        span = min(self.spans, key=lambda span: (span.asked, span.first_us))
        span.due_s = now_s + self.asking.first_wait_s * 2**span.asked
        span.asked += 1
        first_us = max(span.first_us, oldest_us - oldest_us % MIN_US)
        return first_us, min(span.last_us, first_us + (self.asking.most_min - 1) * MIN_US)

    def has_none(self, ts_us: int) -> None:
        """The device has nothing for the span that holds this time: leave it."""
        self.spans = [span for span in self.spans if not span.first_us <= ts_us <= span.last_us]

    def _missed(self, first_us: int, last_us: int) -> None:
        # Real-time data carries seconds, minute data does not.
        first_us -= first_us % MIN_US
        last_us = -(-last_us // MIN_US) * MIN_US
        self.spans.append(Span(first_us, max(first_us, last_us)))
        del self.spans[: -self.asking.most_spans]

    def _fill(self, ts_us: int) -> None:
        """Take a time out of what is missing; a span may fall in two."""
        step = self.usual_us or MIN_US
        left = []
        for span in self.spans:
            if not span.first_us <= ts_us <= span.last_us:
                left.append(span)
                continue
            # It answers: what is left is worth as many tries as if it were new.
            if ts_us - step >= span.first_us:
                left.append(Span(span.first_us, ts_us - step, 0, span.due_s))
            if ts_us + step <= span.last_us:
                left.append(Span(ts_us + step, span.last_us, 0, span.due_s))
        self.spans = left[-self.asking.most_spans :]
