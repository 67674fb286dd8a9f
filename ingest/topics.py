"""Which topic brings what: the contract's table of `up/`, and who may send on it."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from ingest import crews, events, frames, readings, reports, senml
from ingest.hj212 import HEAD
from ingest.items import is_array
from ingest.records import Decoded
from ingest.refusals import Refusal
from ingest.registry import Registry, StationFacts
from ingest.tables import Kind

CLOCK = "up/clock"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Route(NamedTuple):
    """Where a topic's payloads go. kind: the table. source: who sends. source_kind: camera, drone,
    crew, ... in the plural of the topic. decode: the adapter."""

    kind: Kind
    source: str
    source_kind: str
    decode: Callable[[bytes], Decoded[Any]]


class Topics:
    """Routes of topics, remembered: a station sends on the same topic all its life."""

    def __init__(self, registry: Registry, most_items: int) -> None:
        self._registry, self._most = registry, most_items
        # A stranger's topics push out old ones, and can never fill the memory.
        self._remembered = lru_cache(maxsize=8192)(self._route)

    def route(self, topic: str) -> Route:
        """The route of a topic without the prefix. Raises Refusal: `topic` or `unknown_id`."""
        route = self._remembered(topic)
        if isinstance(route, Refusal):
            raise Refusal(route.reason, route.detail)
        return route

    def _route(self, topic: str) -> Route | Refusal:
        try:
            return self._found(topic)
        except Refusal as refusal:
            return refusal

    def _found(self, topic: str) -> Route:
        registry, most = self._registry, self._most
        match topic.split("/"):
            case ["up", "stations", station, "readings"]:
                facts = registry.stations.get(station)
                if facts is None:
                    raise Refusal("unknown_id", f"the district has no station {station!r}")
                return Route(
                    "readings",
                    station,
                    "stations",
                    lambda payload: _readings(payload, facts, registry, most),
                )
            case ["up", "cameras", camera, "events"]:
                _known(camera, registry.cameras, "camera")
                return Route(
                    "events",
                    camera,
                    "cameras",
                    lambda payload: events.events(payload, camera, registry, most),
                )
            case ["up", "drones", drone, "events"]:
                _valid(drone, "drone")
                return Route(
                    "events",
                    drone,
                    "drones",
                    lambda payload: events.events(payload, drone, registry, most),
                )
            case ["up", "crews", crew, "position"]:
                _known(crew, registry.crews, "crew")
                return Route("positions", crew, "crews", crews.positions)
            case ["up", "crews", crew, "progress"]:
                _known(crew, registry.crews, "crew")
                return Route("progress", crew, "crews", crews.progress)
            case ["up", "reports", channel]:
                _valid(channel, "report channel")
                return Route(
                    "reports",
                    channel,
                    "reports",
                    lambda payload: reports.reports(payload, channel, registry),
                )
            case _:
                raise Refusal("topic", "the contract has no such topic")


def _readings(payload: bytes, facts: StationFacts, registry: Registry, most: int) -> Decoded[Any]:
    """A station's payload: HJ 212 frames, SenML, or the contract's own Readings."""
    if payload.startswith(HEAD):
        return frames.readings(payload, facts, registry.timezone)
    decoded = readings.readings(payload, facts.ug_per_m3, most)
    # A look for SenML costs a second decoding, so it waits until nothing fits a Reading.
    if not decoded.records and is_array(payload) and senml.looks_like_senml(payload):
        return senml.readings(payload, facts.ug_per_m3, most)
    return decoded


def _known(id_: str, ids: frozenset[str], what: str) -> None:
    if id_ not in ids:
        raise Refusal("unknown_id", f"the district has no {what} {id_!r}")


def _valid(id_: str, what: str) -> None:
    if not _ID.match(id_):
        raise Refusal("unknown_id", f"{id_!r} is no id of a {what}: 1 to 64 of A-Z a-z 0-9 _ - are")
