"""Every word of the pages, in Chinese and English: `console/texts/<language>/*.toml`."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "zh-CN"

Texts = Mapping[str, Mapping[str, str]]


@cache
def texts(language: Language) -> Texts:
    """Section -> key -> text, from all files of the language.

    Raises ValueError where two files have one section.
    """
    found: dict[str, Mapping[str, str]] = {}
    for file in (resources.files("console") / "texts" / language).iterdir():
        sections = cast(Texts, tomllib.loads(file.read_text("utf-8")))
        if both := found.keys() & sections.keys():
            raise ValueError(f"{file}: another file has the section {min(both)} too")
        found |= sections
    return found


_BOTH = re.compile(r"([^A-Za-z]*[\u4e00-\u9fff][^A-Za-z]*?)\s+([A-Za-z].*)")


def name_in(language: Language, name: str) -> str:
    """The half of a name written in both languages, Chinese first; any other name as it is.

    The pages do the same in `static/texts.js`.
    """
    both = _BOTH.fullmatch(name)
    return both[2 if language == "en" else 1] if both else name


def language_of(wanted: str | None) -> Language:
    """The language asked for, or Chinese."""
    return next((language for language in LANGUAGES if language == wanted), DEFAULT)
