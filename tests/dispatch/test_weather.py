"""What keeps water off the street."""

import zoneinfo
from dataclasses import replace

import pytest

from dispatch.facts import Weather
from dispatch.settings import DispatchSettings
from dispatch.weather import hindrance
from dispatch.words import Words

SETTINGS = DispatchSettings()
WORDS = Words("en", zoneinfo.ZoneInfo("Asia/Shanghai"))


def code(
    weather: Weather, before: str | None = None, settings: DispatchSettings = SETTINGS
) -> str | None:
    """The code of the hindrance."""
    found = hindrance(weather, settings, WORDS, before)
    return found.code if found else None


@pytest.mark.parametrize(
    ("weather", "before", "found"),
    [
        (Weather(temp_c=3.5), None, None),
        (Weather(temp_c=3.5), "frost", "frost"),
        (Weather(temp_c=4.0), "frost", None),
        (Weather(temp_c=3.5), "rain", None),
        (Weather(rain_mm_30min=0.15), None, None),
        (Weather(rain_mm_30min=0.15), "rain", "rain"),
        (Weather(rain_mm_30min=0.1), "rain", None),
        (Weather(), "sand_dust", None),
        (Weather(), "frost", None),
    ],
)
def test_hindrance_ends_when_well_over(
    weather: Weather, before: str | None, found: str | None
) -> None:
    """Near its limit a value neither begins nor ends what holds; without it nothing holds."""
    assert code(weather, before) == found


def test_sand_dust_is_named_before_rain_and_rain_before_frost() -> None:
    """Of several hindrances one stands, the same at any time."""
    assert code(Weather(-1.0, 2.0, True)) == "sand_dust"
    assert code(Weather(-1.0, 2.0)) == "rain"
    assert code(Weather(-1.0, 0.0)) == "frost"


def test_district_may_wash_in_rain() -> None:
    """Where the district says so rain is no hindrance; frost still is."""
    washing = replace(SETTINGS, wash_in_rain=True)
    assert code(Weather(12.0, 2.0), "rain", washing) is None
    assert code(Weather(-1.0, 2.0), None, washing) == "frost"


def test_district_may_wash_in_sand_dust() -> None:
    """Where the district says so sand-dust weather is no hindrance; rain still is."""
    washing = replace(SETTINGS, wash_in_sand_dust=True)
    assert code(Weather(sand_dust=True), None, washing) is None
    assert code(Weather(12.0, 2.0, sand_dust=True), None, washing) == "rain"
