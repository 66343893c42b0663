"""Comparison of derived expressions with numbers, before anyone may believe them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, S, Symbol

from differential.discretised import discretised_radius
from numerics.inverse_functions import MPMATH_FUNCTIONS, SCIPY_FUNCTIONS, MonotoneInverse
from smoothing.structure import Product, Radial, Structure, Uniform

__all__ = ["disagreement", "dominating", "value_at"]

Array = NDArray[np.float64]
Numeric = Callable[[Array], Array]

#: The discretised definition resolves Phi(p) to about (grid step/p)^2; see `discretised`.
_COARSE_TOLERANCE = 2e-4
_COARSE_SMALLEST = 0.02
#: The quadrature engine promises 1e-9 relative; a wrong branch is off by far more.
_FINE_TOLERANCE = 1e-7
_POINTS = 20
#: Digits in which closed forms are evaluated before they are rounded.
_DIGITS = 25
#: Integrals are evaluated by quadrature at every point, so fewer of them.
_POINTS_WITH_INTEGRALS = 5
#: Nodes of the Gauss-Legendre rule, per panel, and panels on the logarithmic scale.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_PANELS = 96
#: Cells of the grid on which a root is looked for, and its reach where an end is 0 or infinite.
_GRID, _WIDE = 2000, 60.0
#: Where an integral runs to 0 or infinity it is cut at these multiples of its other end.
_REACH = 30.0


def disagreement(
    structure: Structure, order: Expr, radius: Expr, tail: Symbol, numeric: Numeric | None
) -> str:
    """Return "" when the expression agrees with the numbers, else a sentence on where it does not.

    The tails are random with a fixed seed, log-uniform between 0.02 (1e-6 with a numeric engine)
    and 1/2, and include both branches of a piecewise radius.
    """
    has_integrals = radius.has(sympy.Integral, MonotoneInverse)
    count = _POINTS_WITH_INTEGRALS if has_integrals else _POINTS
    tails = _tails(radius, tail, count, 1e-6 if numeric else _COARSE_SMALLEST)
    if numeric is not None:
        expected: Array | None = np.asarray(numeric(tails), dtype=np.float64)
        tolerance = _FINE_TOLERANCE
    elif isinstance(structure, Uniform):
        expected, tolerance = None, 1e-9
        return _uniform_disagreement(structure, order, radius, tail, tails)
    elif isinstance(structure, (Product, Radial)):
        expected, tolerance = discretised_radius(structure, order, tails), _COARSE_TOLERANCE
    if expected is None:
        return "there is no independent computation to compare with"
    for point, truth in zip(tails, expected, strict=True):
        value = value_at(radius, tail, float(point))
        if not abs(value - truth) <= tolerance * (abs(truth) + (0.5 - point)):
            return f"the expression gives {value} at tail {point}, quadrature gives {truth}"
    return ""


def _tails(radius: Expr, tail: Symbol, count: int, smallest: float) -> Array:
    generator = np.random.default_rng(20200713)
    tails = np.exp(generator.uniform(np.log(smallest), np.log(0.499), count))
    for piecewise in radius.atoms(sympy.Piecewise):
        # Each joint between branches is approached from below, where the branch may be short.
        for relation in piecewise.atoms(sympy.core.relational.Relational):
            joint = next((a for a in relation.args if a.is_number), None)
            if joint is not None and relation.has(tail) and 0 < float(joint) < 0.5:
                tails[: count // 3] = float(joint) * generator.uniform(0.05, 0.95, count // 3)
    return np.sort(tails)


def value_at(expr: Expr, symbol: Symbol, point: float) -> float:
    """Evaluate at a float64 point; integrals by Gauss-Legendre quadrature on a logarithmic scale.

    Examples
    --------
    >>> s, x = Symbol("s", positive=True), Symbol("x", positive=True)
    >>> round(value_at(sympy.Integral(1 / x, (x, s, 1)), s, 0.5), 12)
    0.69314718056
    """
    number = sympy.Rational(point)
    expr = expr.xreplace({p: _branch(p, symbol, number) for p in expr.atoms(sympy.Piecewise)})
    slow = {i: sympy.Float(_integral_at(i, symbol, number), 17) for i in expr.atoms(sympy.Integral)}
    fast = expr.xreplace(slow)
    inverses = fast.atoms(MonotoneInverse)
    fast = fast.xreplace({i: sympy.Float(_root_at(i, symbol, number), 17) for i in inverses})
    with mpmath.workdps(_DIGITS):
        value = mpmath.mpmathify(_compiled(fast, symbol)(mpmath.mpf(point)))
        if abs(mpmath.im(value)) > 1e-15 * abs(value):
            return float("nan")
        return float(mpmath.re(value))


@functools.lru_cache(maxsize=256)
def _compiled(expr: Expr, symbol: Symbol) -> Callable[[Any], Any]:
    return sympy.lambdify(symbol, expr, modules=[MPMATH_FUNCTIONS, "mpmath"])


def _branch(piecewise: sympy.Piecewise, symbol: Symbol, number: Expr) -> Expr:
    """The branch that holds at a point; the others may have no value there."""
    for branch, condition in piecewise.args:
        if condition.subs(symbol, number) == sympy.true:
            return branch
    return S.NaN


def _root_at(inverse: MonotoneInverse, symbol: Symbol, number: Expr) -> float:
    """Value of an inverse function in float64, from a grid in log x and Brent's method."""
    from scipy.optimize import brentq  # imported late: it is slow and rarely needed

    function, target, lower, upper = inverse.subs(symbol, number).args
    (x,) = function.variables
    call = sympy.lambdify(x, function.expr, modules=[SCIPY_FUNCTIONS, "scipy", "numpy"])
    ends = [np.log(float(end)) if 0 < float(end) < np.inf else None for end in (lower, upper)]
    low = -_WIDE if ends[0] is None else ends[0]
    high = _WIDE if ends[1] is None else ends[1]
    grid = low + (high - low) * (np.arange(_GRID) + 0.5) / _GRID
    with np.errstate(all="ignore"):
        gaps = np.asarray(call(np.exp(grid)), dtype=np.float64) - float(target)
        crossings = np.flatnonzero(np.diff(np.sign(gaps)) != 0)
        if not len(crossings):
            return float(inverse.subs(symbol, number).evalf(20))
        cell = grid[crossings[0] : crossings[0] + 2]
        root = brentq(lambda u: float(call(np.exp(u))) - float(target), *cell, xtol=1e-15)
    return float(np.exp(root))


def _integral_at(integral: sympy.Integral, symbol: Symbol, number: Expr) -> float:
    (variable, low, high), integrand = integral.limits[0], integral.function
    call = sympy.lambdify(
        variable, integrand.subs(symbol, number), modules=[SCIPY_FUNCTIONS, "scipy", "numpy"]
    )
    ends = [
        _root_at(end, symbol, number)
        if isinstance(end, MonotoneInverse)
        else float(end.subs(symbol, number).evalf(20))
        for end in (low, high)
    ]
    if ends[1] == np.inf:
        ends[1] = ends[0] * np.exp(_REACH)
    if ends[0] == 0:
        ends[0] = ends[1] * np.exp(-_REACH)
    edges = np.linspace(np.log(ends[0]), np.log(ends[1]), _PANELS + 1)
    half = np.diff(edges)[:, None] / 2
    logs = (edges[:-1, None] + half) + half * _NODES
    points = np.exp(logs)
    with np.errstate(all="ignore"):
        values = np.asarray(call(points)) * points
    # An integrand that overflows next to an end is left out; were it large, the check would fail.
    return float(np.sum(np.where(np.isfinite(values), values, 0.0) * _WEIGHTS * half))


def _uniform_disagreement(
    body: Uniform, order: Expr, radius: Expr, tail: Symbol, tails: Array
) -> str:
    """Compare the overlap volume at the derived radius with 1/2 + s."""
    overlap = _overlap(body, order)
    if overlap is None:
        return "there is no independent computation of the overlap to compare with"
    for point in tails:
        found = overlap(value_at(radius, tail, float(point)) / float(body.radius))
        # Slices are integrated by the midpoint rule; its error is below 1e-6 for d >= 1.
        if not abs(found - 0.5 - point) <= 1e-5:
            return f"the bodies overlap by {found} at tail {point}, expected {0.5 + point}"
    return ""


def _overlap(body: Uniform, order: Expr) -> Callable[[float], float] | None:
    """Share of a unit body that its copy covers after a shift along a vertex of given length."""
    dim, gauge = body.dim, body.order
    diagonal = np.sqrt(dim) if order == 2 else 1.0
    if dim == 1 or (gauge in (S.One, S.Infinity) and order == 1):
        moved = 1 if gauge is S.Infinity else dim
        return lambda shift: float((1 - shift / 2) ** moved)
    if gauge is S.Infinity:
        return lambda shift: float((1 - shift / diagonal / 2) ** dim)
    if gauge != 2:
        return None
    x = (np.arange(400_000) + 0.5) / 400_000
    slices = np.exp((dim - 1) / 2 * np.log1p(-(x**2)))
    beyond = 1 - np.cumsum(slices) / np.sum(slices)
    edges = x + (x[1] - x[0]) / 2
    length = np.sqrt(dim) if order is S.Infinity else 1.0
    return lambda shift: float(np.interp(shift * length / 2, edges, beyond))


def dominating(radii: list[Expr], tail: Symbol, on_a_line: bool) -> Expr | None:
    """The radius of the direction with the largest Phi at every p, or None when they cross.

    On a line a path has one direction, so the smaller of the two radii holds even where the rates
    cross.
    """
    unique = list(dict.fromkeys(radii))
    if any(radius is S.NaN for radius in unique) or not unique:
        return None
    if len(unique) == 1:
        return unique[0]
    points = [0.499, 0.45, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01, 1e-3, 1e-5]
    rows = np.array([_rates(radius, tail, points, on_a_line) for radius in unique])
    smallest = np.min(rows, axis=0)
    # Equal rates in closed form differ by rounding only.
    always = np.all(rows <= smallest * (1 + 1e-9) + 1e-15, axis=1)
    if np.any(always):
        return unique[int(np.argmax(always))]
    return sympy.Min(*unique) if on_a_line else None


def _rates(radius: Expr, tail: Symbol, points: list[float], on_a_line: bool) -> list[float]:
    """R itself on a line, else -dR/ds = 1/Phi."""
    curve: Any = radius if on_a_line else -sympy.diff(radius, tail)
    return [value_at(curve, tail, point) for point in points]
