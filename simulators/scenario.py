"""Scenarios: what a simulated stretch of days is like, read from TOML."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

__all__ = [
    "CrewTrouble",
    "DustSpell",
    "GateFailure",
    "NewSite",
    "RainSpell",
    "Scenario",
    "StationFault",
    "TrafficSpell",
    "load_scenario",
    "scenario_names",
]

FaultKind = Literal[
    "stuck", "spikes", "outage", "negative", "over_range", "clock", "drift", "duplicate", "garbled"
]
TroubleKind = Literal["broken", "silent"]


@dataclass(frozen=True, slots=True)
class RainSpell:
    """Rain from ``start_h`` hours after the start, at a mean rate."""

    start_h: float
    hours: float
    mm_per_h: float


@dataclass(frozen=True, slots=True)
class DustSpell:
    """Haze or sand-dust over the whole region: adds up to ``pm10`` µg/m³ to the background.

    ``pm25_share`` is the share of fine particles in what it adds.
    """

    start_h: float
    hours: float
    pm10: float
    pm25_share: float


@dataclass(frozen=True, slots=True)
class GateFailure:
    """A wheel wash that is off from ``start_h`` hours after the start."""

    site: str
    start_h: float
    hours: float


@dataclass(frozen=True, slots=True)
class TrafficSpell:
    """Hours in which other numbers of vehicles pass, relative to what is usual.

    ``trucks`` goes for trucks on the streets and out of gates, ``light`` for all else.
    """

    start_h: float
    hours: float
    trucks: float
    light: float = 1.0


@dataclass(frozen=True, slots=True)
class NewSite:
    """A site that opens ``from_h`` hours after the start and is in no district folder.

    Its trucks come out on the segment ``gate``; ``kind`` is one of the contract's.
    """

    id: str
    kind: str
    lon: float
    lat: float
    gate: str
    from_h: float


@dataclass(frozen=True, slots=True)
class StationFault:
    """A fault of one station, from ``start_h`` hours after the start.

    ``size`` is, by kind: minutes that its clock is ahead (``clock``; negative is behind), percent
    that its gain rises in a day (``drift``), the share of its messages (``duplicate``,
    ``garbled``), spikes in an hour (``spikes``); it has no meaning for the others. In an
    ``outage`` what was measured is kept and sent afterwards.
    """

    station: str
    kind: FaultKind
    start_h: float
    hours: float
    size: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"{self.kind!r} is none of {', '.join(get_args(FaultKind))}")


@dataclass(frozen=True, slots=True)
class CrewTrouble:
    """A crew that is broken down, or out of reach, from ``start_h`` hours after the start."""

    crew: str
    kind: TroubleKind
    start_h: float
    hours: float

    def __post_init__(self) -> None:
        if self.kind not in get_args(TroubleKind):
            raise ValueError(f"{self.kind!r} is none of {', '.join(get_args(TroubleKind))}")


@dataclass(frozen=True)
class Scenario:
    """What a simulated stretch of days is like.

    Rates ``…_per_day`` of faults are per device and day, ``…_rate`` are probabilities from 0
    to 1 per order or message. Wind directions are where the wind comes from, in degrees.

    Raises
    ------
    ValueError
        If a value makes no sense; the message names it.
    """

    name: str
    purpose: str
    start: datetime
    days: float

    # A district to be drawn for it, where the one at hand will not do: "tenfold".
    district: str = ""

    # Weather: means over a day, and half the way from the lowest to the highest hour.
    temp_c: float = 20.0
    temp_swing_c: float = 4.0
    rh_percent: float = 68.0
    rh_swing_percent: float = 14.0
    pressure_kpa: float = 101.5
    wind_ms: float = 2.4
    wind_swing_ms: float = 1.0
    wind_from_deg: float = 75.0
    sea_breeze_turn_deg: float = 70.0
    # From day to day: spread of the logarithm of the wind's speed.
    wind_synoptic: float = 0.3
    rain: tuple[RainSpell, ...] = ()

    # Regional background of PM10, µg/m³, and what is not regular in it, relative.
    background_pm10: float = 42.0
    background_swing: float = 9.0
    background_noise: float = 0.25
    # From day to day: spread of its logarithm.
    background_synoptic: float = 0.35
    background_pm25_share: float = 0.55
    dust: tuple[DustSpell, ...] = ()

    # Trucks, relative to what the district says.
    traffic_factor: float = 1.0
    traffic: tuple[TrafficSpell, ...] = ()
    # Of the loads that leave sites, those without a cover, which spill.
    uncovered_rate: float = 0.02

    # Wheel washes that fail, over all sites with muck trucks.
    gate_failures_per_day: float = 8.0
    gate_failure_hours: tuple[float, float] = (1.0, 3.0)
    first_gate_failure_min: tuple[float, float] | None = (20.0, 40.0)
    gate_failures: tuple[GateFailure, ...] = ()
    new_sites: tuple[NewSite, ...] = ()

    # People.
    complaints_per_day: float = 6.0

    # Devices.
    stuck_per_day: float = 0.0
    spikes_per_day: float = 0.0
    dropouts_per_day: float = 0.0
    negatives_per_day: float = 0.0
    over_ranges_per_day: float = 0.0
    clock_faults_per_day: float = 0.0
    late_per_day: float = 0.0
    drift_percent_per_day: float = 0.0
    duplicate_rate: float = 0.0
    # Messages of stations that arrive broken.
    garbled_rate: float = 0.0
    station_faults: tuple[StationFault, ...] = ()
    camera_recall: float = 0.9
    camera_false_alarms_per_day: float = 0.3
    # Local hours at which a drone sets out on its round.
    drone_rounds_h: tuple[float, ...] = (9.5, 15.5)
    drone_recall: float = 0.85
    drone_false_alarms_per_round: float = 0.1

    # Crews.
    crew_refusal_rate: float = 0.0
    crew_silence_rate: float = 0.0
    crew_breakdowns_per_day: float = 0.0
    # In the middle of each shift of six hours or more.
    crew_break_minutes: float = 0.0
    crew_troubles: tuple[CrewTrouble, ...] = ()

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None:
            raise ValueError(
                f"scenario {self.name!r}: `start` has no time zone; write it like "
                "2026-03-02T06:00:00+08:00"
            )
        if not self.days > 0.0:
            raise ValueError(f"scenario {self.name!r}: `days` is {self.days}; it must be above 0")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"scenario {self.name!r}: `{field.name}` is not a finite number")
            if field.name.endswith(("_per_day", "_rate")) and value < 0.0:
                raise ValueError(
                    f"scenario {self.name!r}: `{field.name}` is {value}; it cannot be negative"
                )
            if field.name.endswith(("_rate", "_share", "_recall")) and value > 1.0:
                raise ValueError(
                    f"scenario {self.name!r}: `{field.name}` is {value}; it is a share of 1"
                )


def scenario_names() -> list[str]:
    """The scenarios that come with the project."""
    shipped = files("simulators") / "scenarios"
    return sorted(file.name[:-5] for file in shipped.iterdir() if file.name.endswith(".toml"))


def load_scenario(name_or_path: str) -> Scenario:
    """Give a scenario that comes with the project by its name, or one of a TOML file.

    Raises
    ------
    ValueError
        If there is no such scenario (the message lists the known ones), or the file says
        something that is not understood.
    """
    shipped = files("simulators") / "scenarios"
    known = scenario_names()
    if name_or_path in known:
        text = (shipped / f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_text(encoding="utf-8")
    else:
        raise ValueError(
            f"there is no scenario {name_or_path!r} and no file of that name; the scenarios are "
            f"{', '.join(known)}"
        )
    try:
        return _from_table(Path(name_or_path).stem, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"scenario {name_or_path!r} is not valid TOML: {error}") from error


_TABLES: dict[str, type[Any]] = {
    "rain": RainSpell,
    "dust": DustSpell,
    "traffic": TrafficSpell,
    "gate_failures": GateFailure,
    "new_sites": NewSite,
    "station_faults": StationFault,
    "crew_troubles": CrewTrouble,
}
_WORDS = ("purpose", "district")


def _from_table(name: str, table: Mapping[str, Any]) -> Scenario:
    known = {field.name for field in dataclasses.fields(Scenario)} - {"name"}
    _refuse_unknown(name, table, known)
    missing = [key for key in ("purpose", "start", "days") if key not in table]
    if missing:
        raise ValueError(f"scenario {name!r} does not say its {', '.join(missing)}")
    said: dict[str, Any] = {"name": name}
    for key, value in table.items():
        if key in _TABLES:
            said[key] = tuple(_row(name, key, row) for row in value)
        elif key in ("gate_failure_hours", "first_gate_failure_min"):
            said[key] = _range(name, key, value)
        elif key == "drone_rounds_h":
            said[key] = _hours(name, key, value)
        elif key in _WORDS:
            said[key] = str(value)
        elif key == "start":
            if not isinstance(value, datetime):
                raise ValueError(f"scenario {name!r}: `start` is no time: {value!r}")
            said[key] = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            said[key] = float(value)
        else:
            raise ValueError(f"scenario {name!r}: `{key}` must be a number, it is {value!r}")
    if table.get("first_gate_failure_min") == []:
        said["first_gate_failure_min"] = None
    return Scenario(**said)


def _row(name: str, key: str, row: Mapping[str, Any]) -> Any:
    kind = _TABLES[key]
    _refuse_unknown(f"{name}, {key}", row, {field.name for field in dataclasses.fields(kind)})
    try:
        return kind(**row)
    except TypeError as error:
        raise ValueError(f"scenario {name!r}: an entry of `{key}` is not whole: {error}") from error
    except ValueError as error:
        raise ValueError(f"scenario {name!r}: an entry of `{key}`: {error}") from error


def _range(name: str, key: str, value: Any) -> tuple[float, float] | None:
    if value == []:
        return None
    if not (isinstance(value, list) and len(value) == 2 and 0.0 <= value[0] <= value[1]):
        raise ValueError(f"scenario {name!r}: `{key}` must be [lowest, highest], it is {value!r}")
    return float(value[0]), float(value[1])


def _hours(name: str, key: str, value: Any) -> tuple[float, ...]:
    if not (isinstance(value, list) and all(0.0 <= hour < 24.0 for hour in value)):
        raise ValueError(f"scenario {name!r}: `{key}` must be hours of a day, it is {value!r}")
    return tuple(float(hour) for hour in value)


def _refuse_unknown(name: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            f"scenario {name!r} says {', '.join(unknown)}, which is not understood; the words "
            f"are {', '.join(sorted(known))}"
        )
