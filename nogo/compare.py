"""A certified radius beside what no noise of its level can exceed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from nogo.limits import Limit, limits
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm
from smoothing.structure import COORDINATE, Marginal, Product

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["Headroom", "headroom", "is_even"]


@dataclass(frozen=True)
class Headroom:
    """How far a radius is from the limits of its noise level.

    Attributes
    ----------
    radius : float
        The certified radius.
    limits : tuple of Limit
        Every bound that applies, smallest first; empty where none does (infinite sigma, a norm
        that is no l_p norm).
    """

    radius: float
    limits: tuple[Limit, ...]

    @property
    def limit(self) -> float:
        """Largest radius any noise of this level could certify; infinity where nothing is known."""
        return self.limits[0].value if self.limits else float("inf")

    @property
    def share(self) -> float:
        """radius / limit, in [0, 1]."""
        return self.radius / self.limit

    def __str__(self) -> str:
        if not self.limits:
            return "no limit is known for this norm or noise level"
        return (
            f"{self.share:.0%} of {self.limit:.4g}, which no noise of this level exceeds "
            f"({self.limits[0].bound.name})"
        )


def headroom(
    radius: RadiusFunction, rho: float | None = None, *, tail: float | None = None
) -> Headroom:
    """Compare a radius function with the no-go bounds at its own noise level.

    Parameters
    ----------
    radius : RadiusFunction
        Its smoothing distribution gives sigma, the dimension and the symmetry.
    rho, tail : float
        Probability of the top class, or 1 - rho; between 1/2 and 1.

    Returns
    -------
    Headroom

    Examples
    --------
    >>> import radii
    >>> gaussian = radii.derive(radii.families.gaussian(dim=3072, sigma=0.5), "linf")
    >>> print(headroom(gaussian, 0.9))
    41% of 0.02795, which no noise of this level exceeds (sign average, second moment)
    """
    certified = float(radius(rho) if tail is None else radius(tail=tail))
    noise, adversary = radius.smoothing, radius.adversary
    if not isinstance(adversary, LpNorm) or noise.sigma == float("inf"):
        return Headroom(certified, ())
    found = limits(
        dim=noise.dim, p=adversary.p, rho=rho, tail=tail, sigma=noise.sigma, even=is_even(noise)
    )
    return Headroom(certified, found)


def is_even(noise: SmoothingDistribution) -> bool:
    """Whether q(x) = q(-x) is known; False where it is not evident.

    Examples
    --------
    >>> from sympy import oo
    >>> from radii import coordinate_sum, t, families
    >>> skewed = SmoothingDistribution(coordinate_sum(t + t**2), dim=3)
    >>> is_even(families.laplace(dim=3)), is_even(skewed)
    (True, False)
    """
    return any(
        all(_even_marginal(m) for m in s.marginals)
        if isinstance(s, Product)
        else type(s).__name__ != "General"  # a gauge, a norm or a body that is symmetric
        for s in noise.structures
    )


def _even_marginal(marginal: Marginal) -> bool:
    mirrored = marginal.phi.subs(COORDINATE, -COORDINATE)
    low, high = marginal.support
    return bool(sympy.simplify(mirrored - marginal.phi) == 0) and bool(low == -high)
