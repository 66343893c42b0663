"""Antiderivatives of rational functions of a variable or of an exponential of it."""

from __future__ import annotations

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.rules import Trace, first_match, rule
from differential.rules_antiderivatives import Antiderivative
from differential.rules_inverses import sample_points

__all__: list[str] = []

_KIND = "antiderivative"
Interval = tuple[Expr, Expr]


@rule(
    "partial fractions",
    kind=_KIND,
    statement="a rational function is a sum of powers, logarithms and arctangents",
    conditions="linear factors and simple quadratic ones, numbers as coefficients",
    source="DLMF 1.2(iii), 1.4(iv)",
)
def _partial_fractions(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
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
    return Antiderivative(total, limit)


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
    conditions="all exponentials are powers of one, and z is in nothing else",
    source="DLMF 1.4(iv)",
)
def _exponential_variable(
    integrand: Expr, z: Symbol, interval: Interval, trace: Trace
) -> Antiderivative | None:
    rates = [exponential.args[0] / z for exponential in integrand.atoms(sympy.exp)]
    if not rates or any(rate.has(z) or not rate.is_number for rate in rates):
        return None
    rate = min(rates, key=lambda r: (abs(float(r)), float(r)))
    v = Dummy("v", positive=True)
    inner = integrand.replace(sympy.exp, lambda u: v ** (u / (rate * z))) / (rate * v)
    if inner.has(z):
        return None
    ends = sorted((sympy.exp(rate * end) for end in interval), key=float)
    found: Antiderivative | None = first_match(
        _KIND, trace, sympy.cancel(inner), v, (ends[0], ends[1])
    )
    if found is None:
        return None
    limit = found.at_infinity if rate.is_positive else found.expr.subs(v, 0)
    if limit is not None and not limit.is_finite:
        limit = None
    return Antiderivative(found.expr.subs(v, sympy.exp(rate * z)), limit)
