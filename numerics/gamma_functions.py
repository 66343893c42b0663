"""The gamma law as SymPy functions: density, distribution function, tail and their inverses."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Rational, S

from numerics import regularized
from numerics.special_base import SpecialFunction

__all__ = [
    "GammaDensity",
    "GammaLower",
    "GammaLowerInverse",
    "GammaUpper",
    "GammaUpperInverse",
]

_HALF = Rational(1, 2)


class GammaDensity(SpecialFunction):
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


class GammaLower(SpecialFunction):
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


class GammaUpper(SpecialFunction):
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


class GammaLowerInverse(SpecialFunction):
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


class GammaUpperInverse(SpecialFunction):
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
