"""The composition root: command line, settings, the clock, which stage runs where."""

import os

# See analytics/__init__.py; it must be said before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
