"""Wind, warmth, water and light of a minute, from what the stations say and the sun's height."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weather:
    """One minute. wind_ms, wind_from_deg are NaN where nobody measures them; temp °C, rh %,
    rain mm in the minute; sun 0 to 1: the sine of its height over that of a clear noon."""

    wind_ms: float
    wind_from_deg: float
    temp: float
    rh: float
    rain_mm: float
    sun: float


def local_hours(first: int, count: int, zone: ZoneInfo) -> tuple[Floats, NDArray[np.int64]]:
    """(T,) hour of the day and weekday (Monday 0) at the ends of minutes first, first+1, …"""
    hours, days = np.empty(count), np.empty(count, np.int64)
    t = 0
    while t < count:
        at = datetime.fromtimestamp((first + t) * 60, UTC).astimezone(zone)
        # Time zones change on the hour or half hour at the earliest.
        stop = min(count, t + 30 - at.minute % 30)
        hours[t:stop] = at.hour + (at.minute + np.arange(stop - t)) / 60.0
        days[t:stop] = at.weekday()
        t = stop
    return hours, days


def sun_height(first: int, count: int, lon: float, lat: float) -> Floats:
    """(T,) sine of the sun's height, 0 below the horizon, at the ends of minutes.

    Declination and equation of time after Spencer (1971), to half a degree.
    """
    minute = first + np.arange(count)
    days = (minute // 1440).astype("datetime64[D]")
    day = (days - days.astype("datetime64[Y]")).astype(np.int64)
    angle = 2 * np.pi * day / 365.0
    declination = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle)
    )  # fmt: skip
    equation_min = 229.18 * (
        0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle) - 0.040849 * np.sin(2 * angle)
    )  # fmt: skip
    hour_angle = np.radians((minute % 1440 + equation_min) / 4.0 + lon - 180.0)
    high = np.sin(np.radians(lat)) * np.sin(declination) + np.cos(np.radians(lat)) * np.cos(
        declination
    ) * np.cos(hour_angle)
    return np.asarray(np.maximum(high, 0.0))


def vapour_deficit_kpa(temp: float, rh: float) -> float:
    """How much vapour the air could still take (Tetens 1930)."""
    return float(0.6108 * np.exp(17.27 * temp / (temp + 237.3)) * (1 - min(rh, 100.0) / 100))


def drying_mm_h(weather: Weather) -> float:
    """How fast a film of water dries: Penman's (1948) wind function and what the sun adds."""
    wind = 1.0 if np.isnan(weather.wind_ms) else float(weather.wind_ms)
    by_air = vapour_deficit_kpa(weather.temp, weather.rh) * (0.108 + 0.058 * wind)
    return by_air * (1 + 0.8 * weather.sun)
