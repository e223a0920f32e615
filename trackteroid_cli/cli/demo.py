"""`trackteroid demo`: the whole story on a throw-away sandbox, explained step by step."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.render.output import Output

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_VERSIONS = (
    "select asset.name, version, status.name, comment from AssetVersion "
    'where asset.parent.name is "sh030" and asset.parent.parent.name is "sq010"'
)


@app.command()
def demo(ctx: typer.Context) -> None:
    """Show record, inspect, commit and query on a throw-away sandbox.

    Every step is a process of its own, as it would be on a farm. Nothing of yours is touched.
    """
    output: Output = ctx.obj
    with tempfile.TemporaryDirectory(prefix="trackteroid-demo-") as folder:
        story = _Story(Path(folder), output)
        script = resources.files("trackteroid_cli.examples").joinpath("publish.py").read_text()
        (Path(folder) / "publish.py").write_text(script, encoding="utf-8")

        story.tell("A script that a studio has had for years. It knows only ftrack_api:")
        story.show(script)
        story.tell("The server is an embedded ftrack with demo data, made for this demo.")
        story.tell("Before: what is published of the shot sh030?")
        story.run("query", _VERSIONS)
        story.tell("Nothing. Now record the script, instead of running it:")
        story.run("record", "publish.py", "sq010", "sh030")
        story.tell("The server has not changed; the batch waits:")
        story.run("query", _VERSIONS)
        story.run("inspect")
        story.tell("Review what it will do:")
        story.run("inspect", "publish")
        story.tell("Commit it: another process, perhaps on another machine, started by cron:")
        story.run("commit")
        story.tell("Once more does no harm; what the server has is not sent twice:")
        story.run("commit")
        story.tell("After:")
        story.run("query", _VERSIONS)
        story.tell(
            "To try it yourself: `trackteroid --sandbox record YOUR_SCRIPT.py`, "
            "then `trackteroid --sandbox inspect`."
        )


class _Story:
    """Runs commands in *folder* as a person would, and shows them."""

    def __init__(self, folder: Path, output: Output) -> None:
        self._folder = folder
        self._output = output
        self._environment = {**os.environ, "TRACKTEROID_HOME": str(folder / "home")}
        settings.select_sandbox(self._environment)
        if output.terminal and "NO_COLOR" not in os.environ:
            self._environment.setdefault("FORCE_COLOR", "1")

    def tell(self, text: str) -> None:
        """Explain what happens next."""
        from rich.text import Text

        self._output.line()
        self._output.styled(Text(f"# {text}", style="bold cyan"))

    def show(self, script: str) -> None:
        """Show the script."""
        self._output.python(script.rstrip())

    def run(self, *arguments: str) -> None:
        """Show a command, and what it prints."""
        self._output.line(f"$ trackteroid {shlex.join(arguments)}")
        sys.stdout.flush()
        finished = subprocess.run(
            [sys.executable, "-m", "trackteroid_cli", *arguments],
            cwd=self._folder,
            env=self._environment,
            check=False,
        )
        if finished.returncode:  # the command has said why
            raise typer.Exit(finished.returncode)
