"""High-precision arithmetic for the reference: compiled formulas, tanh-sinh sums, root finding.

Everything runs on python-flint numbers at `PRECISION` bits and shares nothing with the library:
formulas are compiled by SymPy's mpmath printer into a namespace of ball functions, integrals are
double-exponential sums (Takahasi and Mori, 1974) whose level is doubled until two levels agree.
Balls are used as plain long floats here: their radii are never relied on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import sympy
from flint import arb, ctx

__all__ = ["PRECISION", "compile_formula", "integrate", "number", "sign_changes", "solve_monotone"]

#: Working precision in bits (77 digits): ends of intervals are approached to 1e-50.
PRECISION = 256

#: Agreement between two tanh-sinh levels that ends an integral. Convergence is quadratic, so the
#: finer level is then right to about the square of this.
LEVEL_AGREEMENT = arb(2) ** -47

#: Double-exponential abscissae run over |t| <= 4.3, where weights are below 1e-48.
T_MAX = 4.3

#: Integrals of densities with peak 1 are not resolved below this.
FLOOR = arb(10) ** -100

Vector = tuple[arb, ...]


def number(value: object) -> arb:
    """Convert a SymPy number, decimal text, int or float to a ball at the working precision."""
    if isinstance(value, arb):
        return value
    if isinstance(value, sympy.Basic):
        if value.is_Rational:
            return arb(int(value.p)) / arb(int(value.q))
        return arb(str(sympy.N(value, 80)))
    return arb(value)


def _namespace() -> dict[str, object]:
    names = ("exp", "log", "sqrt", "cosh", "sinh", "tanh", "atan", "erf", "sin", "cos")
    table: dict[str, object] = {name: (lambda x, n=name: getattr(x, n)()) for name in names}
    return {**table, "mpf": arb, "abs": abs, "pi": arb.pi(), "e": arb(1).exp()}


def compile_formula(expression: sympy.Expr, symbol: sympy.Symbol) -> Callable[[arb], arb]:
    """Compile a tree built in this package into a function of one ball."""
    from sympy.printing.pycode import MpmathPrinter

    printer = MpmathPrinter({"fully_qualified_modules": False, "inline": True})
    with ctx.workprec(PRECISION):
        compiled = sympy.lambdify(symbol, expression, modules=[_namespace()], printer=printer)
    return lambda x: number(compiled(x))


@functools.cache
def _finite_nodes(level: int) -> tuple[tuple[bool, arb, arb], ...]:
    """Abscissae new at this level on (0, 1): (nearer to 1?, distance to that end, weight)."""
    nodes = []
    for t in _new_abscissae(level):
        u = arb.pi() * t.sinh()
        distance = 1 / (1 + abs(u).exp())
        weight = arb.pi() * t.cosh() * distance * (1 - distance)
        nodes.append((bool(u > 0), distance.mid(), weight.mid()))
    return tuple(nodes)


@functools.cache
def _half_line_nodes(level: int) -> tuple[tuple[arb, arb], ...]:
    """Abscissae new at this level on (0, oo) for x = exp(pi/2 sinh t), with weights."""
    nodes = []
    for t in _new_abscissae(level):
        x = (arb.pi() / 2 * t.sinh()).exp()
        nodes.append((x.mid(), (arb.pi() / 2 * t.cosh() * x).mid()))
    return tuple(nodes)


def _new_abscissae(level: int) -> list[arb]:
    count = int(T_MAX * 2**level)
    step = arb(2) ** -level
    return [step * k for k in range(-count, count + 1) if level == 1 or k % 2]


def _level_sum(function: Callable[[arb], Vector], a: arb | None, b: arb | None, level: int) -> list:
    total: list[arb] | None = None
    if a is not None and b is not None:
        width = b - a
        points = [
            (b - width * s if upper else a + width * s, width * w)
            for upper, s, w in _finite_nodes(level)
        ]
    elif a is not None:
        points = [(a + x, w) for x, w in _half_line_nodes(level)]
    elif b is not None:
        points = [(b - x, w) for x, w in _half_line_nodes(level)]
    else:
        raise ValueError("split the real line before integrating over it")
    for x, w in points:
        values = function(x)
        terms = [v * w for v in values]
        total = terms if total is None else [s + v for s, v in zip(total, terms, strict=True)]
    assert total is not None
    return [v.mid() for v in total]


def integrate(
    function: Callable[[arb], Vector],
    a: arb | None,
    b: arb | None,
    *,
    scales: Sequence[arb] | None = None,
    depth: int = 0,
    panels: list | None = None,
) -> Vector:
    """Integrate a vector of functions over (a, b); None is an infinite end.

    `scales` are the magnitudes against which the agreement of two levels is judged (default: the
    integrals themselves). `panels`, when given, collects (a, b, integrals) of the leaves.
    """
    sums = _level_sum(function, a, b, 1)
    estimate = [s / 2 for s in sums]
    for level in range(2, 6):
        previous = estimate
        added = _level_sum(function, a, b, level)
        sums = [s + n for s, n in zip(sums, added, strict=True)]
        estimate = [s * arb(2) ** -level for s in sums]
        bounds = scales or [abs(v) + FLOOR for v in estimate]
        triples = zip(estimate, previous, bounds, strict=True)
        if level >= 3 and all(bool(abs(v - o) <= LEVEL_AGREEMENT * m) for v, o, m in triples):
            break
    else:
        if depth >= 40:
            raise ArithmeticError(f"integral over ({a}, {b}) does not converge")
        middle = _middle(a, b)
        scales = scales or [abs(v) + FLOOR for v in estimate]
        parts = [
            integrate(function, *ends, scales=scales, depth=depth + 1, panels=panels)
            for ends in ((a, middle), (middle, b))
        ]
        return tuple(x + y for x, y in zip(*parts, strict=True))
    if panels is not None:
        panels.append((a, b, tuple(estimate)))
    return tuple(estimate)


def _middle(a: arb | None, b: arb | None) -> arb:
    if a is not None and b is not None:
        if bool(a > 0) and bool(b > 4 * a):
            return (a * b).sqrt().mid()
        return ((a + b) / 2).mid()
    if a is not None:
        return (a + max(arb(1), abs(a))).mid()
    assert b is not None
    return (b - max(arb(1), abs(b))).mid()


def solve_monotone(
    function: Callable[[arb], arb], low: arb, high: arb, *, digits: int = 65, bisections: int = 6
) -> arb:
    """Root of a monotone function between `low` and `high`: bisection, then Illinois steps."""
    f_low, f_high = function(low).mid(), function(high).mid()
    if bool(f_low == 0) or bool(f_low * f_high > 0):
        return low if bool(abs(f_low) <= abs(f_high)) else high
    tolerance = arb(10) ** -digits
    kept = 0
    for step in range(400):
        if step < bisections or kept >= 3 or bool(f_high == f_low):
            middle, kept = ((low + high) / 2).mid(), 0
        else:
            middle = ((low * f_high - high * f_low) / (f_high - f_low)).mid()
        value = function(middle).mid()
        if bool(value == 0) or bool(abs(high - low) <= tolerance * (1 + abs(middle))):
            return middle
        if bool(value * f_high < 0):
            low, f_low, kept_side = high, f_high, 0
        else:
            f_low, kept_side = f_low / 2, 1
        kept = kept + 1 if kept_side else 0
        moved = abs(high - middle)
        high, f_high = middle, value
        if bool(moved <= tolerance * (1 + abs(middle))):
            return middle
    raise ArithmeticError("no convergence in root finding")


def sign_changes(function: Callable[[arb], arb], low: arb, high: arb, count: int) -> list[arb]:
    """Points between `low` and `high` where the function changes sign on a grid of `count`."""
    grid = [low + (high - low) * k / (count - 1) for k in range(count)]
    found, last, last_value = [], None, arb(0)
    for y in grid:
        value = function(y.mid())
        # Zero to 70 digits means a limit at an end of the interval, not a side of a root.
        if not value.is_finite() or bool(abs(value) < arb(10) ** -70):
            continue
        if last is not None and bool(value * last_value < 0):
            found.append(solve_monotone(function, last.mid(), y.mid()))
        last, last_value = y, value
    return found
