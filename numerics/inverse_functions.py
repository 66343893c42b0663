"""SymPy functions that SymPy lacks: regularised incomplete gamma and beta, and their inverses.

SymPy expands `uppergamma(3072, x)` into a polynomial of degree 3071 and has no inverse at all. The
classes here stay symbolic, differentiate (`fdiff`), evaluate at any precision, print as LaTeX and
as scipy calls; the few values that are elementary are returned as such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf
from sympy import Function, S

from numerics import special
from numerics.beta_functions import BetaDensity, BetaLower, BetaLowerInverse
from numerics.gamma_functions import (
    GammaDensity,
    GammaLower,
    GammaLowerInverse,
    GammaUpper,
    GammaUpperInverse,
)
from numerics.special_base import SpecialFunction

__all__ = [
    "MPMATH_FUNCTIONS",
    "SCIPY_FUNCTIONS",
    "BetaDensity",
    "BetaLower",
    "BetaLowerInverse",
    "GammaDensity",
    "GammaLower",
    "GammaLowerInverse",
    "GammaUpper",
    "GammaUpperInverse",
    "MonotoneInverse",
    "PolyLogarithm",
]

#: Bits by which arguments are evaluated beyond the precision asked of a value.
_GUARD = 24


class PolyLogarithm(SpecialFunction):
    """Li_s(z) for 0 <= z < 1 (DLMF 25.12.10); `sympy.polylog` simplifies for seconds at every use.

    Examples
    --------
    >>> PolyLogarithm(2, sympy.Rational(1, 2)).evalf(20)
    0.58224052646501250590
    """

    _evaluate = staticmethod(lambda s, z, bits: mpmath.polylog(s, z).real)
    _scipy_name = "polylog"

    @classmethod
    def eval(cls, s: sympy.Expr, z: sympy.Expr) -> sympy.Expr | None:
        """Return Li_s(0) = 0 and Li_1(z) = -log(1 - z), DLMF 25.12.2."""
        if z.is_zero:
            return S.Zero
        return -sympy.log(1 - z) if s == 1 else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to z, Li_(s-1)(z)/z."""
        s, z = self.args
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return PolyLogarithm(s - 1, z) / z

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        s, z = (printer._print(arg) for arg in self.args)
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\operatorname{{Li}}_{{{s}}}{power}\left({z}\right)"

    def _eval_rewrite_as_polylog(self, s: sympy.Expr, z: sympy.Expr, **hints: Any) -> sympy.Expr:
        return sympy.polylog(s, z)


class MonotoneInverse(Function):
    """The x in (lower, upper) with f(x) = y, for a monotone f given as a `sympy.Lambda`.

    It names a number that no elementary or special function expresses; an expression that
    contains it is not a closed form.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> MonotoneInverse(sympy.Lambda(x, x + x**3), 2, 0, 3).evalf(15)
    1.00000000000000
    """

    is_commutative = True
    is_extended_real = True

    def _eval_evalf(self, prec: int) -> sympy.Expr | None:
        function, target, lower, upper = self.args
        if self.free_symbols:
            return None
        work = prec + _GUARD
        digits = int(work * 0.302) + 2
        (x,) = function.variables
        # lambdify sees a tree of SymPy objects, never text.
        call = sympy.lambdify(x, function.expr, modules=[MPMATH_FUNCTIONS, "mpmath"])
        with mpmath.workprec(work):
            value, *bounds = (
                mpf(side.evalf(digits)._to_mpmath(work)) for side in (target, lower, upper)
            )
            root = _solve_on_log_scale(lambda u: call(mpmath.exp(u)) - value, *bounds)
        return sympy.Expr._from_mpmath(root, prec)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to y."""
        function = self.args[0]
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        (x,) = function.variables
        return 1 / function.expr.diff(x).subs(x, self)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        function, target, *_ = self.args
        (x,) = function.variables
        body = (
            rf"\left({printer._print(x)} \mapsto {printer._print(function.expr)}\right)^{{-1}}"
            rf"\left({printer._print(target)}\right)"
        )
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def _solve_on_log_scale(gap: Callable[[mpf], mpf], lower: mpf, upper: mpf) -> mpf:
    """Bracket the sign change of gap(log x) on (lower, upper) in [0, inf], then solve for x."""
    start = mpf(0)
    if lower > 0 and upper < mpf("inf"):
        start = mpmath.log(lower * upper) / 2
    elif upper < mpf("inf") and upper > 0:
        start = mpmath.log(upper) - 1
    elif lower > 0:
        start = mpmath.log(lower) + 1
    floor = mpmath.log(lower) if lower > 0 else mpf("-inf")
    ceiling = mpmath.log(upper) if upper < mpf("inf") else mpf("inf")
    here, side = gap(start), mpf(1)
    if here == 0:
        return mpmath.exp(start)
    for halvings in range(64):
        # The ends themselves may be singular points of f: approach them, never touch them.
        share = 1 - mpf(2) ** (-halvings - 1)
        ends = (
            max(start - side, start - (start - floor) * share),
            min(start + side, start + (ceiling - start) * share),
        )
        for end in ends:
            if gap(end) * here <= 0:
                return mpmath.exp(_bracketed_root(gap, start, end))
        side *= 2
    raise ValueError("MonotoneInverse: the value is not attained between the given ends")


def _bracketed_root(gap: Callable[[mpf], mpf], a: mpf, b: mpf) -> mpf:
    """Root between a and b of opposite signs: regula falsi with the Illinois step, bisection."""
    value_a, value_b = gap(a), gap(b)
    for step in range(4 * mpmath.mp.prec):
        width = abs(b - a)
        if value_b == 0 or width < mpmath.eps * 16 * max(1, abs(b)):
            return b
        c = (a + b) / 2 if step % 4 == 3 else b - value_b * (b - a) / (value_b - value_a)
        value_c = gap(c)
        if value_c * value_b < 0:
            a, value_a = b, value_b
        else:
            value_a /= 2
        b, value_b = c, value_c
    return b


def _at_working_precision(function: type[SpecialFunction]) -> Callable[..., mpf]:
    def evaluate(*values: Any) -> mpf:
        return function._evaluate(*map(mpmath.mpf, values), bits=mpmath.mp.prec)

    return evaluate


#: Names for `sympy.lambdify(..., modules=[MPMATH_FUNCTIONS, "mpmath"])`.
MPMATH_FUNCTIONS: dict[str, Callable[..., mpf]] = {
    function.__name__: _at_working_precision(function)
    for function in (
        GammaDensity,
        GammaLower,
        GammaUpper,
        GammaLowerInverse,
        GammaUpperInverse,
        BetaDensity,
        BetaLower,
        BetaLowerInverse,
        PolyLogarithm,
    )
}

#: Names for `sympy.lambdify(..., modules=[SCIPY_FUNCTIONS, "scipy", "numpy"])`.
SCIPY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "GammaDensity": lambda a, x: np.exp((a - 1) * np.log(x) - x - special.gammaln(a)),
    "GammaLower": special.gammainc,
    "GammaUpper": special.gammaincc,
    "GammaLowerInverse": special.gammaincinv,
    "GammaUpperInverse": special.gammainccinv,
    "BetaDensity": lambda a, b, x: np.exp(
        (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - special.betaln(a, b)
    ),
    "BetaLower": special.betainc,
    "BetaLowerInverse": special.betaincinv,
}
