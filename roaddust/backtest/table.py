"""A backtest as tables, for the terminal and for the page alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table as RichTable

from geo.district import District
from roaddust.backtest.comparison import FATES, LEVELS, Comparison, places

MOST_DAYS = 14
"""A terminal shows no more days than this; the page has them all."""


@dataclass(frozen=True, slots=True)
class Table:
    """Titles and heads are (Chinese, English)."""

    title: tuple[str, str]
    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


STORED, FOUND = ("库中", "stored"), ("回测", "backtest")
WORDS = {"same": ("相同", "same"), "changed": ("变化", "changed"), "new": ("新增", "new"),
         "gone": ("消失", "gone")}  # fmt: skip


def tables(found: Comparison, district: District) -> list[Table]:
    """By rule and level, by place, by day, and the load on operators."""
    return [_rules(found), _load(found), _places(found, district), _days(found)]


def on_terminal(table: Table) -> RichTable:
    """The same for a terminal; of many days the first."""
    shown = RichTable(title=" ".join(table.title), title_justify="left")
    for n, (zh, en) in enumerate(table.heads):
        shown.add_column(f"{zh}\n{en}", justify="left" if n == 0 else "right")
    rows = table.rows
    for row in rows[:MOST_DAYS] if table.heads[0] == DAY else rows:
        shown.add_row(*row)
    if table.heads[0] == DAY and len(rows) > MOST_DAYS:
        shown.caption = f"… {len(rows) - MOST_DAYS} 天见报告 more days on the page"
    return shown


DAY = ("日期", "day")


def _rules(found: Comparison) -> Table:
    rows = []
    for rule in found.rules:
        for level in LEVELS:
            counts = found.fates(rule, level)
            if any(counts.values()):
                rows.append((f"{rule} · {level}", *(str(n) for n in counts.values())))
    total = [sum(int(row[n]) for row in rows) for n in range(1, 3 + len(FATES))]
    rows.append(("合计 all", *(str(n) for n in total)))
    return Table(
        ("各规则、级别的事件数", "Episodes by rule and highest level"),
        (("规则 · 级别", "rule · level"), STORED, FOUND, *(WORDS[fate] for fate in FATES)),
        tuple(rows),
    )


def _load(found: Comparison) -> Table:
    stored, tried = found.load("stored"), found.load("found")
    return Table(
        (f"值班负荷（{found.operators} 人）", f"Load on {found.operators} on duty"),
        (("", ""), STORED, FOUND),
        (
            ("告警 alarms", str(stored.alarms), str(tried.alarms)),
            (
                "每人每小时 per operator-hour",
                f"{stored.per_operator_hour:.2f}",
                f"{tried.per_operator_hour:.2f}",
            ),
            (
                "最忙一小时 busiest hour, each",
                f"{stored.busiest_hour:g}",
                f"{tried.busiest_hour:g}",
            ),
        ),
    )


def _places(found: Comparison, district: District) -> Table:
    stored, tried = found.over_by_segment("stored"), found.over_by_segment("found")
    over = sorted({segment for segment, _ in (*stored, *tried)})
    order = dict.fromkeys((*places(found.pairs), *over))
    rows = []
    for place in order:
        of = [pair for pair in found.pairs if pair.either.place == place]
        rows.append(
            (
                f"{place} {_name(district, place)}".strip(),
                str(sum(pair.stored is not None for pair in of)),
                str(sum(pair.found is not None for pair in of)),
                *(str(sum(pair.fate == fate for pair in of)) for fate in FATES),
                *(f"{stored[place, level]} → {tried[place, level]}" for level in LEVELS),
            )
        )
    return Table(
        ("各路段、场地", "By segment and site"),
        (("地点", "place"), STORED, FOUND, *(WORDS[fate] for fate in FATES), *MINUTES),
        tuple(rows),
    )


def _days(found: Comparison) -> Table:
    before, after = found.raised_by_day("stored"), found.raised_by_day("found")
    stored, tried = found.over_by_day("stored"), found.over_by_day("found")
    return Table(
        ("逐日", "By day"),
        (DAY, STORED, FOUND, *MINUTES),
        tuple(
            (
                day.isoformat(),
                str(before[day]),
                str(after[day]),
                *(f"{stored[day, level]} → {tried[day, level]}" for level in LEVELS),
            )
            for day in found.days
        ),
    )


MINUTES = tuple((f"≥{level}级分钟", f"minutes ≥{level}") for level in LEVELS)


def _name(district: District, place: str) -> str:
    if place in district.segments:
        return district.segments[place].name
    return district.sites[place].name if place in district.sites else ""


def summary(found: Comparison) -> Sequence[str]:
    """The outcome in one line a language."""
    counts = {fate: sum(pair.fate == fate for pair in found.pairs) for fate in FATES}
    return (
        "，".join(f"{WORDS[fate][0]} {n}" for fate, n in counts.items()),
        ", ".join(f"{n} {WORDS[fate][1]}" for fate, n in counts.items()),
    )
