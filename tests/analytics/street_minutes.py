"""Minutes made by hand for the tests of the street model."""

from dataclasses import replace
from typing import Any

import numpy as np

from analytics.street.ground import Ground
from analytics.street.model import Inputs, Model, Street
from analytics.street.settings import StreetSettings
from analytics.street.weather import Weather
from geo.district import District

NOON = 29_538_960
"""2026-03-01 noon in China, a Sunday: in minutes of the epoch."""
CALM = Weather(wind_ms=2.0, wind_from_deg=90.0, temp=20.0, rh=60.0, rain_mm=0.0, sun=0.8)


def model_of(district: District, members: int = 20, **changes: Any) -> Model:
    """The model over a district."""
    settings = StreetSettings(members=members, **changes)
    return Model(Ground.of(district, settings), settings)


def minute_after(model: Model, street: Street, **changes: Any) -> Inputs:
    """The next minute of a day on which two trucks a minute drive on each segment."""
    segments, sites = len(model.ground.segments), len(model.ground.sites)
    usual = Inputs(
        minute=street.minute + 1,
        weather=CALM,
        heavy=np.full(segments, 2.0),
        light=np.full(segments, 5.0),
        busy_hour=1 / 1440,
        counted=np.zeros(segments, np.int64),
        dirty=np.zeros(sites, np.int64),
        idle=np.zeros(sites, np.int64),
        watched=np.ones(sites, bool),
        mud=(),
        works=(),
    )
    return replace(usual, **changes)


def silence(model: Model) -> np.ndarray:
    """(S,) readings of a minute in which nobody speaks."""
    return np.full(len(model.ground.own), np.nan)


def errors(model: Model) -> np.ndarray:
    """(S,) of stations of which each is off by a tenth."""
    return np.full(len(model.ground.own), 0.1)


def lived(model: Model, street: Street, minutes: int, **changes: Any) -> Street:
    """So many minutes on, and nobody measures."""
    for _ in range(minutes):
        now = minute_after(model, street, **changes)
        street, _ = model.step(street, now, silence(model), errors(model), 0 * errors(model))
    return street
