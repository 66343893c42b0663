"""Differential against level-set radii of one density over the dimension (RSAS, Figure B.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.cells import growth_integral
from numerics.errors import invalid
from radii.derive import derive
from radii.lookup_tables import growth_integral_of, proved_ray, table
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "compare_methods"]

Array = NDArray[np.float64]

#: The published figure runs over these.
FIGURE_DIMS = (2, 4, 32, 1024)
DEFAULT_RHO = (0.55, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.99993)
_CURVE_POINTS = 80
_MOST_ROUNDS = 40
#: Relative step at which the search for a tight radius ends.
_SETTLED = 1e-11
_LARGEST_CURVE_RHO = 0.9999


@dataclass(frozen=True, eq=False)
class Comparison:
    """Radii of both methods, each a lower bound of what its method proves.

    Attributes
    ----------
    dims : tuple of int, length m
    rho : array (n,)
    differential, levelset : arrays (m, n)
        Radii in the units of the classifier's input.
    adversary : str
    noises : tuple of str
        The densities, as `SmoothingDistribution.describe` writes them.
    """

    dims: tuple[int, ...]
    rho: Array
    differential: Array
    levelset: Array
    adversary: str
    noises: tuple[str, ...]

    @property
    def gap(self) -> Array:
        """Share of the tight radius that the differential method misses, (m, n)."""
        return np.asarray(1 - self.differential / self.levelset)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw both radii over rho, one colour for each dimension; return the axes."""
        axes = _axes(ax)
        for i, dim in enumerate(self.dims):
            (line,) = axes.plot(self.rho, self.levelset[i], label=f"d = {dim}, level set")
            axes.plot(
                self.rho,
                self.differential[i],
                linestyle="--",
                color=line.get_color(),
                label=f"d = {dim}, differential",
            )
        axes.set_xlabel("ρ")
        axes.set_ylabel(f"certified radius, {self.adversary}")
        axes.legend(frameon=False, fontsize=7)
        return axes

    def plot_gap(self, ax: Axes | None = None) -> Axes:
        """Draw the missed share of the tight radius over rho; return the axes."""
        axes = _axes(ax)
        for i, dim in enumerate(self.dims):
            axes.plot(self.rho, 100 * self.gap[i], label=f"d = {dim}")
        if np.any(self.gap > 0):  # a density for which both methods agree has none
            axes.set_yscale("log")
        axes.set_xlabel("ρ")
        axes.set_ylabel("gap, % of the tight radius")
        axes.legend(frameon=False, fontsize=7)
        return axes


def compare_methods(
    density: Callable[[int], SmoothingDistribution],
    adversary: Norm | str,
    *,
    dims: Sequence[int] = FIGURE_DIMS,
    rho: ArrayLike = DEFAULT_RHO,
) -> Comparison:
    """Compute the radii of both methods for one density in several dimensions.

    Parameters
    ----------
    density : callable
        Maps a dimension to the noise.
    adversary : Norm or {"l1", "l2", "linf"}
    dims : sequence of int
    rho : array_like
        Probabilities in (1/2, 1).

    Returns
    -------
    Comparison

    Raises
    ------
    UnsupportedPairError
        One of the methods does not cover the pair.

    Examples
    --------
    >>> from smoothing.families import exp_l2
    >>> found = compare_methods(exp_l2, "l2", dims=[3, 300], rho=[0.9])
    >>> bool(found.gap[0, 0] > found.gap[1, 0] > 0)
    True
    """
    probabilities = np.atleast_1d(np.asarray(rho, dtype=np.float64))
    if len(dims) == 0:
        raise invalid("dims", "at least one dimension", dims, "pass dims=[2, 32]")
    if not np.all((probabilities > 0.5) & (probabilities < 1)):
        raise invalid("rho", "probabilities in (1/2, 1)", rho, "both radii are 0 up to 1/2")
    noises = [density(int(dim)) for dim in dims]
    differential, tight = [], []
    for noise in noises:
        derived = derive(noise, adversary, route="quadrature")
        differential.append(derived(probabilities))
        tight.append(_tight_radii(noise, adversary, 1 - probabilities, differential[-1]))
    return Comparison(
        tuple(int(dim) for dim in dims),
        probabilities,
        np.array(differential),
        np.array(tight),
        as_norm(adversary).name,
        tuple(noise.describe() for noise in noises),
    )


def _tight_radii(
    noise: SmoothingDistribution, adversary: Norm | str, tails: Array, start: Array
) -> Array:
    """Radii whose p(r) is the tail, from below: r + S(tail) - S(p(r)) is sound by composition.

    Each round leaves of the error the share that the differential method misses, so a few do.
    """
    norm = as_norm(adversary)
    ray = proved_ray(noise, norm)
    assert isinstance(norm, LpNorm)
    integral = growth_integral_of(noise, norm)
    if integral is None:
        return np.asarray(table(noise, norm).radius(tail=tails))
    wanted = growth_integral(integral, tails) * (1 - integral.relative_error)
    radii = start
    for _ in range(_MOST_ROUNDS):
        reached = growth_integral(integral, ray.tails(radii).tail_lower)
        step = wanted - reached * (1 + integral.relative_error)
        radii = np.maximum(radii, radii + step)
        if np.all(step <= _SETTLED * radii):
            break
    return np.asarray(radii)


def curve_rho() -> Array:
    """Probabilities for a smooth picture."""
    return np.linspace(0.505, _LARGEST_CURVE_RHO, _CURVE_POINTS)


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(5.5, 3.6), layout="constrained").subplots()
