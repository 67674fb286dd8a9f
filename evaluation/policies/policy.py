"""What a policy is: from what was said to plans for crews, minute by minute."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from simulators.devices.scene import Scene
from simulators.message import Message

__all__ = ["Order", "Policy"]

Order = tuple[str, bytes]
"""A crew and its plan, as published to `down/crews/{crew}/orders`."""


class Policy(Protocol):
    """Sends crews out."""

    def step(self, now: datetime, messages: Sequence[Message], scene: Scene) -> list[Order]:
        """Answer a minute.

        Parameters
        ----------
        now
            The end of the minute.
        messages
            What devices and crews said in it.
        scene
            What truly was. A policy that is to be compared with others says in its docstring
            what it takes from here.
        """
