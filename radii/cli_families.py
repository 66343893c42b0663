"""The command ``radii families``: the named densities, their psi and the size of their noise."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

__all__ = ["families"]

#: Shown where a shape parameter has no default; any other legal value would do.
EXAMPLES = {("exp_lp", "p"): 3, ("mixed_linf_l2", "k"): 1, ("pareto", "a"): 3}


def families(
    dim: Annotated[int, typer.Option("--dim", "-d", help="Dimension of the noise.")] = 3072,
    sigma: Annotated[
        float | None, typer.Option("--sigma", help="Also give the scale for this noise level.")
    ] = None,
) -> None:
    """List the named densities: parameters, psi, support, and sigma at scale 1.

    Where a parameter has no default an example value is shown; pass psi itself to
    ``radii derive`` for any other.
    """
    from rich.console import Console
    from rich.table import Table

    from numerics.validation import check_dim, check_positive
    from smoothing import families as named

    check_dim(dim)
    if sigma is not None:
        check_positive("sigma", sigma)
    columns = ["family", "psi", "support", "sigma at scale 1"]
    table = Table(*columns, *([] if sigma is None else [f"scale for sigma {sigma:g}"]))
    for name in named.__all__:
        build = getattr(named, name)
        shape = _shape_parameters(name, build, dim)
        noise = build(dim, **shape)
        described = ", ".join(f"{key}={value}" for key, value in shape.items())
        row = [f"{name}({described})", noise.psi_text, noise.support_text, f"{noise.sigma:.6g}"]
        table.add_row(*row, *([] if sigma is None else [f"{sigma / noise.sigma:.6g}"]))
    # Rich cuts cells to the width of the terminal; a redirected listing keeps them whole.
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


def _shape_parameters(name: str, build: Any, dim: int) -> dict[str, Any]:
    """Shape parameters with their defaults, or an example that is legal and has a variance."""
    shape: dict[str, Any] = {}
    for key, parameter in inspect.signature(build).parameters.items():
        if key in ("dim", "scale", "sigma"):
            continue
        needed = parameter.default is inspect.Parameter.empty
        # A power law of a norm needs a > dim + 2 for its variance to be finite.
        shape[key] = EXAMPLES.get((name, key), dim + 3) if needed else parameter.default
    return shape
