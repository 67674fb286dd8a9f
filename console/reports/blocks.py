"""What a report is made of before it is written as a page, a PDF or a workbook.

Cells hold rounded values, never their text: the three writers show the same number because it is
the same number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from console.reports.estimate import Estimate
from console.texts import Language

CellKind = Literal["text", "number", "share", "estimate", "share_estimate", "time", "date"]
Tone = Literal["good", "bad", "plain"]
NONE = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """decimals: shown after the point, of a share after that of its percentage."""

    title: str
    kind: CellKind = "text"
    unit: str = ""
    decimals: int = 0
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Valued:
    """A number that is not like the others of its column."""

    column: Column
    value: float | None


Plain: TypeAlias = str | float | int | Estimate | datetime | date | None
Cell: TypeAlias = Plain | Valued


@dataclass(frozen=True, slots=True)
class Table:
    """most: rows on a page; the workbook has them all."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    empty: str = ""
    most: int = 100

    @property
    def shown(self) -> tuple[tuple[Cell, ...], ...]:
        return self.rows[: self.most]

    @property
    def left_out(self) -> int:
        return max(len(self.rows) - self.most, 0)


@dataclass(frozen=True, slots=True)
class Big:
    """One of the figures that matter most."""

    name: str
    title: str
    column: Column
    value: Cell
    change: str = ""
    tone: Tone = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing as SVG without colours of its own; alt: what it shows, in words."""

    name: str
    title: str
    svg: str
    alt: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    lines: tuple[str, ...]
    lead: bool = False


@dataclass(frozen=True, slots=True)
class Bigs:
    figures: tuple[Big, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks above each other, as one side of a pair."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two blocks beside each other where there is room; share: of the width for the left one."""

    left: "Block"
    right: "Block"
    share: float = 0.5


Block: TypeAlias = Table | Picture | Words | Bigs | Pair | Stack


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report in one language. facts: (name, value) of how it was made; sign: under which
    lines people sign on paper; extra: tables that only the workbook has."""

    name: str
    title: str
    subtitle: str
    district: str
    language: Language
    zone: ZoneInfo
    pages: tuple[Page, ...]
    facts: tuple[tuple[str, str], ...] = ()
    footer: str = ""
    sign: tuple[str, ...] = ()
    extra: tuple[Table, ...] = field(default=())

    def tables(self) -> list[Table]:
        """Every table, in the order of the pages, then those of the workbook alone."""
        found: list[Table] = []
        for page in self.pages:
            _collect(page.blocks, found)
        return found + list(self.extra)


def _collect(blocks: Sequence[Block], found: list[Table]) -> None:
    for block in blocks:
        if isinstance(block, Table):
            found.append(block)
        elif isinstance(block, Pair):
            _collect((block.left, block.right), found)
        elif isinstance(block, Stack):
            _collect(block.blocks, found)


def rounded(column: Column, value: Cell) -> Plain:
    """As it is shown, still a number: the writers' one idea of how exact a figure is."""
    if isinstance(value, Valued):
        return rounded(value.column, value.value)
    digits = column.decimals + (2 if column.kind.startswith("share") else 0)
    if isinstance(value, Estimate):
        return Estimate(*(_round(part, digits) for part in (value.value, value.low, value.high)))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _round(value, digits)
    return value


def _round(value: float, digits: int) -> float:
    """Without a negative zero."""
    return round(value, digits) + 0.0


def shown(column: Column, value: Cell, zone: ZoneInfo) -> str:
    """A cell as text."""
    if isinstance(value, Valued):
        return shown(value.column, value.value, zone)
    number = rounded(column, value)
    if number is None:
        return NONE
    if isinstance(number, Estimate):
        return f"{_plain(column, number.value)} ({interval(column, number)})"
    if isinstance(number, datetime):
        return f"{number.astimezone(zone):%m-%d %H:%M}"
    if isinstance(number, date):
        return f"{number:%m-%d}"
    if isinstance(number, str):
        return number
    return _plain(column, number)


def interval(column: Column, value: Estimate) -> str:
    """From the low end to the high one."""
    digits = column.decimals + (2 if column.kind.startswith("share") else 0)
    value = Estimate(*(_round(part, digits) for part in (value.value, value.low, value.high)))
    low, high = _plain(column, value.low), _plain(column, value.high)
    if column.kind.startswith("share"):
        low = low.removesuffix("%")
    return f"{low} … {high}"


def _plain(column: Column, value: float) -> str:
    if column.kind.startswith("share"):
        text = f"{100 * value:,.{column.decimals}f}%"
    else:
        text = f"{value:,.{column.decimals}f}"
    return text.replace("-", "−")


def middle(column: Column, value: Cell) -> str:
    """A figure without its interval and unit."""
    number = rounded(column, value)
    if number is None:
        return NONE
    if isinstance(number, Estimate):
        return _plain(column, number.value)
    if isinstance(number, int | float):
        return _plain(column, number)
    return str(number)
