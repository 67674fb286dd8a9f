"""Every word of the pages, in Chinese and English: `console/texts/<language>/*.toml`."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

from geo.names import named

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


_HAN = re.compile(r"[\u4e00-\u9fff]")


def name_in(language: Language, name: str) -> str:
    """The half of a name written in both languages, Chinese first; any other name as it is.

    The pages do the same in `static/texts.js`.
    """
    both = named(name, {})
    return both.en if language == "en" else both.zh


def in_both(text: str, also: str) -> dict[str, str]:
    """A sentence by language, of it and the same in the other one: that with more Chinese letters
    is the Chinese one, for an English one may name a place in Chinese.

    The pages do the same in `static/texts.js`.
    """
    chinese, english = sorted((text, also), key=lambda told: -len(_HAN.findall(told)))
    return {"zh-CN": chinese, "en": english}


def language_of(wanted: str | None) -> Language:
    """The language asked for, or Chinese."""
    return next((language for language in LANGUAGES if language == wanted), DEFAULT)
