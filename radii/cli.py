"""The command line `radii`: one sub-command per file, errors as one line.

Nothing heavy is imported here or at the top of the command files, so that ``radii --help`` answers
at once; each command imports what it needs when it runs.
"""

from __future__ import annotations

from typing import Any

import typer
import typer.core

from numerics.errors import RadiiError
from radii.cli_attack import attack
from radii.cli_certify import certify
from radii.cli_compare import compare
from radii.cli_derive import derive
from radii.cli_families import families
from radii.cli_merge import merge
from radii.cli_nogo import advise, nogo
from radii.cli_plot import plot
from radii.cli_recertify import recertify
from radii.cli_rules import rules
from radii.cli_table import table
from radii.cli_train import train
from radii.cli_wulff import wulff

__all__ = ["app"]

#: Exit status of a command that was given something it cannot use, as for a mistyped option.
USAGE_ERROR = 2


class _ReportingGroup(typer.core.TyperGroup):
    """Turns the library's own exceptions into one line; any other one is a bug and is shown."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except RadiiError as error:
            typer.echo(f"radii: {_one_line(str(error))}", err=True)
            raise typer.Exit(USAGE_ERROR) from None


def _one_line(message: str) -> str:
    """Join a message that has one line per refused route, columns closed up."""
    lines = [" ".join(line.split()) for line in message.splitlines() if line.strip()]
    return "; ".join(lines).replace(":; ", ": ")


app = typer.Typer(
    name="radii",
    cls=_ReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Certified radii for randomized smoothing, derived from the smoothing density.",
)
app.command()(attack)
app.command()(certify)
app.command()(compare)
app.command()(derive)
app.command()(families)
app.command()(nogo)
app.command()(advise)
app.command()(merge)
app.command()(recertify)
app.command()(rules)
app.add_typer(plot, name="plot")
app.add_typer(table, name="table")
app.command()(train)
app.command()(wulff)


@app.callback()
def main() -> None:
    """Certified radii for randomized smoothing, derived from the smoothing density."""


if __name__ == "__main__":
    app()
