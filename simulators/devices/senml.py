"""SenML packs (RFC 8428) of readings."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from simulators.message import encode

# RFC 8428 table 4 and RFC 8798; there is no SenML unit for dB(A), so noise goes without.
UNITS = {
    "pm10": "ug/m3",
    "pm25": "ug/m3",
    "tsp": "ug/m3",
    "temp": "Cel",
    "rh": "%RH",
    "pressure": "hPa",
    "wind_speed": "m/s",
    "wind_dir": "deg",
    "rain": "mm",
}


def pack(station: str, readings: Iterable[tuple[datetime, str, Mapping[str, float]]]) -> bytes:
    """One pack of readings: each a time, a data flag, and values by the contract's names."""
    records: list[dict[str, Any]] = []
    for at, status, values in readings:
        base: dict[str, Any] = {"bn": f"{station}:"} if not records else {}
        base["bt"] = at.timestamp()
        for name, value in values.items():
            record = {**base, "n": name, "v": value}
            if name in UNITS:
                record["u"] = UNITS[name]
            records.append(record)
            base = {}
        if status != "N":
            records.append({**base, "n": "status", "vs": status})
    return encode(records)
