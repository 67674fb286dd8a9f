"""Which of a maker's events means what in the district: a TOML table that the district edits."""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import msgspec

from ingest.messages import EventKind, SiteEvent
from ingest.refusals import Refusal
from ingest.vendors.sighting import Facts, Sighting

Shift = Callable[[float, float], tuple[float, float]]
"""Longitude and latitude of another datum to WGS 84."""

HERE = Path(__file__).parent
KINDS: frozenset[str] = frozenset(get_args(EventKind))
TRUCKS = frozenset({"muck", "container", "mixer", "other"})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NO_SHIFTS: Mapping[str, Shift] = MappingProxyType({"wgs84": lambda lon, lat: (lon, lat)})


class TableError(ValueError):
    """A table that cannot be used; the message names the file, the rule and the key."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event means whose facts all fit `when`. kind: of SiteEvent, or None to pass it over.

    again_s: the same of the same sender within this is the same event, which a camera keeps
    repeating for as long as it lasts.
    """

    when: Mapping[str, re.Pattern[str]]
    kind: str | None
    confidence: float | None = None
    truck: str | None = None
    again_s: float = 60.0

    def fits(self, facts: Facts) -> bool:
        return all(
            path in facts and pattern.fullmatch(facts[path]) is not None
            for path, pattern in self.when.items()
        )


@dataclass(frozen=True, slots=True)
class Meant:
    """An event of the contract, and who saw it by the district's name."""

    sender: str
    event: SiteEvent
    again_s: float


@dataclass(frozen=True, slots=True)
class Table:
    """names: the district's id of each sender. lon, lat: paths of the place, where one is said.
    plate, note: likewise. datum: of the place. shifts: by datum."""

    rules: tuple[Rule, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    lon: str = ""
    lat: str = ""
    plate: str = ""
    note: str = ""
    datum: str = "wgs84"
    shifts: Mapping[str, Shift] = field(default_factory=lambda: _NO_SHIFTS)

    def name(self, senders: tuple[str, ...]) -> str:
        """The district's id of a sender; its own name where the table has none, made an id."""
        known = next((self.names[one] for one in senders if one in self.names), None)
        own = senders[0] if senders else "unknown"
        return known or re.sub(r"[^A-Za-z0-9_-]", "-", own)[:64] or "unknown"

    def meaning(self, sighting: Sighting) -> Meant | None:
        """What the first rule that fits makes of a sighting; None where none does, or it is to be
        passed over. Raises Refusal for a place that cannot be read."""
        facts = sighting.facts
        rule = next((rule for rule in self.rules if rule.fits(facts)), None)
        if rule is None or rule.kind is None:
            return None
        lon, lat = self._place(facts)
        event: dict[str, Any] = {
            "ts": sighting.ts,
            "kind": rule.kind,
            "confidence": rule.confidence,
            "lon": lon,
            "lat": lat,
            "truck": rule.truck,
            "plate": facts.get(self.plate),
            "note": facts.get(self.note),
            "media": sighting.media or None,
        }
        try:
            read = msgspec.convert(event, SiteEvent)
        except msgspec.ValidationError as error:
            raise Refusal("time" if "$.ts" in str(error) else "type", str(error)) from None
        return Meant(self.name(sighting.senders), read, rule.again_s)

    def _place(self, facts: Facts) -> tuple[float | None, float | None]:
        said = facts.get(self.lon), facts.get(self.lat)
        if said[0] is None or said[1] is None:
            return None, None
        try:
            lon, lat = float(said[0]), float(said[1])
        except ValueError:
            raise Refusal("place", f"{said[0]!r}, {said[1]!r} are no degrees") from None
        if not (math.isfinite(lon) and math.isfinite(lat)) or (lon, lat) == (0.0, 0.0):
            # What a receiver says before it has found itself.
            return None, None
        return self.shifts[self.datum](lon, lat)


def load_table(file: Path, shifts: Mapping[str, Shift] = _NO_SHIFTS) -> Table:
    """Read a table. shifts: by datum, what brings its places to WGS 84.

    Raises TableError, OSError.
    """
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{file} is not valid TOML: {error}") from None
    unknown = said.keys() - {"rule", "names", "paths", "datum"}
    if unknown:
        raise TableError(f"{file}: {', '.join(sorted(unknown))}: no such key")
    names, paths, rules = said.get("names", {}), said.get("paths", {}), said.get("rule", [])
    if not isinstance(names, dict) or not isinstance(paths, dict) or not isinstance(rules, list):
        raise TableError(f"{file}: names and paths are tables, rule is [[rule]]")
    for sender, name in names.items():
        if not isinstance(name, str) or not _ID.match(name):
            raise TableError(f"{file}: names.{sender}: {name!r} is no id (1 to 64 of A-Za-z0-9_-)")
    if not paths.keys() <= {"lon", "lat", "plate", "note"} or not all(
        isinstance(path, str) for path in paths.values()
    ):
        raise TableError(f"{file}: paths: lon, lat, plate and note are there, each a text")
    datum = said.get("datum", "wgs84")
    if datum not in shifts:
        raise TableError(f"{file}: datum {datum!r}: one of {', '.join(sorted(shifts))} is needed")
    return Table(
        rules=tuple(_rule(f"{file}: rule {n}", rule) for n, rule in enumerate(rules, 1)),
        names=names,
        datum=datum,
        shifts=shifts,
        **paths,
    )


def _rule(where: str, said: Any) -> Rule:
    if not isinstance(said, dict) or not said.keys() <= {
        "when",
        "kind",
        "confidence",
        "truck",
        "again_s",
    }:
        raise TableError(f"{where}: when, kind, confidence, truck and again_s are there")
    kind, when = said.get("kind"), said.get("when")
    if kind != "none" and kind not in KINDS:
        raise TableError(f"{where}: kind {kind!r}: one of {', '.join(sorted(KINDS))}, or none")
    if not isinstance(when, dict) or not when:
        raise TableError(f"{where}: when is a table from paths to patterns, and not empty")
    patterns = {}
    for path, pattern in when.items():
        try:
            patterns[path] = re.compile(pattern, re.IGNORECASE)
        except (re.error, TypeError) as error:
            raise TableError(f"{where}: when.{path}: {pattern!r}: {error}") from None
    confidence, truck, again_s = said.get("confidence"), said.get("truck"), said.get("again_s", 60)
    if confidence is not None and not (_is_number(confidence) and 0 <= confidence <= 1):
        raise TableError(f"{where}: confidence {confidence!r}: a number from 0 to 1")
    if truck is not None and truck not in TRUCKS:
        raise TableError(f"{where}: truck {truck!r}: one of {', '.join(sorted(TRUCKS))}")
    if not _is_number(again_s) or again_s < 0:
        raise TableError(f"{where}: again_s {again_s!r}: seconds, 0 or more")
    return Rule(patterns, None if kind == "none" else kind, confidence, truck, again_s)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
