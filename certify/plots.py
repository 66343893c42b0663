"""Pictures of certified accuracy. Nothing here shows a window; every function returns its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from certify.evaluate import Curve
from numerics.errors import invalid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_curves"]


def plot_curves(
    curves: Sequence[Curve],
    *,
    adversary: str = "",
    title: str = "",
    styles: Sequence[dict[str, Any]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw certified accuracy against the radius.

    Parameters
    ----------
    curves : sequence of Curve
        One line each, named in the legend by their labels.
    adversary : str
        Norm of the radii, for the axis label.
    title : str
        Title of the picture.
    styles : sequence of dict, optional
        Keyword arguments of `Axes.plot`, one dict per curve.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> axes = plot_curves([Curve("uniform", np.array([0.0, 1.0]), np.array([0.9, 0.4]))])
    >>> axes.get_ylabel()
    'certified accuracy'
    >>> axes.figure.clear()
    """
    if styles is not None and len(styles) != len(curves):
        raise invalid("styles", f"{len(curves)} dicts, one per curve", len(styles), "add them")
    if ax is None:
        from matplotlib.figure import Figure

        # A figure made without pyplot needs no display and is freed with its last reference.
        ax = Figure(figsize=(6.4, 4.0), layout="constrained").add_subplot()
    for number, curve in enumerate(curves):
        style = {} if styles is None else styles[number]
        ax.plot(curve.radii, curve.accuracy, label=curve.label, **style)
    ax.set_xlabel(f"{adversary} radius".strip())
    ax.set_ylabel("certified accuracy")
    ax.set_ylim(0.0, 1.0)
    ax.set_xlim(0.0, max((float(curve.radii.max()) for curve in curves), default=1.0))
    ax.grid(alpha=0.3)
    if title:
        ax.set_title(title)
    if curves:
        ax.legend()
    return ax
