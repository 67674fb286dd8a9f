"""Policies on the same simulated days, side by side, in figures and pictures."""
