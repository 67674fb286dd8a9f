"""A report as a PDF, set by Typst: real tables, pictures as vectors, text that can be searched.

Everything goes to the template as data; nothing of it is read as markup.
"""

from pathlib import Path
from typing import Any

import msgspec
import typst

from console.reports.blocks import (
    Bigs,
    Block,
    Document,
    Pair,
    Picture,
    Stack,
    Table,
    Words,
    interval,
    middle,
    rounded,
    shown,
)
from console.reports.estimate import Estimate
from console.reports.fonts import FAMILIES, folders, whole
from console.reports.pictures import coloured
from console.texts import texts

TEMPLATE = Path(__file__).with_name("report.typ")


def pdf(document: Document) -> bytes:
    """The file; the same document gives the same bytes."""
    compiler = typst.Compiler(
        TEMPLATE,
        font_paths=folders(),
        ignore_system_fonts=whole(),
        sys_inputs={"document": msgspec.json.encode(_plain(document)).decode()},
    )
    made = compiler.compile(format="pdf")
    assert isinstance(made, bytes)
    return made


def _plain(document: Document) -> dict[str, Any]:
    words = texts(document.language)["report"]
    return {
        "language": document.language,
        "fonts": FAMILIES,
        "title": document.title,
        "subtitle": document.subtitle,
        "district": document.district,
        "footer": document.footer,
        "page_n": words["page_n"],
        "facts": document.facts,
        "pages": [
            {"title": page.title, "blocks": [_block(document, block) for block in page.blocks]}
            for page in document.pages
        ],
        "sign": document.sign,
    }


def _block(document: Document, block: Block) -> dict[str, Any]:
    match block:
        case Table():
            return _table(document, block)
        case Picture():
            return {
                "is": "picture", "title": block.title, "svg": coloured(block.svg),
                "alt": block.alt, "note": block.note,
            }  # fmt: skip
        case Words():
            return {"is": "words", "lines": block.lines, "lead": block.lead}
        case Bigs():
            return {"is": "bigs", "figures": [_big(big) for big in block.figures]}
        case Stack():
            return {"is": "stack", "blocks": [_block(document, inner) for inner in block.blocks]}
        case Pair():
            return {
                "is": "pair", "share": block.share,
                "left": _block(document, block.left), "right": _block(document, block.right),
            }  # fmt: skip


def _big(big: Any) -> dict[str, Any]:
    value = rounded(big.column, big.value)
    return {
        "title": big.title,
        "value": middle(big.column, value),
        "unit": big.column.unit,
        "interval": interval(big.column, value) if isinstance(value, Estimate) else "",
        "change": big.change,
        "tone": big.tone,
        "note": big.note,
    }


def _table(document: Document, table: Table) -> dict[str, Any]:
    words = texts(document.language)["report"]
    return {
        "is": "table",
        "title": table.title,
        "note": table.note,
        "empty": table.empty,
        "more": words["more_rows"].replace("{n}", str(table.left_out)) if table.left_out else "",
        "columns": [
            {
                "title": column.title,
                "unit": column.unit,
                "number": column.kind not in ("text", "time", "date"),
                "wide": column.wide,
            }
            for column in table.columns
        ],
        "rows": [
            [
                shown(column, cell, document.zone)
                for column, cell in zip(table.columns, row, strict=True)
            ]
            for row in table.shown
        ],
    }
