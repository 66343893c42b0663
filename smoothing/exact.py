"""Numbers and expressions with exact coefficients: what goes into psi is rational, not float64."""

from __future__ import annotations

import math
import numbers
from fractions import Fraction

import numpy as np
import sympy

from numerics.errors import invalid

__all__ = ["as_boolean", "as_expression", "exact"]


def exact(value: object, *, name: str = "value") -> sympy.Expr:
    """Return a number as an exact SymPy number; a float means the shortest decimal it prints as.

    Parameters
    ----------
    value : int, float, Fraction or SymPy number
        The number.
    name : str
        The parameter to name in an error.

    Raises
    ------
    InvalidInputError
        The value is not a real number, or is NaN.

    Examples
    --------
    >>> exact(0.1), exact(float("inf"))
    (1/10, oo)
    """
    plain = not isinstance(value, bool | np.bool_)
    if isinstance(value, sympy.Basic):
        number = _without_floats(value)
        if isinstance(number, sympy.Expr) and number.is_extended_real and number.is_number:
            return number
    elif isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    elif isinstance(value, numbers.Integral) and plain:
        return sympy.Integer(int(value))
    elif isinstance(value, numbers.Real) and plain:
        return _from_float(float(value), name)
    raise invalid(
        name, "a real number", value, "pass an int, a float, a Fraction or a SymPy number"
    )


def _from_float(value: float, name: str) -> sympy.Expr:
    if math.isnan(value):
        raise invalid(name, "a real number", value, "NaN is not a number")
    if math.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    return sympy.Rational(repr(value))


def _without_floats(tree: sympy.Basic) -> sympy.Basic:
    floats = {f: _from_float(float(f), "a number in psi") for f in tree.atoms(sympy.Float)}
    return tree.xreplace(floats) if floats else tree


def _rebuilt(tree: sympy.Basic) -> sympy.Basic:
    """Evaluate every node again, so that a tree does not depend on how it was built."""
    return tree.func(*map(_rebuilt, tree.args)) if tree.args else tree


def as_expression(value: object, *, name: str = "psi") -> sympy.Expr:
    """Return a SymPy expression with exact numbers; text is refused (see `parse_expression`)."""
    if isinstance(value, sympy.Expr):
        tree = _rebuilt(_without_floats(value))
        if isinstance(tree, sympy.Expr):
            return tree
    elif isinstance(value, numbers.Real | Fraction):
        return exact(value, name=name)
    raise invalid(
        name,
        "a SymPy expression",
        value,
        "write it with radii.x, radii.t, norm and coordinate_sum; "
        "text goes through SmoothingDistribution.parse",
    )


def as_boolean(value: object) -> sympy.Basic:
    """Return a support condition with exact numbers, a relation or an And of relations."""
    if value is True or value is False:
        return sympy.true if value else sympy.false
    if isinstance(value, sympy.logic.boolalg.Boolean):
        return _rebuilt(_without_floats(value))
    raise invalid(
        "support",
        "a comparison, or And of comparisons",
        value,
        "write for example norm(x, oo) <= 1, or pass support=None for all of R^dim",
    )
