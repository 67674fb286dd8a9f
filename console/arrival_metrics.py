"""How what is sent comes in, for Prometheus: what each ingest has counted, and who is heard."""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

Row = dict[str, Any]

_SPREADS = {
    "batch_rows": ("batch_rows", "Rows and dead letters that were committed together."),
    "arrival_s": ("arrival_seconds", "From a message's arrival to the commit that stores it."),
    "ts_s": ("ts_seconds", "From the time of a reading to the commit that stores it."),
}


def families(workers: list[Row], stations: list[Row], now: datetime) -> Iterator[Metric]:
    """workers, stations: rows of `completeness.sql`; now: the platform's time."""
    yield _counter(
        "received", "Messages settled with the broker.",
        (((one["worker"],), one["messages"]) for one in workers), "worker",
    )  # fmt: skip
    yield _counter(
        "batches", "Commits.", (((one["worker"],), one["batches"]) for one in workers), "worker"
    )
    for name, words, label in (
        ("stored", "Rows stored.", "kind"),
        ("duplicates", "Rows that were stored already.", "kind"),
        ("dead", "Messages and items refused, as they came.", "reason"),
    ):
        yield _counter(
            name, words,
            (((one["worker"], by), n) for one in workers for by, n in sorted(one[name].items())),
            "worker", label,
        )  # fmt: skip
    yield _gauge(
        "ingest_in_hand", "Messages taken from the broker and not settled yet.",
        (((one["worker"],), one["in_hand"]) for one in workers), "worker",
    )  # fmt: skip
    yield _gauge(
        "ingest_said_seconds", "When a worker said this last, Unix.",
        (((one["worker"],), one["said_at"].timestamp()) for one in workers), "worker",
    )  # fmt: skip
    for kept, (name, words) in _SPREADS.items():
        yield _histogram(name, words, ((one["worker"], one["spreads"][kept]) for one in workers))
    yield _gauge(
        "station_heard_age_seconds", "Since something of a station was stored last.",
        (((one["station"],), max(0.0, (now - one["heard_at"]).total_seconds()))
         for one in stations), "station",
    )  # fmt: skip
    yield _gauge(
        "station_interval_seconds", "What usually lies between two words of a station.",
        (((one["station"],), one["every_s"]) for one in stations if one["every_s"] is not None),
        "station",
    )  # fmt: skip
    yield _gauge(
        "station_silent", "1: nothing for three of its usual intervals.",
        (((one["station"],), float(one["since"] is not None)) for one in stations), "station",
    )  # fmt: skip


def _counter(
    name: str, words: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> Metric:
    return _filled(CounterMetricFamily(f"roaddust_ingest_{name}", words, labels=labels), values)


def _gauge(
    name: str, words: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> Metric:
    return _filled(GaugeMetricFamily(f"roaddust_{name}", words, labels=labels), values)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily,
    values: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    for labelled, value in values:
        family.add_metric(labelled, value)
    return family


def _histogram(
    name: str, words: str, spreads: Iterable[tuple[str, dict[str, Any]]]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"roaddust_ingest_{name}", words, labels=("worker",))
    for worker, spread in spreads:
        bounds = [
            floatToGoString(bound)  # type: ignore[no-untyped-call]
            for bound in (*spread["bounds"], math.inf)
        ]
        counts = accumulate(spread["counts"])
        family.add_metric(
            (worker,),
            buckets=[(bound, float(n)) for bound, n in zip(bounds, counts, strict=True)],
            sum_value=spread["total"],
        )
    return family
