"""A span of minutes through the model: what each street adds, and who brings it."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.happenings import Happenings
from analytics.minutes import MILLI, Bools, Ints, minute_of
from analytics.readings import PM10, Readings
from analytics.street.inputs import Sky, minutes, weather
from analytics.street.members import mean_of, moments
from analytics.street.model import Minute, Model, Street
from analytics.street.outlook import STEP_MIN, Outlook, outlook
from analytics.street.rain import Gauges
from analytics.street.watches import NINETY, Effect, Watches
from geo.district import District

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_UG_M3 = 1.0
"""No interval is narrower than this either way."""
HEARD_MIN = 60
"""A station that has said nothing for so long is not heard."""
UNSURE = 0.5
"""Standard deviation of a logarithm at which confidence is a half."""
GIVEN_MIN = 5
GIVEN_MEMORY_MIN = 15.0
"""Who brings the dust is told as a mean that fades over this time, kept every few minutes."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The model's part of the fold's state. given: (M, 1 + K) fading mean µg/m³ by who brings it,
    given_then the same as it was kept last; spoke_at: (S,) the minute each station last spoke."""

    street: Street
    sky: Sky
    gauges: Gauges
    given: Rows
    given_then: Rows
    spoke_at: Ints

    @classmethod
    def start(cls, minute: int, model: Model) -> "Carried":
        """Nothing known before `minute`."""
        shape = (len(model.ground.segments), 1 + len(model.ground.sites))
        return cls(
            Street.start(minute, model.ground, model.settings),
            Sky.unknown(),
            Gauges.unheard(len(model.ground.own)),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
            np.full(len(model.ground.own), -(10**9), np.int64),
        )

    def arrays(self) -> dict[str, Any]:
        """As kept in a checkpoint."""
        watches = self.street.watches.arrays()
        return {
            **{name: getattr(self.street, name) for name in _KEPT},
            **{f"watches_{name}": part for name, part in watches.items()},
            **self.gauges.arrays(),
            "sky": np.array([getattr(self.sky, field.name) for field in fields(Sky)]),
            "given": self.given,
            "given_then": self.given_then,
            "spoke_at": self.spoke_at,
        }

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> "Carried":
        """Out of a checkpoint."""
        watches = Watches.of(
            {
                name.removeprefix("watches_"): part
                for name, part in arrays.items()
                if name.startswith("watches_")
            }
        )
        kept = {name: arrays[name] for name in _KEPT}
        kept |= {"minute": int(kept["minute"]), "lived": float(kept["lived"])}
        sky = arrays["sky"].tolist()
        return cls(
            Street(**kept, watches=watches),
            Sky(sky[0], sky[1], sky[2], sky[3], sky[4], int(sky[5]), int(sky[6])),
            Gauges.of(arrays),
            arrays["given"],
            arrays["given_then"],
            arrays["spoke_at"],
        )


_KEPT = tuple(field.name for field in fields(Street) if field.name != "watches")


@dataclass(frozen=True, slots=True)
class Hourly:
    """What is kept of each whole hour: the outlook from it, and what the model has learnt that each
    treatment takes off a soiled street: removes (treatments, 3), a share as its 5 %, middle and
    95 % quantile over members."""

    outlook: Outlook
    removes: Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """Minutes (T) of all segments (M), in µg/m³ of PM10.

    background, background_sd: (T,); increment, low, high: (T, M) what streets and sites add at the
    kerbs, 90 % between low and high; confidence: (T, M) 0 where nobody speaks for a segment;
    expected, spread: (T, S) log PM10 as foreseen before a station spoke, with standard deviation;
    reads: (T, S) log factor by which each instrument is taken to read high;
    sees: (T, S) what a station on a segment feels of the street over what its kerbs do; given: the
    fading means by who brings the dust, one every few minutes, given_at: (T,) which of them holds;
    failing: (T, K) probability that a wheel wash fails;
    effects: (minute, effect); hourly: of each whole hour; outlook: of the newest quarter of an
    hour, if one ended.
    """

    background: Floats
    background_sd: Floats
    increment: Floats
    low: Floats
    high: Floats
    confidence: Floats
    expected: Floats
    spread: Floats
    reads: Floats
    sees: Floats
    given: list[Rows]
    given_at: Ints
    failing: Floats
    effects: list[tuple[int, Effect]]
    hourly: list[Hourly]
    outlook: Outlook | None


class Estimator:
    """The model over a district, and how it is fed."""

    def __init__(self, district: District, model: Model, limits: tuple[float, ...]) -> None:
        self.model, self._limits, self._zone = model, limits, district.timezone
        sites = [camera.site for camera in district.cameras.values()]
        self.watched = np.array([site in sites for site in model.ground.sites], bool)
        self._error = np.full(len(model.ground.own), model.settings.reading_error)
        self._error[model.ground.at_site] = model.settings.site_error
        self._error[model.ground.background] = model.settings.background_error

    def run(
        self,
        carried: Carried,
        upto: int,
        readings: Readings,
        pm: Ints,
        known: Bools,
        plain_background: Floats,
        happenings: Happenings,
    ) -> tuple[Carried, Estimate]:
        """Carry the model on to minute `upto`.

        readings: sorted, of these minutes and before; pm, known: (T, S, 3) minutes of stations in
        thousandths, of believed readings; plain_background: (T,) µg/m³, NaN where unknown, which
        the model heeds where no background station speaks.
        """
        model = self.model
        first = carried.street.minute + 1
        count = upto - first + 1
        sky, gauges, weathers = weather(
            carried.sky, carried.gauges, readings, first, count, model.ground
        )
        read = self._fresh(readings, pm[:, :, 0], known[:, :, 0], first)
        fine = np.where(
            known[:, :, 0] & known[:, :, 1], pm[:, :, 1] / np.maximum(pm[:, :, 0], 1), 0.5
        )
        street, given, then = carried.street, carried.given, carried.given_then
        spoke_at = carried.spoke_at.copy()
        segments, background = len(model.ground.segments), model.ground.background
        rows: dict[str, list[object]] = {}
        kept, given_at = [then], np.zeros(count, np.int64)
        effects: list[tuple[int, Effect]] = []
        hourly: list[Hourly] = []
        ahead: Outlook | None = None
        newest = upto - upto % STEP_MIN
        keep = np.float32(1 / GIVEN_MEMORY_MIN)
        for t, now in enumerate(
            minutes(first, weathers, happenings, model.ground, self._zone, self.watched)
        ):
            spoke_at[~np.isnan(read[t])] = now.minute
            rh = min(now.weather.rh, 97.0)
            swells = np.minimum(fine[t], 1.0) * max(rh / (100 - rh) - 3, 0.0)
            street, was = model.step(
                street,
                now,
                read[t],
                self._error,
                swells,
                float(plain_background[t]),
                bool((now.minute - spoke_at[background] < HEARD_MIN).any()),
            )
            given = given + keep * (was.given.astype(np.float32) - given)
            if now.minute % GIVEN_MIN == 0:
                kept.append(given)
            given_at[t] = len(kept) - 1
            effects += [(now.minute, effect) for effect in was.effects]
            for name, value in self._told(street, was, spoke_at, now.minute).items():
                rows.setdefault(name, []).append(value)
            if now.minute == newest or now.minute % 60 == 0:
                ahead = outlook(model, street, now.weather, self._limits, self._zone)
                if now.minute % 60 == 0:
                    hourly.append(Hourly(ahead, self._removes(street)))
        shapes = {"background": (), "background_sd": (), "expected": (len(spoke_at),)}
        shapes["failing"] = (len(model.ground.sites),)
        shapes |= dict.fromkeys(("spread", "reads", "sees"), (len(spoke_at),))
        arrays = {
            name: np.array(rows.get(name, []), np.float64).reshape(
                count, *shapes.get(name, (segments,))
            )
            for name in (
                "background", "background_sd", "increment", "low", "high", "confidence",
                "expected", "spread", "reads", "sees", "failing",
            )
        }  # fmt: skip
        carried = Carried(street, sky, gauges, given, kept[-1], spoke_at)
        return carried, Estimate(
            **arrays, given=kept, given_at=given_at, effects=effects, hourly=hourly, outlook=ahead
        )

    def _removes(self, street: Street) -> Floats:
        share = self.model.removes(street.x).astype(np.float64)
        return np.quantile(share, (0.05, 0.5, 0.95), axis=1).T

    def _fresh(self, readings: Readings, pm10: Ints, known: Bools, first: int) -> Floats:
        """(T, S) µg/m³ in the minutes in which a station really spoke, NaN in those in which its
        last reading still stands: nothing is heeded twice."""
        minute = minute_of(readings.ts_ms) - first
        inside = (minute >= 0) & (minute < len(pm10)) & ~np.isnan(readings.values[:, PM10])
        fresh = np.zeros(pm10.shape, bool)
        fresh[minute[inside], readings.station[inside]] = True
        return np.where(fresh & known, pm10 / MILLI, np.nan)

    def _told(
        self, street: Street, was: Minute, spoke_at: Ints, minute: int
    ) -> dict[str, Floats | float]:
        """The row of a minute."""
        model = self.model
        middle, spread = moments(np.log(was.kerb + np.float32(1e-3)))
        reach = NINETY * np.hypot(spread, model.settings.kerb_error)
        unsure = np.hypot(moments(np.log(was.load))[1], model.settings.kerb_error) / UNSURE
        middle = np.exp(middle)
        heard = (minute - spoke_at < HEARD_MIN) & ~model.ground.background
        near = np.where(heard[:, None], model.ground.heard, 0.0).max(axis=0, initial=0.0)
        return {
            "background": float(was.back.mean(dtype=np.float64)),
            "background_sd": float(was.back.std(dtype=np.float64)),
            "increment": mean_of(was.kerb),
            "low": np.maximum(middle * np.exp(-reach) - LEAST_UG_M3, 0.0),
            "high": middle * np.exp(reach) + LEAST_UG_M3,
            "confidence": near / (1 + unsure**2),
            "expected": was.expected,
            "spread": was.spread,
            "reads": was.reads,
            "sees": was.sees,
            "failing": 1 / (1 + np.exp(-street.failing)),
        }
