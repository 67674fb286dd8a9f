"""Loggers that speak HJ 212, on the gateway: CPU, memory, time to the answer, and none lost.

    python -m bench.gateway [--loggers 2000] [--every 30] [--frames 4] [--kills 0] [--seed 1]

Each logger sends a frame every so many seconds over a connection of its own, waits for its answer,
and sends it again where none comes. Lost is what was answered and never reached the broker's
subscriber. With --kills the gateway is ended by SIGKILL that often in the flow and started again.
Exit status 1 when a frame is lost or was never answered.
"""

import argparse
import asyncio
import contextlib
import random
import resource
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import psutil

from broker.connection import Address, client
from ingest import hj212
from ingest.gateway.hj212 import Hj212Gateway
from ingest.gateway.settings import GatewaySettings
from ingest.hj212 import Frame, build
from ingest.registry import Registry, StationFacts
from roaddust.embedded.loopback import free_port, port_answers
from tests.services import Mosquitto

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "roaddust/v1/"
HOST = "127.0.0.1"
ZONE = ZoneInfo("Asia/Shanghai")
ANSWER_S = 10.0
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run. cpu: share of one core that the gateway had; again: frames sent once more."""

    loggers: int
    sent: int
    answered: int
    lost: int
    again: int
    kills: int
    seconds: float
    cpu: float
    memory_mb: float
    answer_ms_p50: float
    answer_ms_p99: float

    @property
    def good(self) -> bool:
        return self.answered == self.sent and not self.lost


@dataclass(slots=True)
class Tally:
    """What the loggers have seen. answered: QN by device."""

    answered: set[tuple[str, str]] = field(default_factory=set)
    waits_s: list[float] = field(default_factory=list)
    again: int = 0


def device(n: int) -> str:
    return f"BENCH{n:019d}"


def run(
    broker: Mosquitto, *, loggers: int, frames: int, every_s: float, kills: int, seed: int
) -> Outcome:
    """Let the loggers send while the gateway is killed `kills` times."""
    port = free_port()
    heard: set[tuple[str, str]] = set()
    listening = _listen(broker, heard)
    child = _start(broker, port, loggers)
    began, cpu_s, memory_mb = time.monotonic(), 0.0, 0.0
    tally = Tally()
    ended = threading.Event()

    def send() -> None:
        try:
            asyncio.run(_send_all(port, loggers, frames, every_s, tally))
        finally:
            ended.set()

    flow = threading.Thread(target=send)
    places = sorted(
        random.Random(seed).sample(range(1, loggers * frames - loggers), kills) if kills else []
    )
    done = 0
    flow.start()
    try:
        while not ended.wait(0.05):
            process = psutil.Process(child.pid)
            memory_mb = max(memory_mb, process.memory_info().rss / 1e6)
            if places and len(tally.answered) >= places[0]:
                cpu_s += _cpu_s(process)
                places.pop(0)
                done += 1
                child.kill()
                child.wait()
                child = _start(broker, port, loggers)
        flow.join()
        seconds = time.monotonic() - began
        cpu_s += _cpu_s(psutil.Process(child.pid))
        until = time.monotonic() + 10
        while not tally.answered <= heard and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        child.terminate()
        child.wait(10)
        listening.disconnect()
        listening.loop_stop()
    waits_ms = sorted(1000 * wait for wait in tally.waits_s) or [0.0]
    return Outcome(
        loggers=loggers,
        sent=loggers * frames,
        answered=len(tally.answered),
        lost=len(tally.answered - heard),
        again=tally.again,
        kills=done,
        seconds=round(seconds, 1),
        cpu=round(cpu_s / seconds, 4),
        memory_mb=round(memory_mb, 1),
        answer_ms_p50=round(statistics.median(waits_ms), 1),
        answer_ms_p99=round(waits_ms[int(len(waits_ms) * 0.99)], 1),
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _listen(broker: Mosquitto, heard: set[tuple[str, str]]) -> mqtt.Client:
    listening = client(Address.parse(broker.url), "gateway-bench", persistent=False)
    subscribed = threading.Event()

    def on_message(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        for raw in hj212.split(bytes(message.payload)):
            frame = hj212.parse(raw)
            heard.add((frame.mn, frame.qn or ""))

    listening.on_message = on_message
    listening.on_connect = lambda c, *_: c.subscribe(f"{PREFIX}up/#", 1)
    listening.on_subscribe = lambda *_: subscribed.set()
    listening.connect(broker.host, broker.port)
    listening.loop_start()
    assert subscribed.wait(START_S)
    return listening


def _start(broker: Mosquitto, port: int, loggers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.gateway", "--serve", broker.url]
    child = subprocess.Popen([*command, "--port", str(port), "--loggers", str(loggers)], cwd=ROOT)
    until = time.monotonic() + START_S
    while not port_answers(HOST, port):
        if child.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the gateway did not start")
        time.sleep(0.05)
    return child


async def _send_all(port: int, loggers: int, frames: int, every_s: float, tally: Tally) -> None:
    async with asyncio.TaskGroup() as tasks:
        for n in range(loggers):
            offset_s = every_s * n / loggers
            tasks.create_task(_logger(port, device(n), frames, every_s, offset_s, tally))


async def _logger(
    port: int, mn: str, frames: int, every_s: float, offset_s: float, tally: Tally
) -> None:
    began_s = time.monotonic() + offset_s
    writer: asyncio.StreamWriter | None = None
    first = datetime.now(ZONE).replace(microsecond=0)
    for n in range(frames):
        await asyncio.sleep(max(0.0, began_s + n * every_s - time.monotonic()))
        at = first + timedelta(seconds=n * max(1.0, every_s))
        frame = Frame(
            st=39,
            cn=2011,
            mn=mn,
            pw="123456",
            qn=f"{at:%Y%m%d%H%M%S}{n % 1000:03d}",
            flag=5,
            body=(
                (("DataTime", f"{at:%Y%m%d%H%M%S}"),),
                (("a34002-Rtd", "81"), ("a34002-Flag", "N")),
                (("a34004-Rtd", "33"), ("a34004-Flag", "N")),
                (("a34001-Rtd", "160"), ("a34001-Flag", "N")),
                (("LA-Rtd", "61.2"), ("LA-Flag", "N")),
            ),
        )
        sent_s = time.monotonic()
        for attempt in range(1000):
            tally.again += bool(attempt)
            try:
                async with asyncio.timeout(ANSWER_S):
                    if writer is None:
                        reader, writer = await asyncio.open_connection(HOST, port)
                    writer.write(build(frame))
                    answer = hj212.parse(await reader.readuntil(b"\r\n"))
                if answer.cn == hj212.KEPT and answer.qn == frame.qn:
                    tally.answered.add((mn, frame.qn or ""))
                    tally.waits_s.append(time.monotonic() - sent_s)
                    break
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                if writer is not None:
                    writer.close()
                writer = None
                await asyncio.sleep(0.2)
    if writer is not None:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _serve(url: str, port: int, loggers: int) -> None:
    """The gateway by itself, with as many stations as there are loggers."""
    stations = {f"B{n:06d}": StationFacts(mn=device(n)) for n in range(loggers)}

    async def serve() -> None:
        gateway = Hj212Gateway(
            Address.parse(url),
            PREFIX,
            Registry(stations),
            {},
            GatewaySettings(
                any_password=True,
                connections=loggers + 10,
                connections_per_address=loggers + 10,
                clock_off_s=0,
                ask_again=False,
            ),
            lambda: datetime.now(UTC),
        )
        await gateway.start(HOST, port)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loggers", type=int, default=2000)
    parser.add_argument("--every", type=float, default=30.0)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if given.serve:
        _serve(given.serve, given.port, given.loggers)
        return 0
    with Mosquitto(max_inflight_messages=1000) as broker:
        outcome = run(
            broker,
            loggers=given.loggers,
            frames=given.frames,
            every_s=given.every,
            kills=given.kills,
            seed=given.seed,
        )
    print(outcome)
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
