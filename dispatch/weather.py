"""Whether the weather keeps water off the street."""

from dispatch.facts import Weather
from dispatch.settings import DispatchSettings
from dispatch.words import Reason, Words


def hindrance(
    weather: Weather, settings: DispatchSettings, words: Words, before: str | None = None
) -> Reason | None:
    """Why nothing wet is done now, with code sand_dust, rain or frost; None if all may be done.

    `before` is the code of the hindrance that the plan in force was made under. Rain and frost
    end only when they are well over, else a value that wavers about its limit would turn the
    crews round every minute.
    """
    if weather.sand_dust and not settings.wash_in_sand_dust:
        return words.reason("sand_dust")
    rain_mm = weather.rain_mm_30min
    limit_mm = settings.rain_limit_mm * (settings.rain_over_share if before == "rain" else 1)
    if rain_mm is not None and rain_mm > limit_mm and not settings.wash_in_rain:
        return words.reason("rain", rain=rain_mm)
    limit_c = settings.min_wash_temp_c + (settings.thaw_c if before == "frost" else 0)
    if weather.temp_c is not None and weather.temp_c < limit_c:
        return words.reason("frost", temp=weather.temp_c, limit=limit_c)
    return None
