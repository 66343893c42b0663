"""Growth functions G_q(p, v) = sup{ q(U - v) : q(U) = p } and hockey-stick divergences.

By the Neyman-Pearson lemma the best U is {q(x - v) > kappa q(x)}, and by duality
G_q(p, v) <= kappa p + D_v(kappa) for every kappa >= 0, with equality at the best one:
an inexact multiplier can only make the bound larger.

References
----------
.. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, eq. 2 and I.8.
.. [2] Zhang et al., NeurIPS 2020, Theorem 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from levelset.along import ray
from levelset.ray import Ray, RayTails
from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.rounding import FloatArray
from numerics.validation import check_probability, check_vector
from smoothing.distribution import SmoothingDistribution

__all__ = ["GrowthFunction", "GrowthRay", "growth_function", "hockey_stick"]


class GrowthRay(Ray, Protocol):
    """A ray that evaluates G itself."""

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r u) for many p."""
        ...


@dataclass(frozen=True)
class GrowthFunction:
    """G_q(., v) for one density and one shift.

    Examples
    --------
    >>> from smoothing.families import uniform_cube
    >>> growth = growth_function(uniform_cube(2), [0.5, 0.0])
    >>> value = growth(0.25)
    >>> 0.5 in value, value.width < 1e-14
    (True, True)
    """

    smoothing: SmoothingDistribution
    shift: FloatArray
    ray: GrowthRay

    def __call__(self, p: ArrayLike) -> Bounds:
        """Enclosure of G(p, v) for p in [0, 1], of the shape of `p`."""
        start = check_probability("p", p)
        flat = np.atleast_1d(start).ravel().astype(np.float64)
        inner = (flat > 0) & (flat < 1)
        lower, upper = flat.copy(), flat.copy()
        if inner.any():
            found = self.ray.growth(1.0, flat[inner])
            lower[inner], upper[inner] = found.lower, found.upper
        if (flat == 0).any() and self.shift.any():
            # What q(. - v) has where q vanishes comes for free: lim D(kappa).
            free = self._singular()
            lower[flat == 0], upper[flat == 0] = free.lower, free.upper
        return Bounds(lower.reshape(np.shape(start)), upper.reshape(np.shape(start)))

    def hockey_stick(self, kappa: ArrayLike) -> Bounds:
        """D_v(kappa) = int (q(x - v) - kappa q(x))_+ dx for kappa >= 0, of the shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        if not np.all(multipliers >= 0):
            raise invalid("kappa", "numbers >= 0", kappa, "pass likelihood ratios")
        found = self.ray.hockey_stick(1.0, np.atleast_1d(multipliers))
        return Bounds(
            np.reshape(found.lower, multipliers.shape), np.reshape(found.upper, multipliers.shape)
        )

    def total_variation(self) -> Bounds:
        """Total variation distance of q and q(. - v), which is D(1) = max_p G(p) - p."""
        return self.hockey_stick(1.0)

    def _singular(self) -> Bounds:
        """D at infinite kappa, from above by any finite one."""
        found = self.ray.hockey_stick(1.0, np.geomspace(1.0, 1e14, 15))
        return Bounds(0.0, float(np.min(found.upper)))


@dataclass(frozen=True)
class NoShift:
    """The shift 0: nothing grows."""

    direction: str = "0"
    proved_by: str | None = None
    monotone_by: str | None = None

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D(kappa) = (1 - kappa)_+."""
        return (1.0 - Bounds.exact(kappa)).maximum(0.0)

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, 0) = p."""
        return Bounds.exact(p)

    def tails(self, radii: FloatArray) -> RayTails:
        """No distance is gone, so that all tails below 1/2 stay there."""
        half = np.full(len(radii), 0.5)
        return RayTails(radii, np.ones(len(radii)), half, half)


def growth_function(smoothing: SmoothingDistribution, shift: ArrayLike) -> GrowthFunction:
    """Return G_q(., v), the growth function of a density along one shift.

    Parameters
    ----------
    smoothing : SmoothingDistribution
    shift : array_like, shape (dim,)
        The vector v, in the units of the noise (scale included).

    Returns
    -------
    GrowthFunction
        Maps p to `Bounds` on G_q(p, v).

    Raises
    ------
    InvalidInputError
        The shift is not a vector of `dim` finite numbers.
    UnsupportedPairError
        The geometry of density and shift is not covered.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, eq. 2.

    Examples
    --------
    >>> from smoothing.families import gaussian
    >>> value = growth_function(gaussian(3072), [1.0] + [0.0] * 3071)(0.15865525393145707)
    >>> 0.5 in value, value.width < 1e-9
    (True, True)
    """
    v = _vector(shift, smoothing.dim)
    found: GrowthRay = ray(smoothing, v) if v.any() else NoShift()  # type: ignore[assignment]
    return GrowthFunction(smoothing, v, found)


def _vector(shift: ArrayLike, dim: int) -> FloatArray:
    """The shift as `dim` finite numbers, zeros allowed."""
    if np.shape(shift) == (dim,) and not np.any(np.asarray(shift) != 0):
        return np.zeros(dim)
    return check_vector("shift", shift, dim)


def hockey_stick(
    densities: Sequence[SmoothingDistribution], shift: ArrayLike, kappa: ArrayLike
) -> list[Bounds]:
    """D_v(kappa) for several densities and many multipliers.

    Returns
    -------
    list of Bounds
        One per density, each of the shape of `kappa`.

    Examples
    --------
    >>> from smoothing.families import uniform_ball, uniform_cube
    >>> cube, ball = hockey_stick([uniform_cube(2), uniform_ball(2)], [0.5, 0.0], [0.5, 1.0])
    >>> cube.upper.round(12).tolist()
    [0.625, 0.25]
    """
    return [growth_function(density, shift).hockey_stick(kappa) for density in densities]
