"""Move the mean of a density to the origin."""

from __future__ import annotations

import sympy

from numerics.errors import AssumptionError
from smoothing import moments
from smoothing.canonical import is_even
from smoothing.expressions import Vector, coordinate_sum, t, x
from smoothing.recognise import Recognition
from smoothing.structure import Marginal, Product

__all__ = ["recentre"]

#: Means are float64 integrals; within this many units in the last place of a simple fraction they
#: are taken to be that fraction. The choice only moves the origin, and `mean` reports what is left.
NEAR_FRACTION = 1e-14
LARGEST_DENOMINATOR = 1000


def recentre(
    psi: sympy.Expr, support: sympy.Basic | None, recognition: Recognition
) -> tuple[sympy.Expr, sympy.Basic | None]:
    """Return psi and support of the same noise minus its mean.

    Raises
    ------
    AssumptionError
        The mean is infinite, or the density has no structure that gives it.
    """
    structure = moments.preferred(recognition.structures)
    if not isinstance(structure, Product):
        moments.mean(structure)  # zero by symmetry, or an error without structure
        return psi, support
    if all(_is_symmetric(m) for m in structure.marginals):
        return psi, support
    groups = structure.indices or (None,)
    parts: list[sympy.Expr] = []
    conditions: list[sympy.Basic] = []
    for marginal, indices in zip(structure.marginals, groups, strict=True):
        phi, interval = _shifted(marginal)
        if indices is None:
            parts.append(coordinate_sum(phi))
            conditions.extend(_within(x, interval))
        else:
            parts.extend(phi.xreplace({t: x[i]}) for i in indices)
            conditions.extend(c for i in indices for c in _within(x[i], interval))
    return sympy.Add(*parts), sympy.And(*conditions) if conditions else None


def _is_symmetric(marginal: Marginal) -> bool:
    lower, upper = marginal.support
    return bool(lower == -upper) and is_even(marginal.phi)


def _shifted(marginal: Marginal) -> tuple[sympy.Expr, tuple[sympy.Expr, sympy.Expr]]:
    if _is_symmetric(marginal):
        return marginal.phi, marginal.support
    value = moments.marginal_mean(marginal)
    if not abs(value) < float("inf"):
        raise AssumptionError("centered=True needs a finite mean; pass centered=False")
    centre = sympy.Rational(value)
    simple = centre.limit_denominator(LARGEST_DENOMINATOR)
    if abs(simple - centre) <= NEAR_FRACTION * abs(centre):
        centre = simple
    lower, upper = marginal.support
    return marginal.phi.subs(t, t + centre), (lower - centre, upper - centre)


def _within(
    variable: Vector | sympy.Symbol, interval: tuple[sympy.Expr, sympy.Expr]
) -> list[sympy.Basic]:
    lower, upper = interval
    conditions = []
    if lower.is_finite:
        conditions.append(variable >= lower)
    if upper.is_finite:
        conditions.append(variable <= upper)
    return conditions
