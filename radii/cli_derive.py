"""The command ``radii derive``: a density and a norm in, formula and table of radii out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radii.cli_options import (
    AdversaryOption,
    DimOption,
    RouteOption,
    ScaleOption,
    SigmaOption,
    SupportOption,
    smoothing_from_text,
    tail_of,
)

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["derive"]

#: Significant digits of a printed radius, the same as in certification logs.
RADIUS_DIGITS = 6
#: The last one is what n = 100,000 unanimous samples can prove at alpha = 0.001.
DEFAULT_RHO = ["0.6", "0.75", "0.9", "0.99", "0.999", "0.99993"]


def derive(
    psi: Annotated[str, typer.Argument(help='Minus log density at scale 1: "norm(x, 1)".')],
    adversary: AdversaryOption,
    dim: DimOption,
    support: SupportOption = None,
    scale: ScaleOption = None,
    sigma: SigmaOption = None,
    rho: Annotated[
        list[str], typer.Option("--rho", help="Probability lower bound; may be repeated.")
    ] = DEFAULT_RHO,
    route: RouteOption = "auto",
    latex: Annotated[bool, typer.Option("--latex", help="Print the formula in LaTeX too.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print each route's verdict and the derivation.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the derivation to this file as a page.")
    ] = None,
) -> None:
    """Derive the certified radius of a density against a norm, and tabulate it.

    Radii in the table are rounded down, in the units of the classifier's input.
    """
    from rich.console import Console

    import radii

    tails = [tail_of(text) for text in rho]  # before the long computation: a typo should be quick
    smoothing = smoothing_from_text(psi, dim=dim, support=support, scale=scale, sigma=sigma)
    if explain:
        typer.echo(str(radii.explain_routes(smoothing, adversary)))
    radius = radii.derive(smoothing, adversary, route=route)
    typer.echo(f"noise      {smoothing.describe()}")
    typer.echo(f"adversary  {radius.adversary.name}")
    typer.echo(f"route      {radius.route}, {radius.guarantee}")
    if radius.formula is not None:
        closed = "" if radius.is_closed_form else "  (an integral is left)"
        typer.echo(f"R(rho)     {radius.formula}{closed}")
    if latex:
        typer.echo(f"LaTeX      {radius.latex()}")
    if explain:
        for step in radius.derivation:
            typer.echo(f"step       {step}")
        for reference in radius.references:
            typer.echo(f"reference  {reference}")
        for text, tail in zip(rho, tails, strict=True):
            _echo_limit(radius, text, tail)
    Console().print(radii_table(radius, rho, tails))
    if html is not None:
        typer.echo(f"written    {radius.derivation.save_html(html)}")


def _echo_limit(radius: Any, rho: str, tail: float) -> None:
    """How far the radius is from what no noise of its level can exceed.

    A door upwards, opened by the command only: `nogo` stands above `radii`.
    """
    from nogo.compare import headroom

    if 0.0 < tail < 0.5:
        typer.echo(f"limit      at rho {rho}: {headroom(radius, tail=tail)}")


def radii_table(radius: Any, rho: list[str], tails: list[float]) -> Table:
    """Table of radii, each printed rounded down."""
    from rich.table import Table

    from numerics.decimals import down_text

    table = Table("rho", "radius")
    for text, tail in zip(rho, tails, strict=True):
        table.add_row(text, down_text(float(radius(tail=tail)), RADIUS_DIGITS))
    return table
