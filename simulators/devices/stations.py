"""Measuring stations: one reading a minute, with the errors and faults of real ones."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from geo.district import District
from simulators.chance import Chance
from simulators.devices.faults import Faults, FaultyReading, check_names, faults_of
from simulators.devices.garbling import garbled
from simulators.devices.ledger import Ledger, Said
from simulators.devices.scene import Scene
from simulators.devices.speech import QUANTITIES, Reading, Speech, speech_of
from simulators.devices.stamp import Stamp
from simulators.message import Message
from simulators.scenario import FaultKind, Scenario
from simulators.spells import MINUTES_A_DAY, Spell
from simulators.streams import stream

RANGE_UG_M3 = 5_000.0
BUCKET_MM = 0.1

# Readings that a logger keeps while its line is down; beyond it the oldest are gone.
KEPT = 7 * 1440

# A gain that is off by more than this is a fault.
WORTH_TELLING = 0.1
LEAST_GAIN = 0.2

# Minutes of noise drawn at once, and kinds of it.
BLOCK = 240
KINDS = 9

Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Device:
    id: str
    topic: str
    speech: Speech
    faults: Faults
    garble: Chance
    double: Chance
    # Particles as they were when it got stuck.
    held: list[float] | None = None
    clock_off_min: float = 0.0
    unsent: list[Reading] = field(default_factory=list)


def humidity_growth(rh: float) -> float:
    """How much more light fine particles scatter than dry ones; 1 up to 75 %.

    kappa-Köhler form of Crilley et al. 2018 (AMT 11:709) with the small kappa that is left
    behind a heated inlet.
    """
    water = min(rh, 97.0) / (100.0 - min(rh, 97.0))
    return 1.0 + 0.05 / 1.65 * max(water - 3.0, 0.0)


class Stations:
    """All stations of a district.

    Attributes
    ----------
    faulty
        What was wrong with the readings of the last minute, and with those sent in it.

    Raises
    ------
    ValueError
        If the scenario gives a fault to a station that the district has not.
    """

    def __init__(self, district: District, scenario: Scenario, seed: int) -> None:
        check_names(scenario, district)
        self._scenario = scenario
        self._timezone = district.timezone
        self._sensors = _Sensors(district, scenario, seed)
        self._ledger = Ledger()
        self._lived_min = 0.0
        self.faulty: list[FaultyReading] = []
        self._devices: list[_Device] = []
        without_number = 0
        for station in district.stations.values():
            without_number += station.mn is None
            faults = faults_of(scenario, seed, station.id)
            if faults.clock_off_min > 0.0:
                self._ledger.watch(station.id, faults.clock_off_min)
            self._devices.append(
                _Device(
                    station.id,
                    f"up/stations/{station.id}/readings",
                    speech_of(station, without_number),
                    faults,
                    Chance(seed, "station", station.id, "garbled"),
                    Chance(seed, "station", station.id, "duplicate"),
                )
            )

    @property
    def planted(self) -> Counter[str]:
        """Dead letters that must have come of all messages so far, by reason."""
        return self._ledger.planted

    def minute(self, now: datetime, scene: Scene, *, minutes: float = 1.0) -> list[Message]:
        """What the stations publish at `now` of the `minutes` that have just ended."""
        self._lived_min += minutes
        self.faulty = []
        stamp = Stamp.of(now, self._timezone)
        rows, noise = self._sensors.measure(scene, self._lived_min)
        messages: list[Message] = []
        for device, values, own, drifted in zip(
            self._devices, rows, noise, self._sensors.drifted, strict=True
        ):
            wrong = device.faults.at(self._lived_min) if device.faults.timelines else {}
            reading = self._written(device, stamp, values, own, wrong, drifted)
            device.unsent.append(reading)
            if "outage" in wrong:
                del device.unsent[:-KEPT]
            else:
                messages += self._send(device, stamp, wrong)
                device.unsent = []
        return messages

    def _written(
        self,
        device: _Device,
        stamp: Stamp,
        values: list[float],
        own: float,
        wrong: dict[FaultKind, Spell],
        drifted: bool,
    ) -> Reading:
        """The reading as the device writes it down; `own` is a number of its own, about 0."""
        status = "N"
        taken = stamp
        faults: list[FaultKind] = [
            kind for kind in wrong if kind not in ("drift", "duplicate", "garbled")
        ]
        if wrong:
            _spoil(device, values, own, wrong)
            device.clock_off_min = wrong["clock"].size if "clock" in wrong else 0.0
            if "clock" in wrong:
                stamp = Stamp.of(taken.at + timedelta(minutes=device.clock_off_min), self._timezone)
            if "drift" in wrong and abs(wrong["drift"].size) / 100.0 > WORTH_TELLING:
                drifted = True
        else:
            device.held, device.clock_off_min = None, 0.0
        if "over_range" in wrong or max(values[:3]) > RANGE_UG_M3:
            values[0] = values[2] = RANGE_UG_M3
            status = "T"
            if "over_range" not in faults:
                faults.append("over_range")
        if drifted:
            faults.append("drift")
        for fault in faults:
            self.faulty.append(FaultyReading(device.id, stamp.at, taken.at, fault))
        return Reading(taken, stamp, status, values)

    def _send(
        self, device: _Device, stamp: Stamp, wrong: dict[FaultKind, Spell]
    ) -> Iterator[Message]:
        sent = stamp
        if device.clock_off_min:
            sent = Stamp.of(stamp.at + timedelta(minutes=device.clock_off_min), self._timezone)
        garbled_share = _share(self._scenario.garbled_rate, wrong.get("garbled"))
        double_share = _share(self._scenario.duplicate_rate, wrong.get("duplicate"))
        minute = round(self._lived_min)
        for number, batch in enumerate(device.speech.batches(device.unsent)):
            pieces = device.speech.write(batch, sent, stamp.at)
            if garbled_share and device.garble.at(minute, number, 0) < garbled_share:
                luck = _Luck(device.garble, minute, number)
                payload, reason, gone = garbled(pieces, len(batch), luck)
                self._ledger.refused(reason)
                self._tell_of(device, [batch[at] for at in gone], "garbled")
                batch = [batch[at] for at in range(len(batch)) if at not in gone]
            else:
                payload = b"".join(pieces)
            count = self._enter(device, stamp, batch)
            message = Message(device.topic, payload, "readings", count)
            yield message
            if double_share and device.double.at(minute, number) < double_share:
                self._tell_of(device, batch, "duplicate")
                # The same readings again are no more readings.
                yield replace(message, count=0)

    def _enter(self, device: _Device, clock: Stamp, batch: Sequence[Reading]) -> int:
        """How many of a message's readings are to be stored."""
        if not self._ledger.watches(device.id):
            return len(batch)
        said = device.speech.said
        return self._ledger.tell(
            device.id,
            clock.ms,
            [Said(one.taken.ms, *said(one)) for one in batch],
            whole=device.speech.whole,
        )

    def _tell_of(self, device: _Device, readings: Sequence[Reading], fault: FaultKind) -> None:
        self.faulty += [
            FaultyReading(device.id, one.stamp.at, one.taken.at, fault) for one in readings
        ]


class _Luck:
    """The numbers after the first of a message's own."""

    def __init__(self, chance: Chance, minute: int, number: int) -> None:
        self._chance, self._minute, self._number = chance, minute, number

    def __call__(self, nth: int) -> float:
        return self._chance.at(self._minute, self._number, nth + 1)


class _Sensors:
    """What all stations measure when nothing is wrong with them, each with noise of its own."""

    def __init__(self, district: District, scenario: Scenario, seed: int) -> None:
        stations = list(district.stations.values())
        segment_at = {segment: at for at, segment in enumerate(district.segments)}
        # The place after the last one is that of stations without a street, where none passes.
        nowhere = len(segment_at)
        self._street = np.array(
            [segment_at.get(station.segment or "", nowhere) for station in stations], np.intp
        )
        own = [stream(seed, "station", station.id) for station in stations]
        # One optical cell: its channels are off together, and a little apart.
        self._gains = np.array(
            [rng.uniform(0.92, 1.08) * rng.uniform(0.98, 1.02, 3) for rng in own]
        ).reshape(-1, 3)
        self._temp_off = np.array([rng.normal(0.0, 0.3) for rng in own])
        self._bucket_mm = np.array([rng.uniform(0.0, BUCKET_MM) for rng in own])
        drifts = [stream(seed, "station", station.id, "drift") for station in stations]
        self._drift_per_day = np.array([rng.standard_normal() for rng in drifts])
        self._drift_per_day *= scenario.drift_percent_per_day / 100.0
        self._rngs = [stream(seed, "station", station.id, "noise") for station in stations]
        self._noise = np.empty((0, len(stations), KINDS))
        self._next = 0
        self.drifted = [False] * len(stations)
        "Whose gain has come to be off by more than is usual."

    def measure(self, scene: Scene, minute: float) -> tuple[list[list[float]], list[float]]:
        """The values of each station in the order of QUANTITIES, and a number about 0 for each."""
        noise = self._draw()
        rows = np.empty((len(noise), len(QUANTITIES)))
        # Only fine particles take up water: mineral dust stays as large as it is.
        swollen = scene.pm25 * (humidity_growth(scene.rh) - 1.0)
        dust = np.stack([scene.pm10, scene.pm25, scene.tsp], axis=1) + swollen[:, None]
        # The counting error is shared between the channels of one cell, for the most part.
        dust *= self._gains * (1.0 + 0.03 * noise[:, :1] + 0.015 * noise[:, 1:4])
        dust *= self._drift(minute)[:, None]
        rows[:, :3] = np.maximum(dust + 0.5 * noise[:, 1:4], 0.0)
        rows[:, 3] = scene.temp + self._temp_off + 0.1 * noise[:, 4]
        rows[:, 4] = np.clip(scene.rh + 0.8 * noise[:, 5], 1.0, 100.0)
        rows[:, 5] = scene.pressure + 0.2 * noise[:, 6]
        rows[:, 6] = np.maximum(scene.wind_speed * (1.0 + 0.08 * noise[:, 7]), 0.0)
        rows[:, 7] = np.round(scene.wind_dir + 6.0 * noise[:, 8]) % 360.0
        self._bucket_mm += scene.rain
        tips = np.floor(self._bucket_mm / BUCKET_MM + 1e-9)
        self._bucket_mm -= tips * BUCKET_MM
        rows[:, 8] = tips * BUCKET_MM
        passing = np.append(scene.trucks, 0)[self._street]
        rows[:, 9] = 56.0 + 6.0 * np.log10(1.0 + 3.0 * passing) + noise[:, 7]
        return np.round(rows, 1).tolist(), noise[:, 1].tolist()

    def _drift(self, minute: float) -> Floats:
        if not self._drift_per_day.any():
            return np.ones_like(self._drift_per_day)
        off = self._drift_per_day * (minute / MINUTES_A_DAY)
        self.drifted = (np.abs(off) > WORTH_TELLING).tolist()
        return np.maximum(1.0 + off, LEAST_GAIN)

    def _draw(self) -> Floats:
        if self._next == len(self._noise):
            self._noise = np.empty((BLOCK, len(self._rngs), KINDS))
            for at, rng in enumerate(self._rngs):
                self._noise[:, at] = rng.standard_normal((BLOCK, KINDS))
            self._next = 0
        self._next += 1
        return np.asarray(self._noise[self._next - 1], np.float64)


def _spoil(device: _Device, values: list[float], own: float, wrong: dict[FaultKind, Spell]) -> None:
    """Change particles as the faults of the minute do."""
    if "drift" in wrong:
        gain = max(1.0 + wrong["drift"].size / 100.0, LEAST_GAIN)
        values[:3] = [round(value * gain, 1) for value in values[:3]]
    if "spikes" in wrong:
        high = 300.0 + values[0] * wrong["spikes"].size
        values[0], values[2] = round(high, 1), round(1.4 * high, 1)
    if "negative" in wrong:
        below = -max(wrong["negative"].size + 0.3 * own, 0.1)
        values[:3] = [round(below * times, 1) for times in (1.0, 1.2, 1.5)]
    if "stuck" in wrong:
        device.held = device.held or values[:3]
        values[:3] = device.held
    else:
        device.held = None


def _share(rate: float, spell: Spell | None) -> float:
    return rate if spell is None else max(rate, spell.size)
