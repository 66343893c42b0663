"""How useful a smoothing distribution is, in the sense of RSAS, Definition 7.1.

A noise is (eps, s, l)-useful against a norm when it is robust, q_x(U) >= 1/2 + s implies
q_y(U) >= 1/2 for ||x - y|| < eps, and accurate, some U has |q_x(U) - q_y(U)| >= l whenever
||x - y|| >= 1. The margin s comes from a radius function, l is the least total variation between
the noise and a shift of norm 1 or more. Theorem 7.3 says that s/l cannot be small at a large eps in
a norm of large cotype (`nogo.cotype.useful_radius`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mpmath
import numpy as np

from nogo.exact import DIGITS, as_order, round_down
from numerics.bounds import Bounds
from numerics.errors import UnsupportedPairError, invalid
from numerics.validation import check_positive
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm
from smoothing.structure import Mixed, Product, Radial, Uniform

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["Usefulness", "usefulness"]


@dataclass(frozen=True)
class Usefulness:
    """The triple of Definition 7.1 that a noise is shown to reach.

    Attributes
    ----------
    radius : float
        eps, in the adversary's norm.
    margin : float
        s = rho - 1/2, rounded up: the noise is (eps, s)-robust.
    accuracy : Bounds
        Encloses the largest l for which it is l-accurate.
    direction : str
        Shift that gives the upper end; empty where none could be integrated.
    """

    radius: float
    margin: float
    accuracy: Bounds
    direction: str


def usefulness(radius_function: RadiusFunction, radius: float) -> Usefulness:
    """Robustness and accuracy of a noise at one radius.

    Parameters
    ----------
    radius_function : RadiusFunction
        Against an l_p norm; its smoothing distribution is judged.
    radius : float
        eps > 0.

    Returns
    -------
    Usefulness
        The lower end of `accuracy` holds for every shift at once: a shift of length a in l_2 has
        TV >= (1 + 12 m/a^2)^(-1/2), m the largest second moment of the noise along a line (the
        sharp second moment of docs/nogo.md, solved for delta), and ||v||_p >= 1 makes
        a >= min(1, d^(1/2-1/p)). The upper end is the total variation along e_1 or (1, ..., 1).

    Raises
    ------
    InvalidInputError
        The adversary is no l_p norm, or the noise does not certify this radius at any rho < 1.

    Examples
    --------
    >>> import radii
    >>> gaussian = radii.derive(radii.families.gaussian(dim=64, sigma=0.5), "l2")
    >>> found = usefulness(gaussian, 0.25)
    >>> round(found.margin, 4), found.direction                 # N(1/2) - 1/2
    (0.1915, 'e_1')
    >>> found.accuracy.contains(0.6826894921)                   # 2 N(1) - 1
    True
    """
    eps = check_positive("radius", radius)
    noise, norm = radius_function.smoothing, radius_function.adversary
    if not isinstance(norm, LpNorm):
        legal = "a radius function against an l_p norm"
        raise invalid("radius_function", legal, norm.name, "derive it against l1, l2 or linf")
    rho = float(radius_function.probability(eps))
    if not rho < 1.0:
        most = float(radius_function(tail=2.0**-52))
        raise invalid("radius", f"a radius the noise certifies, up to {most:.4g}", eps, "lower it")
    upper, direction = _least_shift(noise, norm)
    lower = _every_shift(noise, norm)
    return Usefulness(eps, float(np.nextafter(rho - 0.5, 1.0)), Bounds(lower, upper), direction)


def _every_shift(noise: SmoothingDistribution, norm: LpNorm) -> float:
    """Lower bound on TV over all shifts of norm >= 1."""
    if noise.sigma == float("inf"):
        return 0.0
    order = as_order(norm.p)
    with mpmath.workdps(DIGITS):
        inverse = mpmath.mpf(0) if order == float("inf") else 1 / mpmath.mpf(order)
        length = min(mpmath.mpf(1), mpmath.mpf(noise.dim) ** (mpmath.mpf(1) / 2 - inverse))
        moment = mpmath.mpf(noise.sigma) ** 2 * (1 if _isotropic(noise) else noise.dim)
        # sigma carries a few roundings of its own
        moment *= 1 + mpmath.mpf(2) ** -40
        return round_down(1 / mpmath.sqrt(1 + 12 * moment / length**2))


def _isotropic(noise: SmoothingDistribution) -> bool:
    """Second moments are sigma^2 along every line: sign flips and permutations preserve q."""
    for s in noise.structures:
        if isinstance(s, Radial | Uniform | Mixed):
            return True
        if isinstance(s, Product) and s.indices is None and not np.any(noise.mean):
            return True
    return False


def _least_shift(noise: SmoothingDistribution, norm: LpNorm) -> tuple[float, str]:
    """Least total variation along the directions tried, rounded up, and which one it was."""
    from levelset import growth_function

    shifts = {"e_1": np.eye(1, noise.dim)[0]}
    if noise.dim > 1:
        ones = np.ones(noise.dim)
        shifts["(1, ..., 1)"] = ones / float(norm.gauge(ones))
    best, name = 1.0, ""
    for label, shift in shifts.items():
        try:
            found = growth_function(noise, shift).total_variation().upper
        except UnsupportedPairError:
            continue  # the geometry is not covered along this shift
        if float(found) < best:
            best, name = float(found), label
    return best, name
