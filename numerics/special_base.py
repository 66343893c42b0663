"""The base of SymPy functions whose values come from `numerics.regularized`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import sympy
from mpmath import mpf
from sympy import Function

__all__ = ["SpecialFunction"]

#: Bits by which arguments are evaluated beyond the precision asked of a value.
_GUARD = 24


class SpecialFunction(Function):
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
            result = _cached(self.func, values, work)
        return sympy.Expr._from_mpmath(result, prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        arguments = ", ".join(printer._print(arg) for arg in self.args)
        body = rf"{self._latex_name}\left({arguments}\right)"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"

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
def _cached(function: Any, values: tuple[mpf, ...], bits: int) -> mpf:
    # SymPy evaluates the same call again and again to find the sign of a sum around it.
    return function._evaluate(*values, bits=bits)
