"""The simulated world as one: crews work, the street lives through a minute, devices tell of it."""

from collections import Counter
from datetime import datetime
from typing import Protocol

from geo.district import District
from simulators.crews import CrewHabits, Crews
from simulators.devices.cameras import Cameras
from simulators.devices.drones import Drones
from simulators.devices.faults import FaultyReading
from simulators.devices.hotline import Hotline
from simulators.devices.scene import Scene
from simulators.devices.stations import Stations
from simulators.message import Message
from simulators.scenario import Scenario


class Physics(Protocol):
    """Streets and air: `step` moves them a step on; treatments count for the step that follows."""

    def step(self, now: datetime) -> Scene:
        """Give the step that ends at `now`."""

    def treat(
        self,
        segment: str,
        treatment: str,
        share: float,
        water_l_per_m2: float,
        *,
        crew: str = "",
        order: str = "",
    ) -> None:
        """A crew has treated this share of a segment, on an order."""

    def treat_site(self, site: str, treatment: str, *, crew: str = "", order: str = "") -> None:
        """A crew is at work at a site, on an order."""


class World:
    """A district with its devices and crews; the same seed and orders give the same messages.

    Raises
    ------
    ValueError
        If the scenario names a station or a crew that the district has not.
    """

    def __init__(self, district: District, physics: Physics, scenario: Scenario, seed: int) -> None:
        self._physics = physics
        self._stations = Stations(district, scenario, seed)
        self._cameras = Cameras(
            district,
            seed,
            recall=scenario.camera_recall,
            false_alarms_per_day=scenario.camera_false_alarms_per_day,
        )
        self._drones = Drones(
            district,
            seed,
            rounds_h=scenario.drone_rounds_h,
            recall=scenario.drone_recall,
            false_alarms_per_round=scenario.drone_false_alarms_per_round,
        )
        self._hotline = Hotline(district, seed, per_day=scenario.complaints_per_day)
        self._crews = Crews(district, CrewHabits.of(scenario), seed)

    @property
    def planted(self) -> Counter[str]:
        """Rows that the dead-letter table must have come to by now, by reason.

        They are those of the contract for a platform that is told the time after each step; what
        a device says twice leaves one row.
        """
        return self._stations.planted

    @property
    def faulty(self) -> list[FaultyReading]:
        """What was wrong with the readings taken in the last step, and with those sent in it."""
        return self._stations.faulty

    def receive(self, crew: str, payload: bytes) -> None:
        """Take what was published to `down/crews/{crew}/orders`."""
        self._crews.receive(crew, payload)

    def step(
        self, began: datetime, now: datetime, step_s: float, until: datetime | None = None
    ) -> list[Message]:
        """Live through `step_s` seconds, which clocks show as `began` to `now`.

        until: the end of the step in the world's own time, where that is not what clocks show.
        """
        messages, works = self._crews.step(began, now, step_s)
        for work in works:
            if work.segment is not None:
                self._physics.treat(
                    work.segment,
                    work.treatment,
                    work.share,
                    work.water_l_per_m2,
                    crew=work.crew,
                    order=work.order,
                )
            elif work.site is not None:
                self._physics.treat_site(
                    work.site, work.treatment, crew=work.crew, order=work.order
                )
        scene = self._physics.step(until or now)
        messages += self._stations.minute(now, scene, minutes=step_s / 60.0)
        messages += self._cameras.minute(began, now, scene, minutes=step_s / 60.0)
        messages += self._drones.minute(began, now, scene)
        messages += self._hotline.minute(began, now, scene)
        return messages
