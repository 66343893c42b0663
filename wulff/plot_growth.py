"""Pictures of growth: a Gaussian in the plane, a uniform set, and what makes smoothing useful."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid
from wulff.crystal import crystal_zonotope
from wulff.plot import BALL, CRYSTAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_accuracy", "plot_gaussian_growth", "plot_robustness", "plot_uniform_growth"]

Array = NDArray[np.float64]

GREY = "0.45"


def plot_gaussian_growth(p: float = 0.25, shift: float = 1.0, ax: Axes | None = None) -> Axes:
    """The set of probability p that grows most when a standard normal in the plane moves.

    It is a half-plane orthogonal to the shift; its probability becomes
    G(p) = ndtr(ndtri(p) + shift).

    Parameters
    ----------
    p : float
        Probability of the set before the shift, in (0, 1).
    shift : float
        Length of the shift, along the first axis.
    ax : Axes, optional

    Examples
    --------
    >>> plot_gaussian_growth(0.25).get_title()
    'p = 0.25 grows to G(p) = 0.628'
    """
    from scipy.special import ndtr, ndtri

    if not 0 < p < 1:
        raise invalid("p", "a number between 0 and 1", p, "pass a probability")
    axes = _axes(ax)
    angle = np.linspace(0, 2 * np.pi, 200)
    for radius in (0.6, 1.2, 1.8):
        circle = radius * np.stack([np.cos(angle), np.sin(angle)])
        axes.plot(circle[0], circle[1], color=BALL, linewidth=1.2)
        axes.plot(circle[0] + shift, circle[1], color=BALL, linewidth=1.2, linestyle="--")
    edge = float(-ndtri(p))
    axes.axvspan(edge, 4.0, color=CRYSTAL, alpha=0.35, linewidth=0)
    axes.axvline(edge, color="0.15", linewidth=1.2)
    axes.annotate("", (shift, 0), (0, 0), arrowprops={"arrowstyle": "-|>", "color": "0.15"})
    axes.text(0.82 * shift, 0.14, "v", ha="center")
    axes.text(3.3, 2.0, "U", ha="center", fontsize=13)
    axes.text(-1.75, 1.75, "q", ha="center", color=BALL, fontsize=13)
    axes.set(xlim=(-2.4, 3.8), ylim=(-2.4, 2.4))
    axes.set_aspect("equal")
    axes.set_title(f"p = {p:g} grows to G(p) = {float(ndtr(ndtri(p) + shift)):.3f}", fontsize=10)
    return axes


def plot_uniform_growth(
    norm: object = "linf", shift: ArrayLike = (0.3, 0.15), ax: Axes | None = None
) -> Axes:
    """The uniform set S, moved by v: what it gains is |v| times the width of S across v.

    Parameters
    ----------
    norm : {"l1", "linf"} or PolytopeNorm in the plane
        S is its Wulff crystal.
    shift : array (2,)
    ax : Axes, optional
    """
    axes = _axes(ax)
    body, v = crystal_zonotope(norm, 2), np.asarray(shift, dtype=np.float64)
    if v.shape != (2,) or not np.any(v):
        raise invalid("shift", "a vector of the plane other than 0", shift, "pass two numbers")
    corners = _polygon(body.vertices)
    axes.fill(*(corners + v).T, facecolor=CRYSTAL, alpha=0.9, edgecolor="0.15", linestyle="--")
    axes.fill(*corners.T, facecolor="white", edgecolor="none")
    axes.fill(*corners.T, facecolor=BALL, alpha=0.35, edgecolor="0.15", linewidth=1.2)
    across = np.array([-v[1], v[0]]) / np.linalg.norm(v)
    reach = float(body.support_function(across))
    along = v / np.linalg.norm(v)
    for sign in (-1.0, 1.0):
        line = sign * reach * across + np.outer([-1.6, 1.9], along)
        axes.plot(*line.T, color=GREY, linewidth=1.0, linestyle=":")
    ends = -1.45 * along + np.outer([-reach, reach], across)
    axes.annotate("", ends[0], ends[1], arrowprops={"arrowstyle": "<->", "color": GREY})
    label = -1.62 * along
    axes.text(*label, r"Vol($\Pi_v S$)", color=GREY, ha="right", va="center", fontsize=9)
    axes.annotate("", v, (0, 0), arrowprops={"arrowstyle": "-|>", "color": "0.15"})
    axes.text(*(v / 2 + 0.09 * across), "v", ha="center")
    axes.text(-0.45, -0.05, "S", fontsize=13, ha="center")
    axes.set(xlim=(-2.2, 1.6), ylim=(-1.7, 1.5))
    axes.set_aspect("equal")
    rate = body.projection_volume(v) / body.volume
    axes.set_title(f"newly covered share of S: about {rate:.3f} = |v| Vol($\\Pi_v S$) / Vol(S)")
    axes.title.set_fontsize(10)
    return axes


def plot_robustness(
    radius: Callable[[Array], Any],
    s: float = 0.3,
    ax: Axes | None = None,
    *,
    label: str = "certified radius",
) -> Axes:
    """Robustness of RSAS, Definition 7.1: the point (1/2 + s, epsilon) of a curve of radii.

    Parameters
    ----------
    radius : callable
        Maps probabilities of shape (n,) to radii, as a `RadiusFunction` does.
    s : float
        Margin over 1/2, in (0, 1/2).
    ax : Axes, optional
    """
    if not 0 < s < 0.5:
        raise invalid("s", "a number between 0 and 1/2", s, "pass the margin of the top class")
    axes = _axes(ax)
    rho = np.linspace(0.5, 0.98, 200)
    axes.plot(rho, np.asarray(radius(rho)), color=BALL, linewidth=1.8, label=label)
    epsilon = float(np.asarray(radius(np.array([0.5 + s])))[0])
    axes.fill_between([0.5 + s, 1.0], 0, epsilon, color=CRYSTAL, alpha=0.35, linewidth=0)
    axes.plot([0.5 + s, 0.5 + s, 0.5], [0, epsilon, epsilon], color=GREY, linestyle=":")
    axes.plot([0.5 + s], [epsilon], "o", color="0.15")
    axes.annotate(
        rf"$(1/2 + s,\ \epsilon)$ = ({0.5 + s:.2f}, {epsilon:.2f})",
        (0.5 + s, epsilon),
        (-8, 8),
        textcoords="offset points",
        ha="right",
    )
    axes.set(xlim=(0.5, 1.0), ylim=(0, None))
    axes.set_xlabel(r"probability of the label, $\rho$")
    axes.set_ylabel("robust radius")
    axes.set_title("robustness", fontsize=10)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return axes


def plot_accuracy(sigma: float = 0.5, ax: Axes | None = None) -> Axes:
    """Accuracy of RSAS, Definition 7.1: points at distance 1 must remain distinguishable.

    Drawn for Gaussian noise of standard deviation sigma, where the best U is a half-space and
    q_x(U) - q_y(U) = 2 ndtr(1 / (2 sigma)) - 1.
    """
    from scipy.special import ndtr

    if not sigma > 0:
        raise invalid("sigma", "a number > 0", sigma, "pass the noise level")
    axes = _axes(ax)
    place = np.linspace(-0.5 - 3 * sigma, 0.5 + 3 * sigma, 400)
    first, second = (np.exp(-((place - c) ** 2) / (2 * sigma**2)) for c in (-0.5, 0.5))
    axes.plot(place, first, color=BALL, linewidth=1.8)
    axes.plot(place, second, color="0.15", linewidth=1.8)
    inside = place <= 0
    axes.fill_between(place[inside], second[inside], first[inside], color=CRYSTAL, alpha=0.5)
    axes.axvline(0, color=GREY, linestyle=":")
    axes.text(-0.5, 1.03, "$q_x$", color=BALL, ha="center")
    axes.text(0.5, 1.03, "$q_y$", ha="center")
    axes.annotate("", (0.5, -0.07), (-0.5, -0.07), arrowprops={"arrowstyle": "<->", "color": GREY})
    axes.text(0, -0.16, "distance 1", ha="center", color=GREY, fontsize=9)
    axes.text(-0.5, 0.45, r"$\ell$", ha="center", fontsize=14)
    axes.text(-0.1, 1.08, "U", ha="right", fontsize=11)
    axes.set(ylim=(-0.22, 1.2), yticks=[], xticks=[])
    gap = 2 * float(ndtr(1 / (2 * sigma))) - 1
    axes.set_title(rf"accuracy: $\ell$ = {gap:.3f} at $\sigma$ = {sigma:g}", fontsize=10)
    return axes


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(5.0, 4.0), layout="constrained").add_subplot()


def _polygon(points: Array) -> Array:
    return points[np.argsort(np.arctan2(points[:, 1], points[:, 0]))]
