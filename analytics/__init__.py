"""Readings to quality flags, segment states, episodes, causes, forecasts and verdicts."""

import os

# A minute's matrices are small: threads of the linear algebra would wait for one another longer
# than they work (2.4 ms a minute with one, 15 ms with two on two busy cores).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
