"""The platform in figures, for Prometheus: `/metrics`.

What the database knows is asked when somebody asks, at most every few seconds; what only this
process knows (requests, open pages, its own memory) is counted as it happens. Ages are by the
platform's time, so that they are right in lockstep too.
"""

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
import psycopg_pool
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import SecurityScopes
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import arrival_metrics
from console.access import allowed, basic_of, bearer_of, identified
from console.feed import Feed, NoTimeYet
from console.pool import Conn, row, rows
from console.snapshot import Snapshot
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("metrics")
COMPLETENESS = statements("completeness")
KEPT_S = 5.0
"""Two scrapers at once cost no more than one."""
LATELY = timedelta(minutes=10)
A_DAY = timedelta(days=1)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database knew at one time; `street` is the moving state. None where it was away."""

    now: datetime
    street: Snapshot
    stored: list[dict[str, Any]]
    newest: datetime | None
    episodes: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    outbox: int
    dead_letters: list[dict[str, Any]]
    plan: dict[str, Any] | None
    concerns: list[dict[str, Any]]
    matters: list[dict[str, Any]]
    workers: list[dict[str, Any]]
    heard: list[dict[str, Any]]


async def read(conn: Conn, street: Snapshot, now: datetime, zone: ZoneInfo) -> Figures:
    """Ask for all of it."""
    newest = await row(conn, SQL.newest_batch, {})
    outbox = await row(conn, SQL.outbox, {})
    return Figures(
        now=now,
        street=street,
        stored=await rows(conn, SQL.stored, {"since": now - LATELY}),
        newest=newest["stored_at"] if newest else None,
        episodes=await rows(conn, SQL.episodes, {"now": now}),
        orders=await rows(conn, SQL.orders, {"since": now - A_DAY}),
        outbox=outbox["messages"] if outbox else 0,
        dead_letters=await rows(conn, SQL.dead_letters, {"since": now - A_DAY}),
        plan=await row(conn, SQL.plan, {}),
        concerns=await rows(conn, SQL.concerns, {}),
        matters=await rows(conn, SQL.matters, {"day": now.astimezone(zone).date()}),
        workers=await rows(conn, COMPLETENESS.workers, {}),
        heard=await rows(conn, COMPLETENESS.stations_heard, {}),
    )


def _gauge(
    name: str, words: str, values: Iterable[tuple[Iterable[str], float | None]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"roaddust_{name}", words, labels=labels)
    for labelled, value in values:
        if value is not None:
            family.add_metric(list(labelled), value)
    return family


def _sums(counted: Iterable[dict[str, Any]], number: str, *keys: str) -> list[tuple[Any, float]]:
    sums: Counter[tuple[str, ...]] = Counter()
    for one in counted:
        sums[tuple(str(one[key]) for key in keys)] += int(one[number])
    return [(labels, float(value)) for labels, value in sorted(sums.items())]


def _age_s(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (now - then).total_seconds())


def families(figures: Figures) -> Iterator[Metric]:
    """All that the database knows, as Prometheus has it."""
    now, street = figures.now, figures.street
    overview, segments = street["overview"], street["segments"]
    yield _gauge("platform_time_seconds", "The platform's time, Unix.", [((), now.timestamp())])
    yield _gauge(
        "stored_rows_lately", "Rows stored in the last 10 minutes, by kind.",
        [((one["kind"],), one["rows"]) for one in figures.stored], "kind",
    )  # fmt: skip
    yield _gauge(
        "newest_stored_age_seconds", "Since something was stored last.",
        [((), _age_s(now, figures.newest))],
    )  # fmt: skip
    yield _gauge(
        "newest_reading_age_seconds", "Since the time of the newest reading.",
        [((), _age_s(now, overview["newest_reading"]))],
    )  # fmt: skip
    yield _gauge(
        "station_age_seconds", "Since the time of a station's newest reading.",
        [((id_,), _age_s(now, one["ts"])) for id_, one in street["stations"].items()], "station",
    )  # fmt: skip
    yield _gauge(
        "station_pm10", "A station's newest PM10, µg/m³.",
        [((id_,), one["pm10"]) for id_, one in street["stations"].items()], "station",
    )  # fmt: skip
    yield _gauge(
        "crew_age_seconds", "Since a crew said where it is.",
        [((id_,), _age_s(now, one["ts"])) for id_, one in street["crews"].items()], "crew",
    )  # fmt: skip
    yield _gauge(
        "crew_water_liters", "Water in a crew's tank.",
        [((id_,), one["water_l"]) for id_, one in street["crews"].items()], "crew",
    )  # fmt: skip
    yield _gauge(
        "segment_increment", "What a segment adds to the background, PM10 in µg/m³.",
        [((id_,), one["increment"]) for id_, one in segments.items()
         if one["standing"] == "live"], "segment",
    )  # fmt: skip
    standings: Counter[tuple[str, str]] = Counter(
        (one["standing"], str(one["level"]) if one["standing"] == "live" else "")
        for one in segments.values()
    )
    yield _gauge(
        "segments", "Segments, by how far their newest minute is to be trusted, and level.",
        [(labels, float(n)) for labels, n in sorted(standings.items())], "standing", "level",
    )  # fmt: skip
    yield _gauge(
        "background", "PM10 that blows in, µg/m³: median over the live segments.",
        [((), overview["background"])],
    )  # fmt: skip
    wind = overview["wind"]
    yield _gauge(
        "wind_speed", "Mean wind of the stations, m/s.", [((), wind["speed"] if wind else None)]
    )
    yield _gauge(
        "episodes_open", "Episodes that are not closed, by state and level.",
        _sums(figures.episodes, "episodes", "state", "level"), "state", "level",
    )  # fmt: skip
    told = [one for one in figures.episodes if one["state"] != "pending"]
    unseen = [one for one in told if one["unseen"] and not one["shelved"]]
    yield _gauge(
        "episodes_unacknowledged", "Open episodes that nobody has acknowledged or shelved.",
        [((), float(sum(one["episodes"] for one in unseen)))],
    )  # fmt: skip
    yield _gauge(
        "episodes_shelved", "Open episodes that are shelved.",
        [((), float(sum(one["episodes"] for one in told if one["shelved"])))],
    )  # fmt: skip
    yield _gauge(
        "orders", "Orders that stand or ended within a day, by state.",
        _sums(figures.orders, "orders", "state"), "state",
    )  # fmt: skip
    yield _gauge("outbox_messages", "Messages that wait to leave.", [((), figures.outbox)])
    yield _gauge(
        "dead_letters_day", "Messages refused within a day, by reason.",
        _sums(figures.dead_letters, "letters", "reason"), "reason",
    )  # fmt: skip
    plan = figures.plan or {"issued_at": None, "wants": None}
    yield _gauge(
        "plan_age_seconds", "Since the newest plan.", [((), _age_s(now, plan["issued_at"]))]
    )
    yield _gauge("plan_wants", "Treatments that the newest plan chose from.", [((), plan["wants"])])
    yield _gauge(
        "concerns_open", "Trouble that stands and somebody is called for, by kind.",
        _sums(figures.concerns, "concerns", "kind"), "kind",
    )  # fmt: skip
    yield _gauge(
        "matters_today", "Clocks of the day (nothing left overnight), by kind and outcome.",
        _sums(figures.matters, "matters", "kind", "outcome"), "kind", "outcome",
    )  # fmt: skip
    yield from arrival_metrics.families(figures.workers, figures.heard, now)


class _Collected(Collector):
    """Families that are known already."""

    def __init__(self, known: Iterable[Metric]) -> None:
        self._known = list(known)

    def collect(self) -> Iterable[Metric]:
        return self._known


@dataclass(slots=True)
class Meter:
    """What this process counts, and what was last said of the rest."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Histogram = field(init=False)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: list[Metric] = field(default_factory=list)
    known_at_s: float | None = None

    def __post_init__(self) -> None:
        self.requests = Histogram(
            "roaddust_request_seconds",
            "From a request to the beginning of its answer.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        ProcessCollector(registry=self.registry)

    def text(self, browsers: int) -> bytes:
        """Everything, in Prometheus's text format."""
        open_pages = _gauge("browsers", "Open pages that follow the state.", [((), browsers)])
        passing = CollectorRegistry()
        passing.register(_Collected([*self.known, open_pages]))
        return generate_latest(passing) + generate_latest(self.registry)


class Measured:
    """ASGI middleware: how long each route takes to begin its answer. A path that is no route
    counts as one, whatever it is, so that nobody can make labels."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self.app, self._meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began_s = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                status = str(message["status"])
                self._meter.requests.labels(method, _route(scope), status).observe(
                    time.perf_counter() - began_s
                )
            await send(message)

        await self.app(scope, receive, send_measured)


def _route(scope: Scope) -> str:
    if (route := scope.get("route")) is not None:
        # A route knows its path within its router; what stands before it has no parameters.
        own = str(getattr(route, "path", ""))
        parts = scope["path"].split("/")
        return "/".join(parts[: len(parts) - own.count("/")]) + own
    first = scope["path"].split("/")[1]
    return f"/{first}" if first in ("static", "lib") else "other"


async def _may_read(request: Request) -> None:
    """A scraper on this machine needs no token; one that comes through a proxy does, for a proxy's
    own address is this machine's too."""
    if _from_here(request):
        return
    user = await identified(request, await bearer_of(request), await basic_of(request))
    await allowed(SecurityScopes(["metrics"]), user)


def _from_here(request: Request) -> bool:
    if any(name in request.headers for name in PROXIED):
        return False
    host = request.client.host if request.client else ""
    asked = (request.url.hostname or "").strip("[]")
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    # A page elsewhere can make a browser here ask, under a name of its own that leads here.
    return here and asked in ("localhost", "127.0.0.1", "::1")


@router.get("/metrics")
async def metrics(request: Request, _: None = Depends(_may_read)) -> Response:
    """For Prometheus: the scope `metrics`, or this machine."""
    meter: Meter = request.app.state.meter
    feed: Feed = request.app.state.feed
    async with meter.asking:
        at_s = time.monotonic()
        if meter.known_at_s is None or at_s - meter.known_at_s >= KEPT_S:
            meter.known = await _known(request, feed)
            meter.known_at_s = at_s
    return Response(meter.text(feed.browsers), media_type=CONTENT_TYPE_LATEST)


async def _known(request: Request, feed: Feed) -> list[Metric]:
    """What the database says; that it says nothing, when it does not."""
    zone = ZoneInfo(request.app.state.district.timezone)
    answers = 1.0
    found: list[Metric] = []
    try:
        now = await feed.time()
        street = await feed.fresh()
        async with request.app.state.pool.connection() as conn:
            found = list(families(await read(conn, street, now, zone)))
    except NoTimeYet:
        pass
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
        log.warning("the figures cannot be read: %s", error)
        answers = 0.0
    return [*found, _gauge("database_up", "Whether the database answers.", [((), answers)])]
