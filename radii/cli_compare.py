"""The command ``radii compare``: what the differential method misses of the tight radius."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from numerics.errors import invalid
from radii.cli_options import AdversaryOption, ScaleOption, SigmaOption, SupportOption, tail_of
from radii.cli_plot import check_ending, save_figure

__all__ = ["compare"]

#: Significant digits of a printed radius, the same as in certification logs.
RADIUS_DIGITS = 6
DEFAULT_RHO = ["0.6", "0.75", "0.9", "0.99", "0.999"]


def compare(
    psi: Annotated[
        str, typer.Argument(help='Minus log density, in which "dim" is d: "norm(x,2)*sqrt(dim)".')
    ],
    adversary: AdversaryOption,
    dim: Annotated[
        list[int] | None,
        typer.Option("--dim", "-d", help="Dimension; may be repeated. Default: 2, 4, 32, 1024."),
    ] = None,
    support: SupportOption = None,
    scale: ScaleOption = None,
    sigma: SigmaOption = None,
    rho: Annotated[
        list[str], typer.Option("--rho", help="Probability lower bound; may be repeated.")
    ] = DEFAULT_RHO,
    picture: Annotated[
        Path | None, typer.Option("--plot", help="Also draw radii and gap to this file.")
    ] = None,
) -> None:
    """Compare differential with level-set (tight) radii of one density over the dimension.

    The default dimensions are those of Figure B.1 of Yang et al. 2020. Radii are rounded down.
    """
    from rich.console import Console

    from radii.cli_options import smoothing_from_text
    from radii.compare import FIGURE_DIMS, compare_methods, curve_rho

    if picture is not None:
        _check_picture(picture)  # before the computation: a typo should be quick
    dims = list(dim or FIGURE_DIMS)

    def density(d: int) -> Any:
        return smoothing_from_text(psi, dim=d, support=support, scale=scale, sigma=sigma)

    probabilities = [_below(text) for text in rho]
    found = compare_methods(density, adversary, dims=dims, rho=probabilities)
    Console(width=120).print(comparison_table(found, rho))
    if picture is not None:
        curves = compare_methods(density, adversary, dims=dims, rho=curve_rho())
        draw(curves, picture)


def _check_picture(path: Path) -> None:
    check_ending(path)
    if not path.absolute().parent.is_dir():
        raise invalid("out", "a file in a folder that exists", str(path), "make the folder")


def _below(rho: str) -> float:
    """A float below rho: its radius is not above that of the decimal."""
    tail = tail_of(rho)
    value = math.nextafter(1.0 - tail, 0.0)
    if tail == 0 or value <= 0.5:
        raise invalid("rho", "a probability in (1/2, 1)", rho, "both radii are 0 up to 1/2")
    return value


def comparison_table(found: Any, rho: list[str]) -> Any:
    """Radii of both methods and the gap, a row for each dimension and probability."""
    from rich.table import Table

    from numerics.decimals import down_text

    rows = Table()
    for column in ("d", "rho", "differential", "level set", "gap"):
        rows.add_column(column, justify="left" if column == "rho" else "right")
    for i, d in enumerate(found.dims):
        for j, text in enumerate(rho):
            rows.add_row(
                str(d),
                text,
                down_text(float(found.differential[i, j]), RADIUS_DIGITS),
                down_text(float(found.levelset[i, j]), RADIUS_DIGITS),
                f"{100 * found.gap[i, j]:.2g}%",
            )
    return rows


def draw(found: Any, path: Path) -> None:
    """Radii on the left, gap on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    found.plot(left)
    found.plot_gap(right)
    save_figure(left, path)
