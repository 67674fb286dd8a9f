"""Settings say what they do not understand."""

from typing import Any

import pytest

from dispatch.settings import DispatchSettings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"iterations": 0}, "iterations"),  # no search at all
        ({"seed": -1}, "seed"),  # not a seed of the generator
        ({"language": "de"}, "language"),  # no sentences in it
        ({"answer_min": 0}, "answer_min"),  # every order would be silent at once
        ({"pause_min": -1}, "pause_min"),  # time does not run back
        ({"due_min": (60, 30)}, "due_min"),  # one level has none
        ({"routine_early": 1.0}, "routine_early"),  # never
        ({"useful_life_min": {"polish": 5}}, "polish"),  # not a treatment
        ({"stand_min": {"fog": -5}}, "stand_min"),  # negative
        ({"worth_gain": 0}, "worth_gain"),  # nothing would be worth a drive
        ({"worth_choice": 0.9}, "worth_choice"),  # crews would stand idle
        ({"worth_fades": (0.5, 0.75, 1.0)}, "worth_fades"),  # the later the better
        ({"worth_fades_min": (40.0, 15.0)}, "worth_fades_min"),
        ({"worth_fades_min": (15.0,)}, "worth_fades_min"),
    ],
)
def test_bad_setting_is_refused(changes: dict[str, Any], named: str) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match=named):
        DispatchSettings(**changes)
