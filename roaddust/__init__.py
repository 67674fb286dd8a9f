"""The composition root: command line, settings, the clock, which stage runs where."""
