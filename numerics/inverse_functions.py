"""SymPy functions that SymPy lacks: regularised incomplete gamma and beta, and their inverses.

SymPy expands `uppergamma(3072, x)` into a polynomial of degree 3071 and has no inverse at all. The
classes here stay symbolic, differentiate (`fdiff`), evaluate at any precision, print as LaTeX and
as scipy calls; the few values that are elementary are returned as such.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf
from scipy import special
from sympy import Function, Rational, S

from numerics import regularized

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

_HALF = Rational(1, 2)
#: Bits by which arguments are evaluated beyond the precision asked of a value.
_GUARD = 24


class _Special(Function):
    """A real function evaluated by `numerics.regularized` and printed under its usual letter."""

    _evaluate: Callable[..., mpf]
    _latex_name: str = ""
    _scipy_name: str = ""

    def _eval_evalf(self, prec: int) -> sympy.Expr | None:
        work = prec + _GUARD
        numbers = [arg._eval_evalf(work) if not arg.is_Number else arg for arg in self.args]
        if not all(n is not None and n.is_real for n in numbers):
            return None
        with mpmath.workprec(work):
            values = tuple(mpf(n._to_mpmath(work)) for n in numbers)
            result = _cached(type(self), values, work)
        return sympy.Expr._from_mpmath(result, prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        head = self._latex_name if exp is None else rf"\left({self._latex_name}\right)^{{{exp}}}"
        return rf"{head}\left({', '.join(printer._print(arg) for arg in self.args)}\right)"

    def _numpycode(self, printer: Any) -> str:
        arguments = ", ".join(printer._print(arg) for arg in self.args)
        return f"{printer._module_format('scipy.special.' + self._scipy_name)}({arguments})"

    _scipycode = _numpycode

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(arg.is_extended_real for arg in self.args) else None

    def _eval_is_extended_nonnegative(self) -> bool | None:
        # All values are densities, probabilities, points of the half line, or Li_s on (0, 1).
        return self._eval_is_extended_real()


@functools.lru_cache(maxsize=4096)
def _cached(function: type[_Special], values: tuple[mpf, ...], bits: int) -> mpf:
    # SymPy evaluates the same call again and again to find the sign of a sum around it.
    return function._evaluate(*values, bits=bits)


class GammaDensity(_Special):
    """x^(a-1) e^(-x) / Gamma(a), the derivative of `GammaLower` (DLMF 8.8.13).

    Examples
    --------
    >>> GammaDensity(1, sympy.Symbol("x", positive=True))
    exp(-x)
    """

    _evaluate = staticmethod(regularized.gamma_density)
    _latex_name = r"p_\Gamma"

    @classmethod
    def eval(cls, a: sympy.Expr, x: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary value for shape 1."""
        return sympy.exp(-x) if a == 1 else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x."""
        a, x = self.args
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return self * ((a - 1) / x - 1)

    def _numpycode(self, printer: Any) -> str:
        a, x = (printer._print(arg) for arg in self.args)
        exp, log = (printer._module_format(f"numpy.{name}") for name in ("exp", "log"))
        lgamma = printer._module_format("scipy.special.gammaln")
        return f"{exp}(({a} - 1)*{log}({x}) - ({x}) - {lgamma}({a}))"

    _scipycode = _numpycode


class GammaLower(_Special):
    """P(a, x), the distribution function of the gamma law (DLMF 8.2.4).

    Examples
    --------
    >>> GammaLower(3, 2.0).evalf(20)
    0.32332358381693654053
    """

    _evaluate = staticmethod(regularized.gamma_lower)
    _latex_name = "P"
    _scipy_name = "gammainc"

    @classmethod
    def eval(cls, a: sympy.Expr, x: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values, DLMF 8.4.1 and a = 1."""
        if x.is_zero or x is S.Infinity:
            return S.Zero if x.is_zero else S.One
        if a == 1:
            return 1 - sympy.exp(-x)
        return sympy.erf(sympy.sqrt(x)) if a == _HALF else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x (DLMF 8.8.13)."""
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return GammaDensity(*self.args)


class GammaUpper(_Special):
    """Q(a, x) = 1 - P(a, x), the upper tail of the gamma law (DLMF 8.2.4)."""

    _evaluate = staticmethod(regularized.gamma_upper)
    _latex_name = "Q"
    _scipy_name = "gammaincc"

    @classmethod
    def eval(cls, a: sympy.Expr, x: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values, DLMF 8.4.1 and a = 1."""
        if x.is_zero or x is S.Infinity:
            return S.One if x.is_zero else S.Zero
        if a == 1:
            return sympy.exp(-x)
        return sympy.erfc(sympy.sqrt(x)) if a == _HALF else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x (DLMF 8.8.14)."""
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return -GammaDensity(*self.args)


class GammaLowerInverse(_Special):
    """The x with P(a, x) = y.

    Examples
    --------
    >>> GammaLowerInverse(1, sympy.Symbol("y"))
    -log(1 - y)
    >>> GammaLowerInverse(3, sympy.Rational(1, 2)).evalf(20)
    2.6740603137235603179
    """

    _evaluate = staticmethod(regularized.gamma_lower_inverse)
    _latex_name = "P^{-1}"
    _scipy_name = "gammaincinv"

    @classmethod
    def eval(cls, a: sympy.Expr, y: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values."""
        if y.is_zero or y == 1:
            return S.Zero if y.is_zero else S.Infinity
        if a == 1:
            return -sympy.log(1 - y)
        return sympy.erfinv(y) ** 2 if a == _HALF else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to y."""
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return 1 / GammaDensity(self.args[0], self)


class GammaUpperInverse(_Special):
    """The x with Q(a, x) = y.

    Examples
    --------
    >>> GammaUpperInverse(1, sympy.Symbol("y"))
    -log(y)
    """

    _evaluate = staticmethod(regularized.gamma_upper_inverse)
    _latex_name = "Q^{-1}"
    _scipy_name = "gammainccinv"

    @classmethod
    def eval(cls, a: sympy.Expr, y: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values."""
        if y.is_zero or y == 1:
            return S.Infinity if y.is_zero else S.Zero
        if a == 1:
            return -sympy.log(y)
        return sympy.erfinv(1 - y) ** 2 if a == _HALF else None  # SymPy has no values of erfcinv

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to y."""
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return -1 / GammaDensity(self.args[0], self)


class BetaDensity(_Special):
    """x^(a-1) (1-x)^(b-1) / B(a, b), the derivative of `BetaLower` (DLMF 8.17.2)."""

    _evaluate = staticmethod(regularized.beta_density)
    _latex_name = r"p_B"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x."""
        a, b, x = self.args
        if argindex != 3:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return self * ((a - 1) / x - (b - 1) / (1 - x))

    def _numpycode(self, printer: Any) -> str:
        a, b, x = (printer._print(arg) for arg in self.args)
        exp, log, log1p = (
            printer._module_format(f"numpy.{name}") for name in ("exp", "log", "log1p")
        )
        betaln = printer._module_format("scipy.special.betaln")
        return f"{exp}(({a} - 1)*{log}({x}) + ({b} - 1)*{log1p}(-({x})) - {betaln}({a}, {b}))"

    _scipycode = _numpycode


class BetaLower(_Special):
    """I_x(a, b), the distribution function of the beta law (DLMF 8.17.2).

    Examples
    --------
    >>> BetaLower(1, 3, sympy.Symbol("x"))
    1 - (1 - x)**3
    """

    _evaluate = staticmethod(regularized.beta_lower)
    _latex_name = "I"
    _scipy_name = "betainc"

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr, x: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values, DLMF 8.17.7 and a = b = 1/2."""
        if x.is_zero or x == 1:
            return S.Zero if x.is_zero else S.One
        if b == 1:
            return x**a
        if a == 1:
            return 1 - (1 - x) ** b
        if a == b == _HALF:
            return 2 * sympy.asin(sympy.sqrt(x)) / sympy.pi
        return None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x."""
        if argindex != 3:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return BetaDensity(*self.args)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, b, x = (printer._print(arg) for arg in self.args)
        body = rf"I_{{{x}}}\left({a}, {b}\right)"
        return body if exp is None else rf"{{{body}}}^{{{exp}}}"


class BetaLowerInverse(_Special):
    """The x with I_x(a, b) = y.

    Examples
    --------
    >>> BetaLowerInverse(sympy.Rational(1, 2), sympy.Rational(1, 2), sympy.Symbol("y"))
    sin(pi*y/2)**2
    """

    _evaluate = staticmethod(regularized.beta_lower_inverse)
    _latex_name = "I^{-1}"
    _scipy_name = "betaincinv"

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr, y: sympy.Expr) -> sympy.Expr | None:
        """Return the elementary values."""
        if y.is_zero or y == 1:
            return S.Zero if y.is_zero else S.One
        if a == b and y == _HALF:
            return _HALF
        if b == 1:
            return y ** (1 / a)
        if a == 1:
            return 1 - (1 - y) ** (1 / b)
        return sympy.sin(sympy.pi * y / 2) ** 2 if a == b == _HALF else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to y."""
        if argindex != 3:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return 1 / BetaDensity(self.args[0], self.args[1], self)


class PolyLogarithm(_Special):
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

    def _eval_evalf(self, prec: int) -> sympy.Expr | None:
        function, target, lower, upper = self.args
        work = prec + _GUARD
        target = target.evalf(int(work * 0.302) + 2)
        if not target.is_Number:
            return None
        digits = int(work * 0.302) + 2

        def gap(u: mpf) -> mpf:
            point = sympy.Expr._from_mpmath(mpmath.exp(u), work)
            return mpf((function(point) - target).evalf(digits)._to_mpmath(work))

        with mpmath.workprec(work):
            bounds = [mpf(side.evalf(digits)._to_mpmath(work)) for side in (lower, upper)]
            root = _solve_on_log_scale(gap, *bounds)
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
        return body if exp is None else rf"{{{body}}}^{{{exp}}}"


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
    for _ in range(64):
        for end in (max(start - side, floor), min(start + side, ceiling)):
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


def _at_working_precision(function: type[_Special]) -> Callable[..., mpf]:
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
