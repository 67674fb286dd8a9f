"""Episodes beside episodes: which are new, gone or changed, and what that means for people."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from roaddust.backtest.account import Account, Raised, Span

Fate = Literal["same", "changed", "new", "gone"]
Side = Literal["stored", "found"]
FATES: tuple[Fate, ...] = ("same", "changed", "new", "gone")
LEVELS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """An episode as it is stored and as it was found; None where there is none."""

    stored: Raised | None
    found: Raised | None
    fate: Fate
    how: tuple[str, ...]

    @property
    def either(self) -> Raised:
        one = self.found or self.stored
        assert one is not None
        return one


@dataclass(frozen=True, slots=True)
class Load:
    """What a span asks of people: alarms, how many an operator has in an hour, on average and in
    the busiest hour."""

    alarms: int
    per_operator_hour: float
    busiest_hour: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two accounts of one span, side by side."""

    span: Span
    stored: Account
    found: Account
    pairs: tuple[Pair, ...]
    operators: int

    def fates(self, rule: str, level: int) -> dict[str, int]:
        """How many episodes of a rule and a level are stored, found, and of each fate."""
        counts: Counter[str] = Counter()
        for pair in self.pairs:
            for name, side in (("stored", pair.stored), ("found", pair.found)):
                counts[name] += side is not None and (side.rule, side.level) == (rule, level)
            counts[pair.fate] += (pair.either.rule, pair.either.level) == (rule, level)
        return {name: counts[name] for name in ("stored", "found", *FATES)}

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(sorted({pair.either.rule for pair in self.pairs}))

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that the span touches."""
        first, last = self.span.day(self.span.after + 1), self.span.day(self.span.upto)
        return tuple(date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))

    def load(self, side: Side) -> Load:
        """What one side asks of people."""
        account = self._of(side)
        by_hour = Counter((minute - 1) // 60 for minute in account.alarms)
        return Load(
            alarms=len(account.alarms),
            per_operator_hour=len(account.alarms) / self.span.hours / self.operators,
            busiest_hour=max(by_hour.values(), default=0) / self.operators,
        )

    def over_by_segment(self, side: Side) -> Counter[tuple[str, int]]:
        """Minutes at each level or above it, by segment."""
        return _at_least(self._of(side), lambda _, segment: segment)

    def over_by_day(self, side: Side) -> Counter[tuple[date, int]]:
        """Minutes at each level or above it, by day, over all segments."""
        return _at_least(self._of(side), lambda day, _: day)

    def raised_by_day(self, side: Side) -> Counter[date]:
        """Episodes by the day on which they began; those from before the span by its first."""
        first = self.span.after + 1
        return Counter(self.span.day(max(one.started, first)) for one in self._of(side).episodes)

    def _of(self, side: Side) -> Account:
        return self.stored if side == "stored" else self.found


Key = TypeVar("Key", str, date)


def _at_least(account: Account, pick: Callable[[date, str], Key]) -> Counter[tuple[Key, int]]:
    counted: Counter[tuple[Key, int]] = Counter()
    for (day, segment, rank), count in account.minutes.items():
        for level in range(1, rank + 1):
            counted[pick(day, segment), level] += count
    return counted


def compare(stored: Account, found: Account, span: Span, *, operators: int = 1) -> Comparison:
    """Pair the episodes of one place and rule by how long they overlap, each at most once."""
    pairs = _paired(stored.episodes, found.episodes, span)
    return Comparison(span, stored, found, tuple(pairs), operators)


def _paired(stored: Sequence[Raised], found: Sequence[Raised], span: Span) -> list[Pair]:
    there: dict[tuple[str, str], list[Raised]] = defaultdict(list)
    for one in stored:
        there[one.place, one.rule].append(one)
    candidates = sorted(
        (
            (-shared, old.started, new.started, old, new)
            for new in found
            for old in there[new.place, new.rule]
            if (shared := _overlap(old, new, span)) > 0
        ),
        key=lambda candidate: (*candidate[:3], candidate[3].id, candidate[4].id),
    )
    pairs, taken = [], set()
    for *_, old, new in candidates:
        if ("stored", old.id) in taken or ("found", new.id) in taken:
            continue
        taken |= {("stored", old.id), ("found", new.id)}
        how = _how(old, new, span)
        pairs.append(Pair(old, new, "changed" if how else "same", how))
    pairs += [Pair(old, None, "gone", ()) for old in stored if ("stored", old.id) not in taken]
    pairs += [Pair(None, new, "new", ()) for new in found if ("found", new.id) not in taken]
    return sorted(pairs, key=lambda pair: (pair.either.started, pair.either.place, pair.either.id))


def _within(one: Raised, span: Span) -> tuple[int, int]:
    """First and last minute of an episode inside the span."""
    ended = span.upto if one.ended is None else min(one.ended, span.upto)
    return max(one.started, span.after), ended


def _overlap(one: Raised, other: Raised, span: Span) -> int:
    (a, b), (c, d) = _within(one, span), _within(other, span)
    return min(b, d) - max(a, c) + 1


def _how(old: Raised, new: Raised, span: Span) -> tuple[str, ...]:
    (a, b), (c, d) = _within(old, span), _within(new, span)
    said = (
        (d - c > b - a, "longer"),
        (d - c < b - a, "shorter"),
        (d - c == b - a and c != a, "moved"),
        (new.level > old.level, "higher"),
        (new.level < old.level, "lower"),
    )
    return tuple(word for holds, word in said if holds)


def minutes_of(one: Raised, span: Span) -> int:
    """How long an episode lasted inside the span."""
    first, last = _within(one, span)
    return max(last - first, 0)


def places(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Places of the pairs, those with the most episodes first."""
    counted = Counter(pair.either.place for pair in pairs)
    return tuple(sorted(counted, key=lambda place: (-counted[place], place)))
