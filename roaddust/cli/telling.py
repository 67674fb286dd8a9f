"""What commands say: figures and tables to standard output, the rest to standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

terminal = Terminal(stderr=True, highlight=False)

BAR = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())


def page(columns: int = 110, *, highlight: bool = True) -> Terminal:
    """Standard output, at least so many columns wide, so that no table is cut in a pipe."""
    return Terminal(width=max(Terminal().width, columns), highlight=highlight)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    page().print(table)


def pretty(value: Any) -> str:
    """As JSON for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def say_rows(rows: Iterable[dict[str, Any]]) -> None:
    """As JSON, one a line."""
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


def complain(words: str) -> None:
    """Say what went wrong."""
    terminal.print("[red]roaddust:[/red]", end=" ")
    terminal.print(words, markup=False, soft_wrap=True)


@contextmanager
def share_bar(words: str) -> Iterator[Callable[[float], None]]:
    """A bar of how much is done, 0 to 1."""
    with Progress(*BAR, console=terminal, transient=True) as bar:
        task = bar.add_task(words, total=1.0)
        yield lambda share: bar.update(task, completed=share)


@contextmanager
def clock_bar(first: datetime, hours: float | None) -> Iterator[Callable[[datetime, float], None]]:
    """A bar with the simulated time, or the time alone where there is no end."""
    with Progress(*BAR, console=terminal, transient=True) as bar:
        task = bar.add_task(f"{first:%Y-%m-%d %H:%M}", total=1.0 if hours is not None else None)

        def show(now: datetime, share: float) -> None:
            bar.update(
                task,
                description=f"{now:%Y-%m-%d %H:%M}",
                completed=share if hours is not None else 0.0,
            )

        yield show
