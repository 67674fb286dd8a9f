"""Servers that tests and benches run against, usable from any program."""

from tests.services.databases import fresh_database
from tests.services.missing import ServiceMissing
from tests.services.mosquitto import Mosquitto
from tests.services.timescale import Timescale

__all__ = ["Mosquitto", "ServiceMissing", "Timescale", "fresh_database"]
