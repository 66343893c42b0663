"""Bounds on the constants a text may ask for, checked before SymPy computes them.

SymPy evaluates powers and functions of numbers at once, so ``9**9**9**9`` must be refused before
it is built. The bounds are far beyond any density: arguments of functions up to 1000 (exp(1000) is
no float64), exact numbers up to 8192 bits.
"""

from __future__ import annotations

import sympy

__all__ = ["checked_constant", "checked_power"]

MAX_ARGUMENT = 1000
MAX_BITS = 8192


def checked_power(base: sympy.Expr, exponent: sympy.Expr) -> str:
    """Say what is wrong with base**exponent; empty when it may be computed."""
    if not exponent.is_number:
        return ""
    if not exponent.is_extended_real or not exponent.is_finite:
        return "exponent is not a finite real number"
    if _size(exponent) > MAX_ARGUMENT:
        return f"exponent beyond {MAX_ARGUMENT}"
    if base.is_zero and exponent.is_negative:
        return "division by zero"
    if base.is_Rational and exponent.is_Rational and _bits(base) * _size(exponent) > MAX_BITS:
        return "power with too many digits"
    return ""


def checked_constant(tree: sympy.Expr, *, limit: bool = False) -> str:
    """Say what is wrong with a subexpression; empty when nothing is.

    With `limit` the expression is about to become the argument of a function.
    """
    if tree.has(sympy.zoo, sympy.nan, sympy.I) or _mixes_infinity(tree):
        return "no finite real value"
    if not tree.is_number or tree is sympy.oo:
        return "function of oo" if limit and tree is sympy.oo else ""
    if tree.is_extended_real is False:
        return "no finite real value"
    if tree.is_Rational and _bits(tree) > MAX_BITS:
        return "number with too many digits"
    if limit and _size(tree) > MAX_ARGUMENT:
        return f"function of a number beyond {MAX_ARGUMENT}"
    return ""


def _mixes_infinity(tree: sympy.Expr) -> bool:
    """Whether oo takes part in arithmetic; it may only be the order of a norm."""
    if tree is sympy.S.NegativeInfinity:
        return True
    arithmetic = isinstance(tree, sympy.Add | sympy.Mul | sympy.Pow)
    return arithmetic and any(a in (sympy.oo, -sympy.oo) for a in tree.args)


def _bits(number: sympy.Rational) -> int:
    return max(int(number.p).bit_length(), int(number.q).bit_length())


def _size(number: sympy.Expr) -> float:
    # The bounds on subexpressions keep this evaluation short.
    value = abs(number.evalf(15))
    return float(value) if value < 2 * MAX_ARGUMENT else float(2 * MAX_ARGUMENT)
