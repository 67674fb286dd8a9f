"""Measuring stations: one reading a minute, with the errors and faults of real ones."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from geo.district import District, Station
from simulators.devices import hj212_frame, senml
from simulators.devices.scene import Scene
from simulators.message import Message, encode, rfc3339
from simulators.streams import stream

PARTICLES = ("pm10", "pm25", "tsp")
RANGE_UG_M3 = 5_000.0
BUCKET_MM = 0.1

# Most that a logger keeps while its line is down, and most readings in one message: a SenML
# pack counts its records, some ten a reading, against the thousand items of the contract.
LONGEST_OUTAGE_MIN = 120.0
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

Speech = Literal["hj212", "senml", "json"]
Fault = Literal["stuck", "over_range", "negative", "dropout"]


@dataclass(frozen=True, slots=True)
class StationFaults:
    """How often a station fails, each per station and day; all 0 for stations that never do.

    stuck: PM values stand still for half an hour to three hours. spikes: one wild minute.
    dropouts: the line is down for 5 minutes to 2 hours, and what was measured comes afterwards
    in one message. late: the same for a few minutes only. over_ranges: flag T. negatives: the
    zero has slipped. duplicate_rate is the share of the messages that are sent twice.
    """

    stuck: float = 0.0
    spikes: float = 0.0
    dropouts: float = 0.0
    late: float = 0.0
    over_ranges: float = 0.0
    negatives: float = 0.0
    duplicate_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading as the station wrote it down; values by the contract's names."""

    at: datetime
    status: str
    values: dict[str, float]


@dataclass(slots=True)
class _Device:
    station: Station
    speech: Speech
    rng: np.random.Generator
    segment: int | None
    gains: dict[str, float]
    offset_temp: float
    bucket_mm: float = 0.0
    fault: Fault | None = None
    fault_ends: datetime | None = None
    held: dict[str, float] = field(default_factory=dict)
    unsent: list[Reading] = field(default_factory=list)


def humidity_growth(rh: float) -> float:
    """How much more light fine particles scatter than dry ones; 1 up to 75 %.

    kappa-Köhler form of Crilley et al. 2018 (AMT 11:709) with the small kappa that is left
    behind a heated inlet.
    """
    water = min(rh, 97.0) / (100.0 - min(rh, 97.0))
    return 1.0 + 0.05 / 1.65 * max(water - 3.0, 0.0)


class Stations:
    """All stations of a district."""

    def __init__(self, district: District, faults: StationFaults, seed: int) -> None:
        self._timezone = district.timezone
        self._faults = faults
        segment_at = {segment: at for at, segment in enumerate(district.segments)}
        self._devices: list[_Device] = []
        spoken = 0
        for station in district.stations.values():
            speech: Speech = "hj212"
            if station.mn is None:
                spoken += 1
                speech = "senml" if spoken % 3 == 0 else "json"
            own = stream(seed, "station", station.id)
            gain = own.uniform(0.92, 1.08)
            self._devices.append(
                _Device(
                    station=station,
                    speech=speech,
                    rng=own,
                    segment=segment_at.get(station.segment or ""),
                    # One optical cell: its channels are off together, and a little apart.
                    gains={name: gain * own.uniform(0.98, 1.02) for name in PARTICLES},
                    offset_temp=own.normal(0.0, 0.3),
                )
            )

    def minute(self, now: datetime, scene: Scene, *, minutes: float = 1.0) -> list[Message]:
        """What the stations publish at `now` of the `minutes` that have just ended."""
        growth = humidity_growth(scene.rh)
        messages: list[Message] = []
        for at, device in enumerate(self._devices):
            self._change_fault(device, now, minutes)
            device.unsent.append(self._measure(device, at, now, scene, growth, minutes))
            if device.fault != "dropout":
                said = list(self._say(device, now))
                messages.extend(said)
                if device.rng.random() < self._faults.duplicate_rate:
                    # The same readings again are no more readings.
                    messages.extend(replace(message, count=0) for message in said)
                device.unsent.clear()
        return messages

    def _change_fault(self, device: _Device, now: datetime, minutes: float) -> None:
        if device.fault_ends is not None and now >= device.fault_ends:
            device.fault = device.fault_ends = None
            device.held = {}
        faults, rng = self._faults, device.rng
        # One draw decides, so that a rate of one fault does not shift the others' luck.
        draw = rng.random() * 1440.0 / minutes
        if device.fault is not None:
            return
        lengths: tuple[tuple[float, Fault, float, float], ...] = (
            (faults.stuck, "stuck", 30.0, 180.0),
            (faults.dropouts, "dropout", 5.0, LONGEST_OUTAGE_MIN),
            (faults.late, "dropout", 2.0, 10.0),
            (faults.over_ranges, "over_range", 3.0, 10.0),
            (faults.negatives, "negative", 3.0, 20.0),
        )
        for per_day, fault, shortest, longest in lengths:
            if draw < per_day:
                device.fault = fault
                device.fault_ends = now + timedelta(minutes=rng.uniform(shortest, longest))
                return
            draw -= per_day

    def _measure(
        self,
        device: _Device,
        at: int,
        now: datetime,
        scene: Scene,
        growth: float,
        minutes: float,
    ) -> Reading:
        rng = device.rng
        noise = rng.standard_normal(9).tolist()
        fine = float(scene.pm25[at])
        pm10, tsp = float(scene.pm10[at]), float(scene.tsp[at])
        # Only fine particles take up water: mineral dust stays as large as it is.
        grown = {"pm25": fine * growth, "pm10": pm10 + fine * (growth - 1.0)}
        grown["tsp"] = tsp + fine * (growth - 1.0)
        values: dict[str, float] = {}
        # The counting error is shared between the channels of one cell, for the most part.
        for name, own in zip(PARTICLES, noise[1:4], strict=True):
            error = 1.0 + 0.03 * noise[0] + 0.015 * own
            values[name] = round(max(grown[name] * device.gains[name] * error + 0.5 * own, 0.0), 1)
        status = "N"
        if rng.random() < self._faults.spikes * minutes / 1440.0:
            high = 300.0 + values["pm10"] * rng.uniform(4.0, 12.0)
            values |= {"pm10": round(high, 1), "tsp": round(1.4 * high, 1)}
        if max(values.values()) > RANGE_UG_M3 or device.fault == "over_range":
            values |= {"pm10": RANGE_UG_M3, "tsp": RANGE_UG_M3}
            status = "T"
        elif device.fault == "negative":
            values |= {name: round(-rng.uniform(0.5, 8.0), 1) for name in PARTICLES}
        elif device.fault == "stuck":
            device.held = device.held or {name: values[name] for name in PARTICLES}
            values |= device.held
        device.bucket_mm += scene.rain
        tips = math.floor(device.bucket_mm / BUCKET_MM + 1e-9)
        device.bucket_mm -= tips * BUCKET_MM
        passing = 0 if device.segment is None else int(scene.trucks[device.segment])
        values["temp"] = round(scene.temp + device.offset_temp + 0.1 * noise[4], 1)
        values["rh"] = round(min(max(scene.rh + 0.8 * noise[5], 1.0), 100.0), 1)
        values["pressure"] = round(scene.pressure + 0.2 * noise[6], 1)
        values["wind_speed"] = round(max(scene.wind_speed * (1.0 + 0.08 * noise[7]), 0.0), 1)
        values["wind_dir"] = round((scene.wind_dir + 6.0 * noise[8]) % 360.0, 0) % 360.0
        values["rain"] = round(tips * BUCKET_MM, 1)
        values["noise"] = round(56.0 + 6.0 * math.log10(1.0 + 3.0 * passing) + noise[7], 1)
        return Reading(now, status, values)

    def _say(self, device: _Device, now: datetime) -> Iterable[Message]:
        topic = f"up/stations/{device.station.id}/readings"
        for first in range(0, len(device.unsent), BATCH):
            batch = device.unsent[first : first + BATCH]
            if device.speech == "hj212":
                payload = b"".join(
                    _frame(device.station, reading, self._timezone, now) for reading in batch
                )
            elif device.speech == "senml":
                payload = senml.pack(
                    device.station.id, [(one.at, one.status, one.values) for one in batch]
                )
            else:
                items = [_json(device.station, reading) for reading in batch]
                payload = encode(items[0] if len(items) == 1 else items)
            yield Message(topic, payload, "readings", len(batch))


def _json(station: Station, reading: Reading) -> dict[str, object]:
    said: dict[str, object] = {"ts": rfc3339(reading.at), **reading.values}
    if station.pm_unit != "ug/m3":
        for name in PARTICLES:
            value = reading.values[name] * _PM_PER_UG[station.pm_unit]
            said[name] = round(value, _PM_DECIMALS[station.pm_unit])
    if reading.status != "N":
        said["status"] = reading.status
    return said


def _frame(station: Station, reading: Reading, timezone: ZoneInfo, now: datetime) -> bytes:
    values: dict[str, str] = {}
    flags: dict[str, str] = {}
    for code, name in _CODES.items():
        value, decimals = reading.values[name], 1
        if name in PARTICLES:
            value *= _PM_PER_UG[station.pm_unit]
            decimals = _PM_DECIMALS[station.pm_unit]
        elif name == "pressure":
            value, decimals = value / 10.0, 2
        values[code] = f"{value:.{decimals}f}"
        flags[code] = reading.status if name in ("pm10", "tsp") else "N"
    assert station.mn is not None
    return hj212_frame.real_time(
        station.mn,
        reading.at.astimezone(timezone),
        values,
        flags,
        system=hj212_frame.AIR if station.kind == "background" else hj212_frame.ROAD_DUST,
        sent=now.astimezone(timezone),
        backfill=reading.at != now,
    )
