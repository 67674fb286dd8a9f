"""The HJ 212 codec against frames that nobody would send: no exception but the codec's own.

    python -m bench.fuzz_hj212 [--minutes 10] [--seed 1] [--frames FRAMES.csv]

Bytes at random, real frames with some bytes changed, and frames that are right on the outside
(length, CRC) and wild within, so that the deeper code meets them. Each goes through the whole way
in: the stream of a connection in pieces, the splitting of a payload, the codec, the answer, what a
key makes of it, the packets, the readings. Minutes are of CPU, so that a busy machine does not make
them fewer. Exit status 1 on the first that is not held.
"""

import argparse
import csv
import math
import sys
import time
from collections import Counter
from datetime import UTC
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from ingest import frames, hj212, sm4
from ingest.gateway.packets import Packets
from ingest.gateway.stream import FrameStream
from ingest.refusals import REASONS
from ingest.registry import StationFacts

FRAMES = Path(__file__).resolve().parents[2] / "shared" / "data" / "hj212" / "frames.csv"
MOST_BYTES = 9999
KEY = bytes(range(16))
AT_ONCE = 300
TOLD_EVERY = 20


def sealed(segment: bytes) -> bytes:
    """A frame that is right on the outside."""
    return b"##%04d%s%04X" % (len(segment), segment, hj212.crc(segment))


WORDS = st.sampled_from(
    ["QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF", "CP", "DataTime", "BeginTime",
     "a34002-Rtd", "a34002-Avg", "a34002-Flag", "a34004-Rtd", "a34001-Min", "a01006-Rtd", "LA-Rtd",
     "a34002-ZsRtd", "-Rtd", "a34002-", "a34002-SampleTime", "Leq-Rtd", "PM10-Rtd", "a01008-Avg"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "39", "22", "91", "2011", "2051", "2061", "2031", "9015", "1013", "5",
         "7", "9", "N", "F", "20160801085857", "20160801085857223", "00000000000000", "1e400",
         "nan", "inf", "-0", "1e-320", "0x10", "1_000", "９９", "99999999999999999999", "2016-8-1",
         "20161301256199", "&&", "##", "=", ",", ";", "\x00", "\r\n", " 81 ", "81.0.0", "+81"]
    ),
    st.text(max_size=12),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
)  # fmt: skip
PAIRS = st.tuples(WORDS | st.text(max_size=8), VALUES).map("=".join) | st.text(max_size=10)
BODIES = st.lists(st.lists(PAIRS, max_size=6).map(",".join), max_size=6).map(";".join)
HEADS = st.lists(PAIRS, max_size=10).map(";".join)
PLAIN = st.builds(
    "QN={};ST={};CN={};PW=1;MN=A1;Flag={};PNUM={};PNO={};CP=&&DataTime={};{}&&".format,
    VALUES, st.sampled_from([22, 39]), st.sampled_from([2011, 2051, 2061, 2031, 9015]),
    st.integers(0, 15), st.integers(0, 70), st.integers(0, 70),
    st.sampled_from(["20160801085857", "20160801085900"]) | VALUES, BODIES,
)  # fmt: skip
SEGMENTS = PLAIN | st.builds("{};CP=&&{}&&".format, HEADS, BODIES) | st.text(max_size=200)
ENCODINGS = st.sampled_from(["utf-8", "gb18030", "utf-16"])
WILD = st.builds(lambda text, code: text.encode(code, "replace"), SEGMENTS, ENCODINGS).map(sealed)


def changed(known: list[bytes]) -> st.SearchStrategy[bytes]:
    """Real frames with some bytes put in, taken out, or turned into others; sealed anew or not."""

    def change(raw: bytes, edits: list[tuple[int, int, bytes]], seals: bool) -> bytes:
        body = bytearray(raw[6:-4] if seals else raw)
        for at, length, new in edits:
            at %= len(body) + 1
            body[at : at + length] = new
        return sealed(bytes(body)) if seals else bytes(body)

    edits = st.tuples(st.integers(0, 2000), st.integers(0, 6), st.binary(max_size=4))
    return st.builds(
        change, st.sampled_from(known), st.lists(edits, min_size=1, max_size=5), st.booleans()
    )


def payloads(known: list[bytes]) -> st.SearchStrategy[bytes]:
    """What a connection or a message may bring."""
    one = st.one_of(st.binary(max_size=300), WILD, changed(known), st.sampled_from(known))
    between = st.sampled_from([b"", b"\r\n", b"\n", b" ", b"##", b"#", b"\r\n\r\n"])
    return st.lists(st.tuples(one, between).map(b"".join), min_size=1, max_size=5).map(b"".join)


def hold(payload: bytes, cuts: list[int], counted: Counter[str]) -> None:
    """Raises AssertionError, or whatever else was not to be raised."""
    raws = list(hj212.split(payload))
    packets = Packets()
    for raw in raws:
        _hold_frame(raw, packets, counted)
    assert b"".join(payload.split()) == b"".join(b"".join(raw for raw in raws).split())
    decoded = frames.readings(payload, StationFacts(mn=None), UTC)
    counted["readings"] += len(decoded.records)
    assert all(refused.reason in REASONS for refused in decoded.refused)
    for record in decoded.records:
        assert 0 <= record.ts_us < 253_402_300_800_000_000
        assert all(value is None or math.isfinite(value) for value in record[1:11])
    _hold_stream(payload, cuts)


def _hold_frame(raw: bytes, packets: Packets, counted: Counter[str]) -> None:
    for bytes_ in (raw, _or_none(raw)):
        if bytes_ is None:
            continue
        try:
            frame = hj212.parse(bytes_)
        except hj212.FrameError as error:
            counted[error.reason] += 1
            continue
        counted["read"] += 1
        packets.add(frame, bytes_, 0.0)
        assert len(packets) <= 5
        answers = [hj212.answer_to(frame), hj212.taken(frame, hj212.REFUSED)]
        for answer in answers:
            if answer is not None:
                assert hj212.parse(hj212.build(answer)).cn == answer.cn


def _or_none(raw: bytes) -> bytes | None:
    """What a key makes of it."""
    try:
        assert isinstance(sm4.device_of(raw), str)
        return sm4.in_clear(raw, KEY)
    except hj212.FrameError:
        return None


def _hold_stream(payload: bytes, cuts: list[int]) -> None:
    stream = FrameStream(MOST_BYTES)
    places = sorted({0, len(payload), *(cut % (len(payload) + 1) for cut in cuts)})
    for first, last in pairwise(places):
        for raw in stream.feed(payload[first:last]):
            assert len(raw) <= MOST_BYTES + 16
        assert stream.pending <= MOST_BYTES + 4096 + 16
    left = stream.give_up()
    assert left is None or left.strip()
    assert not stream.pending


def known_frames(path: Path) -> list[bytes]:
    """Of a file with a column `frame`; one of ours where there is no such file."""
    if not path.exists():
        return [sealed(b"QN=20160801085857223;ST=22;CN=2011;PW=1;MN=A1;Flag=5;"
                       b"CP=&&DataTime=20160801085857;a34002-Rtd=81,a34002-Flag=N&&")]  # fmt: skip
    with path.open(encoding="utf-8", newline="") as file:
        return [row["frame"].encode() for row in csv.DictReader(file)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of CPU")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=Path, default=FRAMES)
    given_ = parser.parse_args()
    known = known_frames(given_.frames)
    counted: Counter[str] = Counter()
    began_s, cpu_s = time.monotonic(), time.process_time()
    rounds = 0

    def told() -> None:
        print(
            f"{(time.process_time() - cpu_s) / 60:.1f} minutes of CPU, "
            f"{(time.monotonic() - began_s) / 60:.1f} of the clock, seeds {given_.seed} to "
            f"{given_.seed + rounds - 1}: {dict(sorted(counted.items()))}",
            flush=True,
        )

    while time.process_time() - cpu_s < 60 * given_.minutes:

        @seed(given_.seed + rounds)
        @settings(
            max_examples=AT_ONCE,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(payloads(known), st.lists(st.integers(0, 5000), max_size=6))
        def fuzz(payload: bytes, cuts: list[int]) -> None:
            counted["payloads"] += 1
            hold(payload, cuts, counted)

        try:
            fuzz()
        except HypothesisException:
            raise
        except Exception as error:
            print(f"round {rounds}, seed {given_.seed + rounds}: {error!r}", file=sys.stderr)
            raise
        rounds += 1
        if rounds % TOLD_EVERY == 0:
            told()
    told()
    return 0


if __name__ == "__main__":
    sys.exit(main())
