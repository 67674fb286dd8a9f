"""Proof of service: what positions bear out of an order, and what they do not."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

import pytest
import shapely

from dispatch.limits import Limits
from dispatch.service import Fix, Proof, Task, prove, prove_standing, proven
from tests.dispatch.towns import NOON

LIMITS = Limits()
STREET = shapely.LineString([(0, 0), (600, 0)])
WASH = Task(STREET, False, 40 / 3.6, 200 / 60, 1.2, 12_000, NOON, NOON + dt.timedelta(minutes=3))
"""600 m at 200 m a minute, 240 l a minute."""


def fix(
    minute: float, x: float, water_l: float | None, state: str = "working", y: float = 0.0
) -> Fix:
    """A position so many minutes after noon."""
    return Fix(NOON + dt.timedelta(minutes=minute), x, y, water_l, state)


def seen(fixes: Iterable[Fix], task: Task = WASH) -> Proof:
    """What is proven; something must be known."""
    found = prove(task, list(fixes), LIMITS)
    assert found is not None
    return found


def honest(first_min: float = -0.5) -> list[Fix]:
    """One position a minute of a crew that did as it was told, and drove on."""
    fixes = []
    for n in range(6):
        minute = first_min + n
        along = min(max(minute, 0.0), 3.0) * 200
        x = (
            along
            if 0 <= minute <= 3
            else (minute * 600 if minute < 0 else 600 + (minute - 3) * 600)
        )
        fixes.append(fix(minute, x, 12_000 - 1.2 * along, "driving" if x != along else "working"))
    return fixes


@pytest.mark.parametrize("first_min", [-1.0, -0.75, -0.5, -0.25, -0.01])
def test_honest_work_is_proven_whenever_positions_come(first_min: float) -> None:
    """All of the street, however the minutes fall on it."""
    found = seen(honest(first_min))
    assert found.share == pytest.approx(1.0, abs=0.001)
    assert found.water_l == pytest.approx(720, abs=1)


def test_work_against_the_drawing_is_proven_too() -> None:
    """Backward, from the end of the line to its start."""
    fixes = [replace(one, x=600 - one.x) for one in honest()]
    assert seen(fixes, replace(WASH, backward=True)).share == pytest.approx(1.0, abs=0.001)
    assert seen(fixes).share < LIMITS.proof_share


def test_without_water_nothing_is_proven() -> None:
    """A closed valve: driven as told, and not washed."""
    found = seen(replace(one, water_l=9000.0) for one in honest())
    assert (found.share, found.worked_m) == (0.0, 0.0)
    assert found.driven_m == pytest.approx(600, abs=1)


def test_a_tank_that_runs_dry_proves_its_part() -> None:
    """Water for 400 m: the rest is not proven."""
    found = seen(replace(one, water_l=max(one.water_l or 0, 11_520.0)) for one in honest())
    assert found.share == pytest.approx(400 / 600, abs=0.03)


def test_driving_through_is_no_work() -> None:
    """At 40 km/h the street was not washed, whatever the gauge says."""
    fixes = [fix(0, 0, 12_000), fix(0.9, 600, 11_280), fix(2, 1300, 11_280)]
    task = replace(WASH, ended=NOON + dt.timedelta(minutes=0.9))
    assert seen(fixes, task).share == 0.0


def test_another_street_is_not_this_one() -> None:
    """Beside the street by 60 m is somewhere else."""
    assert seen(replace(one, y=60.0) for one in honest()).share == 0.0


def test_a_crew_far_away_proves_nothing_by_its_times() -> None:
    """It says that it worked between two positions; neither lets it have been there."""
    short = replace(WASH, began=NOON + dt.timedelta(seconds=10),
                    ended=NOON + dt.timedelta(seconds=50),
                    line=shapely.LineString([(0, 0), (130, 0)]))  # fmt: skip
    far = [fix(0, 5000, 12_000), fix(1, 5200, 11_800)]
    assert seen(far, short).share == 0.0
    near = [fix(0, -50, 12_000), fix(1, 180, 11_844)]
    assert seen(near, short).share == pytest.approx(1.0)


def test_water_of_a_minute_is_shared_over_the_work_of_that_minute() -> None:
    """Two short streets in one minute: each has the water of its own seconds."""
    half = NOON + dt.timedelta(seconds=30)
    line = shapely.LineString([(0, 0), (100, 0)])
    rest = [(half, NOON + dt.timedelta(minutes=1))]
    first = replace(WASH, line=line, ended=half, others=rest)
    fixes = [fix(0, 0, 12_000), fix(1, 200, 11_760)]
    assert seen(fixes, first).water_l == pytest.approx(120)


def test_a_refill_in_between_proves_nothing() -> None:
    """Water that comes up says nothing of what went down."""
    assert seen([fix(0, 0, 3000), fix(1, 200, 12_000)]).share == 0.0


def test_work_right_after_a_refill_is_proven() -> None:
    """The tank was full when the hose came off, so what is missing since went on the street."""
    fixes = [fix(-0.5, 0, 3000, "refilling"), *honest()[1:]]
    assert seen(fixes).share == pytest.approx(1.0, abs=0.001)


def test_silence_proves_nothing_and_is_not_held_against_it() -> None:
    """Without positions of the time of the work it cannot be told."""
    assert prove(WASH, [], LIMITS) is None
    assert prove(WASH, [fix(-9, 0, 12_000), fix(20, 600, 11_000)], LIMITS) is None


def test_a_gap_in_the_positions_is_not_held_against_the_crew() -> None:
    """Out of reach for most of the work: what is seen is proven, and the rest cannot be told."""
    fixes = [one for one in honest() if not 1 < (one.at - NOON).total_seconds() / 60 < 4]
    found = seen(fixes)
    assert 0 < found.share < LIMITS.proof_share
    assert proven(found, LIMITS) is None
    assert proven(seen(replace(one, water_l=9000.0) for one in honest()), LIMITS) is False
    assert proven(seen(honest()), LIMITS) is True
    assert proven(None, LIMITS) is None


def test_dry_work_needs_no_water() -> None:
    """A sweeper without a tank is judged by its speed and its state."""
    sweep = replace(WASH, rate_l_m=0.0)
    fixes = [replace(one, water_l=None) for one in honest()]
    assert seen(fixes, sweep).share == pytest.approx(1.0, abs=0.001)
    idle = [replace(one, state="driving") for one in fixes]
    assert seen(idle, sweep).share == 0.0


def test_standing_work_is_the_minutes_that_were_stood() -> None:
    """A fog cannon that left half way has proven half; one whose water stayed, nothing."""
    end = NOON + dt.timedelta(minutes=20)
    stood = [fix(n, 10 if n <= 10 else 900, 9000 - 150 * n) for n in range(22)]
    half = prove_standing(0, 0, NOON, end, 20, stood, LIMITS, 3000)
    assert half is not None
    assert half.share == pytest.approx(0.5, abs=0.01)
    dry = [replace(one, water_l=9000.0) for one in stood]
    none = prove_standing(0, 0, NOON, end, 20, dry, LIMITS, 3000)
    assert none is not None
    assert none.share == 0.0
    look = prove_standing(0, 0, NOON, end, 10, dry, LIMITS, 0)
    assert look is not None
    assert look.share == 1.0
