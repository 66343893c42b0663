"""Picture of a table: radius against the tail 1 - rho, and the entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from levelset.table import LookupTable

__all__ = ["plot_table"]

_CURVE_POINTS = 600


def plot_table(table: LookupTable, ax: Axes | None = None) -> Axes:
    """Draw the lookup as a line and the entries as dots over a logarithmic axis of tails."""
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(5.5, 3.6), layout="constrained").subplots()
    shown = table.tails > 0
    least = float(table.tails[shown].min(initial=0.25))
    tails = np.geomspace(least, 0.5, _CURVE_POINTS)
    ax.plot(tails, table.radius(tail=tails), linewidth=1.2, label=f"along {table.info.direction}")
    ax.plot(table.tails[shown], table.radii[shown], ".", markersize=3, label="entries")
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("tail 1 - ρ")
    ax.set_ylabel(f"certified radius, {table.info.norm}")
    worst = "worst direction proved" if table.refusal is None else "tight along this direction only"
    ax.set_title(worst, fontsize=9)
    ax.legend(frameon=False)
    return ax
