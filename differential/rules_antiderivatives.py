"""Rules for definite integrals of functions that are not densities: polylogarithms, 2F1, artanh.

Each rule returns an antiderivative on the open interval together with its value at infinity
(None when it does not vanish or diverges there).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, S, Symbol

from differential.rules import Trace, first_match, rule
from differential.rules_inverses import sample_points
from numerics.inverse_functions import PolyLogarithm

__all__ = ["Antiderivative", "definite_integral"]

_KIND = "antiderivative"
Interval = tuple[Expr, Expr]


@dataclass(frozen=True)
class Antiderivative:
    """An antiderivative and its limit at infinity, None where that diverges or is unknown."""

    expr: Expr
    at_infinity: Expr | None


def definite_integral(
    integrand: Expr, variable: Symbol, low: Expr, high: Expr, interval: Interval, trace: Trace
) -> Expr | None:
    """Integrate between two points of an interval with numeric ends, or return None.

    Parameters
    ----------
    integrand, variable
    low, high
        Expressions, possibly in further symbols, whose values lie in `interval`.
    interval
        Numeric open interval on which the integrand is continuous; rules pick branches by it.

    Examples
    --------
    >>> z, y = Symbol("z", positive=True), Symbol("y", positive=True)
    >>> definite_integral(1 / (1 - z**2), z, S.Zero, y, (S.Zero, S.One), Trace())
    log((y + 1)/(1 - y))/2
    """
    found: Antiderivative | None = first_match(_KIND, trace, integrand, variable, interval)
    if found is None:
        return None
    ends = []
    for point in (low, high):
        if point is S.Infinity:
            if found.at_infinity is None:
                return None
            ends.append(found.at_infinity)
        else:
            ends.append(found.expr.subs(variable, point))
    if any(end in (S.NaN, S.ComplexInfinity, S.Infinity, -S.Infinity) for end in ends):
        return None
    return ends[1] - ends[0]


@rule(
    "monomial",
    kind=_KIND,
    statement="int c z^p dz = c z^(p+1)/(p+1)",
    conditions="p free of z, not -1",
    source="DLMF 1.4(iv)",
)
def _monomial(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
    factor, core = integrand.as_independent(z, as_Add=False)
    base, degree = core.as_base_exp()
    if core == 1:
        return Antiderivative(factor * z, None)
    if base != z or degree.has(z) or degree == -1:
        return None
    vanishes = S.Zero if (degree + 1).is_negative else None
    return Antiderivative(factor * z ** (degree + 1) / (degree + 1), vanishes)


@rule(
    "reciprocal of a difference of squares",
    kind=_KIND,
    statement="int dz/(k^2 - z^2) = log((k + z)/(k - z))/(2 k) = artanh(z/k)/k for |z| < k",
    conditions="|z| < k on the interval",
    source="DLMF 4.37.24, 4.40.13",
)
def _difference_of_squares(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
    if not integrand.is_rational_function(z):
        return None
    numerator, denominator = sympy.fraction(sympy.cancel(integrand))
    polynomial = denominator.as_poly(z)
    if numerator.has(z) or polynomial is None or polynomial.degree() != 2 or polynomial.nth(1) != 0:
        return None
    square = -polynomial.nth(0) / polynomial.nth(2)
    inside = square.is_positive and all(point**2 < square for point in sample_points(interval))
    if not inside:
        return None
    root = sympy.sqrt(square)
    factor = -numerator / polynomial.nth(2)
    return Antiderivative(factor * sympy.log((root + z) / (root - z)) / (2 * root), None)


def _reciprocal_of_difference(integrand: Expr, z: Symbol) -> tuple[Expr, Expr, Expr] | None:
    """Write the integrand as factor * z^m / (growing - 1); return (factor, m, growing)."""
    numerator, denominator = sympy.fraction(sympy.together(integrand))
    constant, growing = sympy.expand_mul(denominator).as_independent(z, as_Add=True)
    if constant == 0 or growing.is_Add:
        constant, growing = denominator.as_independent(z, as_Add=True)
    if constant == 0 or growing == 0 or growing.is_Add:
        return None
    if constant.is_positive:
        return None
    factor, core = numerator.as_independent(z, as_Add=False)
    base, degree = core.as_base_exp()
    if core != 1 and (base != z or degree.has(z)):
        return None
    return factor / -constant, (S.Zero if core == 1 else degree), growing / -constant


@rule(
    "Bose-Einstein integral",
    kind=_KIND,
    statement="int_x^oo u^(n-1)/(C e^u - 1) du = sum_i (n-1)!/(n-1-i)! x^(n-1-i) Li_(i+1)(e^-x/C)",
    conditions="n = 1, 2, ...; u = b z^k with b, k > 0 and k n >= 1; C >= 1",
    source="DLMF 25.12.11, 25.12.16, by parts",
)
def _bose_einstein(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
    parts = _reciprocal_of_difference(integrand, z)
    if parts is None:
        return None
    factor, power, growing = parts
    coefficient, exponential = growing.as_independent(z, as_Add=False)
    if not isinstance(exponential, sympy.exp):
        return None
    rate, core = exponential.args[0].as_independent(z, as_Add=False)
    base, order = core.as_base_exp()
    if base != z or order.has(z) or not (rate.is_positive and order.is_positive):
        return None
    n = (power + 1) / order
    if not (n.is_Integer and n.is_positive):
        return None
    u = rate * z**order
    decay = sympy.exp(-u) / coefficient
    total = sympy.Add(
        *(
            sympy.ff(n - 1, i) * u ** (n - 1 - i) * PolyLogarithm(i + 1, decay)
            for i in range(int(n))
        )
    )
    return Antiderivative(-factor / (order * rate**n) * total, S.Zero)


@rule(
    "reciprocal of a power minus one",
    kind=_KIND,
    statement="int_y^oo dv/(v^b - 1) = y^(1-b)/(b-1) 2F1(1, 1-1/b; 2-1/b; y^-b), b > 1, y > 1",
    conditions="v = c0 + c1 z with c1 > 0, a multiple of which is at least 1",
    source="DLMF 15.2.1, term by term",
)
def _power_minus_one(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
    parts = _reciprocal_of_difference(integrand, z)
    if parts is None or parts[1] != 0:
        return None
    factor, _, growing = parts
    coefficient, power = growing.as_independent(z, as_Add=False)
    base, order = power.as_base_exp()
    slope = base.diff(z)
    if slope.has(z) or not (slope.is_positive and order.is_number and order > 1):
        return None
    # y = C^(1/b) (c0 + c1 z), so that growing = y^b.
    stretch = coefficient ** (1 / order)
    first = 1 - 1 / order
    series = sympy.hyper((S.One, first), (first + 1,), 1 / growing)
    head = (stretch * base) ** (1 - order) / (order - 1)
    return Antiderivative(-factor / (slope * stretch) * head * series, S.Zero)
