"""Rules for definite integrals of functions that are not densities: polylogarithms, 2F1, artanh.

Each rule returns an antiderivative on the open interval together with its value at infinity
(None when it does not vanish or diverges there).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.rules import Trace, first_match, rule
from differential.rules_inverses import sample_points
from numerics.inverse_functions import PolyLogarithm

__all__ = ["definite_integral"]

_KIND = "antiderivative"
Interval = tuple[Expr, Expr]


@dataclass(frozen=True)
class _Antiderivative:
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
    atanh(y)
    """
    found: _Antiderivative | None = first_match(_KIND, trace, integrand, variable, interval)
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
    if any(end.has(S.NaN, S.ComplexInfinity, S.Infinity) for end in ends):
        return None
    return ends[1] - ends[0]


@rule(
    "monomial",
    kind=_KIND,
    statement="int c z^p dz = c z^(p+1)/(p+1)",
    source="DLMF 1.4(iv)",
)
def _monomial(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> _Antiderivative | None:
    factor, core = integrand.as_independent(z, as_Add=False)
    base, degree = core.as_base_exp()
    if core == 1:
        return _Antiderivative(factor * z, None)
    if base != z or degree.has(z) or degree == -1:
        return None
    vanishes = S.Zero if (degree + 1).is_negative else None
    return _Antiderivative(factor * z ** (degree + 1) / (degree + 1), vanishes)


@rule(
    "inverse hyperbolic tangent",
    kind=_KIND,
    statement="int dz/(k^2 - z^2) = artanh(z/k)/k for |z| < k",
    source="DLMF 4.40.13",
)
def _artanh(integrand: Expr, z: Symbol, interval: Interval, trace: Trace) -> _Antiderivative | None:
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
    return _Antiderivative(factor * sympy.atanh(z / root) / root, None)


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
    source="DLMF 25.12.11, 25.12.16, by parts",
)
def _bose_einstein(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> _Antiderivative | None:
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
    return _Antiderivative(-factor / (order * rate**n) * total, S.Zero)


@rule(
    "reciprocal of a power minus one",
    kind=_KIND,
    statement="int_y^oo dv/(v^b - 1) = y^(1-b)/(b-1) 2F1(1, 1-1/b; 2-1/b; y^-b), b > 1, y > 1",
    source="DLMF 15.2.1, term by term",
)
def _power_minus_one(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> _Antiderivative | None:
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
    return _Antiderivative(-factor / (slope * stretch) * head * series, S.Zero)


@rule(
    "partial fractions",
    kind=_KIND,
    statement="a rational function is a sum of powers, logarithms and arctangents",
    source="DLMF 1.2(iii), 1.4(iv)",
)
def _partial_fractions(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> _Antiderivative | None:
    factor, core = sympy.factor_terms(integrand).as_independent(z, as_Add=False)
    if not core.is_rational_function(z) or core.free_symbols - {z}:
        return None
    terms = sympy.Add.make_args(sympy.apart(sympy.together(core), z))
    pieces = [_simple_fraction(term, z, interval) for term in terms]
    if any(piece is None for piece in pieces):
        return None
    total = factor * sympy.Add(*pieces)
    limit = None
    if interval[1] is S.Infinity:
        value = sympy.limit(total, z, S.Infinity)
        limit = value if value.is_finite else None
    return _Antiderivative(total, limit)


def _simple_fraction(term: Expr, z: Symbol, interval: Interval) -> Expr | None:
    """Antiderivative of a polynomial, A/(linear)^n, or (Bz + C)/quadratic."""
    if term.is_polynomial(z):
        return sympy.Add(*(c * z ** (k + 1) / (k + 1) for (k,), c in sympy.Poly(term, z).terms()))
    numerator, denominator = sympy.fraction(term)
    base, order = denominator.as_independent(z, as_Add=False)[1].as_base_exp()
    scale = sympy.cancel(denominator / base**order)
    polynomial = base.as_poly(z)
    if polynomial.degree() == 1:
        slope = polynomial.nth(1)
        if order > 1:
            return numerator / scale * base ** (1 - order) / (slope * (1 - order))
        inside = base.subs(z, sympy.Float(sample_points(interval)[0]))
        return numerator / scale / slope * sympy.log(base if inside > 0 else -base)
    if polynomial.degree() == 2 and order == 1:
        return _over_quadratic(numerator / scale, polynomial, z, interval)
    return None


def _over_quadratic(
    numerator: Expr, quadratic: sympy.Poly, z: Symbol, interval: Interval
) -> Expr | None:
    a, b, c = quadratic.all_coeffs()
    slope, rest = numerator.as_poly(z).nth(1), numerator.as_poly(z).nth(0)
    inside = quadratic.as_expr().subs(z, sympy.Float(sample_points(interval)[0]))
    result = slope / (2 * a) * sympy.log(quadratic.as_expr() * (1 if inside > 0 else -1))
    remainder = sympy.cancel(rest - slope * b / (2 * a))
    discriminant = b**2 - 4 * a * c
    if remainder == 0:
        return result
    if discriminant < 0:
        root = sympy.sqrt(-discriminant)
        return result + 2 * remainder / root * sympy.atan((2 * a * z + b) / root)
    root = sympy.sqrt(discriminant)
    ends = [2 * a * z + b - root, 2 * a * z + b + root]
    point = sympy.Float(sample_points(interval)[0])
    signed = [end if end.subs(z, point) > 0 else -end for end in ends]
    return result + remainder / root * (sympy.log(signed[0]) - sympy.log(signed[1]))


@rule(
    "exponential variable",
    kind=_KIND,
    statement="int h(e^(k z)) dz = int h(v)/(k v) dv with v = e^(k z)",
    source="DLMF 1.4(iv)",
)
def _exponential_variable(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> _Antiderivative | None:
    rates = [exponential.args[0] / z for exponential in integrand.atoms(sympy.exp)]
    if not rates or any(rate.has(z) or not rate.is_number for rate in rates):
        return None
    rate = min(rates, key=lambda r: (abs(float(r)), float(r)))
    v = Dummy("v", positive=True)
    inner = integrand.replace(sympy.exp, lambda u: v ** (u / (rate * z))) / (rate * v)
    if inner.has(z):
        return None
    ends = sorted((sympy.exp(rate * end) for end in interval), key=float)
    found: _Antiderivative | None = first_match(
        _KIND, trace, sympy.cancel(inner), v, (ends[0], ends[1])
    )
    if found is None:
        return None
    limit = found.at_infinity if rate.is_positive else found.expr.subs(v, 0)
    if limit is not None and not limit.is_finite:
        limit = None
    return _Antiderivative(found.expr.subs(v, sympy.exp(rate * z)), limit)
