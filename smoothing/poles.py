"""Where a density may have a pole: ends of its support, 0, and zeros of arguments of logarithms.

Zeros of polynomials up to degree 2 are exact; other zeros are found where an argument changes sign
on a grid, and bisected to a hundred digits. A zero that the grid misses (two zeros close together,
or a touching one) is not examined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import flint
import numpy as np
import sympy
from flint import arb

from numerics.ball import BallFunction
from smoothing.canonical import is_small
from smoothing.exponents import at_point, at_zero

__all__ = ["Place", "pole_candidates"]

MAX_ROOT_DEGREE = 2
#: Other zeros are bisected to this many bits, and neighbours at distance 10^-60 = 2^-200 looked at.
ROOT_BITS = 400
ROOT_DIGITS = 60
EXACT_DIGITS = 1600
#: Grid for sign changes: generic points, dense near 0, out to 10^4.
GRID = np.sinh(np.linspace(-9.9, 9.87, 301))
#: Zeros examined per argument; log|sin t| has infinitely many, all alike.
MAX_ZEROS = 8


@dataclass(frozen=True)
class Place:
    """One side (+1 or -1) of a point; `is_exact` is False for a zero known to 400 bits."""

    symbol: sympy.Symbol
    point: sympy.Expr
    side: int
    is_exact: bool = True

    def exponent(self, potential: sympy.Expr) -> float:
        """The j of exp(-potential) ~ |symbol - point|^-j."""
        if self.point == 0:
            return at_zero(potential, self.symbol, self.side)
        digits = EXACT_DIGITS if self.is_exact else ROOT_DIGITS
        return at_point(potential, self.symbol, self.point, self.side, digits=digits)

    def names(self) -> tuple[str, str]:
        """How messages call the place, and the distance from it."""
        shown = str(self.point) if self.is_exact else f"{float(self.point):.6g}"
        distance = f"|{self.symbol} - {shown}|"
        if self.point == 0:
            distance = str(self.symbol)
        elif shown.startswith("-"):
            distance = f"|{self.symbol} + {shown[1:]}|"
        return f"at {self.symbol} = {shown}", distance


def pole_candidates(
    potential: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> Iterator[Place]:
    """Yield the places where exp(-potential) may have a pole.

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> places = pole_candidates(sympy.log(t**2 - 4), t, sympy.Integer(1), sympy.oo)
    >>> [(place.point, place.side) for place in places]
    [(1, 1), (2, 1), (2, -1)]
    """
    exact: set[sympy.Expr] = {lower, upper, sympy.S.Zero}
    approximate: set[sympy.Expr] = set()
    for factor in _factors(potential, symbol):
        roots = _exact_roots(factor, symbol)
        if roots is None:
            approximate |= set(_sign_changes(factor, symbol))
        else:
            exact |= roots
    known = [float(c) for c in exact if c.is_finite]
    approximate = {c for c in approximate if not np.isclose(known, float(c), rtol=1e-12).any()}
    for point in sorted((c for c in exact | approximate if c.is_finite), key=float):
        if lower <= point < upper:
            yield Place(symbol, point, 1, point in exact)
        if lower < point <= upper:
            yield Place(symbol, point, -1, point in exact)


def _factors(potential: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr]:
    """Factors of arguments of logarithms and of denominators; moduli do not move zeros."""
    arguments = {e.args[0] for e in potential.atoms(sympy.log)}
    arguments |= {e.base for e in potential.atoms(sympy.Pow) if e.exp.is_negative}
    found: set[sympy.Expr] = set()
    for argument in arguments:
        bare = argument.replace(sympy.Abs, lambda inside: inside)
        bare = sympy.together(bare) if is_small(bare) else bare
        for factor in sympy.Mul.make_args(bare):
            base = factor.as_base_exp()[0]
            if base.has(symbol):
                found.add(base)
    return found


def _exact_roots(factor: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr] | None:
    if not factor.is_polynomial(symbol):
        return None
    polynomial = sympy.Poly(factor, symbol)
    if polynomial.degree() > MAX_ROOT_DEGREE:
        return None
    return {root for root in sympy.roots(polynomial) if root.is_real}


def _sign_changes(factor: sympy.Expr, symbol: sympy.Symbol) -> Iterator[sympy.Rational]:
    """Zeros that a grid shows, each as a fraction."""
    function = BallFunction(factor, symbol)
    signs = [_sign(function.ball(arb(float(point)))) for point in GRID]
    crossed = [i for i in range(len(GRID) - 1) if signs[i] * signs[i + 1] < 0]
    for i in sorted(crossed, key=lambda i: abs(GRID[i]))[:MAX_ZEROS]:
        yield _bisect(function, float(GRID[i]), float(GRID[i + 1]), signs[i])


def _sign(value: arb) -> int:
    return 1 if value > 0 else -1 if value < 0 else 0


def _bisect(function: BallFunction, left: float, right: float, sign: int) -> sympy.Rational:
    low, high = sympy.Rational(left), sympy.Rational(right)
    with flint.ctx.workprec(2 * ROOT_BITS):
        for _ in range(ROOT_BITS):
            middle = (low + high) / 2
            value = function.ball(arb(int(middle.p)) / int(middle.q), bits=2 * ROOT_BITS)
            if _sign(value) == 0:
                return middle
            low, high = (middle, high) if _sign(value) == sign else (low, middle)
    return low
