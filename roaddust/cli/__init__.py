"""`roaddust COMMAND`: exit status 0 done, 1 failed, 2 used wrongly.

The stages are imported where a command starts, so that no command waits for what it does not use.
"""

import typer

from roaddust.cli import devices, history, letters, overriding, quality, running, world

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dust control for truck roads: readings in, crews out, proof back. 道路扬尘治理。",
)

# In the order in which --help lists them.
app.command()(running.demo)
app.command()(running.run)
app.command()(running.check)
app.command()(world.simulate)
app.command()(world.evaluate)
app.command()(history.backtest)
app.command()(running.migrate)
app.command()(running.status)
app.command()(devices.broker_users)
app.command()(world.replay)
app.command("why")(history.explain)
app.command()(history.overnight)
app.command()(history.report)
app.add_typer(letters.commands, name="dead-letters")
app.add_typer(quality.commands, name="quality")
app.add_typer(devices.commands, name="gateway")
app.add_typer(overriding.commands, name="override")
