"""Readings to quality flags, segment states, episodes, causes and verdicts."""
