"""Crews: they drive what the streets allow, use their water, answer, and report in time."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count, pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.district import District, Shift
from geo.graph import RoadGraph, Unreachable
from simulators.crews import OUT_OF_WATER, REFUSALS, CrewHabits, Crews, Treated, shift_at
from simulators.drive import NotDrivable, Streets
from simulators.message import Message
from simulators.scenario import CrewTrouble
from tests.dispatch.towns import NOON, PROJECTION, block, by_chance, crew

MINUTE = timedelta(minutes=1)


def at(*xy: tuple[float, float]) -> list[tuple[float, float]]:
    """Degrees of points in metres, as paths carry them."""
    return [(round(lon, 6), round(lat, 6)) for lon, lat in PROJECTION.to_lonlat(list(xy)).tolist()]


DEPOT = (500.0, 0.0)
TO_D = at(DEPOT, (300, 0))
TO_A = at(DEPOT, (300, 0), (0, 0))


def order(name: str, path: list[tuple[float, float]], **changes: Any) -> dict[str, Any]:
    """An order to wash a segment, as the contract writes it."""
    return {
        "order": name,
        "seq": 1,
        "treatment": "wash",
        "segment": None,
        "site": None,
        "depot": None,
        "direction": None,
        "path": path,
        "eta": "2026-03-02T04:05:00Z",
        "due": None,
        "minutes": 1.5,
        "water_l": 360.0,
        "priority": 4,
        "episode": None,
        "reason": "例行作业",
    } | changes


class Day:
    """A district's crews from noon on, and all they said and did."""

    def __init__(
        self, district: District | None = None, habits: CrewHabits | None = None, seed: int = 1
    ) -> None:
        self.crews = Crews(district or block(), habits or CrewHabits(), seed)
        self.now = NOON
        self.messages: list[Message] = []
        self.works: list[Treated] = []

    def plan(self, *orders: dict[str, Any], who: str = "W1") -> "Day":
        """Give a crew a plan of these orders."""
        plan = {
            "plan": f"P{self.now:%H%M}",
            "crew": who,
            "issued_at": self.now.isoformat(),
            "orders": [one | {"seq": seq} for seq, one in enumerate(orders, 1)],
        }
        self.crews.receive(who, json.dumps(plan).encode())
        return self

    def live(self, minutes: int) -> "Day":
        """Let so many minutes go by."""
        for _ in range(minutes):
            began, self.now = self.now, self.now + MINUTE
            messages, works = self.crews.step(began, self.now, 60.0)
            self.messages += messages
            self.works += works
        return self

    @property
    def positions(self) -> list[dict[str, Any]]:
        """All that was published of positions, with places in metres."""
        found = []
        for message in self.messages:
            if message.topic.endswith("/position"):
                said = json.loads(message.payload)
                x, y = PROJECTION.to_xy([(said["lon"], said["lat"])])[0]
                found.append(said | {"xy": (float(x), float(y))})
        return found

    @property
    def progress(self) -> list[dict[str, Any]]:
        """All that was published of progress."""
        return [json.loads(m.payload) for m in self.messages if m.topic.endswith("/progress")]

    def events(self) -> list[tuple[str, str]]:
        """What became of which order, in the order of publication."""
        return [(said["order"], said["event"]) for said in self.progress]

    def when(self, name: str, event: str) -> datetime:
        """The time of an event."""
        return next(
            datetime.fromisoformat(said["ts"])
            for said in self.progress
            if (said["order"], said["event"]) == (name, event)
        )


def test_a_crew_waits_at_its_depot_with_a_full_tank() -> None:
    """Before any plan a crew stands where its depot meets the street, and says so each minute."""
    day = Day().live(3)
    assert [p["ts"] for p in day.positions] == [f"2026-03-02T04:0{n}:00Z" for n in (1, 2, 3)]
    for position in day.positions:
        assert position["xy"] == pytest.approx(DEPOT, abs=0.2)
        assert (position["state"], position["water_l"]) == ("idle", 12_000.0)


def test_an_order_is_accepted_driven_worked_and_done_to_the_second() -> None:
    """200 m at 40 km/h take 18 s, 300 m at 12 km/h 90 s; events carry their own times."""
    day = Day().plan(order("O1", TO_D, segment="D", direction="forward")).live(4)
    assert day.events() == [("O1", "accepted"), ("O1", "started"), ("O1", "done")]
    assert day.when("O1", "accepted") == NOON
    assert day.when("O1", "started") - NOON == pytest.approx(
        timedelta(seconds=18), abs=timedelta(seconds=0.2)
    )
    assert day.when("O1", "done") - NOON == pytest.approx(
        timedelta(seconds=108), abs=timedelta(seconds=0.2)
    )
    assert [p["state"] for p in day.positions] == ["working", "idle", "idle", "idle"]
    # After 42 s of work at 12 km/h it is 140 m into the street.
    assert day.positions[0]["xy"] == pytest.approx((160, 0), abs=1.5)
    assert day.positions[1]["xy"] == pytest.approx((0, 0), abs=1.0)


def test_water_goes_where_the_crew_works() -> None:
    """The tank gives what the street gets, the shares of the segment add up to one."""
    day = Day().plan(order("O1", TO_D, segment="D", direction="forward")).live(4)
    assert day.positions[-1]["water_l"] == pytest.approx(12_000 - 300 * 1.2, abs=0.5)
    assert sum(work.share for work in day.works) == pytest.approx(1.0)
    for work in day.works:
        assert (work.segment, work.site, work.treatment) == ("D", None, "wash")
        assert work.water_l_per_m2 == pytest.approx(1.2 / 7.0, rel=1e-3)


def test_a_dry_tank_fails_the_order() -> None:
    """A crew that runs out of water says so at once; only what it did has been done."""
    district = block([crew("W1", tank_m3=0.18)])
    day = Day(district).plan(order("O1", TO_D, segment="D", direction="forward")).live(4)
    assert day.events() == [("O1", "accepted"), ("O1", "started"), ("O1", "failed")]
    assert day.progress[-1]["reason"] == OUT_OF_WATER
    assert day.positions[-1]["water_l"] == 0.0
    assert sum(work.share for work in day.works) == pytest.approx(0.5, abs=0.01)


def test_refilling_takes_the_depots_minutes_and_fills_the_tank() -> None:
    """A refill stands ten minutes at the water, and the tank is full afterwards."""
    day = Day().plan(
        order("O1", TO_D, segment="D", direction="forward"),
        order("O2", at((0, 0), (300, 0), DEPOT), treatment="refill", depot="D1", water_l=0.0),
    )
    day.live(20)
    assert day.events()[-2:] == [("O2", "started"), ("O2", "done")]
    assert day.when("O2", "done") - day.when("O2", "started") == timedelta(minutes=10)
    assert "refilling" in {p["state"] for p in day.positions}
    assert day.positions[-1]["water_l"] == 12_000.0


def test_a_site_is_sprayed_for_its_minutes() -> None:
    """A fog order at a site stands still and uses the order's water; nothing on any segment."""
    district = block([crew("W1", "fog_cannon")])
    there = at(DEPOT, (300, 0), (0, 0), (0, 150))
    day = Day(district).plan(
        order("O1", there, treatment="fog", site="X1", minutes=12, water_l=1800.0)
    )
    day.live(20)
    assert day.when("O1", "done") - day.when("O1", "started") == timedelta(minutes=12)
    assert day.positions[-1]["water_l"] == pytest.approx(12_000 - 1800, abs=0.1)
    assert {(work.site, work.segment, work.treatment) for work in day.works} == {
        ("X1", None, "fog")
    }
    assert sum(work.share for work in day.works) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("path", "changes", "reason"),
    [
        # Not from here: the path begins at the far end of the block.
        (at((0, 300), (300, 300)), {"segment": "C", "direction": "forward"}, "起点"),
        # Across the block, where there is no street.
        (at(DEPOT, (300, 0), (0, 300)), {"segment": "B", "direction": "forward"}, "不在道路上"),
        # Northwards up the street that leads south only.
        (
            at(DEPOT, (300, 0), (300, 300)),
            {"segment": "C", "direction": "forward"},
            "逆行",
        ),
        # Work against the one-way street.
        (TO_D, {"segment": "C", "direction": "backward"}, "单行"),
        # The drive ends where the work does not begin.
        (TO_D, {"segment": "A", "direction": "forward"}, "终点"),
        # Nowhere.
        (TO_D, {"segment": "Z", "direction": "forward"}, "没有路段"),
    ],
    ids=["elsewhere", "no street", "one-way", "against", "wrong end", "unknown"],
)
def test_what_cannot_be_driven_is_refused(
    path: list[tuple[float, float]], changes: dict[str, Any], reason: str
) -> None:
    """A path that is not the crew's, or not of the streets, is refused with the reason."""
    day = Day().plan(order("O1", path, **changes)).live(2)
    assert day.events() == [("O1", "accepted"), ("O1", "refused")]
    assert reason in day.progress[-1]["reason"]
    assert day.positions[-1]["xy"] == pytest.approx(DEPOT, abs=0.2)


def test_streets_that_cross_without_meeting_are_not_turned_into() -> None:
    """Where one street passes over another a path may not change from one to the other."""
    town = block()
    bridge = replace(
        town.segments["E"],
        id="F",
        line=PROJECTION.to_lonlat(shapely.LineString([(400, -100), (400, 100)])),
    )
    streets = Streets(replace(town, segments=town.segments | {"F": bridge}))
    streets.follow(at(DEPOT, (400, 0), (300, 0)), 40.0)
    with pytest.raises(NotDrivable, match="不相通"):
        streets.follow(at(DEPOT, (400, 0), (400, 100)), 40.0)


@given(st.integers(0, 200), st.randoms(use_true_random=False))
def test_every_drive_of_the_graph_is_drivable(seed: int, chance: Any) -> None:
    """What the road graph gives as a way, the crew's own reading of the streets agrees with."""
    district = by_chance(seed)
    graph, streets = RoadGraph(district), Streets(district)
    for _ in range(4):
        a, b = (chance.randrange(len(graph.node_lonlat)) for _ in range(2))
        try:
            path = graph.path(a, b, 40.0)
        except Unreachable:
            continue
        rounded = [(round(lon, 6), round(lat, 6)) for lon, lat in path.lonlat]
        drive = streets.follow(rounded, 40.0)
        assert drive.seconds == pytest.approx(path.seconds, abs=1.0)


@given(st.integers(0, 200), st.randoms(use_true_random=False))
def test_one_way_streets_are_not_driven_backwards(seed: int, chance: Any) -> None:
    """A path that is drivable one way is not, the other way round, if it has a one-way street."""
    district = by_chance(seed)
    streets = Streets(district)
    oneway = [name for name, segment in district.segments.items() if segment.oneway]
    if not oneway:
        return
    line = district.segments[chance.choice(oneway)].line
    points = [(round(x, 6), round(y, 6)) for x, y in line.coords]
    streets.follow(points, 40.0)
    with pytest.raises(NotDrivable, match="逆行"):
        streets.follow(points[::-1], 40.0)


def test_a_new_plan_replaces_the_one_before() -> None:
    """An order that is gone from the plan and not started is forgotten, a started one is not."""
    first = order("O1", TO_D, segment="D", direction="forward")
    then = order("O2", at((0, 0)) * 2, segment="A", direction="forward")
    other = order("O3", at((0, 0)) * 2, segment="D", direction="backward")
    day = Day().plan(first, then).live(1)
    day.plan(other).live(8)
    assert day.events() == [
        ("O1", "accepted"),
        ("O2", "accepted"),
        ("O1", "started"),
        ("O3", "accepted"),
        ("O1", "done"),
        ("O3", "started"),
        ("O3", "done"),
    ]


def test_a_repeated_plan_changes_nothing() -> None:
    """The same plan again, retained or delivered twice, is not answered again."""
    one = order("O1", TO_A, segment="A", direction="forward")
    day = Day().plan(one).live(1).plan(one).live(6).plan(one).live(2)
    assert day.events() == [("O1", "accepted"), ("O1", "started"), ("O1", "done")]


def test_a_faulty_plan_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """What is no plan leaves the crew as it was, and the log says what was wrong."""
    day = Day()
    for payload in (b"", b"{", b'{"plan":"P","crew":"W1","orders":[{"order":1}]}'):
        day.crews.receive("W1", payload)
    day.crews.receive("NOBODY", b"{}")
    assert day.live(2).events() == []
    assert len([r for r in caplog.records if "W1" in r.getMessage()]) == 2


def test_after_a_refusal_the_next_order_is_reached_all_the_same() -> None:
    """A plan's next path begins where the refused work would have ended: the crew finds its way."""
    day = Day().plan(
        order("O1", TO_D, segment="Z", direction="forward"),
        order("O2", at((0, 0)) * 2, segment="A", direction="forward"),
    )
    day.live(6)
    assert ("O1", "refused") in day.events()
    assert day.events()[-1] == ("O2", "done")


def test_off_shift_nothing_is_begun_and_the_work_in_hand_is_ended() -> None:
    """At the end of the shift the crew ends its order, begins no other and goes home."""
    # Shifts are local: noon in Shenzhen is 12:00.
    district = block([crew("W1", shifts=(Shift(time(6), time(12, 1)),))])
    day = Day(district).plan(
        order("O1", TO_D, segment="D", direction="forward"),
        order("O2", at((0, 0)) * 2, segment="A", direction="forward"),
    )
    day.live(8)
    assert [event for event in day.events() if event[0] == "O1"][-1] == ("O1", "done")
    assert ("O2", "started") not in day.events()
    assert day.positions[-1]["state"] == "off"
    assert day.positions[-1]["xy"] == pytest.approx(DEPOT, abs=0.5)


def test_refusals_come_at_the_scenarios_rate_with_reasons() -> None:
    """Of many orders about the given share is refused, each with a sentence."""
    habits = CrewHabits(refusal=0.3)
    stay = at(DEPOT) * 2
    day = Day(habits=habits).plan(
        *(order(f"O{n}", stay, segment="E", direction="backward") for n in range(400))
    )
    day.live(1)
    refused = [said for said in day.progress if said["event"] == "refused"]
    assert 0.2 < len(refused) / 400 < 0.4
    assert all(said["reason"] for said in refused)
    assert len(day.progress) >= 400


def test_a_silent_crew_is_not_heard_and_sends_its_words_afterwards() -> None:
    """While the terminal is out of reach nothing is published; words come late, not never."""
    day = Day(habits=CrewHabits(silence=1.0))
    day.plan(order("O1", TO_D, segment="D", direction="forward")).live(14)
    assert day.messages == []
    day.live(40)
    assert day.events()[-1] == ("O1", "done")


def test_a_breakdown_fails_the_work_and_is_mended() -> None:
    """A broken vehicle stands, says so, fails what it had begun, and works again later."""
    trouble = CrewTrouble("W1", "broken", 1 / 60, 2.0)
    day = Day(habits=CrewHabits(troubles=(trouble,)))
    day.plan(order("O1", TO_D, segment="D", direction="forward")).live(2)
    assert day.events()[-1] == ("O1", "failed")
    assert day.positions[-1]["state"] == "broken"
    stood = day.positions[-1]["xy"]
    day.plan(order("O2", TO_D, segment="D", direction="forward")).live(119)
    assert day.events()[-1] == ("O2", "refused")
    assert day.positions[-1]["xy"] == stood
    assert day.positions[-1]["state"] == "broken"
    day.live(1)
    assert day.positions[-1]["state"] == "idle"


def test_breakdowns_come_at_their_rate_and_last_their_time() -> None:
    """So many a day on shift, each of 45 to 180 minutes."""
    day = Day(habits=CrewHabits(breakdowns=6.0)).live(15 * 1440)
    states = "".join("X" if p["state"] == "broken" else "-" for p in day.positions)
    lengths = [len(run) for run in re.findall("X+", states[:-180])]
    # Of 24 hours 16 are on shift, and of these one is broken down a part.
    assert 30 < len(lengths) < 75
    assert all(45 <= length <= 181 for length in lengths)


def test_vehicles_break_down_on_shift_only() -> None:
    """However often it breaks down, it never does so standing at its depot at night."""
    district = block([crew("W1", shifts=(Shift(time(10), time(14)),))])
    day = Day(district, CrewHabits(breakdowns=40.0)).live(6 * 1440)
    starts = [
        datetime.fromisoformat(now["ts"]).astimezone(district.timezone)
        for before, now in pairwise(day.positions)
        if before["state"] != "broken" == now["state"]
    ]
    assert len(starts) > 6
    assert all(time(10) < start.time() <= time(14) for start in starts)


def test_a_trouble_by_schedule_is_that_crews_alone() -> None:
    """Of a crew that is silent for the second hour nothing is heard in it, and all of others."""
    district = block([crew("W1"), crew("W2")])
    habits = CrewHabits(troubles=(CrewTrouble("W2", "silent", 1.0, 1.0),))
    day = Day(district, habits).live(180)
    heard = {
        name: [m for m in day.messages if m.topic == f"up/crews/{name}/position"]
        for name in ("W1", "W2")
    }
    assert (len(heard["W1"]), len(heard["W2"])) == (180, 120)
    ts = {json.loads(m.payload)["ts"] for m in heard["W1"]} - {
        json.loads(m.payload)["ts"] for m in heard["W2"]
    }
    assert (min(ts), max(ts)) == ("2026-03-02T05:01:00Z", "2026-03-02T06:00:00Z")


def test_a_trouble_of_an_unknown_crew_is_refused() -> None:
    """The error names the crew and those that there are."""
    with pytest.raises(ValueError, match=r"'W9'.*W1"):
        Day(habits=CrewHabits(troubles=(CrewTrouble("W9", "broken", 0.0, 1.0),)))


def test_a_break_is_taken_in_the_middle_of_the_shift_after_the_order_in_hand() -> None:
    """The shift of 10:00 to 16:00 has its middle at 13:00: half an hour begins about 12:45."""
    district = block([crew("W1", tank_m3=99.0, shifts=(Shift(time(10), time(16)),))])
    habits = CrewHabits(break_min=30.0)
    rounds = orders_of("DABC" * 20)
    day = Day(district, habits).plan(*rounds).live(120)
    gaps = []
    events = [(datetime.fromisoformat(e["ts"]), e["event"]) for e in day.progress]
    for (done, _), (started, _) in pairwise(e for e in events if e[1] in ("done", "started")):
        if started - done > 20 * MINUTE:
            gaps.append((done, started - done))
    ((since, length),) = gaps
    assert NOON + 45 * MINUTE <= since <= NOON + 48 * MINUTE
    assert timedelta(minutes=30) <= length < timedelta(minutes=31)
    idle = [p for p in day.positions if p["state"] == "idle"]
    assert 29 <= len(idle) <= 31
    # All that was begun was ended, in order, break or not.
    assert [e for e in day.events() if e[1] != "accepted"] == [
        (f"O{n // 2}", ("started", "done")[n % 2]) for n in range(len(events) - 80)
    ]


@pytest.mark.parametrize(
    ("shift", "breaks"), [((6, 14), 0), ((8, 18), 1), ((10, 15), 0), ((20, 13), 0)]
)
def test_only_long_shifts_have_a_break(shift: tuple[int, int], breaks: int) -> None:
    """From noon to three a shift has a break if it is six hours long and its middle comes then."""
    first, last = shift
    district = block([crew("W1", tank_m3=99.0, shifts=(Shift(time(first), time(last)),))])
    rounds = orders_of("DABC" * 40)
    usual, rested = (
        Day(district, CrewHabits(break_min=minutes)).plan(*rounds).live(180)
        for minutes in (0.0, 40.0)
    )
    done = [sum(event == "done" for _, event in day.events()) for day in (usual, rested)]
    assert (done[1] < done[0] - 10) == bool(breaks)
    assert breaks or done[0] == done[1]


def test_breakdowns_do_not_hang_on_the_plan() -> None:
    """A crew that is worked hard breaks down in the very minutes in which an idle one does."""
    numbers = count()

    def work(day: Day) -> None:
        stay = at(DEPOT) * 2
        name = f"X{next(numbers)}"
        day.plan(*(order(f"{name}-{n}", stay, segment="E", direction="backward") for n in range(3)))

    days = []
    for plans in (None, work):
        day = Day(habits=CrewHabits(refusal=0.3, breakdowns=12.0), seed=3)
        for _ in range(40):
            if plans is not None:
                plans(day)
            day.live(15)
        days.append([p["ts"] for p in day.positions if p["state"] == "broken"])
    assert days[0] == days[1]
    assert len(days[0]) > 100
    assert len(day.progress) > 100


def test_the_nth_order_has_its_own_luck() -> None:
    """Other orders in other plans at other times: the same ones in sequence are refused."""

    def refused(size: int) -> list[bool]:
        stay, day = at(DEPOT) * 2, Day(habits=CrewHabits(refusal=0.3), seed=5)
        for first in range(0, 60, size):
            names = [f"P{size}-{n}" for n in range(first, first + size)]
            day.plan(*(order(name, stay, segment="E", direction="backward") for name in names))
            day.live(size)
        reasons: dict[str, str | None] = {}
        for said in day.progress:
            reasons.setdefault(said["order"], said.get("reason"))
        return [reason in REFUSALS for reason in reasons.values()]

    assert refused(1) == refused(4) == refused(60)
    assert 8 < sum(refused(60)) < 30


def test_a_crew_more_changes_no_other() -> None:
    """Each crew has its own luck."""
    habits = CrewHabits(refusal=0.2, silence=0.1, breakdowns=10.0)
    few, more = block([crew("W1")]), block([crew("W2"), crew("W1")])
    a, b = (
        Day(town, habits).plan(*orders_of("DABC" * 4)).live(150).messages for town in (few, more)
    )
    assert a == [message for message in b if "/W1/" in message.topic]


def test_work_says_on_which_order_it_was_done() -> None:
    """What was done to a street names the crew and the order."""
    day = Day().plan(order("O1", TO_D, segment="D", direction="forward")).live(4)
    assert {(work.crew, work.order) for work in day.works} == {("W1", "O1")}


def orders_of(names: Iterable[str]) -> list[dict[str, Any]]:
    """Round the block: D, A, B and C again and again."""
    corners = {"D": (300, 0), "A": (0, 0), "B": (0, 300), "C": (300, 300)}
    return [
        order(
            f"O{n}",
            TO_D if n == 0 else at(corners[name]) * 2,
            segment=name,
            direction="forward",
        )
        for n, name in enumerate(names)
    ]


def test_a_long_round_never_jumps_and_never_has_less_than_no_water() -> None:
    """No minute takes a crew farther than its speed, and every litre is accounted for."""
    day = Day(habits=CrewHabits(refusal=0.1)).plan(*orders_of("DABC" * 6)).live(120)
    places = np.array([DEPOT, *(p["xy"] for p in day.positions)])
    assert np.hypot(*np.diff(places, axis=0).T).max() <= 40 / 3.6 * 60 + 1
    waters = [p["water_l"] for p in day.positions]
    assert min(waters) >= 0
    used = sum(w.share * 300 * 7.0 * w.water_l_per_m2 for w in day.works)
    assert waters[-1] == pytest.approx(12_000 - used, abs=1.0)


def test_the_same_seed_says_the_same() -> None:
    """Two days with one seed are the same to the byte, another seed is another day."""

    def said(seed: int) -> list[Message]:
        habits = CrewHabits(refusal=0.2, silence=0.05, breakdowns=20.0)
        return Day(habits=habits, seed=seed).plan(*orders_of("DABC" * 4)).live(200).messages

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_times_are_utc() -> None:
    """What a crew says carries UTC, whatever zone its clock was given in."""
    day = Day()
    day.now = NOON.astimezone(block().timezone)
    day.live(1)
    assert day.positions[0]["ts"] == (NOON + MINUTE).astimezone(UTC).isoformat().replace(
        "+00:00", "Z"
    )


@pytest.mark.parametrize(
    ("shift", "clock", "expected"),
    [
        (("06:00", "14:00"), "06:00", ("2026-03-02T06:00", 8)),
        (("06:00", "14:00"), "13:59", ("2026-03-02T06:00", 8)),
        (("06:00", "14:00"), "14:00", None),
        (("06:00", "14:00"), "05:59", None),
        (("22:00", "06:00"), "23:00", ("2026-03-02T22:00", 8)),
        (("22:00", "06:00"), "05:59", ("2026-03-01T22:00", 8)),
        (("22:00", "06:00"), "06:00", None),
        (("08:00", "08:00"), "07:59", ("2026-03-01T08:00", 24)),
        (("08:00", "08:00"), "08:00", ("2026-03-02T08:00", 24)),
    ],
)
def test_the_shift_of_a_time(
    shift: tuple[str, str], clock: str, expected: tuple[str, int] | None
) -> None:
    """A time lies in the shift that began before it and has not ended, at night till morning."""
    shifts = [Shift(*map(time.fromisoformat, shift))]
    found = shift_at(shifts, datetime.fromisoformat(f"2026-03-02T{clock}"))
    if expected is None:
        assert found is None
    else:
        began, hours = expected
        assert found == (datetime.fromisoformat(began), timedelta(hours=hours))
