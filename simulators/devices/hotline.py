"""Residents who complain of dust, a while after it has come, through the city's hotline."""

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from geo.district import District
from geo.places import Place, PlaceIndex
from simulators.devices.scene import Scene
from simulators.message import Message, encode, rfc3339
from simulators.streams import stream

CHANNEL = "12345"

# Nobody complains of less, and at the second figure over all residents a district complains as
# often as its scenario says; µg/m³ of PM10 above the background.
NOTICED = 30.0
USUAL_EXCESS = 15.0
MOST = 4.0
AWAKE_H = (7, 23)

# The rest calls in about the noise of trucks.
ABOUT_DUST = 0.85

DUST = (
    "{street}这边灰尘很大，窗户都不敢开，麻烦派人来洒水。",
    "{street}大货车一过就扬尘，路面全是土，请尽快处理。",
    "家住{street}附近，今天空气里都是灰，老人小孩一直咳嗽。",
    "{street}路面泥土没人清扫，车辆经过尘土飞扬。",
    "{street}泥头车带泥上路，撒了一路，影响出行。",
)
NOISE = (
    "{street}货车噪音很大，影响休息。",
    "{street}泥头车整天按喇叭，吵得没法午休。",
)


@dataclass(frozen=True, slots=True, order=True)
class _Call:
    at: datetime
    number: int
    segment: int
    about_dust: bool


class Hotline:
    """The one channel of a district.

    per_day
        Complaints on a day of usual dust; more dust brings more, up to four times as many.
    """

    def __init__(self, district: District, seed: int, *, per_day: float) -> None:
        self._segments = list(district.segments.values())
        self._residents = np.array([float(segment.residents) for segment in self._segments])
        self._timezone = district.timezone
        self._per_day = per_day
        self._rng = stream(seed, "hotline")
        self._places = PlaceIndex(district)
        self._calls: list[_Call] = []
        self._number = 0

    def minute(self, began: datetime, now: datetime, scene: Scene) -> list[Message]:
        """The complaints passed on between `began` and `now`."""
        self._notice(now, (now - began).total_seconds() / 60.0, scene)
        messages = []
        while self._calls and self._calls[0].at <= now:
            messages.append(self._pass_on(heapq.heappop(self._calls)))
        return messages

    def _notice(self, now: datetime, minutes: float, scene: Scene) -> None:
        rng = self._rng
        bothered = self._residents * np.maximum(scene.increment - NOTICED, 0.0)
        total = float(bothered.sum())
        people = float(self._residents.sum())
        awake = AWAKE_H[0] <= now.astimezone(self._timezone).hour < AWAKE_H[1]
        share = min(total / people / USUAL_EXCESS, MOST) if people > 0.0 else 0.0
        day_share = minutes / (60.0 * (AWAKE_H[1] - AWAKE_H[0]))
        for _ in range(int(rng.poisson(self._per_day * share * day_share)) if awake else 0):
            segment = int(np.searchsorted(np.cumsum(bothered), rng.random() * total))
            delay = timedelta(minutes=float(min(5.0 + rng.exponential(20.0), 120.0)))
            self._number += 1
            call = _Call(now + delay, self._number, segment, bool(rng.random() < ABOUT_DUST))
            heapq.heappush(self._calls, call)

    def _pass_on(self, call: _Call) -> Message:
        rng = self._rng
        segment = self._segments[call.segment]
        texts = DUST if call.about_dust else NOISE
        text = texts[int(rng.integers(len(texts)))]
        lon, lat = self._places.point(Place(segment.id, float(rng.random()) * segment.length_m))
        report: dict[str, Any] = {
            "ts": rfc3339(call.at.replace(microsecond=0)),
            "id": f"{CHANNEL}-{call.at:%Y%m%d}-{call.number}",
            "text": text.format(street=segment.name.split(" ")[0]),
            # Callers stand beside the street, not on it.
            "lon": round(lon + float(rng.normal(0.0, 3e-4)), 6),
            "lat": round(lat + float(rng.normal(0.0, 3e-4)), 6),
            "kind": "dust" if call.about_dust else "noise",
        }
        if rng.random() < 0.5:
            report["segment"] = segment.id
        return Message(f"up/reports/{CHANNEL}", encode(report), "reports")
