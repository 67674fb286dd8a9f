"""Plans: drivable whatever the town, stable from one to the next, urgent work first."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.crews import Standing, standings
from dispatch.facts import CrewReport, Facts, Order, Present
from dispatch.messages import plan_message
from dispatch.planning import Plan, Planner
from dispatch.settings import TREATS, DispatchSettings
from dispatch.shifts import shift_at
from dispatch.wants import Want, wishes
from geo.district import District, Shift
from tests.dispatch.checker import Checker, State
from tests.dispatch.towns import NOON, block, by_chance, crew, depot, segment, town

QUICK = DispatchSettings(iterations=40)


def standing_of(
    district: District, orders: Sequence[Order] = (), reports: Sequence[CrewReport] = ()
) -> dict[str, Standing]:
    """How the crews stand at noon."""
    present = Present(NOON, open_orders=tuple(orders), reports={r.crew: r for r in reports})
    return standings(present, district, QUICK)


def want(place: str, treatment: str = "wash", priority: int = 4, **changes: object) -> Want:
    """A want with a due time if it is urgent."""
    due = NOON + dt.timedelta(minutes=30) if priority < 4 else None
    prize = {1: 4e5, 2: 2e5, 3: 1e5, 4: 1800.0}[priority]
    values = {"is_site": False, "reason": "r", "due": due, "prize": prize} | changes
    return Want(place=place, treatment=treatment, priority=priority, **values)  # type: ignore[arg-type]


def planned(
    district: District,
    wants: Sequence[Want],
    orders: Sequence[Order] = (),
    reports: Sequence[CrewReport] = (),
    number: int = 1,
) -> Plan:
    """A plan at noon."""
    crews = standing_of(district, orders, reports)
    return Planner(district, QUICK).plan(NOON, f"P-{number}", crews, wants)


def places(orders: Sequence[Order]) -> list[str]:
    """Where the orders lead, in order."""
    return [order.place for order in orders]


def report(name: str, x: float, y: float, district: District, **changes: object) -> CrewReport:
    """A position in metres from the middle of the town."""
    lon, lat = map(float, district.projection.to_lonlat([(x, y)])[0])
    values = {"water_l": 12_000.0, "state": "idle"} | changes
    return CrewReport(name, NOON, lon, lat, **values)  # type: ignore[arg-type]


def judged(district: District, plan: Plan, crews: dict[str, Standing]) -> list[str]:
    """What the independent checker says of a plan for crews as they stand."""
    plans, states = {}, {}
    for name, standing in crews.items():
        plans[name] = plan_message("P-1", name, NOON, plan.orders[name])
        home = district.depots[standing.crew.depot]
        at = standing.report
        span = shift_at(standing.crew.shifts, district.timezone, NOON)
        water_l = standing.crew.tank_m3 * 1000
        states[name] = State(
            NOON,
            at.lon if at else home.lon,
            at.lat if at else home.lat,
            water_l if at is None or at.water_l is None else min(at.water_l, water_l),
            span[1] if span else NOON,
        )
    return Checker(district).problems(plans, states)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_any_plan_can_be_driven(seed: int, data: st.DataObject) -> None:
    """Whatever the town, the crews' places and tanks: connected, allowed, never dry, in time."""
    district = by_chance(seed)
    treatable = [s.id for s in district.segments.values() if s.treat]
    reports = []
    planner = Planner(district, QUICK)
    for name, item in district.crews.items():
        if data.draw(st.booleans()):
            on = data.draw(st.sampled_from(list(district.segments)))
            offset_m = data.draw(st.floats(0, district.segments[on].length_m))
            line = district.projection.to_xy(district.segments[on].line)
            x, y = line.interpolate(offset_m).coords[0]
            water_l = data.draw(st.floats(0, item.tank_m3 * 1000))
            reports.append(report(name, x, y, district, water_l=water_l))
    crews = standing_of(district, (), reports)
    kinds = {name: item.kind for name, item in district.crews.items()}
    routine = wishes(Facts(NOON), district, QUICK, kinds).wants
    urgent = data.draw(st.lists(st.sampled_from(treatable), unique=True, max_size=4))
    treatments = {kind: TREATS[kind][0] for kind in kinds.values()}
    musts = [
        want(place, treatment, priority=1 + n % 3)
        for n, place in enumerate(urgent)
        for treatment in sorted(set(treatments.values()) - {"fog"})
    ]
    taken = {item.key for item in musts}
    wants = [*musts, *(item for item in routine if item.key not in taken)]
    if "fog_cannon" in treatments:
        wants.append(want("X1", "fog", 2, is_site=True))
    plan = planner.plan(NOON, "P-1", crews, wants)
    assert judged(district, plan, crews) == []
    done = {
        (order.place, order.treatment)
        for orders in plan.orders.values()
        for order in orders
        if order.depot is None
    }
    left = {(e.place, e.treatment) for e in plan.exclusions}
    able = {treatment for kind in kinds.values() for treatment in TREATS[kind]}
    assert done | left == {item.key for item in wants if item.treatment in able}
    assert not done & left


def test_same_input_gives_same_plan() -> None:
    """Two planners and a second call of one of them give equal plans, ids and all."""
    district = by_chance(7)
    kinds = {name: item.kind for name, item in district.crews.items()}
    wants = wishes(Facts(NOON), district, QUICK, kinds).wants
    crews = standing_of(district)
    one, other = Planner(district, QUICK), Planner(district, QUICK)
    first = one.plan(NOON, "P-1", crews, wants)
    assert first == other.plan(NOON, "P-1", crews, wants)
    assert first == one.plan(NOON, "P-1", crews, wants)


def test_one_way_street_is_treated_as_drawn() -> None:
    """The one-way street C is washed forward even where backward would be on the way."""
    district = block()
    plan = planned(district, [want("C")])
    assert [(o.place, o.direction) for o in plan.orders["W1"][:1]] == [("C", "forward")]


def test_street_is_treated_from_the_nearer_end() -> None:
    """D, drawn towards the west, is washed backward by a truck that stands at its west end."""
    district = block()
    plan = planned(district, [want("D")], reports=[report("W1", 0, 0, district)])
    assert plan.orders["W1"][0].direction == "backward"


def test_water_is_fetched_before_it_runs_out() -> None:
    """A tank for two streets of 300 m washes four with one refill between and one at the end."""
    district = block([crew("W1", tank_m3=0.75)])
    plan = planned(district, [want(place) for place in "ABCD"])
    treatments = [order.treatment for order in plan.orders["W1"]]
    assert treatments == ["wash", "wash", "refill", "wash", "wash", "refill"]


def test_low_tank_is_filled_first() -> None:
    """A truck that reports too little water for the next street is sent for water first."""
    district = block()
    plan = planned(district, [want("A")], reports=[report("W1", 0, 0, district, water_l=50.0)])
    assert [order.treatment for order in plan.orders["W1"]] == ["refill", "wash", "return"]


def test_crew_with_nothing_to_do_fills_up_at_home() -> None:
    """An idle truck with half a tank is sent to fill it, one with a full tank to come home."""
    district = block()
    half = planned(district, [], reports=[report("W1", 0, 0, district, water_l=6000.0)])
    assert [(o.treatment, o.depot) for o in half.orders["W1"]] == [("refill", "D1")]
    full = planned(district, [], reports=[report("W1", 0, 300, district)])
    assert [(o.treatment, o.depot) for o in full.orders["W1"]] == [("return", "D1")]


def test_street_beyond_every_tank_is_excluded_with_the_reason() -> None:
    """A street that takes more water than a full tank holds is left out and says so."""
    plan = planned(block([crew("W1", tank_m3=0.2)]), [want("A")])
    assert [(e.place, e.reason.code) for e in plan.exclusions] == [("A", "too_much_water")]


def test_nothing_begins_that_cannot_end_in_the_shift() -> None:
    """Ten minutes before the shift ends a wash of 30 minutes is not begun."""
    late = (Shift(dt.time(6), dt.time(12, 10)),)
    district = block([crew("W1", work_speed_kmh=0.6, shifts=late)])
    plan = planned(district, [want("A", priority=1)])
    assert "A" not in places(plan.orders["W1"])
    assert [(e.place, e.reason.code) for e in plan.exclusions] == [("A", "not_in_shift")]


def test_unreachable_street_is_excluded_with_the_reason() -> None:
    """A street that no way leads to is left out and says so; the rest is planned."""
    district = town(
        [
            segment("A", (0, 0), (300, 0)),
            segment("Z", (5000, 0), (5300, 0)),
            segment("Y", (0, 0), (0, 300)),
        ],
        [crew("W1")],
        [depot("D1", 0, -10)],
    )
    plan = planned(district, [want("A"), want("Z")])
    assert [(e.place, e.reason.code) for e in plan.exclusions] == [("Z", "unreachable")]
    assert places(plan.orders["W1"])[:1] == ["A"]


def test_urgent_work_comes_before_nearer_routine() -> None:
    """A street at level 3 is treated at once although routine streets lie on the way."""
    district = block()
    wants = [want("D"), want("A", priority=1), want("C"), want("B")]
    first = planned(district, wants).orders["W1"][0]
    assert first.eta - NOON < dt.timedelta(minutes=QUICK.at_once_min)
    assert "A" in places(planned(district, wants).orders["W1"])[:2]


def test_orders_that_go_on_keep_their_ids() -> None:
    """A plan for the same wants with one more leaves every order of the crew its id."""
    district = block()
    before = planned(district, [want("A"), want("B")]).orders["W1"]
    after = planned(district, [want("A"), want("B"), want("C")], before, number=2).orders["W1"]
    old = {(o.place, o.treatment): o.id for o in before}
    new = {(o.place, o.treatment): o.id for o in after}
    assert old.items() <= new.items()
    assert len(set(new.values())) == len(new)


def test_order_keeps_its_reason_while_it_serves_the_same() -> None:
    """Other numbers are not told anew; an episode is."""
    district = block()
    first = planned(district, [want("A", reason="spares 40")])
    told = first.orders["W1"]

    def reasons(**changes: object) -> list[str]:
        again = planned(district, [want("A", **changes)], told, number=2)  # type: ignore[arg-type]
        return [order.reason for order in again.orders["W1"] if order.place == "A"]

    assert reasons(reason="spares 41") == ["spares 40"]
    assert reasons(priority=3, episode="E1", reason="E1") == ["E1"]


def test_crew_keeps_what_it_is_driving_to() -> None:
    """An accepted first order stays first for routine newcomers that lie nearer."""
    district = block()
    first, *rest = planned(district, [want("A")]).orders["W1"]
    orders = [replace(first, state="accepted", accepted_at=NOON), *rest]
    after = planned(district, [want("A"), want("D"), want("C")], orders, number=2).orders["W1"]
    assert after[0].id == first.id


def test_priority_1_newcomer_overtakes_what_a_crew_is_driving_to() -> None:
    """A new level 3 episode near the crew goes before an accepted routine order farther off."""
    district = block()
    here = [report("W1", 310, 0, district, state="driving")]
    first, *rest = planned(district, [want("B")], reports=here).orders["W1"]
    orders = [replace(first, state="accepted", accepted_at=NOON), *rest]
    newcomer = [want("D", priority=1), want("B")]
    after = planned(district, newcomer, orders, here, number=2).orders["W1"]
    assert places(after)[:2] == ["D", "B"]
    assert after[1].id == first.id


def test_begun_work_is_never_taken_away() -> None:
    """Even for a level 3 episode the crew first ends the street that it is washing."""
    district = block()
    first, *rest = planned(district, [want("B")]).orders["W1"]
    since = NOON - dt.timedelta(seconds=30)
    begun = replace(first, state="started", started_at=since)
    after = planned(district, [want("D", priority=1)], [begun, *rest], number=2).orders["W1"]
    assert places(after)[:2] == ["B", "D"]
    assert after[1].eta >= since + dt.timedelta(minutes=begun.minutes)


def test_a_truck_that_counts_its_water_when_it_is_done_is_not_planned_dry() -> None:
    """Half-way through a street its report still names the water it began with: what the whole
    street takes is gone for the next one, which it has to fetch water for."""
    district = block([crew("W1", tank_m3=1.0, water_l_per_m=1.5)])
    first, *_ = planned(district, [want("A")]).orders["W1"]
    need_l = first.water_l
    begun = replace(
        first, state="started", started_at=NOON - dt.timedelta(minutes=first.minutes / 2)
    )
    left_l = 1.9 * need_l
    here = report("W1", 300, 0, district, state="working", water_l=left_l, began_l=left_l)
    after = planned(district, [want("B")], [begun], [here], number=2).orders["W1"]
    assert [order.treatment for order in after][:3] == ["wash", "refill", "wash"]
    as_it_goes = replace(here, began_l=left_l + need_l / 2)
    after = planned(district, [want("B")], [begun], [as_it_goes], number=2).orders["W1"]
    assert [order.treatment for order in after][:2] == ["wash", "wash"]


def test_work_of_a_broken_crew_moves_at_once() -> None:
    """What a broken truck was to do is given to the other one, under new ids."""
    district = block([crew("W1"), crew("W2")])
    wants = [want("A"), want("B")]
    both = planned(district, wants)
    orders = [order for mine in both.orders.values() for order in mine]
    owner = next(order.crew for order in orders if order.place == "A")
    other = {"W1": "W2", "W2": "W1"}[owner]
    broken = report(owner, 500, 0, district, state="broken")
    after = planned(district, wants, orders, [broken], number=2)
    assert after.orders[owner] == ()
    assert {"A", "B"} <= set(places(after.orders[other]))


def test_order_does_not_change_crew_for_a_small_gain() -> None:
    """A street told to one truck stays with it though the other has come somewhat nearer."""
    district = block([crew("W1"), crew("W2")])
    near = [report("W1", 300, 0, district), report("W2", 500, 0, district)]
    before = [o for mine in planned(district, [want("A")], (), near).orders.values() for o in mine]
    assert before[0].crew == "W1"
    nearer = [report("W1", 300, 0, district), report("W2", 0, 0, district)]
    after = planned(district, [want("A")], before, nearer, number=2)
    assert [order.id for order in after.orders["W1"][:1]] == [before[0].id]


def test_crew_that_refused_is_not_asked() -> None:
    """A want that the only near truck has refused goes to the other."""
    district = block([crew("W1"), crew("W2")])
    near = [report("W1", 0, 0, district), report("W2", 500, 0, district)]
    plan = planned(district, [want("A", refusers=frozenset({"W1"}))], reports=near)
    assert places(plan.orders["W2"])[:1] == ["A"]


def test_running_work_serves_a_new_episode_at_its_place() -> None:
    """A routine wash under way on a street that becomes an episode is named as its order."""
    district = block()
    first, *rest = planned(district, [want("B")]).orders["W1"]
    begun = replace(first, state="started", started_at=NOON)
    plan = planned(district, [want("B", priority=2, episode="E1")], [begun, *rest], number=2)
    assert [(o.id, o.episode, o.priority) for o in plan.orders["W1"][:1]] == [(first.id, "E1", 2)]
    assert places(plan.orders["W1"]).count("B") == 1


def test_unchanged_wants_keep_the_order_of_work() -> None:
    """With nothing new wanted the next plan holds the same orders without a search."""
    district = block()
    wants = [want(place) for place in "ABCD"]
    before = planned(district, wants).orders["W1"]
    crews = standing_of(district, before)
    after = Planner(district, QUICK).plan(NOON, "P-2", crews, wants, left_out=set())
    assert [o.id for o in after.orders["W1"]] == [o.id for o in before]
    assert after.detail["water_truck"]["iterations"] == 0  # type: ignore[index]


def test_thirsty_and_thrifty_trucks_share_one_problem() -> None:
    """Of two trucks that use 3 and 1 l/m from equal tanks neither is planned dry."""
    crews = [crew("W1", tank_m3=1.0, water_l_per_m=3.0), crew("W2", tank_m3=1.0, water_l_per_m=1.0)]
    district = block(crews)
    plan = planned(district, [want(place) for place in "ABCD"])
    assert judged(district, plan, standing_of(district)) == []
    assert {"A", "B", "C", "D"} <= {p for mine in plan.orders.values() for p in places(mine)}


def test_what_fades_is_begun_early() -> None:
    """Far off and worth much it is done before what is near and worth little, where both would
    fit into the shift and what does not fade would be done on the way."""
    district = block([crew("W1", work_speed_kmh=0.5)])
    here = [report("W1", 300, 0, district)]
    near, far = want("D", prize=9000.0), want("B", prize=90_000.0)
    assert places(planned(district, [near, far], (), here).orders["W1"])[:2] == ["D", "B"]
    near, far = (replace(one, fades=True) for one in (near, far))
    assert places(planned(district, [near, far], (), here).orders["W1"])[:2] == ["B", "D"]


def test_order_is_not_dropped_for_another_of_about_its_worth() -> None:
    """With time for one street of two the one that the crew was sent to stays, though the other
    has come to be worth somewhat more; for an urgent one it gives way."""
    short = (Shift(dt.time(6), dt.time(12, 5)),)
    district = block([crew("W1", work_speed_kmh=6.0, shifts=short)])
    here = [report("W1", 300, 0, district)]
    before = planned(district, [want("C"), want("D", prize=1500.0)], (), here)
    assert places(before.orders["W1"])[0] == "C"
    wants = [want("D", prize=2500.0), want("C")]
    assert places(planned(district, wants, (), here).orders["W1"])[0] == "D"
    told = before.orders["W1"]
    assert planned(district, wants, told, here, number=2).orders["W1"][0].id == told[0].id
    urgent = [want("D", priority=1), want("C")]
    assert places(planned(district, urgent, told, here, number=2).orders["W1"])[0] == "D"
