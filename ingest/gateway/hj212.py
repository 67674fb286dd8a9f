"""The HJ 212 gateway: loggers over TCP on one side, the contract's topics on the other."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from secrets import token_hex

from broker.connection import Address
from ingest.gateway.connection import READ_BYTES, Connection, Surroundings
from ingest.gateway.counters import Counters
from ingest.gateway.devices import Devices, Secret
from ingest.gateway.door import Door
from ingest.gateway.outward import Outward
from ingest.gateway.post import Post
from ingest.gateway.settings import GatewaySettings
from ingest.registry import Registry

log = logging.getLogger(__name__)

LOOK_S = 5.0
FINISH_S = 3.0
"""For frames that are on their way to the broker when the gateway stops."""
BACKLOG = 1024


class Hj212Gateway:
    """Listens until stopped. `port` is the one it got, where 0 was asked for."""

    def __init__(
        self,
        address: Address,
        prefix: str,
        registry: Registry,
        secrets: Mapping[str, Secret],
        settings: GatewaySettings,
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._prefix = settings, prefix
        self.counters = Counters()
        self._devices = Devices(registry, secrets, settings)
        self._outward = Outward(address, "roaddust-gateway", settings.in_hand, self._on_message)
        self._post = Post(self._outward, prefix, settings, self.counters)
        self._door = Door(
            settings.connections, settings.connections_per_address, settings.guesses_per_min
        )
        self._around = Surroundings(
            settings=settings,
            devices=self._devices,
            post=self._post,
            door=self._door,
            counters=self.counters,
            zone=registry.timezone,
            now=now,
        )
        self._marker = f"{prefix}gateway/begins/{token_hex(8)}"
        self._caught_up = asyncio.Event()
        self._serving: dict[asyncio.Task[None], Connection] = {}
        self._server: asyncio.Server | None = None
        self._tidying: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def unfinished(self) -> int:
        """Messages of which packets have come, and not all."""
        return sum(len(device.packets) for device in self._devices.all())

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ConnectionError for a broker that is away or refuses, OSError for a port
        that is taken."""
        without = self._devices.without_password()
        if without:
            log.warning("loggers without a password are refused: %s", ", ".join(without[:20]))
        await self._outward.start(self._post.waiting_topics, self._marker)
        try:
            # Retained packets come before what is published after the subscription.
            await self._outward.publish(self._marker, b"begins", 15.0)
            async with asyncio.timeout(15.0):
                await self._caught_up.wait()
            self._server = await asyncio.start_server(
                self._accept, host, port, limit=READ_BYTES, backlog=BACKLOG
            )
        except BaseException:
            await self._outward.stop()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._tidying = asyncio.create_task(self._tidy())

    async def stop(self) -> None:
        """Take nobody in, let what is on its way arrive, disconnect; within 5 s."""
        if self._server is not None:
            self._server.close()
        if self._tidying is not None:
            self._tidying.cancel()
        for connection in self._serving.values():
            connection.finish()
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=FINISH_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        await self._outward.stop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = peer[0] if peer else "?"
        why = self._door.enter(address, asyncio.get_running_loop().time())
        if why is not None:
            self.counters.turned_away[why] += 1
            writer.transport.abort()
            return
        connection = Connection(reader, writer, address, self._around)
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = connection
        self.counters.accepted += 1
        self.counters.connections = self._door.inside
        try:
            self.counters.closed[await connection.serve()] += 1
        except asyncio.CancelledError:
            self.counters.closed["told"] += 1
        except Exception:
            # A fault of ours with one logger must not end the others.
            log.exception("a logger's connection has ended by an error")
            self.counters.closed["error"] += 1
        finally:
            self._serving.pop(task, None)
            self._door.leave(address)
            self.counters.connections = self._door.inside

    def _on_message(self, topic: str, payload: bytes) -> None:
        if topic == self._marker:
            self._caught_up.set()
        elif not self._caught_up.is_set():
            self._post.remember(self._devices, topic, payload, asyncio.get_running_loop().time())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._post.send_overdue(self._devices, asyncio.get_running_loop().time())
            except Exception:
                # What waits is looked at again; loggers are served meanwhile.
                log.exception("messages in part could not be sent")
