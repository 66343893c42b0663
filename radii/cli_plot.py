"""The commands ``radii plot ...``: pictures written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from radii.cli_plot_curves import curves

__all__ = ["plot"]

#: A sub-application: each picture is one command.
plot = typer.Typer(no_args_is_help=True, help="Draw radii to a file.")

OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="File to write; its ending gives the format.")
]


plot.command("curves")(curves)


@plot.callback()
def main() -> None:
    """Draw radii to a file."""


@plot.command("families")
def families(
    dim: Annotated[int, typer.Option("--dim", "-d", help="Dimension of the noise.")] = 3072,
    sigma: Annotated[float, typer.Option("--sigma", help="Noise level per coordinate.")] = 1.0,
    out: OutOption = Path("families.png"),
) -> None:
    """Radii of all families against rho, in nine panels (RSAS, Figure A.1)."""
    from radii.plot import plot_families

    check_ending(out)  # before the long computation: a typo should be quick
    save_figure(plot_families(dim, sigma)[0], out)


def check_ending(out: Path) -> None:
    """Refuse a file name whose ending is no format that Matplotlib writes."""
    from matplotlib.figure import Figure

    from numerics.errors import invalid

    legal = sorted(Figure().canvas.get_supported_filetypes())
    if out.suffix.lstrip(".").lower() not in legal:
        raise invalid("out", f"a file name ending in one of {', '.join(legal)}", str(out), "rename")


def save_figure(ax: Any, out: Path) -> None:
    """Write the figure that the axes belong to, and say where."""
    from numerics.errors import invalid

    try:
        ax.get_figure().savefig(out, dpi=150)
    except OSError as error:
        raise invalid("out", "a file that can be written", str(out), str(error)) from error
    typer.echo(f"written    {out}")
