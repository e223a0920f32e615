"""The application: global options, the list of commands, and errors turned into messages."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.errors import ExitCode, StorageError, TrackteroidError, UsageError

#: Each command's module in this package, in the order of the help. Imported when it is needed.
COMMANDS = (
    "record",
    "inspect",
    "commit",
    "discard",
    "revert",
    "query",
    "replica",
    "sandbox",
    "doctor",
    "demo",
)

#: What typer raises for wrong arguments derives from this, whichever click it brings.
_ArgumentError: type[Exception] = typer.BadParameter.__mro__[2]


class _Commands(TyperGroup):
    """Imports the module of a command when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        import importlib

        module = importlib.import_module(f"trackteroid_cli.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings: FTRACK_SERVER, FTRACK_API_KEY, FTRACK_API_USER; TRACKTEROID_HOME moves all "
    "local state. Exit status: 0 done, 1 failed, 2 wrong usage, 3 conflict, 4 not found, 75 server "
    "out of reach (try again later), 77 credentials rejected, 78 not configured.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from trackteroid_cli import __version__

        Output().line(f"trackteroid {__version__}")
        raise typer.Exit


@app.callback()
def _trackteroid(
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Use the demo sandbox instead of a server: short for FTRACK_SERVER=sandbox://demo.",
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Record what a script changes on ftrack, review it, and commit it later, exactly once."""
    if sandbox:
        from trackteroid_cli import settings

        settings.select_sandbox(os.environ)


def run(arguments: Sequence[str]) -> int:
    """Run the command line *arguments* and return the exit status."""
    output = Output(as_json="--json" in arguments)
    try:
        command = typer.main.get_command(app)
        with command.make_context("trackteroid", list(arguments), obj=output) as context:
            command.invoke(context)
        sys.stdout.flush()
        return int(ExitCode.OK)
    except typer.Exit as done:
        sys.stdout.flush()
        return done.exit_code
    except TrackteroidError as error:
        output.error(error)
        return int(error.exit_code)
    except _ArgumentError as error:
        return _wrong_usage(error, output)
    except BrokenPipeError:
        _give_up_stdout()  # the reader has seen enough
        return int(ExitCode.OK)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _give_up_stdout()
        full = StorageError(
            "cannot write the results",
            why="the disk is full",
            hint="make room where standard output goes to, and run the same command again",
        )
        output.report(full)
        return int(full.exit_code)
    except KeyboardInterrupt:
        return 130


def _give_up_stdout() -> None:
    """Keep the interpreter from trying, at its end, what did not work."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wrong_usage(error: Any, output: Output) -> int:
    message = error.format_message()
    if not message:  # a group called without a command shows its help
        error.show()
        return int(error.exit_code)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "trackteroid"
    output.error(UsageError(message.rstrip("."), hint=f"`{path} --help` shows what it takes"))
    return int(error.exit_code)
