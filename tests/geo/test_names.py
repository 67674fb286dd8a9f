"""What a thing is called in Chinese and in English."""

from typing import Any

import pytest

from geo.names import named


@pytest.mark.parametrize(
    ("name", "extra", "zh", "en"),
    [
        (
            "小南山消纳场",
            {"name_en": "Xiaonanshan spoil site"},
            "小南山消纳场",
            "Xiaonanshan spoil site",
        ),
        ("洒水一班 Water truck A", {}, "洒水一班", "Water truck A"),
        ("洒水一班 Water truck A", {"name_en": "Truck 1"}, "洒水一班", "Truck 1"),
        ("兴海大道 01 南行", {}, "兴海大道 01 南行", "兴海大道 01 南行"),
        ("Street B", {"name_en": 7}, "Street B", "Street B"),
        ("Street B", {"name_en": ""}, "Street B", "Street B"),
    ],
)
def test_a_name_has_two_halves(name: str, extra: dict[str, Any], zh: str, en: str) -> None:
    """Its `name_en`, else its half of a name written in both, else the one name for both."""
    assert named(name, extra) == (zh, en)
