"""The beta law as SymPy functions: density, distribution function and its inverse."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Rational, S

from numerics import regularized
from numerics.special_base import SpecialFunction

__all__ = ["BetaDensity", "BetaLower", "BetaLowerInverse"]

_HALF = Rational(1, 2)


class BetaDensity(SpecialFunction):
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


class BetaLower(SpecialFunction):
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
            return sympy.acos(1 - 2 * x) / sympy.pi
        return None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to x."""
        if argindex != 3:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return BetaDensity(*self.args)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, b, x = (printer._print(arg) for arg in self.args)
        body = rf"I_{{{x}}}\left({a}, {b}\right)"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


class BetaLowerInverse(SpecialFunction):
    """The x with I_x(a, b) = y.

    Examples
    --------
    >>> BetaLowerInverse(sympy.Rational(1, 2), sympy.Rational(1, 2), sympy.Symbol("y"))
    1/2 - cos(pi*y)/2
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
        return (1 - sympy.cos(sympy.pi * y)) / 2 if a == b == _HALF else None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative with respect to y."""
        if argindex != 3:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return 1 / BetaDensity(self.args[0], self.args[1], self)
