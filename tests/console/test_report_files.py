"""Page, PDF and workbook say the same numbers, and nothing that people wrote is taken for more than
words."""

import io
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from console.models import District
from console.reports import fonts, pictures
from console.reports.blocks import Bigs, Column, Document, Table, Valued, rounded, shown
from console.reports.document import QUERIES, document
from console.reports.dossier import dossier, dossier_document
from console.reports.estimate import Estimate
from console.reports.excel import excel
from console.reports.figures import Figures
from console.reports.making import make
from console.reports.page import page
from console.reports.pdf import pdf
from console.reports.period import Period, period
from console.reports.said import Said
from console.texts import LANGUAGES, Language, texts
from store.database import connect
from store.statements import statements
from tests.console import fortnight

SPAN = Period("span", date(2026, 2, 23), date(2026, 3, 9))


@pytest.fixture(scope="module", params=LANGUAGES)
def report(request: pytest.FixtureRequest, its: Figures, facts: District) -> Document:
    """The week's report, in each language."""
    return document(facts, its, request.param, version=1, made_at=fortnight.NOW, why="schedule")


@pytest.fixture(scope="module", params=LANGUAGES)
def of_site(request: pytest.FixtureRequest, fortnight_db: str, facts: District) -> Document:
    """The dossier of a site, in each language."""
    with connect(fortnight_db, name="test", autocommit=True) as conn:
        found = dossier(conn, facts, "SITE-BUILD-1", SPAN, fortnight.NOW)
    return dossier_document(facts, found, SPAN, request.param)


@pytest.fixture(scope="module", params=["report", "dossier"])
def either(request: pytest.FixtureRequest, report: Document, of_site: Document) -> Document:
    """Both kinds of document."""
    return report if request.param == "report" else of_site


def squeezed(text: str) -> str:
    """Without what a line break or a column makes of spaces."""
    return re.sub(r"[\s\u00ad]+", "", text)


def paper(made: Document) -> str:
    reader = pypdf.PdfReader(io.BytesIO(pdf(made)))
    return squeezed("".join(one.extract_text() for one in reader.pages))


def screen(made: Document) -> str:
    """What a reader of the page sees."""
    text = re.sub(r"<style>.*?</style>", "", page(made), flags=re.DOTALL)
    text = re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "", text)
    for sign, name in (
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&#34;"),
        ("'", "&#39;"),
        ("&", "&amp;"),
    ):
        text = text.replace(name, sign)
    return squeezed(text)


def numbers(table: Table, made: Document) -> list[str]:
    """Every figure of a table as it is shown."""
    return [
        shown(column, cell, made.zone)
        for row in table.shown
        for column, cell in zip(table.columns, row, strict=True)
        if isinstance(cell, int | float | Estimate | Valued)
    ]


def test_every_figure_is_the_same_on_paper_and_on_screen(report: Document) -> None:
    """Each number of each table, and the four large ones, stand in the PDF and in the page."""
    on_paper, on_screen = paper(report), screen(report)
    shown_tables = [table for table in report.tables() if table not in report.extra]
    assert len(shown_tables) >= 12
    for table in shown_tables:
        for number in numbers(table, report):
            assert squeezed(number) in on_paper, (table.name, number)
            assert squeezed(number) in on_screen, (table.name, number)
    [bigs] = [b for b in report.pages[0].blocks if isinstance(b, Bigs)]
    for big in bigs.figures:
        said = squeezed(shown(big.column, big.value, report.zone)).partition("(")[0]
        assert said in on_paper
        assert said in on_screen


def rows_in_order(table: Table, made: Document) -> str:
    """A table's cells as they follow each other in the page."""
    return squeezed(
        "".join(
            shown(column, cell, made.zone)
            for row in table.shown
            for column, cell in zip(table.columns, row, strict=True)
        )
    )


def test_tables_stand_whole_in_the_page(report: Document) -> None:
    """Not only is each number somewhere: each table's cells follow each other as they should."""
    on_screen = screen(report)
    for table in report.tables():
        if table not in report.extra:
            assert rows_in_order(table, report) in on_screen, table.name


def sheet_of(book: openpyxl.Workbook, table: Table, made: Document) -> Worksheet:
    sheet = book[texts(made.language)["report_sheet"][table.name]]
    assert isinstance(sheet, Worksheet)
    return sheet


def flat(column: Column, cell: object, zone: ZoneInfo) -> list[object]:
    """What a workbook holds of a cell: numbers as numbers, local times without an offset."""
    if isinstance(cell, Valued):
        return flat(cell.column, cell.value, zone)
    value = rounded(column, cell)  # type: ignore[arg-type]
    if isinstance(value, Estimate):
        return [value.value, value.low, value.high]
    if column.kind.endswith("estimate"):
        return [value, None, None]
    if isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None)
        # A day's fraction holds no more than milliseconds.
        return [local.replace(microsecond=local.microsecond // 1000 * 1000)]
    if isinstance(value, date):
        return [datetime(value.year, value.month, value.day)]  # noqa: DTZ001
    return [value or None if isinstance(value, str) else value]


def test_the_workbook_has_every_row_as_numbers(either: Document) -> None:
    """One sheet per table, all rows, each cell the number that is shown, with unit and format."""
    made = either
    book = openpyxl.load_workbook(io.BytesIO(excel(made)))
    assert len(book.sheetnames) == len(made.tables()) + 1
    for table in made.tables():
        sheet = sheet_of(book, table, made)
        heads = [cell.value for cell in sheet[1]]
        for column in table.columns:
            assert any(column.title in str(head) for head in heads), column.title
            if column.unit:
                assert any(column.unit in str(head) for head in heads), column.unit
        assert sheet.freeze_panes == "B2"
        for i, row in enumerate(table.rows, start=2):
            expected = [
                part
                for column, cell in zip(table.columns, row, strict=True)
                for part in flat(column, cell, made.zone)
            ]
            found = [sheet.cell(i, j + 1).value for j in range(len(expected))]
            for want, have in zip(expected, found, strict=True):
                if isinstance(want, float):
                    assert have == pytest.approx(want, abs=1e-12), (table.name, i)
                elif isinstance(want, datetime) and isinstance(have, datetime):
                    assert abs((want - have).total_seconds()) < 0.01
                else:
                    assert have == want, (table.name, i)


def test_formats_say_how_exact_a_figure_is(report: Document) -> None:
    """Shares are percentages, counts have no decimals; the charts are Excel's own."""
    book = openpyxl.load_workbook(io.BytesIO(excel(report)))
    names = texts(report.language)["report_sheet"]
    assert book[names["sites"]]["B2"].number_format == "0.0%"
    assert book[names["crews"]]["B2"].number_format == "#,##0"
    assert book[names["crews"]]["D2"].number_format == "#,##0.0"
    assert len(book[names["segments"]]._charts) == 1


def test_what_people_wrote_stays_words(either: Document) -> None:
    """No formula, no link, no markup: neither in the workbook nor in the page nor on paper."""
    made = either
    book = openpyxl.load_workbook(io.BytesIO(excel(made)))
    hostile = 0
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", (sheet.title, cell.coordinate)
                assert cell.hyperlink is None
                # In a report of another language a person's own words stand in marks.
                hostile += cell.value in (fortnight.HOSTILE, f"“{fortnight.HOSTILE}”")
    assert hostile > 0
    text = page(made)
    assert "<img" not in text
    assert "&lt;img" in text
    assert squeezed('#panic("x") *粗* $1$ @SUM(1)') in paper(made)


def test_the_same_report_is_the_same_file(its: Figures, facts: District) -> None:
    """Byte by byte, so that a file can be told by its digest."""
    first, second = (document(facts, its, "zh-CN", version=1) for _ in range(2))
    assert pdf(first) == pdf(second)
    assert excel(first) == excel(second)
    assert page(first) == page(second)


def test_five_pages_with_their_letters_inside(report: Document) -> None:
    """A week is five pages of A4; every font is embedded, the Chinese one too."""
    assert fonts.whole()
    reader = pypdf.PdfReader(io.BytesIO(pdf(report)))
    assert len(reader.pages) == 5
    names = set()
    for one in reader.pages:
        assert [round(float(x)) for x in one.mediabox[2:]] == [595, 842]
        for font in one["/Resources"]["/Font"].values():
            for part in font.get_object().get("/DescendantFonts", [font]):
                part = part.get_object()
                names.add(str(part["/BaseFont"]))
                assert {"/FontFile2", "/FontFile3"} & set(part["/FontDescriptor"]), part
    assert report.language == "en" or any("NotoSansSC" in name for name in names)
    assert any("Inter" in name for name in names)


def test_every_section_is_there_in_both_languages(report: Document) -> None:
    """The figures that the meeting asks for, each table with rows or a word that there are none."""
    names = [table.name for table in report.tables()]
    assert len(set(names)) == len(names)
    assert {
        "changes_before", "segments", "levels", "treatments", "sites", "inspections", "crews",
        "promises", "responses", "missed", "escalations", "overrides", "stations", "weather",
        "calibration", "days", "definitions",
    } <= set(names)  # fmt: skip
    for table in report.tables():
        assert table.rows or table.empty, table.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_sheets_have_names_that_excel_takes(language: Language) -> None:
    """No longer than 31 signs, none twice, none of the signs that are not allowed."""
    names = list(texts(language)["report_sheet"].values())
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name) <= 31
        assert not set(name) & set("[]:*?/\\'")


def test_every_definition_names_its_queries() -> None:
    """Each figure that is defined says which statement it comes from, and those exist."""
    sql = statements("reports")
    for language in LANGUAGES:
        assert QUERIES.keys() == texts(language)["report_definition"].keys()
    for queries in QUERIES.values():
        for name in filter(None, queries.split(", ")):
            assert getattr(sql, name)


def test_pictures_escape_what_they_say() -> None:
    """Names are text in a drawing, whatever is in them."""
    svg = pictures.intervals([("<b>&\"'", Estimate(1, 0, 2))], str, '"><script>')
    assert "<b>" not in svg
    assert "<script>" not in svg


def test_pictures_of_nothing() -> None:
    """Empty periods, and figures below zero, can be drawn."""
    zone = ZoneInfo("Asia/Shanghai")
    assert pictures.street_hours([], zone, ("a", "b", "c"), "alt").startswith("<svg")
    assert pictures.days([], str, "alt").endswith("</svg>")
    unmeasured = pictures.days([(date(2026, 3, 1), None), (date(2026, 3, 2), 0.0)], str, "alt")
    assert (">–<" in unmeasured, unmeasured.count(">0.0<")) == (True, 1)
    assert pictures.calendar([], "alt").endswith("</svg>")
    drawn = pictures.intervals([("a", Estimate(-5, -8, 3))], str, "alt")
    assert "nan" not in drawn


def test_numbers_are_said_one_way() -> None:
    """Thousands are grouped, minus is a minus, zero has no sign, a share is a percentage."""
    zone = ZoneInfo("UTC")
    number = Column("", "number", decimals=1)
    assert shown(number, 12345.678, zone) == "12,345.7"
    assert shown(number, -0.04, zone) == "0.0"
    assert shown(number, -3.0, zone) == "−3.0"
    assert shown(number, None, zone) == "–"
    assert shown(Column("", "share", decimals=1), 0.98765, zone) == "98.8%"
    estimate = Column("", "share_estimate", decimals=0)
    assert shown(estimate, Estimate(0.2, -0.05, 0.4), zone) == "20% (−5 … 40%)"


def test_a_day_of_which_nothing_is_known_is_one_page(fortnight_db: str, facts: District) -> None:
    """No empty axes, and no nought where nothing was measured."""
    day = period("day", date(2025, 12, 1))
    with connect(fortnight_db, name="test", autocommit=True) as conn:
        empty = document(facts, make(conn, facts, day, fortnight.NOW), "en")
    (first,) = empty.pages
    (bigs,) = (block for block in first.blocks if isinstance(block, Bigs))
    assert [shown(big.column, big.value, empty.zone) for big in bigs.figures] == ["–"] * 4
    assert len(pypdf.PdfReader(io.BytesIO(pdf(empty))).pages) == 1
    excel(empty)


def test_a_stored_sentence_is_told_in_the_language_of_the_report(facts: District) -> None:
    """The other language where it is stored too, else the words themselves, marked as quoted."""
    chinese, english = Said(facts, "zh-CN"), Said(facts, "en")
    assert chinese.told("继续观察。", "Watching on.") == "继续观察。"
    assert english.told("继续观察。", "Watching on.") == "Watching on."
    assert english.told("继续观察。") == "“继续观察。”"
    assert chinese.told("pump broken") == "“pump broken”"
    assert english.told("pump broken") == "pump broken"
    assert english.told(None) is None
    named = "Dust on 兴海大道: sweep."
    assert english.told("兴海大道扬尘，请清扫。", named) == named
    assert chinese.told(named, "兴海大道扬尘，请清扫。") == "兴海大道扬尘，请清扫。"
