"""Ways to send crews out, simple enough to measure a better one against."""

from collections.abc import Callable, Mapping

from evaluation.policies.nearest import Nearest
from evaluation.policies.nothing import Nothing
from evaluation.policies.oracle import Oracle
from evaluation.policies.policy import Policy
from evaluation.policies.timetable import Timetable
from evaluation.witness import Witness
from geo.district import District

__all__ = ["POLICIES", "Policy"]

POLICIES: Mapping[str, Callable[[District, Witness], Policy]] = {
    "nothing": lambda _district, _witness: Nothing(),
    "timetable": lambda district, _witness: Timetable(district),
    "nearest": lambda district, _witness: Nearest(district),
    "oracle": Oracle,
}
"""By name; of these only the oracle looks at streets and air as they truly are."""
