"""Rules that solve f(z) = y for z by taking off one function at a time.

Each rule turns the equation into a simpler one with the same solution in the interval, or returns
None. `invert` applies them until z stands alone and checks the answer numerically.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from differential.rules import Trace, first_match, rule
from numerics.inverse_functions import (
    BetaLower,
    BetaLowerInverse,
    GammaLower,
    GammaLowerInverse,
    GammaUpper,
    GammaUpperInverse,
)

__all__ = [
    "TEST_VALUES",
    "Equation",
    "Problem",
    "has_parameters",
    "invert",
    "maps_to",
    "numeric",
    "sample_points",
]

_KIND = "inverse"
Equation = tuple[Expr, Expr]
Interval = tuple[Expr, Expr]

#: More steps than any nesting of functions that the rules produce.
_MAX_STEPS = 24
#: Agreement of f(z(y)) with y that tells a right branch from a wrong one.
_ROOT_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Problem:
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
    >>> invert(sympy.exp(-3 * z**2) / 2, z, y, (sympy.S.Zero, sympy.oo), Trace())
    sqrt(3)*sqrt(-log(2*y))/3
    """
    problem = Problem(function, variable, value, interval)
    mark = len(trace.fired)
    solution = _peel(problem, trace)
    if solution is None:
        del trace.fired[mark:]
    return solution


def _peel(problem: Problem, trace: Trace) -> Expr | None:
    left: Expr = problem.function
    right: Expr = problem.value
    for _ in range(_MAX_STEPS):
        if left == problem.z:
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
    >>> sample_points((sympy.S.Zero, sympy.S.One))
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


def numeric(expr: Expr, symbol: Symbol, point: float) -> complex:
    """Value at a point, nan where there is none."""
    try:
        return complex(expr.subs(symbol, sympy.Float(point, 40)).evalf(25))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return complex("nan")


#: Values at which solutions are tested. Functions here are shares, so these are in their range.
TEST_VALUES = (0.21, 0.37, 0.46)


def _solves(solution: Expr, problem: Problem) -> bool:
    """Whether f(z(y)) = y with z(y) in the interval, at a few values y."""
    if has_parameters(solution, problem):
        return True  # the caller checks the same derivation with numbers in place of the names
    points = [numeric(solution, problem.value, y) for y in TEST_VALUES]
    pairs = zip(points, TEST_VALUES, strict=True)
    return all(maps_to(point, value, problem) for point, value in pairs)


def has_parameters(solution: Expr, problem: Problem) -> bool:
    """Whether a solution depends on more than the value."""
    names = problem.function.free_symbols | solution.free_symbols
    return bool(names - {problem.z, problem.value})


def maps_to(point: complex, value: float, problem: Problem) -> bool:
    """Whether the point lies in the interval and f(point) = value."""
    low, high = (float(end) for end in problem.interval)
    if not (abs(point.imag) <= _ROOT_TOLERANCE * abs(point) and low <= point.real <= high):
        return False
    image = numeric(problem.function, problem.z, point.real)
    return abs(image - value) <= _ROOT_TOLERANCE


@rule(
    "linear equation",
    kind=_KIND,
    statement="a + b f(z) = y has f(z) = (y - a)/b",
    conditions="a, b free of z, b not 0",
    source="DLMF 1.2(i)",
)
def _linear(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    z = problem.z
    constant, rest = left.as_independent(z, as_Add=True)
    factor, core = rest.as_independent(z, as_Add=False)
    if constant == 0 and factor == 1:
        return None
    solved = (right - constant) / factor
    # Other constants, such as exp(3), would be repeated in every term.
    exact = constant.is_Rational and factor.is_Rational
    return core, sympy.expand_mul(solved) if exact else solved


@rule(
    "power equation",
    kind=_KIND,
    statement="f^a = y has f = y^(1/a) for f > 0",
    conditions="f > 0, a free of z",
    source="DLMF 4.2(iv)",
)
def _power(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
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
    sympy.acos: sympy.cos,
    sympy.atanh: sympy.tanh,
    sympy.tanh: sympy.atanh,
    sympy.asinh: sympy.sinh,
}


@rule(
    "elementary inverse",
    kind=_KIND,
    statement="log, exp, tan, arctan, ... undo each other on the principal branch",
    conditions="f on the principal branch of its outer function",
    source="DLMF 4.2, 4.23, 4.37",
)
def _elementary(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    if isinstance(left, sympy.exp):
        return left.args[0], sympy.log(right)
    inverse = _ELEMENTARY.get(left.func)
    return None if inverse is None else (left.args[0], inverse(right))


@rule(
    "inverse error function",
    kind=_KIND,
    statement="erf(f) = y has f = inverf y, erfc(f) = y has f = inverf(1-y)",
    conditions="-1 < y < 1 for erf, 0 < y < 2 for erfc",
    source="DLMF 7.17.1",
)
def _error_function(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    if isinstance(left, sympy.erf):
        return left.args[0], sympy.erfinv(right)
    # SymPy cannot evaluate erfcinv, so inverf(1 - y) stands for inverfc y.
    return (left.args[0], sympy.erfinv(1 - right)) if isinstance(left, sympy.erfc) else None


@rule(
    "inverse incomplete gamma",
    kind=_KIND,
    statement="P(a, f) = y and Q(a, f) = y are solved by the inverse of the gamma law",
    conditions="a > 0 free of z, 0 < y < 1",
    source="DLMF 8.12(ii)",
)
def _incomplete_gamma(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if isinstance(left, (GammaLower, GammaUpper)) and not left.args[0].has(z):
        inverse = GammaLowerInverse if isinstance(left, GammaLower) else GammaUpperInverse
        return left.args[1], inverse(left.args[0], right)
    return None


@rule(
    "inverse incomplete beta",
    kind=_KIND,
    statement="I_f(a, b) = y is solved by the inverse of the beta law",
    conditions="a, b > 0 free of z, 0 < y < 1",
    source="DLMF 8.18(ii)",
)
def _incomplete_beta(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if isinstance(left, BetaLower) and not (left.args[0].has(z) or left.args[1].has(z)):
        return left.args[2], BetaLowerInverse(left.args[0], left.args[1], right)
    return None
