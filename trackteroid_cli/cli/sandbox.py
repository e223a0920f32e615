"""`trackteroid sandbox`: embedded ftrack servers with demo data."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated, NoReturn

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.errors import ExitCode

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Serve or reset a sandbox: an embedded ftrack server with demo data.",
    epilog="A sandbox needs no serving to be used on this machine: set "
    "FTRACK_SERVER=sandbox://NAME, or use the global option --sandbox for the one named demo.",
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Which sandbox.", show_default="demo")]


@app.command(
    epilog="Example: `trackteroid sandbox serve > sandbox.env &`, then `. ./sandbox.env` once it "
    "says that it serves; or copy the printed lines into another terminal."
)
def serve(
    ctx: typer.Context,
    name: _Name = "demo",
    port: Annotated[
        int, typer.Option(help="The port on the loopback interface; 0 picks a free one.")
    ] = 8090,
) -> None:
    """Serve a sandbox over HTTP until stopped. Prints the settings that reach it."""
    output: Output = ctx.obj
    import signal

    from trackteroid_cli.server import sandbox

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _stop)

    def ready(url: str) -> None:
        for variable, value in (
            ("FTRACK_SERVER", url),
            ("FTRACK_API_KEY", settings.SANDBOX_KEY),
            ("FTRACK_API_USER", settings.SANDBOX_USER),
        ):
            output.line(f"export {variable}={shlex.quote(value)}")
        sys.stdout.flush()
        output.note(f"serving the sandbox {name} on {url}; stop with Ctrl-C")

    sandbox.serve(name, port=port, ready=ready)


def _stop(*_: object) -> NoReturn:
    raise SystemExit(ExitCode.OK)


@app.command()
def reset(ctx: typer.Context, name: _Name = "demo") -> None:
    """Put a sandbox back to the demo data."""
    output: Output = ctx.obj
    from trackteroid_cli.server import sandbox

    sandbox.reset(name)
    output.note(f"the sandbox {name} holds the demo data again")
