"""Every word of the pages, in Chinese and English: `console/texts/*.toml`."""

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
    """Section -> key -> text."""
    file = resources.files("console") / "texts" / f"{language}.toml"
    return cast(Texts, tomllib.loads(file.read_text("utf-8")))


def language_of(wanted: str | None) -> Language:
    """The language asked for, or Chinese."""
    return next((language for language in LANGUAGES if language == wanted), DEFAULT)
