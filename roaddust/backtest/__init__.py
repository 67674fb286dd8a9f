"""The analytics over stored history, and what other rules would have raised."""
