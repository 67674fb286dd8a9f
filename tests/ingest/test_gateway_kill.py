"""SIGKILL of the gateway loses nothing that it has answered."""

from bench.gateway import run
from tests.services import Mosquitto


def test_killed_while_loggers_send(mosquitto: Mosquitto) -> None:
    """Killed twice in the flow: each answered frame is on the broker, and each is answered."""
    outcome = run(mosquitto, loggers=20, frames=30, every_s=0.05, kills=2, seed=1)
    assert outcome.good, outcome
    assert outcome.kills == 2
