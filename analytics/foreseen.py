"""What the model foresees, into the store: forecasts, what treatments are worth, what it learnt."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from analytics.fold import Minutes
from analytics.layout import Layout, limited_levels
from analytics.moments import time_of
from analytics.settings import AnalyticsSettings
from analytics.street.estimate import Hourly
from analytics.street.members import TREATMENTS
from analytics.street.outlook import HORIZONS_MIN, Outlook
from store.arrays import FLOAT4, INT2, TIME, Column, Words, binary_rows, since_2000_us
from store.database import Connection
from store.statements import statements

SQL = statements("foreseen")
HOUR = 60
LEVELS = 3
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


def store_foreseen(
    conn: Connection, minutes: Minutes, layout: Layout, settings: AnalyticsSettings
) -> None:
    """In the caller's transaction. Forecasts are kept of whole hours and of the newest quarter of
    an hour, the worth of treatments and what lies on the road of the latter alone."""
    outlooks = [hour.outlook for hour in minutes.hourly]
    newest = minutes.outlook
    if newest is not None and newest.minute % HOUR:
        outlooks.append(newest)
    if outlooks:
        _store_forecasts(conn, outlooks, layout, limited_levels(settings))
        conn.execute(SQL.drop_passing_forecasts, {"after": time_of(minutes.first - HOUR)})
    if newest is not None:
        _store_worth(conn, newest, layout)
        _store_ground(conn, newest, layout)
    _store_learned(conn, minutes.hourly)


def forget_foreseen(conn: Connection, after: int, upto: int | None = None) -> None:
    """Take back what the minutes after `after`, up to `upto` or all, came to: forecasts, worth,
    what was learnt, and verdicts that were reached in them."""
    span = {"after": time_of(after), "upto": FOREVER if upto is None else time_of(upto)}
    for statement in (
        SQL.forget_forecasts,
        SQL.forget_worth,
        SQL.forget_ground,
        SQL.forget_learned,
        SQL.forget_verdicts,
    ):
        conn.execute(statement, span)


def _store_forecasts(
    conn: Connection, outlooks: list[Outlook], layout: Layout, levels: tuple[int, ...]
) -> None:
    at = np.array([outlook.minute for outlook in outlooks])
    # By outlook, horizon, quantile or limit, and segment.
    quantiles = np.array([outlook.quantiles for outlook in outlooks])[..., layout.in_model]
    chances = np.array([outlook.chance for outlook in outlooks])[..., layout.in_model]
    shape = (len(outlooks), len(HORIZONS_MIN), len(layout.segments))
    which, horizon, segment = (part.ravel() for part in np.indices(shape))
    columns: list[Column | Words] = [
        Words(segment, layout.segments),
        Column(since_2000_us(at)[which], TIME),
        Column(np.array(HORIZONS_MIN)[horizon], INT2),
    ]
    columns += [Column(quantiles[:, :, q].ravel(), FLOAT4) for q in range(quantiles.shape[2])]
    for level in range(LEVELS):
        if level in levels:
            columns.append(Column(chances[:, :, levels.index(level)].ravel(), FLOAT4))
        else:
            columns.append(Column(np.zeros(len(which)), FLOAT4, np.ones(len(which), bool)))
    with conn.cursor() as cursor, cursor.copy(SQL.copy_forecasts) as copy:
        copy.write(binary_rows(columns))


def _store_worth(conn: Connection, outlook: Outlook, layout: Layout) -> None:
    def listed(values: NDArray[np.float64]) -> list[float]:
        """By segment, and for each by treatment."""
        whole = np.broadcast_to(values, outlook.worth.shape)[:, layout.in_model]
        return [round(value, 3) for value in whole.T.ravel().tolist()]

    worth = {
        "ts": time_of(outlook.minute),
        "segments": list(np.repeat(layout.segments, len(TREATMENTS))),
        "treatments": list(TREATMENTS) * len(layout.segments),
        "spared": listed(outlook.worth),
        "spared_sd": listed(outlook.worth_sd),
        "dose": listed(outlook.dose),
    }
    conn.execute(SQL.put_worth, worth)
    conn.execute(SQL.drop_older_worth, {"ts": worth["ts"]})


def _store_ground(conn: Connection, outlook: Outlook, layout: Layout) -> None:
    lying = outlook.lying

    def listed(values: NDArray[np.float64]) -> list[float]:
        return [round(value, 4) for value in values[layout.in_model].tolist()]

    low, middle, high = lying.silt
    ground = {
        "ts": time_of(outlook.minute),
        "segments": list(layout.segments),
        "silt": listed(middle),
        "silt_low": listed(low),
        "silt_high": listed(high),
        "tracked": listed(lying.tracked),
        "film_mm": listed(lying.film_mm),
        "wet": listed(lying.wet),
    }
    conn.execute(SQL.put_ground, ground)
    conn.execute(SQL.drop_older_ground, {"ts": ground["ts"]})


def _store_learned(conn: Connection, hours: list[Hourly]) -> None:
    rows = [
        {
            "ts": time_of(hour.outlook.minute),
            "treatment": treatment,
            "removes": round(middle, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
        for hour in hours
        for treatment, (low, middle, high) in zip(TREATMENTS, hour.removes.tolist(), strict=True)
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(SQL.put_learned, rows)
