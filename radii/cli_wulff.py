"""The command ``radii wulff``: the best shape of noise for a norm, as numbers, picture or mesh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wulff.bodies import LpBall
    from wulff.zonotope import Zonotope

__all__ = ["wulff"]

#: Crystals up to this dimension get their vertices and facets counted.
COUNTED_DIM = 5


def wulff(
    norm: Annotated[str, typer.Argument(help="Norm of the perturbation: l1, l2 or linf.")],
    dim: Annotated[int, typer.Option("--dim", "-d", help="Dimension of the space.")] = 3,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the unit ball beside its crystal to a file.")
    ] = None,
    mesh: Annotated[
        Path | None, typer.Option("--mesh", help="Write the crystal to a file .obj or .stl.")
    ] = None,
) -> None:
    """Describe the Wulff crystal of a norm: the best shape of noise against it."""
    from radii.cli_plot import check_ending, save_figure
    from wulff.crystal import MAX_GENERATOR_DIM, crystal
    from wulff.export import save_mesh
    from wulff.meshes import crystal_mesh
    from wulff.plot import plot_gallery, shape_name

    if plot is not None:
        check_ending(plot)
    if norm == "linf" and dim > MAX_GENERATOR_DIM and plot is None and mesh is None:
        typer.echo(f"crystal    zonotope with 2^{dim - 1} generators in R^{dim}, too many to list")
    else:
        body = crystal(norm, dim)
        typer.echo(f"crystal    {shape_name(norm, dim)}")
        _describe(body)
    _report_growth(norm, dim)
    if plot is not None:
        save_figure(plot_gallery((norm,), dim=dim).axes[0], plot)
    if mesh is not None:
        typer.echo(f"written    {save_mesh(crystal_mesh(norm, dim), mesh)}")


def _describe(body: LpBall | Zonotope) -> None:
    from wulff.bodies import LpBall

    if isinstance(body, LpBall):
        typer.echo(f"radius     {body.radius:.6g} in its own norm")
        typer.echo(f"volume     exp({body.log_volume:.6g})")
        return
    if body.dim > COUNTED_DIM:
        typer.echo(f"generators {len(body.generators)}")
        return
    typer.echo(f"volume     {body.volume:.6g}")
    typer.echo(f"vertices   {len(body.vertices)}")
    typer.echo(f"facets     {len(body.facets[0])}")


def _report_growth(norm: str, dim: int) -> None:
    """Growth of the uniform noise of volume 1, against that of the usual shapes."""
    import math

    from wulff.bodies import LpBall
    from wulff.growth import crystal_growth, growth

    best = crystal_growth(norm, dim)
    typer.echo(f"growth     {best.upper:.6g}  of uniform noise on volume 1, the smallest there is")
    for name, order in (("cube", math.inf), ("ball", 2.0), ("cross polytope", 1.0)):
        typer.echo(f"           {growth(LpBall(order, 1.0, dim), norm).upper:.6g}  {name}")
