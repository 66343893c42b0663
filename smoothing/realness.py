"""Check that a potential is real on its support, by evaluation at generic points."""

from __future__ import annotations

import sympy
from flint import arb

from numerics.ball import BallFunction
from numerics.errors import AssumptionError

__all__ = ["check_real"]

#: Where psi is evaluated to see that it is real: generic points of both signs and many sizes.
SAMPLES = tuple(sympy.Rational(n, 9973) for n in (3, 71, 1009, 6007, 15013, 49999, 300007, 9000011))
#: SymPy computes exp of numbers up to this size at once; beyond, only ball arithmetic is safe.
LARGEST_EXPONENT = 1e6


def check_real(
    potential: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> None:
    """Evaluate at generic points of the support; a ball that is not finite is no real number."""
    function = BallFunction(potential, symbol)
    for point in _sample_points(lower, upper):
        if function.ball(_ball(point)).is_finite() or _overflows(potential, symbol, point):
            continue
        value = potential.subs(symbol, point).evalf(15)
        if value.is_extended_real is False or value.has(sympy.nan, sympy.I):
            raise AssumptionError(
                f"psi is not real on its support: {potential} = {value} at {symbol} = "
                f"{float(point):.4g}; restrict the support or take absolute values"
            )
        if value is sympy.S.NegativeInfinity or value is sympy.zoo:
            raise AssumptionError(f"psi is -oo at {symbol} = {float(point):.4g}: {potential}")


def _overflows(potential: sympy.Expr, symbol: sympy.Symbol, point: sympy.Rational) -> bool:
    """Whether an exponential leaves every number range, so that nothing is known at this point."""
    growing = potential.atoms(sympy.exp, sympy.cosh, sympy.sinh)
    exponents = {e.args[0] for e in growing}
    exponents |= {e.exp for e in potential.atoms(sympy.Pow) if e.exp.free_symbols}
    values = [BallFunction(e, symbol).ball(_ball(point)) for e in exponents]
    return not all(v.is_finite() and abs(v) < LARGEST_EXPONENT for v in values)


def _ball(point: sympy.Rational) -> arb:
    return arb(int(point.p)) / int(point.q)


def _sample_points(lower: sympy.Expr, upper: sympy.Expr) -> list[sympy.Rational]:
    points = [*SAMPLES, *(-s for s in SAMPLES)]
    if lower.is_finite and upper.is_finite:
        low, width = sympy.Rational(str(float(lower))), sympy.Rational(str(float(upper - lower)))
        return [low + width * s / (s + 1) for s in SAMPLES]
    if lower.is_finite:
        return [sympy.Rational(str(float(lower))) + s for s in SAMPLES]
    if upper.is_finite:
        return [sympy.Rational(str(float(upper))) - s for s in SAMPLES]
    return points
