"""An outsider's world: it knows `contract.md`, paho and its own district folder, nothing of ours.

A grid of streets elsewhere, stations that read what it says, and crews that do what they are told
and complain of every plan that cannot be driven.
"""

import itertools
import json
import math
import queue
import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

LON, LAT = 120.10, 30.20
M_LAT = 1 / 110_900
M_LON = 1 / (111_320 * math.cos(math.radians(LAT)))
BLOCK_M = 250.0
COLUMNS, ROWS = 5, 4
START = datetime(2026, 5, 11, 0, 0, tzinfo=UTC)
PATIENCE_S = 60.0
DRIVE_KMH = 40.0
TANK_L = {"W1": 8000.0, "W2": 8000.0, "F1": 8000.0}

Point = tuple[float, float]


def metres(place: Point) -> Point:
    """Longitude and latitude to metres from the grid's corner."""
    return (place[0] - LON) / M_LON, (place[1] - LAT) / M_LAT


def place(x: float, y: float) -> list[float]:
    return [round(LON + x * M_LON, 8), round(LAT + y * M_LAT, 8)]


def write_district(folder: Path) -> Path:
    """The district folder as the contract describes it."""
    folder.mkdir(parents=True)
    streets = []
    for row in range(ROWS):
        for column in range(COLUMNS - 1):
            ends = [(column * BLOCK_M, row * BLOCK_M), ((column + 1) * BLOCK_M, row * BLOCK_M)]
            # The second street eastwards only, the third westwards only.
            if row == 2:
                ends.reverse()
            streets.append((f"H{row}{column}", ends, row in (1, 2)))
    for column in range(COLUMNS):
        for row in range(ROWS - 1):
            ends = [(column * BLOCK_M, row * BLOCK_M), (column * BLOCK_M, (row + 1) * BLOCK_M)]
            streets.append((f"V{column}{row}", ends, False))
    segments = [
        feature(
            {"type": "LineString", "coordinates": [place(*end) for end in ends]},
            id=name,
            name=f"Street {name}",
            oneway=oneway,
            residents=200,
            min_treatments_per_day=1,
        )
        for name, ends, oneway in streets
    ]
    stations = [
        feature(point(column * BLOCK_M + 125, row * BLOCK_M + 5), id=f"S{row}{column}", kind="road",
                segment=f"H{row}{column}")
        for row in range(ROWS)
        for column in range(COLUMNS - 1)
    ]  # fmt: skip
    stations.append(feature(point(-900, -900), id="B1", kind="background"))
    layers: dict[str, list[dict[str, Any]]] = {
        "segments": segments,
        "stations": stations,
        "sites": [feature(point(300, 330), id="Q1", name="Yard", kind="sand_yard", gates=["H11"])],
        "cameras": [feature(point(300, 320), id="C1", site="Q1")],
        "depots": [
            feature(point(0, -4), id="D1", kind="both"),
            feature(point(1000, 754), id="R1", kind="refill", refill_minutes=8),
        ],
    }
    for name, features in layers.items():
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text)
    (folder / "district.toml").write_text(
        'id = "grid"\nname = "Grid"\ntimezone = "Asia/Shanghai"\n'
    )
    crews = [
        ("W1", "water_truck", 8, 1.2),
        ("W2", "water_truck", 8, 1.2),
        ("F1", "fog_cannon", 8, 0.8),
    ]
    (folder / "crews.toml").write_text(
        "\n".join(
            f'[[crew]]\nid = "{crew}"\nname = "Crew {crew}"\nkind = "{kind}"\ndepot = "D1"\n'
            f"tank_m3 = {tank}\nwater_l_per_m = {water}\nwork_speed_kmh = 10\n"
            f'drive_speed_kmh = {DRIVE_KMH:g}\nshifts = ["07:00-16:30"]\n'
            for crew, kind, tank, water in crews
        )
    )
    return folder


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": place(x, y)}


@dataclass
class Street:
    """A segment as this world reads it back from its own folder."""

    line: list[Point]
    oneway: bool

    def along(self, at: Point) -> tuple[float, float]:
        """Metres from the line's start to the foot of `at`, and how far off the line it is."""
        (ax, ay), (bx, by) = self.line
        length = math.hypot(bx - ax, by - ay)
        t = ((at[0] - ax) * (bx - ax) + (at[1] - ay) * (by - ay)) / length
        t = min(max(t, 0.0), length)
        foot = (ax + (bx - ax) * t / length, ay + (by - ay) * t / length)
        return t, math.hypot(at[0] - foot[0], at[1] - foot[1])


@dataclass
class Crew:
    """A crew that does what its plan says, one order after the other."""

    id: str
    at: Point
    water_l: float
    orders: list[dict[str, Any]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    current: dict[str, Any] | None = None
    arrives: datetime | None = None
    leaves: datetime | None = None


class World:
    """Six hours of somebody else's streets, in lockstep."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.streets = {}
        for entry in json.loads((folder / "segments.geojson").read_text())["features"]:
            line = [metres(tuple(c)) for c in entry["geometry"]["coordinates"]]
            self.streets[entry["properties"]["id"]] = Street(line, entry["properties"]["oneway"])
        self.stations = [
            entry["properties"]["id"]
            for entry in json.loads((folder / "stations.geojson").read_text())["features"]
        ]
        self.crews = {name: Crew(name, (0.0, -4.0), TANK_L[name]) for name in TANK_L}
        self.faults: list[str] = []
        self.done: list[dict[str, Any]] = []
        self.plans = 0
        self.episodes: dict[str, dict[str, Any]] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.cleaned: dict[str, datetime] = {}
        self._random = random.Random(7)
        self._answers: queue.Queue[datetime] = queue.Queue()
        self._online = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="outsider")
        self._client.on_message = self._hear
        self._client.connect(host, port)
        self._client.loop_start()
        subscribed = queue.Queue[int]()
        self._client.on_subscribe = lambda *_: subscribed.put(1)
        self._client.subscribe("roaddust/v1/down/#", qos=1)
        subscribed.get(timeout=PATIENCE_S)
        if not self._online.wait(PATIENCE_S):
            raise TimeoutError("no platform says that it is online")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def run(self, hours: float) -> None:
        """Minute by minute: what happened, then the clock, then wait."""
        now = START
        for _ in range(int(hours * 60)):
            now += timedelta(minutes=1)
            self._live(now)
            self._say("up/clock", {"now": now.isoformat()})
            answered = self._answers.get(timeout=PATIENCE_S)
            if answered != now:
                self.faults.append(f"asked for {now}, answered {answered}")

    # What happens in a minute -------------------------------------------------------------------

    def _live(self, now: datetime) -> None:
        for crew in self.crews.values():
            self._work(crew, now)
            x, y = crew.at
            lon, lat = place(x, y)
            self._say(
                f"up/crews/{crew.id}/position",
                {
                    "ts": now.isoformat(),
                    "lon": lon,
                    "lat": lat,
                    "water_l": crew.water_l,
                    "state": self._state(crew, now),
                },
            )
        background = 45 + 5 * math.sin(now.timestamp() / 5000)
        for name in self.stations:
            pm10 = background + self._dust(name, now) + self._random.gauss(0, 2)
            self._say(
                f"up/stations/{name}/readings",
                {
                    "ts": int(now.timestamp() * 1000),
                    "pm10": round(max(pm10, 1.0), 1),
                    "pm25": round(max(pm10, 1.0) * 0.4, 1),
                    "temp": 24.0,
                    "rh": 60.0,
                    "wind_speed": 1.5,
                    "wind_dir": 180.0,
                    "rain": 0.0,
                },
            )

    def _dust(self, station: str, now: datetime) -> float:
        """Two streets get dusty from the first hour on; a wash takes most of it for two hours."""
        hours = (now - START) / timedelta(hours=1)
        if station == "B1":
            return 0.0
        segment = f"H{station[1:]}"
        dust = 10.0
        if segment in ("H11", "H30") and 1.0 < hours < 5.0:
            dust += 180.0
        washed = self.cleaned.get(segment)
        if washed is not None:
            dust *= 1 - 0.7 * math.exp(-((now - washed) / timedelta(hours=2)))
        return dust

    def _state(self, crew: Crew, now: datetime) -> str:
        if crew.current is None or crew.arrives is None:
            return "idle"
        if now < crew.arrives:
            return "driving"
        return "refilling" if crew.current["treatment"] == "refill" else "working"

    def _work(self, crew: Crew, now: datetime) -> None:
        """Carry on with the order in hand, or begin the next of the plan."""
        for order in crew.orders:
            if order["order"] not in crew.accepted:
                crew.accepted.add(order["order"])
                self._progress(crew, order, "accepted", now)
        if crew.current is not None and crew.leaves is not None and now >= crew.leaves:
            self._finish(crew, now)
        if crew.current is None:
            waiting = [o for o in crew.orders if o["order"] not in crew.ended]
            if waiting:
                self._begin(crew, min(waiting, key=lambda order: order["seq"]), now)
        elif crew.arrives is not None and now >= crew.arrives and not crew.current.get("begun"):
            crew.current["begun"] = True
            crew.at = self._work_start(crew.current)
            self._progress(crew, crew.current, "started", now)

    def _begin(self, crew: Crew, order: dict[str, Any], now: datetime) -> None:
        crew.current = dict(order)
        length = self._check_path(crew, order)
        drive = timedelta(seconds=length / (DRIVE_KMH / 3.6))
        crew.arrives = now + drive
        crew.leaves = crew.arrives + timedelta(minutes=order["minutes"])

    def _finish(self, crew: Crew, now: datetime) -> None:
        order = crew.current
        assert order is not None
        crew.current, crew.arrives, crew.leaves = None, None, None
        crew.ended.add(order["order"])
        if order["treatment"] == "refill":
            crew.water_l = TANK_L[crew.id]
        else:
            crew.water_l -= order["water_l"]
            if crew.water_l < -1:
                self.faults.append(f"{crew.id} is dry after {order['order']}: {crew.water_l:.0f} l")
        if order["segment"]:
            line = self.streets[order["segment"]].line
            crew.at = line[-1] if order["direction"] == "forward" else line[0]
            self.cleaned[order["segment"]] = now
        self.done.append(order)
        if not order.get("begun"):
            self._progress(crew, order, "started", now)
        self._progress(crew, order, "done", now)

    # What a driver would object to --------------------------------------------------------------

    def _check_path(self, crew: Crew, order: dict[str, Any]) -> float:
        """Length of the drive in metres; everything that cannot be driven is a fault."""
        path = [metres(tuple(c)) for c in order["path"]]
        name = f"{crew.id} {order['order']} ({order['treatment']} {order['segment']})"
        if not path:
            self.faults.append(f"{name}: no path")
            return 0.0
        if math.dist(path[0], crew.at) > 30:
            self.faults.append(f"{name}: begins {math.dist(path[0], crew.at):.0f} m from the crew")
        for a, b in itertools.pairwise(path):
            if math.dist(a, b) > 0.5 and not any(
                self._drivable(street, a, b) for street in self.streets.values()
            ):
                self.faults.append(f"{name}: no street leads from {a} to {b}")
        if order["segment"]:
            street = self.streets[order["segment"]]
            if order["direction"] not in ("forward", "backward"):
                self.faults.append(f"{name}: direction {order['direction']}")
            if street.oneway and order["direction"] != "forward":
                self.faults.append(f"{name}: against the one-way street")
            off = math.dist(path[-1], self._work_start(order))
            if off > 5:
                self.faults.append(f"{name}: ends {off:.0f} m from where the work begins")
        return sum(math.dist(a, b) for a, b in itertools.pairwise(path))

    def _drivable(self, street: Street, a: Point, b: Point) -> bool:
        (s, off_a), (t, off_b) = street.along(a), street.along(b)
        return off_a < 6 and off_b < 6 and (not street.oneway or t >= s - 1)

    def _work_start(self, order: dict[str, Any]) -> Point:
        if order["segment"]:
            line = self.streets[order["segment"]].line
            return line[0] if order["direction"] == "forward" else line[-1]
        return metres(tuple(order["path"][-1]))

    # The wire -----------------------------------------------------------------------------------

    def _progress(self, crew: Crew, order: dict[str, Any], event: str, now: datetime) -> None:
        self._say(
            f"up/crews/{crew.id}/progress",
            {"ts": now.isoformat(), "order": order["order"], "event": event,
             "water_l": crew.water_l},
        )  # fmt: skip

    def _say(self, topic: str, body: dict[str, Any]) -> None:
        self._client.publish(f"roaddust/v1/{topic}", json.dumps(body), qos=1)

    def _hear(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        body = json.loads(message.payload) if message.payload else None
        match message.topic.split("/")[2:]:
            case ["down", "status"]:
                if body == {"status": "online"}:
                    self._online.set()
            case ["down", "clock"]:
                self._answers.put(datetime.fromisoformat(body["done"]))
            case ["down", "crews", name, "orders"]:
                self.plans += 1
                self.crews[name].orders = body["orders"]
            case ["down", "segments", name, "state"]:
                self.states[name] = body
            case ["down", "episodes", name] if body is not None:
                self.episodes[name] = body
