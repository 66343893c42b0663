"""The names that text may use, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable

import sympy

from smoothing.expressions import DIM, t

__all__ = [
    "ALIASES",
    "COMPARISONS",
    "CONNECTIVES",
    "CONSTANTS",
    "EXTREMES",
    "FORMS",
    "FUNCTIONS",
    "LEGAL_NAMES",
]

#: Functions of one argument, by the name they have in text.
FUNCTIONS: dict[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "abs": sympy.Abs,
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "cosh": sympy.cosh,
    "sinh": sympy.sinh,
    "tanh": sympy.tanh,
    "sech": sympy.sech,
    "atan": sympy.atan,
    "asinh": sympy.asinh,
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "sign": sympy.sign,
    "sin": sympy.sin,
    "cos": sympy.cos,
}
ALIASES = {"Abs": "abs", "Max": "max", "Min": "min", "Piecewise": "piecewise"}
CONSTANTS = {"oo": sympy.oo, "pi": sympy.pi, "dim": DIM, "t": t}
EXTREMES = {"max": sympy.Max, "min": sympy.Min}
FORMS = ("norm", "coordinate_sum", "piecewise", "gauge")
COMPARISONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}
CONNECTIVES = {"And": sympy.And, "Or": sympy.Or}

LEGAL_NAMES = ", ".join(["x", *CONSTANTS, *FUNCTIONS, *EXTREMES, *FORMS])
