"""Pictures of radii: one radius function, or the families of RSAS, Figure A.1.

Every function draws on the axes it is given, or on new ones, and returns them; none shows or saves
anything. Matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid
from numerics.validation import check_dim, check_positive
from radii.family_panels import PANELS, SMALLEST_DIM, Panel
from smoothing.distribution import SmoothingDistribution

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["certified_radii", "plot_families", "plot_growth_rate", "plot_panel", "plot_radius"]

Array = NDArray[np.float64]
#: Radii as a function of tails 1 - rho; `certified_radii` or a table's.
RadiusAt = Callable[[Array], ArrayLike]
#: Makes the radius of a density against the norm of a given name.
RadiusFor = Callable[[SmoothingDistribution, str], RadiusAt]

#: The largest rho that 100,000 unanimous samples prove at alpha = 0.001 is 0.99993.
_SMALLEST_TAIL = 1e-4
_POINTS = 241
_NAMES = {"l1": "ℓ1", "l2": "ℓ2", "linf": "ℓ∞"}


def certified_radii(smoothing: SmoothingDistribution, adversary: str) -> RadiusAt:
    """Radii of the first route that accepts the pair, without looking for an expression."""
    import radii

    accepted = radii.explain_routes(smoothing, adversary).accepted
    route = next((name for name in ("overlap", "quadrature") if name in accepted), "auto")
    radius = radii.derive(smoothing, adversary, route=route)
    return lambda tails: radius(tail=tails)


def plot_radius(radius: Any, ax: Axes | None = None, **line: Any) -> Axes:
    """Draw R against rho.

    Parameters
    ----------
    radius : RadiusFunction
    ax : matplotlib Axes, optional
        New ones are made when absent.
    line
        Keywords of `Axes.plot`, such as color and label.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import radii
    >>> axes = plot_radius(radii.derive(radii.families.laplace(dim=10), "l1"), label="Laplace")
    >>> axes.get_xlabel()
    'ρ'
    """
    ax = _axes(ax)
    tails = _tails()
    ax.plot(1 - tails, np.asarray(radius(tail=tails)), **line)
    name = radius.adversary.name
    ax.set(xlabel="ρ", ylabel=f"certified {_NAMES.get(name, name)} radius", xlim=(0.5, 1))
    ax.set_ylim(bottom=0)
    return ax


def plot_growth_rate(radius: Any, ax: Axes | None = None, **line: Any) -> Axes:
    """Draw Phi against p: the reciprocal slope of R, in units of 1 / radius.

    Phi is symmetric about 1/2. It is read off the compiled radius, so every route has it.
    Parameters are as for `plot_radius`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import radii
    >>> axes = plot_growth_rate(radii.derive(radii.families.laplace(dim=10), "l1"))
    >>> axes.get_ylabel()
    'Φ(p)'
    """
    ax = _axes(ax)
    tails = np.concatenate([np.geomspace(1e-6, 0.01, 40), np.linspace(0.01, 0.4999, 400)[1:]])
    radii = np.asarray(radius(tail=tails))
    p = np.sqrt(tails[1:] * tails[:-1])
    rate = np.diff(tails) / -np.diff(radii)
    ax.plot(np.concatenate([p, 1 - p[::-1]]), np.concatenate([rate, rate[::-1]]), **line)
    ax.set(xlabel="p", ylabel="Φ(p)", xlim=(0, 1))
    ax.set_ylim(bottom=0)
    return ax


def plot_panel(
    panel: Panel,
    dim: int,
    sigma: float,
    ax: Axes | None = None,
    radius_for: RadiusFor = certified_radii,
) -> Axes:
    """Draw one panel of the picture; lower bounds that may not be tight are dashed."""
    ax = _axes(ax)
    tails = _tails()
    for curve in panel.curves:
        radii = np.asarray(radius_for(curve.noise(dim, sigma), panel.adversary)(tails))
        ax.plot(1 - tails, radii, label=curve.label, linestyle="-" if panel.tight else "--")
    note = "" if panel.tight else " (lower bounds)"
    ax.set_title(f"{_NAMES[panel.adversary]}: {panel.title}{note}", fontsize="medium")
    ax.set(xlabel="ρ", ylabel=f"{_NAMES[panel.adversary]} radius", xlim=(0.5, 1))
    ax.set_ylim(bottom=0)
    ax.legend(fontsize="x-small", frameon=False)
    return ax


def plot_families(
    dim: int = 3072,
    sigma: float = 1.0,
    axes: Sequence[Axes] | None = None,
    radius_for: RadiusFor = certified_radii,
) -> list[Axes]:
    """Draw radii of all families at one noise level, in nine panels (RSAS, Figure A.1).

    Parameters
    ----------
    dim : int
        Dimension, at least 8.
    sigma : float
        Noise level per coordinate, the same for all densities.
    axes : nine matplotlib Axes, optional
        A new figure with three rows is made when absent.
    radius_for : callable, optional
        Maps a density and the name of a norm to a function of tails 1 - rho; the differential and
        overlap radii by default. A lookup table's radii go in here.

    Returns
    -------
    list of nine Axes
        Row by row: six panels against l1, two against l2, one against linf.

    Raises
    ------
    InvalidInputError
        dim below 8, sigma not positive, or another number of axes.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Figure A.1.
    """
    check_positive("sigma", sigma)
    if check_dim(dim) < SMALLEST_DIM:
        raise invalid("dim", f"an integer >= {SMALLEST_DIM}", dim, "the shapes need that room")
    if axes is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(15, 12), layout="constrained")
        figure.suptitle(f"Certified radii, d = {dim}, σ = {sigma:g}")
        axes = list(figure.subplots(3, 3).flat)
    if len(axes) != len(PANELS):
        raise invalid("axes", f"{len(PANELS)} axes", len(axes), "leave it out for a new figure")
    return [
        plot_panel(panel, dim, sigma, ax, radius_for)
        for panel, ax in zip(PANELS, axes, strict=True)
    ]


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    # A Figure of its own needs no display and leaves pyplot's state alone.
    return Figure(layout="constrained").subplots()


def _tails() -> Array:
    """Tails that resolve both ends of (1/2, 1 - 1e-4)."""
    near_one = np.geomspace(_SMALLEST_TAIL, 0.05, _POINTS // 3)
    return np.concatenate([near_one, np.linspace(0.05, 0.5, _POINTS - len(near_one) + 1)[1:]])
