"""`python -m roaddust.cli COMMAND`."""

from roaddust.cli import app

app()
