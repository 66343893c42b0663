"""Pictures of the limits; every function takes `ax`, returns it and never shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nogo.limits import largest_radius

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_limits"]


def plot_limits(
    rho: float,
    *,
    sigma: float = 1.0,
    orders: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 8.0, float("inf")),
    dims: Sequence[int] = (1, 10, 100, 1000, 10_000, 150_528),
    ax: Axes | None = None,
) -> Axes:
    """Largest certifiable radius against the dimension, one line per norm.

    The lines are level up to p = 2 and fall like d^(1/p - 1/2) beyond: the phase transition of
    Blum et al.

    Parameters
    ----------
    rho : float
        Probability of the top class.
    sigma, orders, dims
        Noise level, norms and dimensions.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> plot_limits(0.9).get_xlabel()
    'dimension'
    """
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=(6.0, 4.0), layout="constrained")
    for p in orders:
        values = [largest_radius(sigma=sigma, dim=d, p=p, rho=rho) for d in dims]
        label = "p = ∞" if np.isinf(p) else f"p = {p:g}"
        # p < 2 lies on p = 2: drawn above it, broken, so that both are seen
        broken = {"linestyle": (0, (4, 4)), "zorder": 3} if p < 2 else {}
        ax.loglog(dims, values, label=label, **broken)
    ax.set(xlabel="dimension", ylabel="no radius above")
    ax.set_title(f"limits at ρ = {rho:g}, σ = {sigma:g}")
    ax.legend(frameon=False)
    return ax
