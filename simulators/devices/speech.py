"""The languages of stations: the contract's own JSON, SenML packs, and frames of HJ 212."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from geo.district import Station
from simulators.devices import hj212_frame, senml
from simulators.devices.stamp import Stamp
from simulators.message import encode

PARTICLES = ("pm10", "pm25", "tsp")
QUANTITIES = (
    *PARTICLES,
    *("temp", "rh", "pressure", "wind_speed", "wind_dir", "rain", "noise"),
)

# Most readings in one message: a SenML pack counts its records, some ten a reading, against the
# thousand items of the contract.
BATCH = 80

_PM_PER_UG = {"ug/m3": 1.0, "mg/m3": 1e-3, "ng/m3": 1e3}
_PM_DECIMALS = {"ug/m3": 1, "mg/m3": 4, "ng/m3": 0}

# Factor codes of HJ 212-2017; its unit of pressure is kPa. It has none for rain since the last
# reading, so stations that speak it do not report rain.
_CODES = {
    "a34002": "pm10",
    "a34004": "pm25",
    "a34001": "tsp",
    "a01001": "temp",
    "a01002": "rh",
    "a01006": "pressure",
    "a01007": "wind_speed",
    "a01008": "wind_dir",
    "LA": "noise",
}
_RAIN = QUANTITIES.index("rain")


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading as a station wrote it down at the time `taken`, which its clock showed as `stamp`.

    values are in the order of QUANTITIES.
    """

    taken: Stamp
    stamp: Stamp
    status: str
    values: list[float]


class Speech(Protocol):
    """What a station makes of its readings."""

    whole: bool
    "Whether a platform can only refuse a message as one, not a reading of it."

    def batches(self, readings: list[Reading]) -> Iterator[list[Reading]]:
        """The readings by message."""

    def write(self, readings: Sequence[Reading], sent: Stamp, now: datetime, /) -> list[bytes]:
        """A payload, in the pieces that can be told from each other on the wire."""

    def said(self, reading: Reading) -> tuple[int, int]:
        """The time that a reading carries, in ms since 1970, and a fingerprint of its values."""


class _JsonReading(msgspec.Struct):
    ts: str
    status: str | msgspec.UnsetType
    pm10: float
    pm25: float
    tsp: float
    temp: float
    rh: float
    pressure: float
    wind_speed: float
    wind_dir: float
    rain: float
    noise: float


class Json:
    """A Reading, or an array of them."""

    whole = False

    def __init__(self, station: Station) -> None:
        self._per_ug = _PM_PER_UG[station.pm_unit]
        self._decimals = _PM_DECIMALS[station.pm_unit]

    def batches(self, readings: list[Reading]) -> Iterator[list[Reading]]:
        """So many readings a message."""
        return _cut(readings)

    def write(self, readings: Sequence[Reading], _sent: Stamp, _now: datetime, /) -> list[bytes]:
        """One piece: an object or an array."""
        items = [self._item(reading) for reading in readings]
        return [encode(items[0] if len(items) == 1 else items)]

    def said(self, reading: Reading) -> tuple[int, int]:
        """Milliseconds and all values."""
        return reading.stamp.ms, hash((reading.status, *reading.values))

    def _item(self, reading: Reading) -> _JsonReading:
        values = reading.values
        if self._per_ug != 1.0:
            particles = (round(value * self._per_ug, self._decimals) for value in values[:3])
            values = [*particles, *values[3:]]
        status = msgspec.UNSET if reading.status == "N" else reading.status
        return _JsonReading(reading.stamp.rfc3339, status, *values)


class Senml:
    """A pack, in which one time can stand once only."""

    whole = True

    def __init__(self, station: Station) -> None:
        self._station = station.id

    def batches(self, readings: list[Reading]) -> Iterator[list[Reading]]:
        """So many readings a message, and another message where a time would stand twice."""
        for batch in _cut(readings):
            first, times = 0, set[int]()
            for at, reading in enumerate(batch):
                if reading.stamp.ms in times:
                    yield batch[first:at]
                    first, times = at, set()
                times.add(reading.stamp.ms)
            yield batch[first:]

    def write(self, readings: Sequence[Reading], _sent: Stamp, _now: datetime, /) -> list[bytes]:
        """One piece: the pack."""
        return [
            senml.pack(
                self._station,
                (
                    (one.stamp.at, one.status, dict(zip(QUANTITIES, one.values, strict=True)))
                    for one in readings
                ),
            )
        ]

    def said(self, reading: Reading) -> tuple[int, int]:
        """Milliseconds and all values."""
        return reading.stamp.ms, hash((reading.status, *reading.values))


class Hj212:
    """A frame a reading, in the unit of the station."""

    whole = False

    def __init__(self, station: Station) -> None:
        assert station.mn is not None
        self._per_ug = _PM_PER_UG[station.pm_unit]
        decimals = {
            code: _PM_DECIMALS[station.pm_unit]
            if name in PARTICLES
            else 2
            if name == "pressure"
            else 1
            for code, name in _CODES.items()
        }
        system = hj212_frame.AIR if station.kind == "background" else hj212_frame.ROAD_DUST
        self._form = hj212_frame.RealTime(station.mn, decimals, system)

    def batches(self, readings: list[Reading]) -> Iterator[list[Reading]]:
        """So many readings a message."""
        return _cut(readings)

    def write(self, readings: Sequence[Reading], sent: Stamp, now: datetime, /) -> list[bytes]:
        """A piece for each frame."""
        return [self._frame(reading, sent, now) for reading in readings]

    def said(self, reading: Reading) -> tuple[int, int]:
        """Whole seconds, and all values but rain."""
        values = reading.values
        written = (reading.status, *values[:_RAIN], *values[_RAIN + 1 :])
        return reading.stamp.ms // 1000 * 1000, hash(written)

    def _frame(self, reading: Reading, sent: Stamp, now: datetime) -> bytes:
        pm10, pm25, tsp, temp, rh, pressure, wind_speed, wind_dir, _, noise = reading.values
        if self._per_ug != 1.0:
            pm10, pm25, tsp = pm10 * self._per_ug, pm25 * self._per_ug, tsp * self._per_ug
        status = reading.status
        return self._form.frame(
            reading.stamp.local,
            (pm10, pm25, tsp, temp, rh, pressure / 10.0, wind_speed, wind_dir, noise),
            # What is over its range says nothing of the weather.
            (status, "N", status, "N", "N", "N", "N", "N", "N"),
            sent=sent.local,
            backfill=reading.taken.at != now,
        )


def speech_of(station: Station, nth_without_number: int) -> Speech:
    """HJ 212 for stations with a device number; of the others every third speaks SenML."""
    if station.mn is not None:
        return Hj212(station)
    return Senml(station) if nth_without_number % 3 == 0 else Json(station)


def _cut(readings: list[Reading]) -> Iterator[list[Reading]]:
    if len(readings) <= BATCH:
        yield readings
        return
    for first in range(0, len(readings), BATCH):
        yield readings[first : first + BATCH]
