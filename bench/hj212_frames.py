"""Real HJ 212 frames, published raw to Mosquitto: what became of each, as a table.

    python -m bench.hj212_frames [FRAMES.csv]

The file has the columns `id`, `verdict` (`ok`, `crc`, `no crc`) and `frame`. Each frame goes to a
station whose `mn` it carries. Exit status 1 where an outcome disagrees with its verdict.
"""

import csv
import re
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from broker.connection import Address, client
from ingest import hj212
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from roaddust.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, fresh_database
from tests.services.waiting import wait_until

FRAMES = Path(__file__).resolve().parents[2] / "shared" / "data" / "hj212" / "frames.csv"
PREFIX = "roaddust/v1/"
DAMAGED = {"crc", "length", "frame"}


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    with path.open(encoding="utf-8", newline="") as file:
        frames = {row["id"]: row for row in csv.DictReader(file)}
    stations = {
        name: StationFacts(mn=match[1] if (match := re.search(r"MN=([^;]*)", row["frame"])) else "")
        for name, row in frames.items()
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(EmbeddedPostgres(folder))
        dsn = stack.enter_context(fresh_database(server, migrate))
        broker = stack.enter_context(Mosquitto())
        ingest = Ingest(
            dsn,
            Address.parse(broker.url),
            PREFIX,
            Registry(stations),
            IngestSettings(),
            lambda: datetime.now(UTC),
        )
        ingest.start()
        stack.callback(ingest.stop)
        _publish(broker, {name: row["frame"].encode() for name, row in frames.items()})
        wait_until(lambda: ingest.counters.messages == len(frames), lambda: str(ingest.counters))
        conn = stack.enter_context(psycopg.connect(dsn))
        kept = {
            station: values
            for station, *values in conn.execute(
                "SELECT station, ts, to_jsonb(readings) - '{station,ts,stored_at,source,late}'"
                "::text[] FROM readings"
            )
        }
        letters = {
            topic.split("/")[2]: (reason, detail)
            for topic, reason, detail in conn.execute(
                "SELECT topic, reason, detail FROM dead_letters"
            )
        }
    return _table(frames, kept, letters)


def _publish(broker: Mosquitto, frames: dict[str, bytes]) -> None:
    sender = client(Address.parse(broker.url), "frames", persistent=False)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    for name, frame in frames.items():
        topic = f"{PREFIX}up/stations/{name}/readings"
        sender.publish(topic, frame + b"\r\n", 1).wait_for_publish(10)
    sender.disconnect()
    sender.loop_stop()


def _table(
    frames: dict[str, dict[str, str]],
    kept: dict[str, list[object]],
    letters: dict[str, tuple[str, str]],
) -> int:
    print("| frame | verdict | ST | CN | outcome | answer | agrees | what was stored, or why not |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    disagreeing = 0
    for name, row in frames.items():
        try:
            frame = hj212.parse(row["frame"].encode())
        except hj212.FrameError:
            frame = None
        answer = hj212.answer_to(frame) if frame else None
        reason, detail = letters.get(name, ("", ""))
        stored = name in kept
        if stored:
            ts, values = kept[name]
            shown = {k: v for k, v in dict(values).items() if v is not None}  # type: ignore[call-overload]
            words = f"{ts:%Y-%m-%dT%H:%MZ} {shown}"
        else:
            words = detail
        agrees = stored != bool(reason) and (row["verdict"] == "ok") == (reason not in DAMAGED)
        disagreeing += not agrees
        print(
            f"| {name} | {row['verdict']} | {frame.st if frame else ''} "
            f"| {frame.cn if frame else ''} | {'stored' if stored else f'dead letter: {reason}'} "
            f"| {answer.cn if answer else ''} | {'yes' if agrees else 'NO'} | {words} |"
        )
    print(
        f"\n{len(frames)} frames: {len(kept)} stored, {len(letters)} dead letters, "
        f"{disagreeing} disagree with the verdict"
    )
    return 1 if disagreeing or len(kept) + len(letters) != len(frames) else 0


if __name__ == "__main__":
    sys.exit(main())
