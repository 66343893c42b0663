"""The commands ``radii nogo`` and ``radii advise``: what no noise can do, and which does best.

Like ``radii recertify`` they are doors upwards, opened inside the commands only: `nogo` stands
above `radii`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from numerics.errors import invalid
from radii.cli_options import AdversaryOption, DimOption, exact_number, tail_of

__all__ = ["advise", "nogo"]

#: Significant digits of printed radii and limits.
DIGITS = 5

RhoOption = Annotated[str, typer.Option("--rho", help="Probability of the top class.")]
NoiseLevel = Annotated[float, typer.Option("--sigma", help="Noise level per coordinate.")]


def nogo(
    dim: Annotated[list[int], typer.Option("--dim", "-d", help="Dimension; may be repeated.")],
    sigma: NoiseLevel = 1.0,
    p: Annotated[
        list[str] | None, typer.Option("--p", help='Order of the norm, "inf" too; may be repeated.')
    ] = None,
    rho: RhoOption = "0.9",
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the limits against the dimension.")
    ] = None,
) -> None:
    """Largest radius that any noise of this level can certify, over dimensions and norms.

    Limits are rounded up; the last table names every bound at the first dimension and norm.
    """
    from rich.console import Console
    from rich.table import Table

    from nogo.limits import largest_radius, limits

    orders = [_order(text) for text in (p or ["1", "2", "4", "inf"])]
    tail = tail_of(rho)
    console = Console()
    summary = Table("dim", *(f"l{_name(q)}" for q in orders), title=f"sigma {sigma:g}, rho {rho}")
    for d in dim:
        row = [largest_radius(sigma=sigma, dim=d, p=q, tail=tail) for q in orders]
        summary.add_row(str(d), *(f"{value:.{DIGITS}g}" for value in row))
    console.print(summary)
    detail = Table("bound", "no radius above", title=f"d = {dim[0]}, l{_name(orders[0])}")
    for limit in limits(dim=dim[0], p=orders[0], tail=tail, sigma=sigma):
        detail.add_row(f"{limit.bound.name} ({limit.bound.source})", f"{limit.value:.{DIGITS}g}")
    console.print(detail)
    if plot is not None:
        _draw(plot, 1.0 - tail, sigma)


def advise(
    adversary: AdversaryOption, dim: DimOption, rho: RhoOption = "0.9", sigma: NoiseLevel = 1.0
) -> None:
    """Rank the named families at equal sigma by the radius they certify against a norm."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from nogo.advise import advise as rank
    from numerics.decimals import down_text

    def progress(names: list[str]):  # type: ignore[no-untyped-def]
        return track(names, "deriving", console=Console(stderr=True), transient=True)

    advice = rank(adversary, dim=dim, tail=tail_of(rho), sigma=sigma, progress=progress)
    table = Table("noise", "radius", "route", title=f"sigma {sigma:g}, d = {dim}, rho {rho}")
    for candidate in advice.ranking:
        shown = "–" if candidate.radius is None else down_text(candidate.radius, DIGITS)
        table.add_row(candidate.name, shown, candidate.route or candidate.reason)
    Console().print(table)
    typer.echo(f"shape  {advice.shape}")
    typer.echo(f"limit  {advice.limit:.{DIGITS}g}, which no noise of this level exceeds")


def _order(text: str) -> float:
    if text.lower() in ("inf", "oo"):
        return float("inf")
    try:
        return float(exact_number("p", text))
    except ValueError:
        legal = 'a number >= 1 or "inf"'
        raise invalid("p", legal, text, "write it as 1, 2, 3/2 or inf") from None


def _name(order: float) -> str:
    return "inf" if order == float("inf") else f"{order:g}"


def _draw(out: Path, rho: float, sigma: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from nogo.plots import plot_limits
    from radii.cli_plot import check_ending, save_figure

    check_ending(out)
    save_figure(plot_limits(rho, sigma=sigma), out)
