"""The console: a FastAPI application and the server that runs it beside the other stages.

It runs in a thread of the platform's one process: it waits on sockets nearly all of its time,
asks the database once a second whatever the number of browsers (and not at all when there is
none), and hashes passwords outside the interpreter's lock. It writes nothing that a stage
computes from, so lockstep results do not depend on it.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import uvicorn
from fastapi import FastAPI

from console import api, metrics, open311, pages
from console.access import Gate
from console.bodies import SmallBodies
from console.feed import Feed
from console.headers import SafeHeaders
from console.layers import layers
from console.limits import DEFAULTS, Limits
from console.metrics import Measured, Meter
from console.openapi import describe, operation_id
from console.pace import Pace
from console.pool import pool
from console.problems import NeverBare, answer_with_problems
from console.sessions import Sealer
from console.settings import DEFAULTS as AS_IT_COMES
from console.settings import ConsoleSettings
from console.shared import Shared
from console.snapshot import Wanted
from console.users import Doorkeeper
from geo.district import District

STOP_LOOK_S = 0.1
GRACE_S = 2


def create_app(
    district: District,
    dsn: str,
    *,
    now: Callable[[], datetime] | None,
    wall_now: Callable[[], datetime],
    secret: str,
    limits: Limits = DEFAULTS,
    settings: ConsoleSettings = AS_IT_COMES,
) -> FastAPI:
    """The application.

    `now` is the platform's time; None takes the last tick that the database knows of, for a
    console in a process of its own in lockstep. `wall_now` is real time, which sessions and
    lock-outs go by. `secret` is the key under which what opens a session is hashed. `limits` are
    µg/m³ by rule and level.
    """
    connections = pool(dsn)
    wanted = Wanted(
        segments=[segment.id for segment in district.segments.values() if segment.treat],
        stations=list(district.stations),
        crews=list(district.crews),
        cameras=list(district.cameras),
    )
    feed = Feed(connections, wanted, now)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with connections:
            running = [asyncio.create_task(feed.poll()), asyncio.create_task(feed.listen(dsn))]
            try:
                yield
            finally:
                await feed.close()
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    app = FastAPI(
        title="roaddust",
        version="1",
        description="Dust control for truck roads: what the console's pages show and do.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=operation_id,
        # Else /login/ is sent to an address made of whatever Host the request had.
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.pool = connections
    app.state.feed = feed
    app.state.shared = Shared(feed)
    app.state.district = layers(district, limits, settings.tiles)
    # Put into words once: it is the first thing that every page asks for, and never changes.
    app.state.district_json = app.state.district.model_dump_json()
    app.state.gate = Gate(
        connections,
        Doorkeeper(
            connections, wall_now, settings.failures, timedelta(minutes=settings.failures_min)
        ),
        Sealer(secret),
        wall_now,
        settings,
        Pace(2 * settings.writes_per_min, timedelta(minutes=2)),
    )
    app.state.meter = Meter()
    app.state.open311 = open311.Desk.of(district, settings.public_url)
    answer_with_problems(app)
    app.include_router(api.router)
    app.include_router(open311.router)
    app.include_router(metrics.router)
    app.include_router(pages.router)
    pages.mount_files(app)
    describe(app)
    # The last one added is the outermost.
    app.add_middleware(
        SmallBodies,
        body_mib=settings.body_mib,
        photo_mib=settings.photo_mib,
        body_s=settings.body_s,
        hosts=settings.hosts,
    )
    app.add_middleware(NeverBare)
    app.add_middleware(Measured, meter=app.state.meter)
    pictures_from = settings.tiles.sources() if settings.tiles else ()
    app.add_middleware(SafeHeaders, pictures_from=pictures_from, scripts=[pages.import_map_hash()])
    return app


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to whoever started the platform."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening_socket(host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets whose protocol is named; without it every answer
    # waits 40 ms for a delayed acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # Whoever comes before the loop runs waits a moment, and is not turned away.
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


class Console:
    """The running console. Parameters as of `create_app`; `port` 0 takes a free one."""

    def __init__(
        self,
        district: District,
        dsn: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        now: Callable[[], datetime] | None,
        wall_now: Callable[[], datetime],
        secret: str,
        limits: Limits = DEFAULTS,
        settings: ConsoleSettings = AS_IT_COMES,
    ) -> None:
        self._app = create_app(
            district,
            dsn,
            now=now,
            wall_now=wall_now,
            secret=secret,
            limits=limits,
            settings=settings,
        )
        self._config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
        self._socket = _listening_socket(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}"

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then end within 3 s, open pages or not. Blocks.

        For a thread or a process of its own; signals stay with the caller. The port is taken
        when the console is made, so a port in use is known (OSError) before any thread starts.
        """
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: threading.Event) -> None:
        server = _Server(self._config)
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not stop.is_set() and not serving.done():
            await asyncio.sleep(STOP_LOOK_S)
        # Streams have no end of their own; without this the server would wait for the browsers.
        await self._app.state.feed.close()
        server.should_exit = True
        await serving
