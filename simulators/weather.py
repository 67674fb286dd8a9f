"""The weather of each minute: daily cycles, a wind that wanders, rain as the scenario says."""

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulators.dispersion import Stability, stability
from simulators.scenario import Scenario

BLOCK = 1440

# Spread of the logarithm of the wind's speed, and of its direction in degrees. These and the
# memories are set by hours on a real street (docs/calibration.md); a coast with a sea breeze keeps
# its directions better than London, so the wander is half of what fits there.
GUSTINESS = 0.35
WANDER_DEG = 35.0

# Wind meanders across its way at about this speed, however weak it is: in weak wind a plume
# goes everywhere within the hour.
MEANDER_M_S = 0.7

# The minutes after which each has forgotten itself.
SPEED_MEMORY_MIN = 240.0
DIRECTION_MEMORY_MIN = 720.0
MEANDER_MEMORY_MIN = 4.0
WARMTH_MEMORY_MIN = 600.0
REGION_MEMORY_MIN = 360.0
# From day to day.
SYNOPTIC_WIND_MEMORY_MIN = 48.0 * 60.0
SYNOPTIC_REGION_MEMORY_MIN = 60.0 * 60.0

LEAST_BACKGROUND = 5.0
RAIN_RH_PCT = 96.0


@dataclass(frozen=True, slots=True)
class Air:
    """One minute. `wind_from_deg` is where the wind comes from; background in µg/m³."""

    hour: float
    sun: float
    temp_c: float
    rh_pct: float
    pressure_hpa: float
    wind_m_s: float
    wind_from_deg: float
    rain_mm: float
    stability: Stability
    background_pm10: float
    background_pm25: float


def log_normal(spread: float, deviation: float) -> float:
    """A factor with mean 1 whose logarithm has this spread, from a standard deviation."""
    return math.exp(spread * deviation - spread**2 / 2.0)


class WanderingNumber:
    """A number that wanders about 0 with standard deviation 1 and forgets in `memory_min`.

    An Ornstein-Uhlenbeck process, exact at its steps of one minute.
    """

    def __init__(self, rng: np.random.Generator, memory_min: float) -> None:
        self._rng = rng
        self._keep = math.exp(-1.0 / memory_min)
        self._kick = math.sqrt(1.0 - self._keep**2)
        self._value = float(rng.standard_normal())
        self._kicks: list[float] = []

    def step(self) -> float:
        """The value a minute later."""
        if not self._kicks:
            self._kicks = self._rng.standard_normal(BLOCK).tolist()
        self._value = self._keep * self._value + self._kick * self._kicks.pop()
        return self._value


class Sky:
    """Gives the air minute by minute.

    The synoptic generators are for what changes from day to day.
    """

    def __init__(
        self,
        scenario: Scenario,
        timezone: ZoneInfo,
        weather_rng: np.random.Generator,
        background_rng: np.random.Generator,
        synoptic_wind_rng: np.random.Generator,
        synoptic_background_rng: np.random.Generator,
    ) -> None:
        self._scenario = scenario
        self._timezone = timezone
        self._speed = WanderingNumber(weather_rng, SPEED_MEMORY_MIN)
        self._direction = WanderingNumber(weather_rng, DIRECTION_MEMORY_MIN)
        self._meander = WanderingNumber(weather_rng, MEANDER_MEMORY_MIN)
        self._warmth = WanderingNumber(weather_rng, WARMTH_MEMORY_MIN)
        self._region = WanderingNumber(background_rng, REGION_MEMORY_MIN)
        self._windy_days = WanderingNumber(synoptic_wind_rng, SYNOPTIC_WIND_MEMORY_MIN)
        self._hazy_days = WanderingNumber(synoptic_background_rng, SYNOPTIC_REGION_MEMORY_MIN)

    def step(self, now: datetime) -> Air:
        """The air of the minute that ends at `now`."""
        usual = self._scenario
        local = now.astimezone(self._timezone)
        hour = local.hour + local.minute / 60.0
        since_h = (now - usual.start).total_seconds() / 3600.0
        rain_mm_h = sum(
            spell.mm_per_h
            for spell in usual.rain
            if spell.start_h < since_h <= spell.start_h + spell.hours
        )
        sun = max(0.0, math.sin(math.pi * (hour - 6.0) / 12.0)) * (0.2 if rain_mm_h else 1.0)
        # Warmest at three in the afternoon.
        day = math.cos(2.0 * math.pi * (hour - 15.0) / 24.0)
        warmth = self._warmth.step()
        wind_m_s, wind_from_deg = self._wind(day)
        rh = usual.rh_percent - usual.rh_swing_percent * day - 3.0 * warmth
        pm10, pm25 = self._background(hour, since_h, rain_mm_h)
        return Air(
            hour=hour,
            sun=sun,
            temp_c=usual.temp_c + usual.temp_swing_c * day + 0.8 * warmth,
            rh_pct=RAIN_RH_PCT if rain_mm_h else min(max(rh, 5.0), RAIN_RH_PCT),
            # Twice a day the pressure swells and ebbs.
            pressure_hpa=10.0 * usual.pressure_kpa
            + 1.5 * math.cos(4.0 * math.pi * (hour - 10.0) / 24.0),
            wind_m_s=wind_m_s,
            wind_from_deg=wind_from_deg,
            rain_mm=rain_mm_h / 60.0,
            stability=stability(wind_m_s, sun),
            background_pm10=pm10,
            background_pm25=pm25,
        )

    def _wind(self, day: float) -> tuple[float, float]:
        usual = self._scenario
        speed = max(usual.wind_ms + usual.wind_swing_ms * day, 0.3)
        speed *= math.exp(GUSTINESS * self._speed.step() - GUSTINESS**2 / 2.0)
        speed *= log_normal(usual.wind_synoptic, self._windy_days.step())
        # The sea breeze comes and goes with the day.
        breeze = 1.0 / (1.0 + math.exp(-4.0 * day))
        direction = usual.wind_from_deg + usual.sea_breeze_turn_deg * breeze
        direction += WANDER_DEG * self._direction.step()
        direction += math.degrees(math.atan2(MEANDER_M_S, speed)) * self._meander.step()
        return speed, direction % 360.0

    def _background(self, hour: float, since_h: float, rain_mm_h: float) -> tuple[float, float]:
        usual = self._scenario
        # High in the morning and in the evening, when the air is shallow and people travel.
        cycle = 0.6 * math.cos(2 * math.pi * (hour - 8.5) / 12.0) + 0.4 * math.cos(
            2 * math.pi * (hour - 22.0) / 24.0
        )
        own = max(usual.background_pm10 + usual.background_swing * cycle, LEAST_BACKGROUND)
        own *= log_normal(usual.background_synoptic, self._hazy_days.step())
        pm10, pm25 = own, own * usual.background_pm25_share
        for spell in usual.dust:
            along = (since_h - spell.start_h) / spell.hours
            if 0.0 < along < 1.0:
                blown_in = spell.pm10 * math.sin(math.pi * along) ** 0.7
                pm10 += blown_in
                pm25 += blown_in * spell.pm25_share
        scale = math.exp(usual.background_noise * self._region.step())
        scale *= 0.6 if rain_mm_h else 1.0
        return pm10 * scale, pm25 * scale
