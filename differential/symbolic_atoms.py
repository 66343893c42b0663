"""Radii where gamma_u takes finitely many values: Phi is piecewise linear, R sums logarithms."""

from __future__ import annotations

import sympy
from sympy import Expr, S

from differential.rules import Trace
from differential.rules_antiderivatives import definite_integral
from differential.rules_rewrites import tidy
from differential.symbolic_parts import SHARE, TAIL

__all__ = ["atomic_radius", "sum_of_signs"]

#: More branches than this are a table, not a formula.
_MOST_BRANCHES = 8


def sum_of_signs(slope: Expr, dim: Expr) -> list[tuple[Expr, Expr]] | None:
    """Values and probabilities of slope times a sum of dim independent signs, largest first.

    None where dim is a symbol, or so large that the radius would have too many branches.
    """
    if not dim.is_Integer or int(dim) // 2 + 1 > _MOST_BRANCHES:
        return None
    count = int(dim)
    return [
        (slope * (count - 2 * i), sympy.binomial(count, i) / sympy.Integer(2) ** count)
        for i in range(count + 1)
    ]


def atomic_radius(atoms: list[tuple[Expr, Expr]], trace: Trace) -> Expr | None:
    """Integrate 1/Phi between the cumulative probabilities of the atoms (F.7 with atoms).

    Examples
    --------
    >>> fair_sign = [(S.One, S.Half), (-S.One, S.Half)]
    >>> atomic_radius(fair_sign, Trace())
    -log(2*s)
    """
    trace.note("values of gamma_u", sympy.Tuple(*(sympy.Tuple(*a) for a in atoms)), "I.15")
    start, flux, pieces = S.Zero, S.Zero, []
    for value, weight in atoms:
        end = min(start + weight, S.Half)
        pieces.append((start, end, flux - value * start, value))
        start, flux = start + weight, flux + value * weight
        if start >= S.Half:
            break
    branches: list[tuple[Expr, Expr]] = []
    above = S.Zero
    for low, high, offset, value in reversed(pieces):
        # On [low, high] Phi(p) = offset + value p.
        part = definite_integral(
            1 / (offset + value * SHARE), SHARE, TAIL, high, (low, high), trace
        )
        if part is None:
            return None
        branches.append((tidy(part + above, trace), sympy.Ge(TAIL, low)))
        above += part.subs(TAIL, low) if low != 0 else S.Zero
    radius = sympy.Piecewise(*branches[:-1], (branches[-1][0], True))
    trace.note("radius in s = 1 - rho", radius, "R = int_s^{1/2} dp/Phi(p), Lemma F.7 with atoms")
    return radius
