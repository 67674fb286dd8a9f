"""What there is to be seen and measured in a minute: the truth that devices look at."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]


class Scene(Protocol):
    """The minute that has just ended, without any device's error.

    Arrays (station,), (segment,) and (site,) are in the district's order.
    """

    @property
    def pm10(self) -> Floats:
        """(station,) µg/m³ in the air around each station; so are pm25 and tsp."""

    @property
    def pm25(self) -> Floats: ...
    @property
    def tsp(self) -> Floats: ...

    @property
    def temp(self) -> float:
        """°C."""

    @property
    def rh(self) -> float:
        """%."""

    @property
    def pressure(self) -> float:
        """hPa."""

    @property
    def wind_speed(self) -> float:
        """m/s."""

    @property
    def wind_dir(self) -> float:
        """Degrees clockwise from north, where the wind comes from."""

    @property
    def rain(self) -> float:
        """mm in the minute."""

    @property
    def trucks(self) -> Ints:
        """(segment,) heavy vehicles of all kinds that went by."""

    @property
    def muck(self) -> Ints:
        """(segment,) the muck trucks among them."""

    @property
    def container(self) -> Ints:
        """(segment,) the container trucks among them."""

    @property
    def light(self) -> Ints:
        """(segment,) vehicles that are no trucks."""

    @property
    def uncovered(self) -> Ints:
        """(segment,) trucks that went by with a load that is not covered."""

    @property
    def silt(self) -> Floats:
        """(segment,) g/m² on the street."""

    @property
    def increment(self) -> Floats:
        """(segment,) µg/m³ of PM10 that the street adds at its kerb."""

    @property
    def gate_failing(self) -> Flags:
        """(site,) whether the wheel wash is off."""

    @property
    def unwashed(self) -> Ints:
        """(site,) trucks that came out with mud on them."""

    @property
    def uncovered_gate(self) -> Ints:
        """(site,) trucks that came out with a load that is not covered."""

    @property
    def plume(self) -> Flags:
        """(site,) whether dust is to be seen over the site."""
