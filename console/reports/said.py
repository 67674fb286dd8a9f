"""How a report speaks: words, names, numbers and times in one language."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from console.models import District
from console.reports.blocks import NONE, Cell, Column, interval, shown
from console.reports.change import Change
from console.reports.estimate import Estimate
from console.texts import Language, in_both, name_in, texts

UG = "µg/m³"
_HAN = re.compile(r"[\u4e00-\u9fff]")


def speaks(text: str, language: Language) -> bool:
    """Whether a sentence is of that language: one without Chinese letters is not Chinese."""
    return bool(_HAN.search(text)) == (language == "zh-CN")


class Said:
    """Words of one language for one district."""

    def __init__(self, district: District, language: Language) -> None:
        self.language = language
        self.zone = ZoneInfo(district.timezone)
        self.district = name_in(language, district.name)
        self._texts = texts(language)
        english = language == "en"
        self._segments = {s.id: self._own(s.name, s.name_en, english) for s in district.segments}
        self._sites = {s.id: self._own(s.name, s.name_en, english) for s in district.sites}
        self._crews = {c.id: name_in(language, c.name) for c in district.crews}

    def _own(self, name: str, name_en: str | None, english: bool) -> str:
        return name_en if english and name_en else name_in(self.language, name)

    def __call__(self, key: str, **blanks: object) -> str:
        """A text by `section.key`, its blanks filled."""
        section, _, name = key.partition(".")
        text = self._texts[section][name]
        for blank, value in blanks.items():
            text = text.replace(f"{{{blank}}}", str(value))
        return text

    def word(self, section: str, value: str) -> str:
        """The word for a value of an enumeration, or the value itself where there is none."""
        return self._texts[section].get(value, value)

    def told(self, text: str | None, also: str | None = None) -> str | None:
        """A stored sentence in this language where it is stored so; else its own words, marked as
        such."""
        if text is None:
            return None
        if also:
            return in_both(text, also)[self.language]
        return text if speaks(text, self.language) else f"“{text}”"

    def segment(self, segment: str) -> str:
        return self._segments.get(segment, segment)

    def site(self, site: str) -> str:
        return self._sites.get(site, site)

    def crew(self, crew: str) -> str:
        return self._crews.get(crew, crew)

    def place(self, place: str | None) -> str:
        if place is None:
            return NONE
        return self._segments.get(place) or self._sites.get(place) or place

    def cell(self, column: Column, value: Cell) -> str:
        return shown(column, value, self.zone)

    def number(self, value: float, decimals: int = 0) -> str:
        return self.cell(Column("", "number", decimals=decimals), value)

    def share(self, value: float | None, decimals: int = 1) -> str:
        return self.cell(Column("", "share", decimals=decimals), value)

    def moment(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def period(self, kind: str, first: date, last: date) -> str:
        end = last - timedelta(days=1)
        if first == end:
            return f"{first}"
        if kind == "month":
            return f"{first:%Y-%m}"
        return f"{first} – {end}"

    def last_day(self, last: date) -> str:
        """The day before the end of a half-open span."""
        return f"{last - timedelta(days=1)}"

    def interval(self, column: Column, value: Estimate) -> str:
        return interval(column, value)

    def beyond(self, one: Change) -> str:
        """Whether a change is more than chance, in words."""
        key = {True: "yes", False: "no", None: "unknown"}[one.beyond]
        return self(f"report_chance.{key}")

    def change(self, one: Change, kind: str) -> str:
        """A change against the period before, in words."""
        if one.now is None or one.then is None:
            return ""
        if one.pct is None:
            by = NONE
        else:
            by = f"{one.pct:+.0f}%".replace("-", "−")
            by = "±0%" if by in ("+0%", "−0%") else by
        return self(f"report.against_{kind}", by=by, chance=self.beyond(one))
