"""A report as a page: what the console's template needs, and one file that stands alone."""

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from console.reports.blocks import Big, Document, interval, middle, rounded, shown
from console.reports.estimate import Estimate
from console.texts import texts

STYLES = ("style.css", "report.css")


def values(document: Document) -> dict[str, object]:
    """A document and the functions that its template writes it with."""
    return {
        "doc": document,
        "cell": lambda column, value: shown(column, value, document.zone),
        "middle": lambda big: middle(big.column, big.value),
        "interval": _interval,
        "is_": lambda block: type(block).__name__.lower(),
    }


def page(document: Document) -> str:
    """One file of HTML with its style inside: for a mail, a folder, a printer."""
    static = resources.files("console") / "static"
    style = "\n".join((static / name).read_text("utf-8") for name in STYLES)
    return (
        _environment()
        .get_template("report_alone.html")
        .render(values(document), style=Markup(style), texts=texts(document.language))  # noqa: S704
    )


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("console"), autoescape=True)


def _interval(big: Big) -> str:
    value = rounded(big.column, big.value)
    return interval(big.column, value) if isinstance(value, Estimate) else ""
