"""What blows in, told once for the whole district: sand-dust weather and haze, by the hour."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import MILLI, Bools, Ints
from analytics.settings import NoticeSettings

HOUR = 60
DUST_HOURS = 6

Kind = Literal["sand_dust", "haze"]


@dataclass(frozen=True, slots=True)
class Weather:
    """hours: (6,) hourly background, µg/m³, NaN where unknown; total and count of the hour under
    way in thousandths; fine, coarse: sums of PM2.5 and of the PM10 measured with it in this hour;
    dust_since, haze_since: minute at which the notice began, or -1; dust_eased: minute at which
    the dust no longer came in as it did then, or -1; hazy, clear: hours on end that were so."""

    hours: NDArray[np.float64]
    total: int = 0
    count: int = 0
    fine: int = 0
    coarse: int = 0
    dust_since: int = -1
    dust_eased: int = -1
    haze_since: int = -1
    hazy: int = 0
    clear: int = 0

    @classmethod
    def start(cls) -> "Weather":
        return cls(np.full(DUST_HOURS, np.nan))

    @property
    def noticed(self) -> bool:
        return self.dust_since >= 0 or self.haze_since >= 0


@dataclass(frozen=True, slots=True)
class NoticeChange:
    """What became of a notice at the end of a minute, with the hour's mean background in µg/m³.

    Sand dust eases when the hour is no longer twice the six before, and ends when it is over.
    """

    minute: int
    kind: Kind
    change: Literal["begins", "eases", "ends"]
    background: float | None


def notices(
    weather: Weather,
    first: int,
    background: Ints,
    known: Bools,
    fine: Ints,
    coarse: Ints,
    settings: NoticeSettings,
) -> tuple[Weather, list[NoticeChange], Bools]:
    """The weather after all minutes, what became of notices, and (T,) whether one held.

    background, known: (T,) in thousandths, the first of minute `first`; fine, coarse: (T,) PM2.5
    and PM10 summed over the stations that measure both.
    """
    changes: list[NoticeChange] = []
    noticed = np.zeros(len(background), bool)
    t = 0
    while t < len(background):
        minute = first + t
        # Minute m ends at m, so an hour holds the minutes 60 h + 1 .. 60 h + 60.
        stop = min(len(background), t + HOUR - (minute - 1) % HOUR)
        noticed[t:stop] = weather.noticed
        weather = replace(
            weather,
            total=weather.total + int(np.where(known[t:stop], background[t:stop], 0).sum()),
            count=weather.count + int(known[t:stop].sum()),
            fine=weather.fine + int(fine[t:stop].sum()),
            coarse=weather.coarse + int(coarse[t:stop].sum()),
        )
        if (minute - 1) % HOUR + (stop - t) == HOUR:
            weather, changed = _hour(weather, minute + stop - t - 1, settings)
            changes += changed
        t = stop
    return weather, changes, noticed


def _hour(
    weather: Weather, minute: int, settings: NoticeSettings
) -> tuple[Weather, list[NoticeChange]]:
    """An hour is over."""
    mean = weather.total / weather.count / MILLI if weather.count else float("nan")
    before = weather.hours[~np.isnan(weather.hours)]
    changes: list[NoticeChange] = []
    shown = None if np.isnan(mean) else round(mean, 1)

    dust_since, dust_eased = weather.dust_since, weather.dust_eased
    dusty = mean > settings.dust_min
    comes_in = dusty and len(before) > 0 and mean >= settings.dust_rise * before.mean()
    if dust_since >= 0 and (not dusty or (comes_in and dust_eased >= 0)):
        # Dust upon dust is told again: nothing said of the first is taken back.
        dust_since = dust_eased = -1
        changes.append(NoticeChange(minute, "sand_dust", "ends", shown))
    if dust_since < 0 and comes_in:
        dust_since = minute
        changes.append(NoticeChange(minute, "sand_dust", "begins", shown))
    elif dust_since >= 0 and dust_eased < 0 and not comes_in:
        dust_eased = minute
        changes.append(NoticeChange(minute, "sand_dust", "eases", shown))

    is_fine = weather.coarse == 0 or weather.fine >= settings.fine_share * weather.coarse
    hazy = weather.hazy + 1 if mean >= settings.haze_min and is_fine else 0
    clear = 0 if mean >= settings.haze_release_share * settings.haze_min else weather.clear + 1
    haze_since = weather.haze_since
    if haze_since < 0 and hazy >= settings.haze_hours and dust_since < 0:
        haze_since = minute
        changes.append(NoticeChange(minute, "haze", "begins", shown))
    elif haze_since >= 0 and (clear >= settings.haze_hours or dust_since >= 0):
        haze_since = -1
        changes.append(NoticeChange(minute, "haze", "ends", shown))
    return (
        Weather(
            hours=np.append(weather.hours[1:], mean),
            dust_since=dust_since,
            dust_eased=dust_eased,
            haze_since=haze_since,
            hazy=hazy,
            clear=clear,
        ),
        changes,
    )
