"""The command ``radii plot curves``: certified accuracy from logs, drawn and as a table.

Like `radii.cli_recertify` it reaches up into `certify`, inside the command only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from numerics.errors import invalid
from radii.cli_options import exact_number

__all__ = ["curves"]

#: Points of a drawn curve, and columns of a table when none are asked for.
_POINTS, _COLUMNS = 800, 9


def curves(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", exists=True, dir_okay=False, help="Certification logs."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture to write; its ending is the format.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", help="Radius of a column; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Name of a log, in order; may be repeated.")
    ] = None,
    style: Annotated[str, typer.Option("--table", help="markdown or latex.")] = "markdown",
    title: Annotated[str, typer.Option("--title", help="Title of the picture.")] = "",
    envelopes: Annotated[
        bool, typer.Option(help="Also the best of all logs that differ in their noise level only.")
    ] = True,
) -> None:
    """Certified accuracy against the radius, its average, and envelopes over noise levels."""
    import numpy as np

    from certify.log_curves import curves_of_logs
    from certify.log_reader import read_log
    from certify.plots import plot_curves
    from certify.tables import STYLES, accuracy_rows, format_table
    from numerics.decimals import down_text
    from numerics.validation import check_choice
    from radii.cli_plot import check_ending, save_figure

    check_choice("--table", style, STYLES)
    if out is not None:
        check_ending(out)
    read = [read_log(path) for path in logs]
    largest = max((float(log.radius.max(initial=0.0)) for log in read), default=0.0)
    if not math.isfinite(largest):
        raise invalid("the logs", "of finite radii", "an infinite one", "give a table with --at")
    # Rounded up: an image certified at the float is certified at the number asked for.
    columns = (
        np.unique([float(down_text(value, 3)) for value in np.linspace(0.0, largest, _COLUMNS)])
        if at is None
        else np.unique([_up(text) for text in at])
    )
    grid = np.unique(np.concatenate([columns, np.linspace(0.0, 1.02 * largest, _POINTS)]))
    found = curves_of_logs(read, grid, labels=label)
    drawn = [*found.curves, *(found.envelopes if envelopes else ())]
    averages = [*found.averages, *([None] * (len(drawn) - len(found.averages)))]
    rows = accuracy_rows(drawn, columns, averages)
    typer.echo(format_table(rows, columns, style=style, norm=found.adversary))
    if out is not None:
        styles: list[dict[str, object]] = [{} for _ in found.curves]
        styles += [{"color": "black", "linestyle": "--"} for _ in drawn[len(styles) :]]
        axes = plot_curves(drawn, adversary=found.adversary, title=title, styles=styles)
        save_figure(axes, out)


def _up(text: str) -> float:
    exact = exact_number("at", text)
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)
