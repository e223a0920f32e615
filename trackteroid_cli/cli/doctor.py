"""`trackteroid doctor`: check whether this machine is ready."""

from __future__ import annotations

from typing import Annotated

import typer

from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.cli.render.documents import check_document
from trackteroid_cli.cli.render.output import Output, plural
from trackteroid_cli.doctor import Check, Status, examine, exit_code

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}
_MARKS = {Status.OK: "\N{CHECK MARK}", Status.WARN: "!", Status.FAIL: "\N{BALLOT X}"}
#: Where the encoding of the terminal has no better ones.
_PLAIN_MARKS = {Status.OK: "+", Status.WARN: "!", Status.FAIL: "x"}


@app.command(epilog="Examples: `trackteroid doctor`; `trackteroid doctor --json`")
def doctor(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object with every check and the exit status.")
    ] = False,
) -> None:
    """Check settings, server, credentials, clock, disk, batches and packages, a line each.

    Changes nothing on the server. A warning leaves the exit status at 0; a failed check gives it
    its own: 78 not configured or wrongly, 77 credentials rejected, 75 server out of reach, 1
    anything else.
    """
    output: Output = ctx.obj
    output.as_json = as_json
    checks = []
    for check in examine(Spool.default()):
        checks.append(check)
        if not as_json:
            _show(check, output)
    status = exit_code(checks)
    if as_json:
        documents = [check_document(check) for check in checks]
        output.document({"checks": documents, "exit": int(status)})
    else:
        _sum_up(checks, output)
    raise typer.Exit(int(status))


def _show(check: Check, output: Output) -> None:
    if not output.terminal:
        cells = (check.status.value, check.check, check.detail, check.next)
        output.row(cells if check.next else cells[:-1])
        return
    from rich.text import Text

    marks = _MARKS if output.is_utf8 else _PLAIN_MARKS
    line = Text(f"{marks[check.status]} {check.status.value:<5}", style=_STYLES[check.status])
    line.append(f"{check.check:<14} {' '.join(check.detail.split())}", style="default not bold")
    output.styled(line)
    if check.next:
        output.styled(Text(f"{'next:':>21} {' '.join(check.next.split())}", style="dim"))


def _sum_up(checks: list[Check], output: Output) -> None:
    failed = sum(check.status is Status.FAIL for check in checks)
    warned = sum(check.status is Status.WARN for check in checks)
    if failed:
        output.note(f"this machine is not ready: {plural(failed, 'check')} failed")
    elif warned:
        output.note(f"this machine is ready, with {plural(warned, 'warning')}")
    else:
        output.note("this machine is ready")
