"""Tours of arcs as arrays, taken apart and put together again: the compiled part of the search.

A tour is a sequence of arcs. In which way each is served is never decided on its own: every
position carries the cheapest legs up to it and from it on for each of its ways, so whatever is
put between two positions is weighed with the best ways of the whole tour (after Vidal 2017,
"Node, edge, arc routing and turn penalties", Operations Research 65:992). Whether the tank is
filled on the way to a position is a mark on that leg; which refill point is best between two
stops is known beforehand.

The search takes strings of arcs that lie close to each other out of several tours and puts them
back one by one where each costs least (Christiaens and Vanden Berghe 2020, "Slack induction by
string removals for vehicle routing problems", Transportation Science 54:417), and accepts by
simulated annealing. Every tour is possible at all times.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]
Gates = NDArray[np.uint32]

F = TypeVar("F", bound=Callable[..., object])

NEVER = 1e15
KEEP_SPLIT = 0.01
BLINK = 0.01


def compiled(function: F) -> F:
    """The function as machine code, kept on disk for the next start where a folder allows it."""
    try:
        return cast("F", numba.njit(cache=True, error_model="numpy")(function))
    except RuntimeError:
        # There is nowhere to keep it: neither beside this file nor in the user's cache.
        return cast("F", numba.njit(error_model="numpy")(function))


class Land(NamedTuple):
    """A problem as arrays. Tokens are the arcs, then each vehicle's start, then each one's end.

    Attributes
    ----------
    leg, drive
        (fleet, 2, stop, stop) cost and seconds between stops; the second of the two by way of
        the best refill point.
    fleet, kind
        (vehicle,) which legs a vehicle goes by; vehicles of one kind are alike in everything.
    stop, ways
        (token, way) stops, (token,) how many ways there are.
    work_s, work_cost
        (vehicle, token) seconds and cost of serving it; NEVER where it must not.
    load, prize, latest, earliest
        (arc,), (arc, rung), (arc, rung), (arc,).
    capacity, used, from_s, until_s, refills
        (vehicle,).
    near
        (arc, arc) for each arc the others, nearest first.
    timed
        Whether prizes, ends of shifts or early hours can matter at all.
    """

    leg: Floats
    back: Floats
    drive: Floats
    fleet: Ints
    kind: Ints
    stop: Gates
    work_s: Floats
    work_cost: Floats
    load: Ints
    prize: Floats
    latest: Floats
    earliest: Floats
    capacity: Ints
    used: Ints
    from_s: Floats
    until_s: Floats
    refills: Ints
    near: Ints
    timed: bool


class Tours(NamedTuple):
    """All tours: position 0 is the start, then the arcs, then the end.

    Attributes
    ----------
    size
        (vehicle,) number of arcs.
    token, water
        (vehicle, position) what is there, and 1 if the tank is filled on the way to it.
    ahead, behind
        (vehicle, position, way) cheapest legs up to the position, and from it to the end.
    value, clock
        (vehicle, position, way) cost less prizes so far, and when the work there is done.
    tank, trip
        (vehicle, position) room used in the tank after it, and at the end of that tankful.
    total
        (vehicle,) cost less prizes.
    at, place
        (arc,) vehicle or -1, and position.
    """

    size: Ints
    token: Ints
    water: Ints
    gate: Gates
    ahead: Floats
    behind: Floats
    value: Floats
    clock: Floats
    begin: Floats
    slack: Floats
    tank: Ints
    trip: Ints
    total: Floats
    over: Floats
    at: Ints
    place: Ints


def empty(land: Land) -> Tours:
    """Tours that serve nothing yet."""
    vehicles, arcs = len(land.capacity), len(land.load)
    positions = arcs + 2

    def floats(*shape: int) -> Floats:
        return np.zeros(shape)

    def ints(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    tours = Tours(
        size=ints(vehicles),
        token=ints(vehicles, positions),
        water=ints(vehicles, positions),
        gate=np.zeros((vehicles, positions, 2), dtype=np.uint32),
        ahead=floats(vehicles, positions, 2),
        behind=floats(vehicles, positions, 2),
        value=floats(vehicles, positions, 2),
        clock=floats(vehicles, positions, 2),
        begin=floats(vehicles, positions),
        slack=floats(vehicles, positions),
        tank=ints(vehicles, positions),
        trip=ints(vehicles, positions),
        total=floats(vehicles),
        over=floats(vehicles),
        at=np.full(arcs, -1, dtype=np.int64),
        place=ints(arcs),
    )
    tours.token[:, 0] = arcs + np.arange(vehicles)
    tours.token[:, 1] = arcs + vehicles + np.arange(vehicles)
    tours.gate[:, 0] = land.stop[arcs : arcs + vehicles]
    tours.clock[:, 0] = land.from_s[:, None]
    tours.tank[:, 0] = land.used
    for v in range(vehicles):
        label(land, tours, v)
    return tours


@compiled
def draw(bits: Bits) -> float:
    """A number in [0, 1): xorshift64* (Vigna 2016), the same on every machine."""
    x = bits[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    bits[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def worth(land: Land, arc: int, begin_s: float) -> float:
    """The prize for beginning then."""
    best = 0.0
    for rung in range(land.prize.shape[1]):
        if begin_s <= land.latest[arc, rung] and land.prize[arc, rung] > best:
            best = land.prize[arc, rung]
    return best


@compiled
def holds(land: Land, arc: int, begin_s: float) -> float:
    """Until when the prize for beginning then stays as it is."""
    best, until = 0.0, NEVER
    for rung in range(land.prize.shape[1]):
        if begin_s <= land.latest[arc, rung] and land.prize[arc, rung] > best:
            best, until = land.prize[arc, rung], land.latest[arc, rung]
    return until


@compiled
def label(land: Land, tours: Tours, v: int) -> None:
    """Work out everything about a tour from its tokens and refills."""
    arcs = len(land.load)
    fleet = land.fleet[v]
    last = tours.size[v] + 1
    room = land.capacity[v]
    tank = land.used[v]
    over = 0
    fixed = 0.0
    a0 = a1 = 0.0
    s0 = s1 = tours.gate[v, 0, 0]
    tours.tank[v, 0] = tank
    for p in range(1, last + 1):
        b = tours.token[v, p]
        wet = tours.water[v, p]
        if wet:
            over += max(0, tank - room)
            tank = 0
        if b < arcs:
            tours.at[b] = v
            tours.place[b] = p
            fixed += land.work_cost[v, b] - land.prize[b, 0]
            tank += land.load[b]
        tours.tank[v, p] = tank
        t0, t1 = land.stop[b, 0], land.stop[b, 1]
        tours.gate[v, p, 0], tours.gate[v, p, 1] = t0, t1
        leg = land.leg[fleet, wet]
        n0 = min(a0 + leg[s0, t0], a1 + leg[s1, t0])
        n1 = min(a0 + leg[s0, t1], a1 + leg[s1, t1])
        tours.ahead[v, p, 0], tours.ahead[v, p, 1] = n0, n1
        a0, a1, s0, s1 = n0, n1, t0, t1
    over += max(0, tank - room)
    tours.over[v] = over
    b0 = b1 = 0.0
    tours.behind[v, last, 0] = tours.behind[v, last, 1] = 0.0
    trip = tank
    for p in range(last - 1, -1, -1):
        wet = tours.water[v, p + 1]
        tours.trip[v, p + 1] = trip
        if wet:
            trip = tours.tank[v, p]
        leg = land.leg[fleet, wet]
        s0, s1 = tours.gate[v, p, 0], tours.gate[v, p, 1]
        t0, t1 = tours.gate[v, p + 1, 0], tours.gate[v, p + 1, 1]
        n0 = min(leg[s0, t0] + b0, leg[s0, t1] + b1)
        n1 = min(leg[s1, t0] + b0, leg[s1, t1] + b1)
        tours.behind[v, p, 0], tours.behind[v, p, 1] = n0, n1
        b0, b1 = n0, n1
    tours.total[v] = a0 + fixed
    if land.timed:
        for p in range(1, last + 1):
            clocked(land, tours, v, p)
        slack = land.until_s[v] - tours.clock[v, last, 0]
        tours.total[v] = NEVER if slack < 0.0 else tours.value[v, last, 0]
        tours.begin[v, last], tours.slack[v, last] = tours.clock[v, last, 0], slack
        for p in range(last - 1, 0, -1):
            b = tours.token[v, p]
            begin = min(tours.clock[v, p, 0], tours.clock[v, p, 1]) - land.work_s[v, b]
            slack = min(slack, holds(land, b, begin) - begin)
            tours.begin[v, p], tours.slack[v, p] = begin, slack


@compiled
def clocked(land: Land, tours: Tours, v: int, p: int) -> None:
    """Cost less prizes, and the time, up to position `p` in either way, from those before it."""
    fleet, wet, b = land.fleet[v], tours.water[v, p], tours.token[v, p]
    for y in range(2):
        t = land.stop[b, y]
        least = least_clock = NEVER
        for x in range(2):
            s = tours.gate[v, p - 1, x]
            clock = tours.clock[v, p - 1, x] + land.drive[fleet, wet, s, t]
            value = tours.value[v, p - 1, x] + land.leg[fleet, wet, s, t]
            if b < len(land.load):
                clock = max(clock, land.earliest[b])
                value += land.work_cost[v, b] - worth(land, b, clock)
                clock += land.work_s[v, b]
            if value < least or (value == least and clock < least_clock):
                least, least_clock = value, clock
        tours.value[v, p, y] = least
        tours.clock[v, p, y] = least_clock


@compiled
def best_slot(
    land: Land,
    tours: Tours,
    arc: int,
    price: float,
    blink: float,
    bits: Bits,
    slot: Ints,
) -> float:
    """Where `arc` costs least, less its prize: vehicle, position before it, refills to and on."""
    best = NEVER
    seen = -1
    load = land.load[arc]
    h0, h1 = land.stop[arc, 0], land.stop[arc, 1]
    for v in range(len(land.capacity)):
        if land.work_cost[v, arc] >= NEVER or load > land.capacity[v]:
            continue
        last = tours.size[v] + 1
        if last == 1:
            if land.kind[v] == seen:
                continue
            seen = land.kind[v]
        fleet = land.fleet[v]
        room = land.capacity[v]
        forms = 4 if land.refills[v] else 1
        base = land.work_cost[v, arc] - tours.ahead[v, last, 0] - land.prize[arc, 0]
        to0, to1 = land.back[fleet, 0, h0], land.back[fleet, 0, h1]
        on0, on1 = land.leg[fleet, 0, h0], land.leg[fleet, 0, h1]
        wet_to0, wet_to1 = land.back[fleet, 1, h0], land.back[fleet, 1, h1]
        wet_on0, wet_on1 = land.leg[fleet, 1, h0], land.leg[fleet, 1, h1]
        for p in range(last):
            if draw(bits) < blink:
                continue
            s0, s1 = tours.gate[v, p, 0], tours.gate[v, p, 1]
            t0, t1 = tours.gate[v, p + 1, 0], tours.gate[v, p + 1, 1]
            a0, a1 = tours.ahead[v, p, 0], tours.ahead[v, p, 1]
            b0, b1 = tours.behind[v, p + 1, 0], tours.behind[v, p + 1, 1]
            wet = tours.water[v, p + 1]
            tank = tours.tank[v, p]
            after = tours.trip[v, p + 1] - (0 if wet else tank)
            for form in range(forms):
                to, on = form & 1, form >> 1
                if wet:
                    # The refill stays on one side of the arc.
                    if to == on:
                        continue
                    over = -max(0, tank - room) - max(0, after - room)
                else:
                    if form > 0 and tank + after + load <= room:
                        break
                    over = -max(0, tank + after - room)
                if on and p + 1 == last:
                    continue
                if form == 0:
                    over += max(0, tank + load + after - room)
                elif form == 1:
                    over += max(0, tank - room) + max(0, load + after - room)
                elif form == 2:
                    over += max(0, tank + load - room) + max(0, after - room)
                else:
                    over += max(0, tank - room) + max(0, after - room)
                if to:
                    up0 = min(a0 + wet_to0[s0], a1 + wet_to0[s1])
                    up1 = min(a0 + wet_to1[s0], a1 + wet_to1[s1])
                else:
                    up0 = min(a0 + to0[s0], a1 + to0[s1])
                    up1 = min(a0 + to1[s0], a1 + to1[s1])
                if on:
                    up0 += min(wet_on0[t0] + b0, wet_on0[t1] + b1)
                    up1 += min(wet_on1[t0] + b0, wet_on1[t1] + b1)
                else:
                    up0 += min(on0[t0] + b0, on0[t1] + b1)
                    up1 += min(on1[t0] + b0, on1[t1] + b1)
                more = base + price * over + min(up0, up1)
                if more < best and land.timed:
                    more += land.prize[arc, 0]
                    more += hurried(land, tours, v, p, arc, to, on, 1 if up1 < up0 else 0)
                if more < best:
                    best = more
                    slot[0], slot[1], slot[2], slot[3] = v, p, to, on
    return best


@compiled
def hurried(
    land: Land, tours: Tours, v: int, p: int, arc: int, to: int, on: int, way: int
) -> float:
    """Prizes lost behind `arc` there by the delay, less its own; NEVER if the shift ends before.

    Each arc behind is taken to begin as much later as the next one does.
    """
    fleet = land.fleet[v]
    here = land.stop[arc, way]
    drive = land.drive[fleet, to]
    arrive = min(
        tours.clock[v, p, 0] + drive[tours.gate[v, p, 0], here],
        tours.clock[v, p, 1] + drive[tours.gate[v, p, 1], here],
    )
    begin = max(arrive, land.earliest[arc])
    onward = land.drive[fleet, on, here]
    after = begin + land.work_s[v, arc]
    after += min(onward[tours.gate[v, p + 1, 0]], onward[tours.gate[v, p + 1, 1]])
    delay = after - tours.begin[v, p + 1]
    lost = -worth(land, arc, begin)
    last = tours.size[v] + 1
    q = p + 1
    if delay > tours.slack[v, last]:
        return NEVER
    while delay > tours.slack[v, q]:
        b, was = tours.token[v, q], tours.begin[v, q]
        lost += worth(land, b, was) - worth(land, b, was + delay)
        q += 1
    return lost


@compiled
def insert(land: Land, tours: Tours, arc: int, slot: Ints) -> None:
    """Put `arc` there."""
    v, p = slot[0], slot[1]
    last = tours.size[v] + 1
    for q in range(last, p, -1):
        tours.token[v, q + 1] = tours.token[v, q]
        tours.water[v, q + 1] = tours.water[v, q]
    tours.token[v, p + 1] = arc
    tours.water[v, p + 1] = slot[2]
    tours.water[v, p + 2] = slot[3]
    tours.size[v] += 1
    label(land, tours, v)


@compiled
def remove(
    land: Land,
    tours: Tours,
    v: int,
    first: int,
    count: int,
    spare: int,
    kept: int,
    absent: Ints,
    missing: int,
) -> int:
    """Take `count` arcs out from position `first` on, but leave `kept` after the first `spare`.

    Gives how many are missing then. Refills that are needed no longer go too.
    """  # fmt: skip
    last = tours.size[v] + 1
    write = first
    wet = 0
    for q in range(first, last + 1):
        wet = max(wet, tours.water[v, q])
        within = q < first + count + kept
        if within and not first + spare <= q < first + spare + kept:
            arc = tours.token[v, q]
            tours.at[arc] = -1
            absent[missing] = arc
            missing += 1
            continue
        tours.token[v, write] = tours.token[v, q]
        tours.water[v, write] = wet
        wet = 0
        write += 1
    tours.size[v] -= count
    dry(land, tours, v)
    label(land, tours, v)
    return missing


@compiled
def dry(land: Land, tours: Tours, v: int) -> None:
    """Leave out the refills without which the water lasts too."""
    arcs = len(land.load)
    last = tours.size[v] + 1
    tours.water[v, last] = 0
    before = land.used[v]
    p = 1
    while p <= last:
        if tours.water[v, p]:
            after = 0
            q = p
            while q < last and (q == p or not tours.water[v, q]):
                after += land.load[tours.token[v, q]]
                q += 1
            if before + after <= land.capacity[v]:
                tours.water[v, p] = 0
            else:
                before = 0
        if tours.token[v, p] < arcs:
            before += land.load[tours.token[v, p]]
        p += 1


@compiled
def ruin(
    land: Land,
    tours: Tours,
    bits: Bits,
    touched: Ints,
    absent: Ints,
    removed: float,
    longest: float,
) -> int:
    """Take strings of neighbouring arcs out of some tours; gives how many arcs are out."""
    arcs = len(land.load)
    served = tours_used = 0
    for v in range(len(tours.size)):
        served += tours.size[v]
        tours_used += tours.size[v] > 0
    missing = 0
    if served == 0:
        return missing
    string = min(longest, served / tours_used)
    mean = min(removed, 1.0 + 0.5 * served)
    strings = max(1, int(draw(bits) * (4.0 * mean / (1.0 + string) - 1.0) + 1.0))
    seed = int(draw(bits) * arcs)
    for nth in range(arcs):
        arc = land.near[seed, nth]
        v = tours.at[arc]
        if v < 0 or touched[v]:
            continue
        size = tours.size[v]
        count = int(draw(bits) * min(float(size), string) + 1.0)
        kept = 0
        if 1 < count < size and draw(bits) < 0.5:
            kept = 1
            while count + kept < size and draw(bits) > KEEP_SPLIT:
                kept += 1
        whole = count + kept
        p = tours.place[arc]
        low, high = max(1, p - whole + 1), min(p, size - whole + 1)
        first = low + int(draw(bits) * (high - low + 1))
        spare = int(draw(bits) * (count + 1)) if kept else count
        touched[v] = 1
        missing = remove(land, tours, v, first, count, spare, kept, absent, missing)
        strings -= 1
        if strings == 0:
            break
    return missing


@compiled
def arrange(land: Land, bits: Bits, absent: Ints, keys: Floats, missing: int) -> None:
    """Order what is to be put back: by chance, or the most demanding, the far, the near first."""
    arcs = len(land.load)
    how = draw(bits) * 13.0
    for n in range(missing):
        arc = absent[n]
        if how < 4.0:
            key = draw(bits)
        elif how < 8.0:
            key = -float(land.load[arc])
        elif how < 11.0:
            home = land.stop[arcs, 0]
            key = land.leg[0, 0, home, land.stop[arc, 0]]
            if how < 10.0:
                key = -key
        else:
            key = -land.prize[arc, 0]
        # Equal ones come by chance.
        keys[n] = key * (1.0 + 1e-9 * draw(bits))
    for n in range(1, missing):
        key, arc = keys[n], absent[n]
        m = n - 1
        while m >= 0 and keys[m] > key:
            keys[m + 1], absent[m + 1] = keys[m], absent[m]
            m -= 1
        keys[m + 1], absent[m + 1] = key, arc


@compiled
def copy(source: Tours, target: Tours, v: int, timed: bool) -> None:
    """Make one tour of `target` what it is in `source`."""
    last = source.size[v] + 2
    target.size[v] = source.size[v]
    target.total[v] = source.total[v]
    target.over[v] = source.over[v]
    for p in range(last):
        target.token[v, p] = source.token[v, p]
        target.water[v, p] = source.water[v, p]
        target.tank[v, p] = source.tank[v, p]
        target.trip[v, p] = source.trip[v, p]
        for w in range(2):
            target.gate[v, p, w] = source.gate[v, p, w]
            target.ahead[v, p, w] = source.ahead[v, p, w]
            target.behind[v, p, w] = source.behind[v, p, w]
            if timed:
                target.value[v, p, w] = source.value[v, p, w]
                target.clock[v, p, w] = source.clock[v, p, w]
        if 0 < p < last - 1:
            target.at[source.token[v, p]] = v
            target.place[source.token[v, p]] = p


@compiled
def totals(tours: Tours) -> tuple[float, float]:
    """Cost less prizes, and load too many, of all tours."""
    total = over = 0.0
    for v in range(len(tours.total)):
        total += tours.total[v]
        over += tours.over[v]
    return total, over


@compiled
def anneal(
    land: Land,
    now: Tours,
    trial: Tours,
    best: Tours,
    bits: Bits,
    rounds: int,
    heat: float,
    fine: Floats,
    removed: float,
    longest: float,
) -> float:
    """Take apart and put together `rounds` times, from `now` on; keeps the best ever in `best`.

    `trial` must be a copy of `now`. Gives the total of `best`.
    """  # fmt: skip
    vehicles, arcs = len(land.capacity), len(land.load)
    touched = np.zeros(vehicles, dtype=np.int64)
    absent = np.zeros(arcs, dtype=np.int64)
    out = np.zeros(arcs, dtype=np.int64)
    keys = np.zeros(arcs)
    slot = np.zeros(4, dtype=np.int64)
    record, _ = totals(best)
    for _ in range(rounds):
        price = fine[0]
        for v in range(vehicles):
            touched[v] = 0
        waiting = 0
        for arc in range(arcs):
            if trial.at[arc] < 0:
                out[waiting] = arc
                waiting += 1
        missing = ruin(land, trial, bits, touched, absent, removed, longest)
        # Of those that nobody serves a few are tried each time.
        for _n in range(min(waiting, 10)):
            n = int(draw(bits) * waiting)
            absent[missing] = out[n]
            missing += 1
            waiting -= 1
            out[n] = out[waiting]
        arrange(land, bits, absent, keys, missing)
        for n in range(missing):
            if best_slot(land, trial, absent[n], price, BLINK, bits, slot) < 0.0:
                insert(land, trial, absent[n], slot)
                touched[slot[0]] = 1
        total, over = totals(trial)
        before, over_before = totals(now)
        current = before + price * over_before
        if total + price * over < current - heat * np.log(1.0 - draw(bits)):
            for v in range(vehicles):
                if touched[v]:
                    copy(trial, now, v, land.timed)
            for n in range(missing):
                now.at[absent[n]] = trial.at[absent[n]]
            if over == 0.0 and total < record - 1e-4:
                record = total
                for v in range(vehicles):
                    copy(trial, best, v, land.timed)
                for arc in range(arcs):
                    best.at[arc] = trial.at[arc]
        else:
            for n in range(missing):
                trial.at[absent[n]] = now.at[absent[n]]
            for v in range(vehicles):
                if touched[v]:
                    copy(now, trial, v, land.timed)
        fine[1] += totals(now)[1] == 0.0
        fine[2] += 1.0
        if fine[2] == 100.0:
            fine[0] *= 1.0 if fine[3] == 0.0 else (0.85 if fine[1] > 100.0 * fine[3] else 1.2)
            fine[1] = fine[2] = 0.0
    return float(record)


@compiled
def chosen_ways(land: Land, tours: Tours, v: int, chosen: Ints) -> None:
    """The way of every position of a tour, by the same labels, from the end back."""
    fleet = land.fleet[v]
    last = tours.size[v] + 1
    chosen[last] = 0
    for p in range(last, 0, -1):
        b, wet, y = tours.token[v, p], tours.water[v, p], chosen[p]
        t = land.stop[b, y]
        least = least_clock = NEVER
        for x in range(2):
            s = tours.gate[v, p - 1, x]
            clock = 0.0
            if land.timed:
                clock = tours.clock[v, p - 1, x] + land.drive[fleet, wet, s, t]
                value = tours.value[v, p - 1, x] + land.leg[fleet, wet, s, t]
                if b < len(land.load):
                    clock = max(clock, land.earliest[b])
                    value += land.work_cost[v, b] - worth(land, b, clock)
                    clock += land.work_s[v, b]
            else:
                value = tours.ahead[v, p - 1, x] + land.leg[fleet, wet, s, t]
            if value < least or (value == least and clock < least_clock):
                least, least_clock = value, clock
                chosen[p - 1] = x
