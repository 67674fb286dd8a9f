"""What a thing is called in Chinese and in English."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_BOTH = re.compile(r"([^A-Za-z]*[\u4e00-\u9fff][^A-Za-z]*?)\s+([A-Za-z].*)")


class Named(NamedTuple):
    """A name in both languages, for sentences that are written in both."""

    zh: str
    en: str


def named(name: str, extra: Mapping[str, Any]) -> Named:
    """The name of a segment, site or crew: `name_en` of its further properties, or the two halves
    of a name that is written in both, Chinese first ("洒水一班 Water truck A"); else one for both.
    """
    both = _BOTH.fullmatch(name)
    zh, en = both.groups() if both else (name, name)
    english = extra.get("name_en")
    return Named(zh, english if isinstance(english, str) and english else en)
