"""Plans of random mornings, each judged anew (ten thousand of them: `python -m bench.plans`)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.settings import DispatchSettings
from tests.dispatch.mornings import morning


@settings(max_examples=40)
@given(seed=st.integers(10_000, 10**6))
def test_plans_of_any_morning_hold_before_the_judge(seed: int) -> None:
    """Two plans, the second for crews under way: drivable, allowed, never dry, in time, once."""
    judged = morning(seed, DispatchSettings(iterations=3))
    assert judged.problems == ()
