"""A report as a workbook: one sheet per table, real numbers with their formats, native charts.

Texts are written as texts, never as formulas or links, whatever they begin with.
"""

import io
from datetime import date, datetime
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from console.reports.blocks import Bigs, Cell, Column, Document, Table, Valued, Words, rounded
from console.reports.estimate import Estimate
from console.texts import texts

LONGEST = 32_000
"""Signs of a cell; Excel takes 32,767."""
CHARTED = {
    # table: (column of names, column of values)
    "days": (0, 3),
    "segments": (0, 1),
    "sites": (0, 1),
    "treatments": (0, 4),
    "crews": (0, 4),
    "stations": (0, 3),
}
BARS = 15
WIDE, NARROW = 34, 13


def excel(document: Document) -> bytes:
    """The file; the same document gives the same bytes."""
    held = io.BytesIO()
    book = Workbook(
        held,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "yyyy-mm-dd hh:mm",
        },
    )
    book.set_properties({"title": document.title, "created": datetime(2000, 1, 1)})  # noqa: DTZ001
    looks = _Looks(book)
    words = texts(document.language)
    _summary(book.add_worksheet(words["report_sheet"]["summary"]), document, looks)
    for table in document.tables():
        sheet = book.add_worksheet(words["report_sheet"][table.name])
        _sheet(book, sheet, document, table, looks)
    book.close()
    return held.getvalue()


class _Looks:
    """Formats, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}
        self.title = self("title", bold=True, font_size=14)
        self.head = self("head", bold=True, text_wrap=True, valign="top", bottom=1,
                         bg_color="#EEF2F3")  # fmt: skip
        self.quiet = self("quiet", font_color="#5D707C", text_wrap=True, valign="top")
        self.words = self("words", text_wrap=True, valign="top")

    def __call__(self, _name: str, **look: Any) -> Format:
        key = tuple(sorted(look.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(look)
        return self._made[key]

    def of(self, column: Column) -> Format:
        """How a number of a column looks."""
        point = "." + "0" * column.decimals if column.decimals else ""
        if column.kind.startswith("share"):
            return self("share", num_format=f"0{point}%")
        return self("number", num_format=f"#,##0{point}")

    @property
    def time(self) -> Format:
        return self("time", num_format="yyyy-mm-dd hh:mm")

    @property
    def date(self) -> Format:
        return self("date", num_format="yyyy-mm-dd")


def _summary(sheet: Worksheet, document: Document, looks: _Looks) -> None:
    """The first page: what it is of, the figures that matter most, the sentences."""
    sheet.set_column(0, 0, WIDE)
    sheet.set_column(1, 4, 18)
    _text(sheet, 0, 0, f"{document.title} · {document.subtitle}", looks.title)
    row = 2
    for name, value in document.facts:
        _text(sheet, row, 0, name, looks.quiet)
        _text(sheet, row, 1, value, None)
        row += 1
    row += 1
    for block in document.pages[0].blocks:
        if isinstance(block, Bigs):
            for big in block.figures:
                unit = f" ({big.column.unit})" if big.column.unit else ""
                _text(sheet, row, 0, big.title + unit, None)
                _cell(sheet, row, 1, big.column, big.value, document, looks)
                _text(sheet, row, 4, big.change, looks.quiet)
                row += 1
            row += 1
        elif isinstance(block, Words):
            for line in block.lines:
                sheet.merge_range(row, 0, row, 6, "", looks.words)
                _text(sheet, row, 0, line, looks.words)
                sheet.set_row(row, 34)
                row += 1


def _sheet(
    book: Workbook, sheet: Worksheet, document: Document, table: Table, looks: _Looks
) -> None:
    words = texts(document.language)["report"]
    spots: list[int] = []
    at = 0
    for column in table.columns:
        spots.append(at)
        title = column.title + (f" ({column.unit})" if column.unit else "")
        _text(sheet, 0, at, title, looks.head)
        sheet.set_column(at, at, WIDE if column.wide else NARROW)
        at += 1
        if column.kind.endswith("estimate"):
            for end in ("low", "high"):
                _text(sheet, 0, at, words[end].replace("{title}", title), looks.head)
                sheet.set_column(at, at, NARROW)
                at += 1
    sheet.set_row(0, 48)
    for i, row in enumerate(table.rows, start=1):
        for spot, column, cell in zip(spots, table.columns, row, strict=True):
            _cell(sheet, i, spot, column, cell, document, looks)
    sheet.freeze_panes(1, 1)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), at - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    if table.note:
        _text(sheet, len(table.rows) + 2, 0, table.note, looks.quiet)
    if table.name in CHARTED and table.rows:
        _chart(book, sheet, table, spots, at)


def _chart(book: Workbook, sheet: Worksheet, table: Table, spots: list[int], at: int) -> None:
    names, values = CHARTED[table.name]
    column = table.columns[values]
    last = min(len(table.rows), BARS)
    kind = "column" if table.name == "days" else "bar"
    chart: Any = book.add_chart({"type": kind})
    where = sheet.get_name()
    series: dict[str, Any] = {
        "name": column.title,
        "categories": [where, 1, spots[names], last, spots[names]],
        "values": [where, 1, spots[values], last, spots[values]],
        "fill": {"color": "#0B6A94"},
        "gap": 60,
    }
    if column.kind.endswith("estimate"):
        rows = [row[values] for row in table.rows[:last]]
        parts = [rounded(column, cell) for cell in rows]
        series["y_error_bars"] = {
            "type": "custom",
            "plus_values": [p.high - p.value if isinstance(p, Estimate) else 0 for p in parts],
            "minus_values": [p.value - p.low if isinstance(p, Estimate) else 0 for p in parts],
        }
    chart.add_series(series)
    chart.set_title({"name": f"{table.title}: {column.title}", "name_font": {"size": 11}})
    chart.set_legend({"none": True})
    if kind == "bar":
        chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 620, "height": 120 + 24 * last if kind == "bar" else 320})
    sheet.insert_chart(1, at + 1, chart)


def _cell(
    sheet: Worksheet, row: int, at: int, column: Column, cell: Cell, document: Document,
    looks: _Looks,
) -> None:  # fmt: skip
    """Numbers as numbers, rounded as they are shown."""
    if isinstance(cell, Valued):
        column, cell = cell.column, cell.value
    value = rounded(column, cell)
    if isinstance(value, Estimate):
        for i, part in enumerate((value.value, value.low, value.high)):
            sheet.write_number(row, at + i, part, looks.of(column))
    elif isinstance(value, datetime):
        local = value.astimezone(document.zone).replace(tzinfo=None)
        sheet.write_datetime(row, at, local, looks.time)
    elif isinstance(value, date):
        sheet.write_datetime(row, at, value, looks.date)
    elif isinstance(value, str):
        _text(sheet, row, at, value, looks.words if column.wide else None)
    elif isinstance(value, int | float):
        sheet.write_number(row, at, value, looks.of(column))


def _text(sheet: Worksheet, row: int, at: int, words: str, look: Format | None) -> None:
    """As a text: what begins with = + - or @ is no formula here, nor in a copy of the cell."""
    if words:
        kept = "".join(sign for sign in words if sign >= " " or sign in "\t\n")
        sheet.write_string(row, at, kept[:LONGEST], look)
