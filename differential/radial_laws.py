"""Laws of gamma = g'(r) A_u for densities radial in the l_1, l_2 or l_inf gauge (spec 2.2).

r has density proportional to r^(d-1) e^(-g(r)) and is independent of A_u, whose law depends on
the gauge and on the adversary alone. A_u is symmetric in every case, so gamma_u and -gamma_u have
one law. A jump of the radial density by Delta contributes |Delta| E A_u^+ to theta_u.
"""

from __future__ import annotations

import math
from functools import lru_cache

import flint
import numpy as np
import sympy
from numpy.typing import NDArray

from differential.cosine_part import spherical_part
from differential.law import Law
from differential.law_expressions import (
    cosine_expressions,
    lattice_expressions,
    sign_expressions,
)
from differential.parts import EmptyPart, ThinnedPart
from differential.product_laws import RELATIVE_ERROR
from differential.quadrature_parts import lattice_part
from differential.value_panels import drift_part, radial_jumps
from numerics.errors import AssumptionError
from numerics.stable import log_gamma_ratio
from smoothing.structure import RADIUS, Radial

__all__ = ["lattice_law", "mean_positive_cosine", "sign_law", "spherical_law"]

Array = NDArray[np.float64]


@lru_cache(maxsize=128)
def sign_law(radial: Radial, chance: float) -> Law:
    """A_u = +1 and -1 with probability `chance` each, else 0.

    Covers l_inf gauge against l1 (chance 1/(2d)) and linf (1/2), and l_1 gauge against l1 (1/2).
    """
    if radial.dim == 1:
        raise AssumptionError("a density on the line is a product; use coordinate_law")
    base = drift_part(radial)
    part = EmptyPart() if base is None else ThinnedPart(base, chance)
    theta = chance * radial_jumps(radial)
    expressions = sign_expressions(*_radius(radial), sympy.nsimplify(chance, rational=True))
    return Law(part, part, theta, theta, RELATIVE_ERROR, expressions)


@lru_cache(maxsize=32)
def lattice_law(radial: Radial) -> Law:
    """A_u = 2 Binomial(d, 1/2) - d: l_1 gauge against linf (RSAS I.15, I.16)."""
    values, weights = binomial_lattice(radial.dim)
    base = drift_part(radial)
    part, loss = (EmptyPart(), 0.0) if base is None else lattice_part(base, values, weights)
    theta = radial_jumps(radial) * float(values @ weights)
    expressions = lattice_expressions(*_radius(radial), radial.dim)
    return Law(part, part, theta, theta, 3 * RELATIVE_ERROR + loss, expressions)


@lru_cache(maxsize=32)
def spherical_law(radial: Radial) -> Law:
    """A_u = T = 2 Beta((d-1)/2, (d-1)/2) - 1, d >= 2: l_2 gauge (RSAS I.17, I.18)."""
    base = drift_part(radial)
    part, loss = (EmptyPart(), 0.0) if base is None else spherical_part(base, radial.dim)
    theta = radial_jumps(radial) * mean_positive_cosine(radial.dim)
    expressions = cosine_expressions(*_radius(radial), radial.dim)
    return Law(part, part, theta, theta, 10 * RELATIVE_ERROR + loss, expressions)


def _radius(
    radial: Radial,
) -> tuple[sympy.Symbol, sympy.Expr, tuple[sympy.Expr, sympy.Expr], sympy.Expr]:
    """Variable, potential, interval and drift of the law of r."""
    potential = radial.profile - (radial.dim - 1) * sympy.log(RADIUS)
    return RADIUS, potential, radial.support, radial.profile.diff(RADIUS)


def mean_positive_cosine(dim: int) -> float:
    """E T+ = Gamma(d/2) / ((d-1) sqrt(pi) Gamma((d-1)/2)), from the beta density at 0.

    Examples
    --------
    >>> round(mean_positive_cosine(2) * math.pi, 12), round(mean_positive_cosine(3), 12)
    (1.0, 0.25)
    """
    log_ratio = float(log_gamma_ratio((dim - 1) / 2, 0.5))
    return math.exp(log_ratio) / ((dim - 1) * math.sqrt(math.pi))


def binomial_lattice(dim: int) -> tuple[Array, Array]:
    """Positive values of 2 Binomial(d, 1/2) - d, decreasing, and their probabilities.

    Log probabilities are accumulated from the centre by ratios, which keeps 1e-13 relative at
    d = 150,528 where differences of log-gamma functions lose 1e-10.
    """
    heads = np.arange(dim, dim // 2, -1)
    values = (2 * heads - dim).astype(np.float64)
    rising = heads[::-1].astype(np.longdouble)
    first = int(rising[0])
    # P[k + 1] / P[k] = (d - k) / (k + 1)
    ratios = (dim - rising[:-1]) / rising[1:]
    log_steps = np.concatenate([[np.longdouble(0)], np.cumsum(np.log(ratios))])
    log_first = _log_central_binomial(dim, first)
    weights = np.exp((log_steps + log_first)[::-1]).astype(np.float64)
    return values, weights


def _log_central_binomial(dim: int, heads: int) -> np.longdouble:
    """log(2^-d C(d, heads)), in ball arithmetic."""
    with flint.ctx.workprec(160):
        n, k = flint.arb(dim + 1), flint.arb(heads + 1)
        log_count = n.lgamma() - k.lgamma() - (n - k + 1).lgamma()
        return np.longdouble(float((log_count - dim * flint.arb(2).log()).mid()))
