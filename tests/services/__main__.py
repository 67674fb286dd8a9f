"""Prepare what takes long, so that no test waits for it: ``python -m tests.services``."""

import sys

from tests.services.missing import ServiceMissing
from tests.services.trixie import trixie_root

try:
    sys.stdout.write(f"{trixie_root()}\n")
except ServiceMissing as missing:
    sys.exit(f"{missing}; the tests that need it will be left out")
