"""Cameras that recognise what goes by: at the gates of sites, and along the streets."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np

from geo.district import Camera, District
from simulators.devices.scene import Scene
from simulators.message import Message, encode, rfc3339
from simulators.spells import Timeline, always, by_chance
from simulators.streams import stream

IDLE_EVERY_MIN = (8.0, 12.0)
PLUME_EVERY_MIN = 10.0
MUD_EVERY_MIN = 15.0

# Soil that a camera can tell from a merely dusty street.
MUDDY_G_M2 = 2.5
DAYLIGHT_H = (7, 18)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"

Truck = Literal["unwashed_truck", "uncovered_truck"]


@dataclass(slots=True)
class _Watch:
    """A look-out for one kind of bad truck, with luck of its own."""

    kind: Truck
    rng: np.random.Generator
    false_alarms: Timeline


@dataclass(slots=True)
class _Lens:
    camera: Camera
    topic: str
    segment: int | None
    site: int | None
    unwashed: _Watch
    uncovered: _Watch
    idle: np.random.Generator
    plume: np.random.Generator
    mud: np.random.Generator
    quiet_until_min: dict[str, float] = field(default_factory=dict)


class Cameras:
    """All cameras of a district.

    Each thing that a camera looks for has a stream of random numbers of its own, so that mud on a
    street, which crews take away, changes nothing in which trucks are recognised.

    recall
        Share of the muddy trucks that a gate camera recognises, and of the uncovered loads that
        any camera does.
    false_alarms_per_day
        Clean trucks that a camera takes for muddy ones, and covered loads for uncovered ones.
    """

    def __init__(
        self, district: District, seed: int, *, recall: float, false_alarms_per_day: float
    ) -> None:
        self._timezone = district.timezone
        self._recall = recall
        self._lived_min = 0.0
        self._lenses = [
            _lens(district, camera, seed, false_alarms_per_day)
            for camera in district.cameras.values()
        ]

    def minute(
        self, began: datetime, now: datetime, scene: Scene, *, minutes: float = 1.0
    ) -> list[Message]:
        """What the cameras publish at `now` of what they saw since `began`; ids never repeat."""
        self._lived_min += minutes
        shown = rfc3339(now)
        serial = f"{round(now.timestamp() * 1000):x}"
        light = DAYLIGHT_H[0] <= now.astimezone(self._timezone).hour < DAYLIGHT_H[1]
        messages = []
        for lens in self._lenses:
            seen = _passing(lens, shown, scene)
            if lens.site is None:
                seen += self._on_street(lens, began, now, shown, scene)
            else:
                seen += self._at_gate(lens, lens.site, began, now, shown, scene, light)
            if seen:
                for number, event in enumerate(seen):
                    event["id"] = f"{lens.camera.id[:40]}-{serial}-{number}"
                payload = encode(seen if len(seen) > 1 else seen[0])
                messages.append(Message(lens.topic, payload, "events", len(seen)))
        return messages

    def _at_gate(
        self,
        lens: _Lens,
        site: int,
        began: datetime,
        now: datetime,
        shown: str,
        scene: Scene,
        light: bool,
    ) -> list[dict[str, Any]]:
        place = {"site": lens.camera.site}
        seen = self._trucks(lens.unwashed, int(scene.unwashed[site]), began, now, place)
        seen += self._trucks(lens.uncovered, int(scene.uncovered_gate[site]), began, now, place)
        if scene.gate_failing[site] and self._may(lens, "wash_bay_idle"):
            self._rest(lens, "wash_bay_idle", lens.idle.uniform(*IDLE_EVERY_MIN))
            sure = lens.idle.uniform(0.7, 0.98)
            seen.append(_event("wash_bay_idle", shown, sure, **place))
        if scene.plume[site] and light and self._may(lens, "dust_plume"):
            # Dust is seen from some sides and not from others.
            if lens.plume.random() < 0.5:
                seen.append(_event("dust_plume", shown, lens.plume.uniform(0.6, 0.95), **place))
            self._rest(lens, "dust_plume", PLUME_EVERY_MIN)
        return seen

    def _on_street(
        self, lens: _Lens, began: datetime, now: datetime, shown: str, scene: Scene
    ) -> list[dict[str, Any]]:
        segment = lens.segment
        if segment is None:
            return []
        place = {"segment": lens.camera.segment}
        seen = self._trucks(lens.uncovered, int(scene.uncovered[segment]), began, now, place)
        if scene.silt[segment] >= MUDDY_G_M2 and self._may(lens, "mud_on_road"):
            self._rest(lens, "mud_on_road", MUD_EVERY_MIN)
            sure = min(0.5 + 0.1 * (float(scene.silt[segment]) - MUDDY_G_M2), 0.95)
            sure = min(sure + lens.mud.uniform(-0.05, 0.05), 0.99)
            seen.append(_event("mud_on_road", shown, sure, **place))
        return seen

    def _trucks(
        self,
        watch: _Watch,
        bad: int,
        began: datetime,
        now: datetime,
        place: dict[str, str | None],
    ) -> list[dict[str, Any]]:
        """Those bad trucks that are recognised, and at times a good one."""
        wrong = watch.false_alarms.at(self._lived_min) is not None
        if not (bad or wrong):
            return []
        rng = watch.rng
        sure = [rng.uniform(0.75, 0.99) for _ in range(bad) if rng.random() < self._recall]
        if wrong:
            sure.append(rng.uniform(0.5, 0.8))
        seen = []
        for confidence in sure:
            at = rfc3339(began + (now - began) * float(rng.random()))
            facts: dict[str, Any] = {**place, "truck": "muck", "count": 1}
            if watch.kind == "unwashed_truck":
                # Only at a gate do trucks stand long enough for their plates to be read.
                letter = LETTERS[rng.integers(len(LETTERS))]
                facts["plate"] = f"粤B·{letter}{rng.integers(10_000):04d}"
            seen.append(_event(watch.kind, at, confidence, **facts))
        return seen

    def _may(self, lens: _Lens, kind: str) -> bool:
        return lens.quiet_until_min.get(kind, 0.0) <= self._lived_min

    def _rest(self, lens: _Lens, kind: str, minutes: float) -> None:
        lens.quiet_until_min[kind] = self._lived_min + minutes


def _lens(district: District, camera: Camera, seed: int, false_alarms_per_day: float) -> _Lens:
    gates = district.sites[camera.site].gates if camera.site else ()
    segment = camera.segment or (gates[0] if gates else None)

    def own(purpose: str) -> np.random.Generator:
        return stream(seed, "camera", camera.id, purpose)

    def watch(kind: Truck) -> _Watch:
        wrong = by_chance(own(f"false {kind}"), false_alarms_per_day, always(1.0))
        return _Watch(kind, own(kind), Timeline(wrong))

    return _Lens(
        camera=camera,
        topic=f"up/cameras/{camera.id}/events",
        segment=None if segment is None else list(district.segments).index(segment),
        site=None if camera.site is None else list(district.sites).index(camera.site),
        unwashed=watch("unwashed_truck"),
        uncovered=watch("uncovered_truck"),
        idle=own("wash_bay_idle"),
        plume=own("dust_plume"),
        mud=own("mud_on_road"),
    )


def _passing(lens: _Lens, shown: str, scene: Scene) -> list[dict[str, Any]]:
    if lens.segment is None:
        return []
    muck, container = int(scene.muck[lens.segment]), int(scene.container[lens.segment])
    rest = max(int(scene.trucks[lens.segment]) - muck - container, 0)
    kinds = (("muck", muck), ("container", container), ("other", rest))
    return [
        _event("truck_pass", shown, 0.95, truck=truck, count=count)
        for truck, count in kinds
        if count > 0
    ]


def _event(kind: str, at: str, confidence: float, **facts: Any) -> dict[str, Any]:
    return {"ts": at, "kind": kind, "id": "", "confidence": round(confidence, 2), **facts}
