"""`trackteroid sandbox`: embedded ftrack servers, to try things on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from trackteroid_cli import settings
from trackteroid_cli.cli.render.output import Output
from trackteroid_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from trackteroid_cli.offline.replicas import Replica
    from trackteroid_cli.server.sandboxes.making import Sandbox
    from trackteroid_cli.server.sandboxes.origin import Origin

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Make, serve or reset a sandbox: an embedded ftrack server, with demo data or your own.",
    epilog="A sandbox needs no serving to be used on this machine: set "
    "FTRACK_SERVER=sandbox://NAME, or use the global option --sandbox for the one named demo.",
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Which sandbox.", show_default="demo")]
_NewName = Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")]

_FROM_REPLICA = (
    "the replica of the configured server (see `replica`), with the studio's own types and data. "
    "Nothing ever goes to that server, and the replica stays as it is."
)


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
    from_replica: Annotated[
        bool,
        typer.Option(
            "--from-replica",
            help="If there is no sandbox NAME yet, make it from " + _FROM_REPLICA,
        ),
    ] = False,
) -> None:
    """Serve a sandbox over HTTP until stopped. Prints the settings that reach it."""
    output: Output = ctx.obj
    import signal

    from trackteroid_cli.server.sandboxes import serving

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _stop)
    if from_replica:
        _have_from_replica(name, output)

    def ready(url: str) -> None:
        for variable, value in (
            ("FTRACK_SERVER", url),
            ("FTRACK_API_KEY", settings.SANDBOX_KEY),
            ("FTRACK_API_USER", settings.SANDBOX_USER),
        ):
            output.line(f"export {variable}={shlex.quote(value)}")
        sys.stdout.flush()
        output.note(f"serving the sandbox {name} on {url}; stop with Ctrl-C")

    serving.serve(name, port=port, ready=ready)


def _stop(*_: object) -> NoReturn:
    raise SystemExit(ExitCode.OK)


@app.command(
    epilog="Examples: `trackteroid sandbox create studio --from-replica`; `trackteroid sandbox "
    "create blank --empty`; `trackteroid sandbox create other --schemas schemas.json --empty`"
)
def create(
    ctx: typer.Context,
    name: _NewName,
    schemas: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Give it the entity types of another server: a JSON list of schemas, as the "
            "action query_schemas answers them.",
        ),
    ] = None,
    empty: Annotated[
        bool,
        typer.Option(
            "--empty", help="Leave the demo data out; the rows that every server has are there."
        ),
    ] = False,
    from_replica: Annotated[
        bool, typer.Option("--from-replica", help="Make it from " + _FROM_REPLICA)
    ] = False,
) -> None:
    """Make a sandbox. One that exists is never overwritten; see `sandbox reset`."""
    output: Output = ctx.obj
    if from_replica and (schemas or empty):
        raise UsageError(
            "--from-replica goes without --schemas and --empty",
            why="a replica has its own entity types and data",
            hint="leave --from-replica out, or the others",
        )
    from trackteroid_cli.server.sandboxes import making
    from trackteroid_cli.server.sandboxes.origin import DEMO, EMPTY, Origin
    from trackteroid_cli.server.sandboxes.schema_file import read_schemas

    making.path(name)  # a wrong name is told before anything else
    if from_replica:
        _create_from_replica(name, output)
        return
    types = read_schemas(schemas) if schemas else None
    origin = Origin(EMPTY if empty else DEMO, types)
    making.create(name, origin)
    output.note(f"the sandbox {name} holds {origin}; {_how_to_reach(name)}")


@app.command()
def reset(ctx: typer.Context, name: _Name = "demo") -> None:
    """Put a sandbox back to what it was made as; one of a replica, to what that holds now."""
    output: Output = ctx.obj
    from trackteroid_cli.server.sandboxes import making
    from trackteroid_cli.server.sandboxes.origin import REPLICA, read_origin

    origin, source = read_origin(making.path(name)), None
    if origin.data == REPLICA:
        replica = _replica(origin.server)
        origin, source = _origin_of(replica), replica.path
    making.reset(name, origin, source=source)
    output.note(f"the sandbox {name} holds {origin} again")


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of objects, one for each sandbox.")
    ] = False,
) -> None:
    """Show the sandboxes that were made, and what each was made as."""
    output: Output = ctx.obj
    output.as_json = as_json
    from trackteroid_cli.server.sandboxes import making

    found = making.every_sandbox()
    if as_json:
        output.document([_document(each) for each in found])
        return
    rows = [(each.name, f"{each.size / 1e6:.1f} MB", str(each.origin)) for each in found]
    output.table(("NAME", "SIZE", "MADE WITH"), rows)


@app.command()
def remove(ctx: typer.Context, name: _NewName) -> None:
    """Remove a sandbox with what is in it. The next use of its name makes one with demo data."""
    output: Output = ctx.obj
    from trackteroid_cli.server.sandboxes import making

    making.remove(name)
    output.note(f"removed the sandbox {name}")


def _document(sandbox: Sandbox) -> dict[str, object]:
    origin = sandbox.origin
    return {
        "name": sandbox.name,
        "path": str(sandbox.path),
        "size": sandbox.size,
        "data": origin.data,
        "own_types": origin.schemas is not None,
        "server": origin.server or None,
        "pulled": origin.pulled or None,
    }


def _how_to_reach(name: str) -> str:
    return (
        f"use it with FTRACK_SERVER={settings.SANDBOX_SCHEME}{name}, or serve it: trackteroid "
        f"sandbox serve {name}"
    )


# Sandboxes of replicas.


def _have_from_replica(name: str, output: Output) -> None:
    """Make the sandbox *name* from the replica of the configured server, unless there is one.

    Raises:
        UsageError: there is a sandbox of that name that is none of that replica.
    """
    from trackteroid_cli.server.sandboxes import making

    found = making.find(name)
    if found is None:
        _create_from_replica(name, output)
        return
    url = settings.normalise_url(_configured_server())
    if found.origin.server != url:
        raise UsageError(
            f"the sandbox {name} was not made from the replica of {url}",
            why=f"it was made with {found.origin}",
            hint="give another name, or leave --from-replica out to serve it as it is",
        )
    output.note(
        f"the sandbox {name} is kept as it is: {found.origin}, with what was changed here since; "
        f"`trackteroid sandbox reset {name}` makes it anew from the replica"
    )


def _create_from_replica(name: str, output: Output) -> None:
    from trackteroid_cli.server.sandboxes import making

    replica = _replica(_configured_server())
    origin = _origin_of(replica)
    making.create(name, origin, source=replica.path)
    output.note(
        f"the sandbox {name} holds {origin}: {_held(replica)}. What was not pulled does not exist "
        f"there. Nothing you do there reaches the server; {_how_to_reach(name)}"
    )


def _configured_server() -> str:
    # No key is needed for what is on this machine.
    return settings.as_server(settings.lookup(offline=True)).url


def _replica(server_url: str) -> Replica:
    from trackteroid_cli.offline import replicas

    return replicas.required(server_url)


def _origin_of(replica: Replica) -> Origin:
    from trackteroid_cli.server.sandboxes.origin import REPLICA, Origin

    holdings = replica.holdings
    return Origin(REPLICA, server=holdings.server, pulled=holdings.pulled)


def _held(replica: Replica) -> str:
    holdings = replica.holdings
    projects = [each.name for each in holdings.projects]
    parts = [f"the project {name}" for name in projects]
    if len(projects) > 3 or holdings.every_project:
        parts = [f"{'all ' if holdings.every_project else ''}{len(projects)} projects"]
    parts += [f"what '{each.expression}' selects" for each in holdings.expressions[:3]]
    if len(holdings.expressions) > 3:
        parts.append(f"and {len(holdings.expressions) - 3} more expressions")
    return ", ".join(parts) or "no project"
