"""Rules that solve f(z) = y for z by taking off one function at a time.

Each rule turns the equation into a simpler one with the same solution in the interval, or returns
None. `invert` applies them until z stands alone and checks the answer numerically.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.rules import Trace, first_match, rule
from numerics.inverse_functions import (
    BetaLower,
    BetaLowerInverse,
    GammaLower,
    GammaLowerInverse,
    GammaUpper,
    GammaUpperInverse,
)

__all__ = ["invert", "sample_points"]

_KIND = "inverse"
Equation = tuple[Expr, Expr]
Interval = tuple[Expr, Expr]

#: More steps than any nesting of functions that the rules produce.
_MAX_STEPS = 24
#: Agreement of f(z(y)) with y that tells a right branch from a wrong one.
_ROOT_TOLERANCE = 1e-7


@dataclass(frozen=True)
class _Problem:
    """function(z) = value, to be solved for z in the interval."""

    function: Expr
    z: Symbol
    value: Symbol
    interval: Interval


def invert(
    function: Expr, variable: Symbol, value: Symbol, interval: Interval, trace: Trace
) -> Expr | None:
    """Return z(value) with function(z) = value on an interval where function is monotone.

    The function is a share: it takes all values between 0 and 1/2 at least.

    Examples
    --------
    >>> z, y = Symbol("z", positive=True), Symbol("y", positive=True)
    >>> invert(sympy.exp(-3 * z**2) / 2, z, y, (S.Zero, S.Infinity), Trace())
    sqrt(3)*sqrt(-log(2*y))/3
    """
    problem = _Problem(function, variable, value, interval)
    left, right = function, sympy.sympify(value)
    for _ in range(_MAX_STEPS):
        if left == variable:
            return right if _solves(right, problem) else None
        step: Equation | None = first_match(_KIND, trace, left, right, problem)
        if step is None:
            return None
        left, right = step
    return None


def sample_points(interval: Interval) -> list[float]:
    """A few generic points inside an interval.

    Examples
    --------
    >>> sample_points((S.Zero, S.One))
    [0.31, 0.52, 0.83]
    """
    low, high = (float(end) for end in interval)
    if math.isfinite(low) and math.isfinite(high):
        return [low + fraction * (high - low) for fraction in (0.31, 0.52, 0.83)]
    if math.isfinite(low):
        return [low + distance for distance in (0.31, 0.92, 2.3)]
    if math.isfinite(high):
        return [high - distance for distance in (0.31, 0.92, 2.3)]
    return [-1.3, 0.21, 0.92]


def _numeric(expr: Expr, symbol: Symbol, point: float) -> complex:
    try:
        return complex(expr.subs(symbol, sympy.Float(point, 40)).evalf(25))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return complex("nan")


#: Values at which solutions are tested. Functions here are shares, so these are in their range.
_TEST_VALUES = (0.21, 0.37, 0.46)


def _solves(solution: Expr, problem: _Problem) -> bool:
    """Whether f(z(y)) = y with z(y) in the interval, at a few values y."""
    if _has_parameters(solution, problem):
        return True  # the caller checks the same derivation with numbers in place of the names
    points = [_numeric(solution, problem.value, y) for y in _TEST_VALUES]
    pairs = zip(points, _TEST_VALUES, strict=True)
    return all(_maps_to(point, value, problem) for point, value in pairs)


def _has_parameters(solution: Expr, problem: _Problem) -> bool:
    names = problem.function.free_symbols | solution.free_symbols
    return bool(names - {problem.z, problem.value})


def _maps_to(point: complex, value: float, problem: _Problem) -> bool:
    low, high = (float(end) for end in problem.interval)
    if not (abs(point.imag) <= _ROOT_TOLERANCE * abs(point) and low <= point.real <= high):
        return False
    image = _numeric(problem.function, problem.z, point.real)
    return abs(image - value) <= _ROOT_TOLERANCE


@rule(
    "linear equation",
    kind=_KIND,
    statement="a + b f(z) = y has f(z) = (y - a)/b",
    source="DLMF 1.2(i)",
)
def _linear(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    constant, rest = left.as_independent(z, as_Add=True)
    factor, core = rest.as_independent(z, as_Add=False)
    if constant == 0 and factor == 1:
        return None
    return core, sympy.expand_mul((right - constant) / factor)


@rule(
    "power equation",
    kind=_KIND,
    statement="f^a = y has f = y^(1/a) for f > 0",
    source="DLMF 4.2(iv)",
)
def _power(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    base, degree = left.as_base_exp()
    if degree == 1 or degree.has(z) or not base.has(z):
        return None
    return base, right ** (1 / degree)


_ELEMENTARY = {
    sympy.log: sympy.exp,
    sympy.atan: sympy.tan,
    sympy.tan: sympy.atan,
    sympy.asin: sympy.sin,
    sympy.atanh: sympy.tanh,
    sympy.tanh: sympy.atanh,
    sympy.asinh: sympy.sinh,
}


@rule(
    "elementary inverse",
    kind=_KIND,
    statement="log, exp, tan, arctan, ... undo each other on the principal branch",
    source="DLMF 4.2, 4.23, 4.37",
)
def _elementary(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    if isinstance(left, sympy.exp):
        return left.args[0], sympy.log(right)
    inverse = _ELEMENTARY.get(left.func)
    return None if inverse is None else (left.args[0], inverse(right))


@rule(
    "inverse error function",
    kind=_KIND,
    statement="erf(f) = y has f = inverf y, erfc(f) = y has f = inverf(1-y)",
    source="DLMF 7.17.1",
)
def _error_function(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    if isinstance(left, sympy.erf):
        return left.args[0], sympy.erfinv(right)
    # SymPy cannot evaluate erfcinv, so inverf(1 - y) stands for inverfc y.
    return (left.args[0], sympy.erfinv(1 - right)) if isinstance(left, sympy.erfc) else None


@rule(
    "inverse incomplete gamma",
    kind=_KIND,
    statement="P(a, f) = y and Q(a, f) = y are solved by the inverse of the gamma law",
    source="DLMF 8.12(ii)",
)
def _incomplete_gamma(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if isinstance(left, (GammaLower, GammaUpper)) and not left.args[0].has(z):
        inverse = GammaLowerInverse if isinstance(left, GammaLower) else GammaUpperInverse
        return left.args[1], inverse(left.args[0], right)
    return None


@rule(
    "inverse incomplete beta",
    kind=_KIND,
    statement="I_f(a, b) = y is solved by the inverse of the beta law",
    source="DLMF 8.18(ii)",
)
def _incomplete_beta(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if isinstance(left, BetaLower) and not (left.args[0].has(z) or left.args[1].has(z)):
        return left.args[2], BetaLowerInverse(left.args[0], left.args[1], right)
    return None


@rule(
    "reciprocal arctangent",
    kind=_KIND,
    statement="arctan(1/w) = pi/2 - arctan(w) for w > 0",
    source="DLMF 4.24.17",
)
def _reciprocal_arctangent(
    left: Expr, right: Expr, problem: _Problem, trace: Trace
) -> Equation | None:
    angles = sorted(left.atoms(sympy.atan), key=sympy.default_sort_key)
    for first in angles:
        for second in angles:
            if first != second and sympy.cancel(first.args[0] * second.args[0]) == 1:
                return sympy.expand(left.xreplace({second: sympy.pi / 2 - first})), right
    return None


@rule(
    "rational equation",
    kind=_KIND,
    statement="P(u) = y Q(u) of degree 1 or 2 in one power or exponential u of z",
    source="DLMF 1.11(iii)",
)
def _rational(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    u = Dummy("u", positive=True)
    generator = _generator(left, z)
    if generator is None or generator == left:
        return None
    in_u = _in_generator(left, z, generator, u)
    if in_u.has(z):
        return None
    numerator, denominator = sympy.fraction(sympy.together(in_u))
    if not (numerator.is_polynomial(u) and denominator.is_polynomial(u)):
        return None
    # A symbol instead of the right-hand side keeps the polynomial arithmetic cheap.
    side = Dummy("y", positive=True)
    polynomial = sympy.Poly(numerator - side * denominator, u)
    if polynomial.degree() not in (1, 2):
        return None
    for in_side in _roots(polynomial, side):
        root = in_side.xreplace({side: right})
        if _branch_holds(root, generator, problem):
            return generator, root
    return None


def _roots(polynomial: sympy.Poly, side: Symbol) -> list[Expr]:
    coefficients = polynomial.all_coeffs()
    if len(coefficients) == 2:
        numerator, denominator = sympy.fraction(sympy.cancel(-coefficients[1] / coefficients[0]))
        # Write y/(1-y) rather than -y/(y-1): shares y lie between 0 and 1.
        if denominator.subs(side, S.Half).is_negative:
            numerator, denominator = sympy.expand(-numerator), sympy.expand(-denominator)
        return [numerator / denominator]
    a, b, c = coefficients
    root = sympy.sqrt(sympy.factor(b**2 - 4 * a * c))
    return [(-b + sign * root) / (2 * a) for sign in (1, -1)]


def _branch_holds(root: Expr, generator: Expr, problem: _Problem) -> bool:
    """Whether the root is the branch of the generator that belongs to the interval."""
    if _has_parameters(root, problem):
        return True
    value = _TEST_VALUES[0]
    found = _numeric(root, problem.value, value)
    if isinstance(generator, sympy.exp):
        rate = complex(generator.args[0] / problem.z)
        return found.real > 0 and _maps_to(cmath.log(found) / rate, value, problem)
    degree = float(generator.as_base_exp()[1])
    return found.real > 0 and _maps_to(found ** (1 / degree), value, problem)


def _generator(expr: Expr, z: Symbol) -> Expr | None:
    """The power z^k or exponential e^(k z) of which the expression may be a rational function."""
    exponentials = [e for e in expr.atoms(sympy.exp) if e.has(z)]
    if exponentials:
        rates = [e.args[0] / z for e in exponentials]
        if any(rate.has(z) or not (rate / rates[0]).is_Rational for rate in rates):
            return None
        step = _common_step([rate / rates[0] for rate in rates])
        return sympy.exp(abs(rates[0]) * step * z)
    powers = [p for p in expr.atoms(sympy.Pow) if p.base == z]
    degrees = [p.exp for p in powers]
    if expr.xreplace(dict.fromkeys(powers, S.One)).has(z):
        degrees.append(S.One)
    if not degrees or not all((degree / degrees[0]).is_Rational for degree in degrees):
        return None
    return z ** abs(degrees[0] * _common_step([degree / degrees[0] for degree in degrees]))


def _common_step(quotients: list[Expr]) -> Expr:
    """The largest number of which all the given rationals are integer multiples."""
    numerator = math.gcd(*(int(q.p) for q in quotients))
    return sympy.Rational(numerator, math.lcm(*(int(q.q) for q in quotients)))


def _in_generator(expr: Expr, z: Symbol, generator: Expr, u: Symbol) -> Expr:
    if isinstance(generator, sympy.exp):
        rate = generator.args[0] / z
        return expr.replace(sympy.exp, lambda arg: u ** (arg / (rate * z)))
    _, degree = generator.as_base_exp()
    return expr.subs(z, u ** (1 / degree))


@rule(
    "squared equation",
    kind=_KIND,
    statement="f = y > 0 with f^2 rational has the solutions of f^2 = y^2",
    source="DLMF 1.11(iii)",
)
def _squared(left: Expr, right: Expr, problem: _Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if not any(p.exp.is_Rational and p.exp.q == 2 for p in left.atoms(sympy.Pow)):
        return None
    merged = left.replace(
        lambda e: e.is_Pow and e.exp.is_Rational and e.exp.q == 2 and e.base.is_Add,
        lambda e: sympy.together(e.base) ** e.exp,
    )
    square = sympy.cancel(sympy.together(merged) ** 2)
    return (square, right**2) if square.is_rational_function(z) else None
