"""The commands ``radii plot ...``: pictures written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["plot"]

#: A sub-application: each picture is one command.
plot = typer.Typer(no_args_is_help=True, help="Draw radii to a file.")

OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="File to write; its ending gives the format.")
]


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

    save_figure(plot_families(dim, sigma)[0], out)


def save_figure(ax: object, out: Path) -> None:
    """Write the figure that the axes belong to, and say where."""
    from numerics.errors import invalid

    figure = ax.get_figure()  # type: ignore[attr-defined]
    ending = out.suffix.lstrip(".").lower()
    legal = sorted(figure.canvas.get_supported_filetypes())
    if ending not in legal:
        raise invalid("out", f"a file name ending in one of {', '.join(legal)}", str(out), "rename")
    try:
        figure.savefig(out, dpi=150)
    except OSError as error:
        raise invalid("out", "a file that can be written", str(out), str(error)) from error
    typer.echo(f"written    {out}")
