"""Sentences exist in both languages and have the same blanks."""

import string
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dispatch import words
from dispatch.settings import TREATS
from dispatch.wants import SIGHTINGS
from dispatch.words import Words


@pytest.mark.parametrize("key", words._SENTENCES)
def test_both_languages_have_the_same_blanks(key: str) -> None:
    """No number is said in one language only."""
    chinese, english = (
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in words._SENTENCES[key]
    )
    assert chinese == english


def test_everything_to_do_or_to_see_has_a_name() -> None:
    """Every treatment and every flag that leads to an order can be said in Chinese."""
    say = Words("zh-CN", ZoneInfo("Asia/Shanghai"))
    for treatments in TREATS.values():
        assert all(say.treatment(treatment) for treatment in treatments)
    assert all(say.flag(kind) for kind in SIGHTINGS)


def test_times_are_local() -> None:
    """Noon in Shenzhen is said as 12:00."""
    assert Words("en", ZoneInfo("Asia/Shanghai")).time(datetime(2026, 3, 2, 4, tzinfo=UTC)) == (
        "12:00"
    )
