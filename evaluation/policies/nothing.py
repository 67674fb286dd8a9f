"""Nobody is sent anywhere."""

from collections.abc import Sequence
from datetime import datetime

from evaluation.policies.policy import Order
from simulators.devices.scene import Scene
from simulators.message import Message


class Nothing:
    """The street left to itself."""

    def step(self, now: datetime, messages: Sequence[Message], scene: Scene) -> list[Order]:  # noqa: ARG002
        """Give no plans."""
        return []
