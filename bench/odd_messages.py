"""Messages that no device of good will sends, and some that one does: for the fuzzing of ingest."""

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.fuzz_hj212 import sealed

NOW_MS = 1_772_352_000_000
"""2026-03-01T08:00Z."""
TEN_MB = 10 * 2**20
NUMBERS = (
    "0", "-0", "1e999", "-1e999", "1e-999", "9" * 400, "-" + "9" * 400, "1" + "0" * 30, "1.8e308",
    "NaN", "Infinity", "-Infinity", "0x10", "1_0", "01", ".5", "5.", "+5", "1e", "--1",
    "9223372036854775808", "1.0000000000000000000000000000000000000001", "5e-324",
)  # fmt: skip
WRONG = (
    "null", "true", "false", '""', '"81"', "[]", "{}", "[1]", '{"a":1}', '"\\u0000"', '"\\ud800"',
    '"\\udc00\\ud800"', '"' + "x" * 5000 + '"', '"💧"', '"N"', "81", "-1",
)  # fmt: skip
KEYS = ("ts", "pm10", "pm25", "tsp", "temp", "rh", "pressure", "wind_speed", "wind_dir", "rain",
        "noise", "status", "kind", "id", "lon", "lat", "count", "media", "note", "extra1", "",
        "\u0000", "n", "bt", "v", "u")  # fmt: skip
TIMES = (
    str(NOW_MS), '"2026-03-01T08:00:00Z"', '"2026-03-01T16:00:00+08:00"', '"2026-03-01T08:00:00"',
    '"2026-02-30T08:00:00Z"', '"2026-03-01 08:00:00Z"', '"0000-00-00T00:00:00Z"', "0", "-1", "1e12",
    "99999999999999999999", "253402300800000", '"9999-12-31T23:59:60Z"',
    '"2026-03-01T08:00:00+99:99"', "null", '"now"', "1772352000.5",
)  # fmt: skip
TOPICS = (
    "up/stations/{}/readings/", "up/stations//readings", "up/stations/{} /readings",
    "up//{}/readings",
    "up/stations/{}'; DROP TABLE readings;--/readings", "up/stations/../{}/readings", "up", "up/",
    "up/stations/%00{}/readings", "up/stations/💧{}/readings",
    "up/stations/{}/readings/a/b/c/d/e/f/g",
    "up/STATIONS/{}/readings", "up/stations/{}\u202e/readings", "up/crews/{}/position", "up/x{}",
    "up/cameras/{}/events", "up/reports/{}!", "up/drones/{}" + "x" * 80 + "/events", "up/stations/"
    + "{}" * 70 + "/readings", "up/$SYS/{}", "up/stations/{}/\u00a0",
    "up/" + "/".join("abcdefgh" * 8) + "{}",
)  # fmt: skip


class Message(NamedTuple):
    """items: how many outcomes it must have, where that is known; else at least one."""

    topic: str
    payload: bytes
    items: int | None


Maker = Callable[[random.Random, str], Message]


def _station(name: str) -> str:
    return f"up/stations/{name}/readings"


def deep(rng: random.Random, name: str) -> Message:
    """Nested far too deeply, as a whole, in a key, closed or not."""
    depth = rng.choice([5, 100, 900, 1100, 5000, 60_000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    core = opening * depth + "1" + (closing * depth if rng.random() < 0.7 else "")
    text = rng.choice([core, f'{{"ts":{NOW_MS},"pm10":1,"x":{core}}}', f'{{"ts":{core}}}'])
    return Message(_station(name), text.encode(), 1)


def number(rng: random.Random, name: str) -> Message:
    key = rng.choice(KEYS)
    text = f'{{"ts":{NOW_MS},"pm10":50,{json.dumps(key)}:{rng.choice(NUMBERS)}}}'
    return Message(_station(name), text.encode(), 1)


def wrong_type(rng: random.Random, name: str) -> Message:
    pairs = [
        f"{json.dumps(rng.choice(KEYS))}:{rng.choice(WRONG)}" for _ in range(rng.randint(1, 6))
    ]
    pairs.append(f'"ts":{rng.choice(TIMES)}')
    rng.shuffle(pairs)
    topic, kind = rng.choice(
        [(_station(name), ""), (f"up/drones/{name}/events", ',"kind":"dust_plume"'),
         (f"up/reports/{name}", ',"text":"灰"')]
    )  # fmt: skip
    return Message(topic, ("{" + ",".join(pairs) + kind + "}").encode("utf-8", "surrogatepass"), 1)


def large(rng: random.Random, name: str) -> Message:
    """Ten megabytes: of text, of items, of blanks, of nothing that is JSON."""
    made: Callable[[], bytes] = rng.choice(
        [lambda: b'{"ts":%d,"pm10":1,"x":"%s"}' % (NOW_MS, b"x" * TEN_MB),
         lambda: b"[" + b",".join([b'{"ts":%d,"pm10":1}' % NOW_MS] * (TEN_MB // 32)) + b"]",
         lambda: b" " * TEN_MB + b"1", lambda: b"\xff" * TEN_MB, lambda: b"##" + b"9" * TEN_MB]
    )  # fmt: skip
    return Message(_station(name), made(), 1)


def many(rng: random.Random, name: str) -> Message:
    """An array of as many as may be, or of more: the whole is refused then."""
    count = rng.choice([0, 1, 999, 1000, 1001, 3000])
    items = [{"ts": NOW_MS + n, "pm10": n} for n in range(count)]
    whole = 1 if not 1 <= count <= 1000 else count
    return Message(_station(name), json.dumps(items).encode(), whole)


def mixed(rng: random.Random, name: str) -> Message:
    """Good and bad items in one array, each with an outcome of its own."""
    items = [
        rng.choice(
            [f'{{"ts":{NOW_MS + n},"pm10":{n}}}', f'{{"ts":{rng.choice(TIMES)},"pm10":1}}',
             rng.choice(WRONG), '{"pm10":1}', f'{{"ts":{NOW_MS}}}', f'{{"ts":{NOW_MS},"pm10":"x"}}']
        )
        for n in range(rng.randint(1, 40))
    ]  # fmt: skip
    # A pack whose first item is no reading may be one of SenML, which is refused as a whole.
    return Message(_station(name), f"[{','.join(items)}]".encode("utf-8", "surrogatepass"), None)


def broken_text(rng: random.Random, name: str) -> Message:
    good = f'{{"ts":{NOW_MS},"pm10":50,"note":"扬尘💧"}}'
    raw = good.encode(rng.choice(["utf-8", "utf-16", "gb18030", "utf-8-sig"]))
    cut = rng.randint(0, len(raw))
    raw = rng.choice([raw[:cut], raw[cut:], raw[:cut] + rng.randbytes(3) + raw[cut:], raw * 2, b"",
                      b"\x00", rng.randbytes(rng.randint(1, 300)), raw + b"\x00"])  # fmt: skip
    return Message(_station(name), raw, None)


def odd_topic(rng: random.Random, name: str) -> Message:
    topic = rng.choice(TOPICS).replace("{}", name)
    return Message(topic, b'{"ts":%d,"pm10":1,"kind":"dust_plume"}' % NOW_MS, 1)


def senml(rng: random.Random, name: str) -> Message:
    def value() -> Any:
        return rng.choice([1, 1.5, -1, 1e300, None, "x", True, [], {}, 2**70])

    keys = ("bn", "bt", "bu", "bv", "n", "u", "v", "t", "vs", "vb", "s", "bver", "x_")
    pack = [
        {key: rng.choice([value(), "pm10", "ug/m3", NOW_MS / 1000]) for key in rng.sample(keys, 4)}
        for _ in range(rng.randint(1, 5))
    ]
    return Message(_station(name), json.dumps(pack).encode(), None)


def frame(rng: random.Random, name: str) -> Message:
    segment = (
        f"QN=20260301160000000;ST={rng.choice([22, 39, 32, 'x'])};"
        f"CN={rng.choice([2011, 2051, 9015])};"
        f"MN={name};Flag={rng.choice([4, 5, 7, ''])};CP=&&DataTime=20260301160000;"
        f"a34002-Rtd={rng.choice(NUMBERS)},a34002-Flag={rng.choice('NFDX')}&&"
    ).encode()
    raw = sealed(segment)
    if rng.random() < 0.3:
        at = rng.randrange(len(raw))
        raw = raw[:at] + rng.randbytes(1) + raw[at + 1 :]
    return Message(_station(name), raw, None)


def good(rng: random.Random, name: str) -> Message:
    count = rng.randint(1, 30)
    items = [{"ts": NOW_MS - 60_000 * n, "pm10": 50 + n, "rh": 60} for n in range(count)]
    return Message(_station(name), json.dumps(items).encode(), count)


def twice(_rng: random.Random, name: str) -> Message:
    """The same again, and the same with other values: a duplicate and a conflict."""
    items = [{"ts": NOW_MS, "pm10": value} for value in (50, 50, 51)]
    return Message(_station(name), json.dumps(items).encode(), 3)


MAKERS: tuple[tuple[Maker, int], ...] = (
    (deep, 10), (number, 15), (wrong_type, 20), (large, 1), (many, 2), (mixed, 10),
    (broken_text, 15), (odd_topic, 10), (senml, 8), (frame, 8), (good, 15), (twice, 3),
)  # fmt: skip


def message(rng: random.Random, name: str, *, without: tuple[Maker, ...] = ()) -> Message:
    """One of them, by chance."""
    makers = [maker for maker, _ in MAKERS if maker not in without]
    weights = [weight for maker, weight in MAKERS if maker not in without]
    return rng.choices(makers, weights)[0](rng, name)
