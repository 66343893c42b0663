"""Print expressions as text that the grammar of densities reads back.

``parse_expression(expression_text(psi)) == psi`` for every psi in the grammar, so that a log that
names its noise can be read by another process.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from smoothing.expressions import coordinate_sum

__all__ = ["expression_text"]


class _GrammarPrinter(StrPrinter):
    """SymPy's text printer with the spelling of the grammar."""

    def _print_Abs(self, expr: sympy.Abs) -> str:
        return f"abs({self._print(expr.args[0])})"

    def _print_Exp1(self, expr: sympy.Expr) -> str:
        return "exp(1)"

    def _print_ExpBase(self, expr: sympy.exp) -> str:
        return f"exp({self._print(expr.args[0])})"

    def _print_coordinate_sum(self, expr: coordinate_sum) -> str:
        phi = self._print(expr.phi)
        if expr.weights is None:
            return f"coordinate_sum({phi})"
        weights = ", ".join(map(self._print, expr.weights))
        return f"coordinate_sum({phi}, weights=({weights}))"

    def _print_Piecewise(self, expr: sympy.Piecewise) -> str:
        pieces = [
            f"({self._print(value)}, {self._print(condition)})" for value, condition in expr.args
        ]
        return f"piecewise({', '.join(pieces)})"

    def _print_Max(self, expr: sympy.Max) -> str:
        return f"max({self._listed(expr)})"

    def _print_Min(self, expr: sympy.Min) -> str:
        return f"min({self._listed(expr)})"

    def _print_And(self, expr: sympy.And) -> str:
        return f"And({self._listed(expr)})"

    def _print_Or(self, expr: sympy.Or) -> str:
        return f"Or({self._listed(expr)})"

    def _listed(self, expr: sympy.Basic) -> str:
        return ", ".join(sorted(map(self._print, expr.args)))


def expression_text(tree: sympy.Basic) -> str:
    """Return psi or a support in the grammar of `smoothing.grammar`.

    Examples
    --------
    >>> from sympy import Abs, exp
    >>> from smoothing.expressions import t
    >>> expression_text(coordinate_sum(Abs(t) / 2 + exp(-(t**2))))
    'coordinate_sum(abs(t)/2 + exp(-t**2))'
    """
    text: Any = _GrammarPrinter().doprint(tree)
    return str(text)
