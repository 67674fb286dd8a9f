"""Cameras that recognise what goes by: at the gates of sites, and along the streets."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from geo.district import Camera, District
from simulators.devices.scene import Scene
from simulators.message import Message, encode, rfc3339
from simulators.streams import stream

IDLE_EVERY_MIN = (8.0, 12.0)
PLUME_EVERY_MIN = 10.0
MUD_EVERY_MIN = 15.0

# Soil that a camera can tell from a merely dusty street.
MUDDY_G_M2 = 2.5
DAYLIGHT_H = (7, 18)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(slots=True)
class _Lens:
    camera: Camera
    rng: np.random.Generator
    segment: int | None
    site: int | None
    quiet_until: dict[str, datetime] = field(default_factory=dict)


class Cameras:
    """All cameras of a district.

    recall
        Share of the muddy trucks that a gate camera recognises.
    false_alarms_per_day
        Clean trucks that it takes for muddy ones, per gate camera.
    """

    def __init__(
        self, district: District, seed: int, *, recall: float, false_alarms_per_day: float
    ) -> None:
        segment_at = {segment: at for at, segment in enumerate(district.segments)}
        site_at = {site: at for at, site in enumerate(district.sites)}
        self._timezone = district.timezone
        self._recall = recall
        self._false_alarms_per_day = false_alarms_per_day
        self._lenses: list[_Lens] = []
        for camera in district.cameras.values():
            gates = district.sites[camera.site].gates if camera.site else ()
            segment = camera.segment or (gates[0] if gates else None)
            self._lenses.append(
                _Lens(
                    camera=camera,
                    rng=stream(seed, "camera", camera.id),
                    segment=None if segment is None else segment_at[segment],
                    site=None if camera.site is None else site_at[camera.site],
                )
            )

    def minute(self, began: datetime, now: datetime, scene: Scene) -> list[Message]:
        """What the cameras publish at `now` of what they saw since `began`; ids never repeat."""
        messages = []
        for lens in self._lenses:
            seen = _passing(lens, now, scene)
            if lens.site is None:
                seen += self._on_street(lens, now, scene)
            else:
                seen += self._at_gate(lens, lens.site, began, now, scene)
            if seen:
                for number, event in enumerate(seen):
                    serial = f"{round(now.timestamp() * 1000):x}-{number}"
                    event["id"] = f"{lens.camera.id[:40]}-{serial}"
                messages.append(
                    Message(
                        f"up/cameras/{lens.camera.id}/events",
                        encode(seen if len(seen) > 1 else seen[0]),
                        "events",
                        len(seen),
                    )
                )
        return messages

    def _at_gate(
        self, lens: _Lens, site: int, began: datetime, now: datetime, scene: Scene
    ) -> list[dict[str, Any]]:
        rng = lens.rng
        name = lens.camera.site
        minutes = (now - began).total_seconds() / 60.0
        dirty = int(scene.unwashed[site])
        right = int(rng.binomial(dirty, self._recall))
        wrong = int(rng.random() < self._false_alarms_per_day * minutes / 1440.0)
        seen: list[dict[str, Any]] = []
        for number in range(right + wrong):
            sure = rng.uniform(0.75, 0.99) if number < right else rng.uniform(0.5, 0.8)
            at = began + (now - began) * float(rng.random())
            plate = f"粤B·{LETTERS[rng.integers(len(LETTERS))]}{rng.integers(10_000):04d}"
            seen.append(
                _event("unwashed_truck", at, sure, site=name, truck="muck", count=1, plate=plate)
            )
        if scene.gate_failing[site] and _may(lens, "wash_bay_idle", now):
            _rest(lens, "wash_bay_idle", now, rng.uniform(*IDLE_EVERY_MIN))
            seen.append(_event("wash_bay_idle", now, rng.uniform(0.7, 0.98), site=name))
        light = DAYLIGHT_H[0] <= now.astimezone(self._timezone).hour < DAYLIGHT_H[1]
        if scene.plume[site] and light and _may(lens, "dust_plume", now):
            # Dust is seen from some sides and not from others.
            if rng.random() < 0.5:
                seen.append(_event("dust_plume", now, rng.uniform(0.6, 0.95), site=name))
            _rest(lens, "dust_plume", now, PLUME_EVERY_MIN)
        return seen

    def _on_street(self, lens: _Lens, now: datetime, scene: Scene) -> list[dict[str, Any]]:
        segment = lens.segment
        if segment is None or scene.silt[segment] < MUDDY_G_M2:
            return []
        if not _may(lens, "mud_on_road", now):
            return []
        _rest(lens, "mud_on_road", now, MUD_EVERY_MIN)
        sure = float(np.clip(0.5 + 0.1 * (scene.silt[segment] - MUDDY_G_M2), 0.5, 0.95))
        sure = min(sure + lens.rng.uniform(-0.05, 0.05), 0.99)
        return [_event("mud_on_road", now, sure, segment=lens.camera.segment)]


def _passing(lens: _Lens, now: datetime, scene: Scene) -> list[dict[str, Any]]:
    if lens.segment is None:
        return []
    muck, container = int(scene.muck[lens.segment]), int(scene.container[lens.segment])
    rest = max(int(scene.trucks[lens.segment]) - muck - container, 0)
    kinds = (("muck", muck), ("container", container), ("other", rest))
    return [
        _event("truck_pass", now, 0.95, truck=truck, count=count)
        for truck, count in kinds
        if count > 0
    ]


def _event(kind: str, at: datetime, confidence: float, **facts: Any) -> dict[str, Any]:
    return {"ts": rfc3339(at), "kind": kind, "id": "", "confidence": round(confidence, 2), **facts}


def _may(lens: _Lens, kind: str, now: datetime) -> bool:
    return lens.quiet_until.get(kind, now) <= now


def _rest(lens: _Lens, kind: str, now: datetime, minutes: float) -> None:
    lens.quiet_until[kind] = now + timedelta(minutes=minutes)
