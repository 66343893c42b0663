"""The law of gamma as SymPy expressions, for reading and for evaluation by other means.

gamma = h(X) A with a density exp(-V)/Z of X on an interval and an independent A. The expressions
hold for every h, so they integrate over the superlevel set {h > c} by an indicator; closed forms,
where there are any, come from the rules (`differential.symbolic`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from sympy import Expr, S, Symbol

from numerics.inverse_functions import MonotoneInverse

__all__ = [
    "LawExpressions",
    "cosine_expressions",
    "lattice_expressions",
    "plain_expressions",
    "sign_expressions",
]

_THRESHOLD = Symbol("c", real=True)

#: Maps a threshold and the weight (1 for a tail, gamma for an expectation) to an expression.
_Sum = Callable[[Expr, bool], Expr]


@dataclass(frozen=True)
class LawExpressions:
    """Tail, partial expectation and quantile of gamma as expressions.

    Attributes
    ----------
    total : callable
        (c, weighted) -> P[gamma > c], or E[gamma 1{gamma > c}] if weighted.
    lower : Expr
        Thresholds from here on are covered: -oo, or 0 where A is symmetric.
    """

    total: _Sum
    lower: Expr

    def tail(self, c: Expr) -> Expr:
        """P[gamma > c]."""
        return self.total(c, False)

    def partial_expectation(self, c: Expr) -> Expr:
        """E[gamma 1{gamma > c}]."""
        return self.total(c, True)

    def upper_quantile(self, p: Expr) -> Expr:
        """The c with P[gamma > c] = p, as the inverse of the tail."""
        rising = sympy.Lambda(_THRESHOLD, -self.tail(_THRESHOLD))
        return MonotoneInverse(rising, -p, self.lower, S.Infinity)


@dataclass(frozen=True)
class _Line:
    """X with density exp(-potential)/Z on the interval, and h."""

    variable: Symbol
    potential: Expr
    interval: tuple[Expr, Expr]
    h: Expr

    def mean(self, function: Expr) -> Expr:
        """E function(X)."""
        limits = (self.variable, *self.interval)
        weight = sympy.exp(-self.potential)
        return sympy.Integral(function * weight, limits) / sympy.Integral(weight, limits)

    def above(self, h: Expr, c: Expr, weighted: bool) -> Expr:
        """P[h(X) > c] or E[h(X); h(X) > c]."""
        # Heaviside rather than Piecewise: SymPy folds a Piecewise out of an integral inside a Sum
        # as if the variable of integration were free.
        return self.mean((h if weighted else S.One) * sympy.Heaviside(h - c, 0))


def plain_expressions(
    variable: Symbol, potential: Expr, interval: tuple[Expr, Expr]
) -> LawExpressions:
    """gamma = potential'(X): one coordinate of a product.

    Examples
    --------
    >>> t = Symbol("t", real=True)
    >>> law = plain_expressions(t, t**2 / 2, (-sympy.oo, sympy.oo))
    >>> law.tail(S.One)
    Integral(exp(-t**2/2)*Heaviside(t - 1, 0), (t, -oo, oo))/Integral(exp(-t**2/2), (t, -oo, oo))
    """
    line = _Line(variable, potential, interval, potential.diff(variable))
    return LawExpressions(lambda c, w: line.above(line.h, c, w), S.NegativeInfinity)


def sign_expressions(
    variable: Symbol, potential: Expr, interval: tuple[Expr, Expr], drift: Expr, chance: Expr
) -> LawExpressions:
    """gamma = h(r) A with A = +1 and -1 with probability `chance` each, for c >= 0."""
    line = _Line(variable, potential, interval, sympy.Abs(drift))
    return LawExpressions(lambda c, w: chance * line.above(line.h, c, w), S.Zero)


def lattice_expressions(
    variable: Symbol, potential: Expr, interval: tuple[Expr, Expr], drift: Expr, dim: int
) -> LawExpressions:
    """gamma = h(r) A with A = 2 Binomial(d, 1/2) - d, for c >= 0."""
    line = _Line(variable, potential, interval, sympy.Abs(drift))
    k = Symbol("k", integer=True, nonnegative=True)
    chance = sympy.binomial(dim, k) / S(2) ** dim

    def total(c: Expr, weighted: bool) -> Expr:
        inner = line.above((dim - 2 * k) * line.h, c, weighted)
        return sympy.Sum(chance * inner, (k, 0, (dim - 1) // 2))

    return LawExpressions(total, S.Zero)


def cosine_expressions(
    variable: Symbol, potential: Expr, interval: tuple[Expr, Expr], drift: Expr, dim: int
) -> LawExpressions:
    """gamma = h(r) T, T the cosine of a uniform direction in R^d, for c >= 0 (RSAS I.17)."""
    line = _Line(variable, potential, interval, sympy.Abs(drift))
    half = sympy.Rational(dim - 1, 2)
    ratio = sympy.gamma(half + sympy.Rational(1, 2)) / (sympy.sqrt(sympy.pi) * sympy.gamma(half))

    def total(c: Expr, weighted: bool) -> Expr:
        cosine = c / line.h
        if weighted:
            # E[T; T > s] = Gamma(d/2) / (sqrt(pi) Gamma((d-1)/2)) (1 - s^2)^((d-1)/2) / (d-1)
            value = line.h * ratio * (1 - cosine**2) ** half / (dim - 1)
        else:
            value = sympy.betainc_regularized(half, half, 0, (1 - cosine) / 2)
        return line.mean(sympy.Piecewise((value, line.h > c), (S.Zero, True)))

    return LawExpressions(total, S.Zero)
