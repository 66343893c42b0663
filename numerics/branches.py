"""Split a real expression of one variable into stretches on which it is smooth.

Kinks, jumps and singularities of an expression tree can only sit at zeros of the arguments of
|.|, sign, log and of non-polynomial powers, where a comparison of a Piecewise flips, and where
two arguments of Max or Min meet. Those zeros are found exactly where they are polynomial, and
otherwise isolated by interval arithmetic, so that a pair of close ones is not overlooked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy

from numerics.ball import BallFunction
from numerics.errors import AssumptionError
from numerics.zeros import crossing_intervals

__all__ = ["SmoothBranch", "smooth_branches"]

#: Where non-polynomial switching functions are searched for sign changes.
_SCAN = np.concatenate([-np.geomspace(1e8, 1e-8, 400), np.geomspace(1e-8, 1e8, 400)])


@dataclass(frozen=True)
class SmoothBranch:
    """`expr` is smooth in `symbol` on the open interval (lower, upper)."""

    lower: sympy.Expr
    upper: sympy.Expr
    expr: sympy.Expr


def smooth_branches(
    expr: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> tuple[SmoothBranch, ...]:
    """Branches of `expr` on (lower, upper), in increasing order.

    Parameters
    ----------
    expr : sympy.Expr
        Real on the interval, with `symbol` its only free symbol.
    symbol : sympy.Symbol
    lower, upper : sympy.Expr
        Real numbers or infinities.

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> for branch in smooth_branches(abs(t) + abs(t - 1), t, -sympy.oo, sympy.oo):
    ...     print(branch.lower, branch.upper, branch.expr)
    -oo 0 1 - 2*t
    0 1 1
    1 oo 2*t - 1
    """
    points = {lower, upper}
    for switch in _switching_functions(expr):
        points |= {z for z in _zeros(switch, symbol) if lower < z < upper}
    ordered = sorted(points, key=lambda v: float(v))
    merged = [ordered[0]]
    for point in ordered[1:]:
        if float(point) > float(merged[-1]):
            merged.append(point)
    return tuple(
        SmoothBranch(a, b, _on_branch(expr, symbol, a, b))
        for a, b in zip(merged[:-1], merged[1:], strict=True)
    )


def _switching_functions(expr: sympy.Expr) -> Iterator[sympy.Expr]:
    for node in sympy.preorder_traversal(expr):
        if isinstance(node, (sympy.Abs, sympy.sign, sympy.log, sympy.Heaviside)):
            yield node.args[0]
        elif isinstance(node, sympy.Pow) and not _entire(node):
            yield node.base
        elif isinstance(node, (sympy.Max, sympy.Min)):
            for i, a in enumerate(node.args):
                yield from (a - b for b in node.args[i + 1 :])
        elif isinstance(node, sympy.core.relational.Relational):
            yield node.lhs - node.rhs


def _entire(power: sympy.Pow) -> bool:
    return bool(power.exp.is_Integer and power.exp > 0) or not power.base.free_symbols


def _zeros(switch: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr]:
    if symbol not in switch.free_symbols:
        return set()
    free = sympy.Dummy("z", real=True)
    plain = switch.xreplace({symbol: free})
    if plain.is_polynomial(free):
        polynomial = sympy.Poly(plain, free)
        roots = sympy.roots(polynomial.as_expr(), free) if polynomial.degree() <= 2 else {}
        exact = {z for z in roots if z.is_real}
        if roots:
            return exact
        return {sympy.Rational(float(z)) for z in _real_roots(polynomial)}
    return _bracketed_zeros(plain, free)


def _real_roots(polynomial: sympy.Poly) -> list[float]:
    try:
        return [float(z) for z in sympy.real_roots(polynomial)]
    except (NotImplementedError, sympy.polys.polyerrors.PolynomialError):
        return [float(sympy.re(z)) for z in polynomial.nroots(n=30) if abs(sympy.im(z)) < 1e-20]


def _bracketed_zeros(switch: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr]:
    from scipy.optimize import brentq  # half of the import time of the library, rarely needed

    function = BallFunction(switch, symbol)

    def value(point: float) -> float:
        ball = function.ball(float(point))
        if not ball.is_finite():
            return float("nan")
        # exp(-r^2) is no zero where float64 has no number for it
        return float(ball.mid()) or (5e-324 if ball > 0 else -5e-324 if ball < 0 else 0.0)

    samples = np.array([value(p) for p in _SCAN])
    zeros = {sympy.Rational(float(p)) for p, v in zip(_SCAN, samples, strict=True) if v == 0}
    if value(0.0) == 0:
        zeros.add(sympy.S.Zero)
    if switch.is_positive or switch.is_negative:
        return zeros
    crossings, touching = crossing_intervals(switch, symbol, np.unique([*_SCAN, 0.0]))
    for a, b in crossings:
        at_a, at_b = value(a), value(b)
        if at_a * at_b < 0:
            root = brentq(value, a, b, xtol=1e-300, rtol=1e-15)
            zeros.add(sympy.Rational(float(root)) if abs(root) > 1e-12 else sympy.S.Zero)
    # where a zero can be neither located nor excluded, a cut does no harm
    return zeros | {sympy.Rational(float(z)) for z in touching}


def _on_branch(
    expr: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> sympy.Expr:
    """`expr` with every |.|, sign, Max, Min and Piecewise resolved at an inner point."""
    inner = _inner_point(lower, upper)

    def positive(argument: sympy.Expr) -> bool:
        if symbol not in argument.free_symbols:
            return bool(argument > 0)
        return float(BallFunction(argument, symbol).ball(inner).mid()) > 0

    def resolve(node: sympy.Basic) -> sympy.Basic:
        if isinstance(node, sympy.Piecewise):
            return _chosen_piece(node, symbol, inner)
        if node.args:
            node = node.func(*[resolve(a) for a in node.args])
        if isinstance(node, sympy.Abs):
            return node.args[0] if positive(node.args[0]) else -node.args[0]
        if isinstance(node, sympy.sign):
            return sympy.S.One if positive(node.args[0]) else sympy.S.NegativeOne
        if isinstance(node, sympy.Heaviside):
            return sympy.S.One if positive(node.args[0]) else sympy.S.Zero
        if isinstance(node, (sympy.Max, sympy.Min)):
            wins = isinstance(node, sympy.Max)
            best = node.args[0]
            for other in node.args[1:]:
                best = other if positive(other - best) == wins else best
            return best
        return node

    def _chosen_piece(node: sympy.Piecewise, symbol: sympy.Symbol, inner: float) -> sympy.Basic:
        for piece, condition in node.args:
            truth = condition.subs(symbol, sympy.Rational(inner))
            if truth is sympy.true:
                return resolve(piece)
        raise AssumptionError(
            f"psi must be defined on all of its support, got no branch of {node} at "
            f"{symbol} = {inner}; end the Piecewise with (expression, True)"
        )

    return resolve(expr)


def _inner_point(lower: sympy.Expr, upper: sympy.Expr) -> float:
    a, b = float(lower), float(upper)
    if np.isinf(a) and np.isinf(b):
        return 0.6180339887498949
    if np.isinf(a):
        return b - 1.0 - abs(b) / 2
    if np.isinf(b):
        return a + 1.0 + abs(a) / 2
    return a + (b - a) * 0.6180339887498949
