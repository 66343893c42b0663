r"""Symbols in which a smoothing density exp(-psi) is written.

``x`` is the noise vector, ``x[i]`` one of its coordinates, ``t`` the scalar coordinate inside
`coordinate_sum`, ``dim`` the dimension; `norm` and `coordinate_sum` are SymPy functions that stay
symbolic, so that the structure of psi can be read off by algebra.
"""

from __future__ import annotations

import numbers
from typing import Any

import sympy

from numerics.errors import InvalidInputError, invalid
from smoothing.exact import as_boolean, as_expression, exact
from smoothing.structure import COORDINATE

__all__ = [
    "DIM",
    "Coordinate",
    "Vector",
    "as_boolean",
    "as_expression",
    "coordinate_sum",
    "dim",
    "exact",
    "norm",
    "t",
    "x",
]


class Coordinate(sympy.Symbol):
    """The real coordinate ``x[index]`` of the noise vector."""

    __slots__ = ()

    @property
    def index(self) -> int:
        """Position of the coordinate, counted from 0."""
        return int(self.name[2:-1])

    def _latex(self, printer: Any) -> str:
        return f"x_{{{self.index}}}"


class Vector(sympy.Symbol):
    """The noise vector x; ``x[i]`` is coordinate i.

    On its own it may appear only in `norm` and, in a support, in comparisons that are meant for
    every coordinate (``x >= 0``).
    """

    __slots__ = ()

    def __getitem__(self, index: object) -> Coordinate:
        whole = isinstance(index, numbers.Integral) and not isinstance(index, bool)
        if not whole or int(str(index)) < 0:
            raise invalid(
                "x[index]", "an index >= 0", index, "count coordinates from 0, as in x[0]"
            )
        return Coordinate(f"x[{index}]", real=True)

    def __iter__(self) -> Any:
        raise TypeError("x has no length before dim is known; index it, as in x[0]")

    def _latex(self, printer: Any) -> str:
        return "x"


x = Vector("x", real=True)
t = COORDINATE
DIM: sympy.Symbol = sympy.Symbol("dim", positive=True, integer=True)
dim = DIM


class norm(sympy.Function):
    r"""The l_p norm of the noise vector, (sum |x_i|^p)^(1/p), p > 0 or oo.

    Examples
    --------
    >>> norm(x, 2)**2 / 2
    norm(x, 2)**2/2
    >>> norm(-3 * x, 1)
    3*norm(x, 1)
    """

    nargs = (2,)
    is_real = True
    is_nonnegative = True
    is_finite = True

    def __new__(cls, vector: Any, order: Any, **options: Any) -> sympy.Expr:
        # SymPy would evaluate a string as code
        if isinstance(vector, str) or isinstance(order, str):
            raise invalid("norm(x, p)", "made of x and a number", (vector, order), "use radii.x")
        return super().__new__(cls, vector, order, **options)

    @classmethod
    def eval(cls, vector: sympy.Expr, order: sympy.Expr) -> sympy.Expr | None:
        given, order = order, exact(order, name="the order p of norm(x, p)")
        if not order.is_extended_positive:
            raise invalid("the order p of norm(x, p)", "a number > 0 or oo", order, "use p > 0")
        if vector.is_zero:
            return sympy.S.Zero
        factor, rest = vector.as_coeff_Mul()
        if not isinstance(rest, Vector):
            raise invalid("the first argument of norm", "x, or a multiple of it", vector, "use x")
        if factor == 1 and given == order and not given.is_Float:
            return None
        return abs(factor) * cls(rest, order)

    @property
    def order(self) -> sympy.Expr:
        """The p of the l_p norm."""
        return exact(self.args[1])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\left\|x\right\|_{{{printer._print(self.args[1])}}}"
        return text if exp is None else f"{text}^{{{exp}}}"


class coordinate_sum(sympy.Function):
    r"""The sum over coordinates of phi, sum_i w_i phi(x_i), with phi written in ``t``.

    Parameters
    ----------
    phi : expression in t
        The summand.
    weights : sequence of numbers, optional
        One weight per coordinate; all 1 when absent.

    Examples
    --------
    >>> coordinate_sum(abs(t))
    coordinate_sum(Abs(t))
    >>> coordinate_sum(t**2, weights=(1, 2)).weights
    (1, 2)
    """

    #: not even coordinate_sum(5), which is 5 * dim
    is_number = False

    def __new__(cls, phi: Any, weights: Any = None, **options: Any) -> sympy.Expr:
        phi = as_expression(phi, name="phi")
        foreign = phi.free_symbols - {t, DIM}
        if foreign or phi.atoms(norm, coordinate_sum):
            names = ", ".join(sorted(map(str, foreign))) or "a norm or another coordinate_sum"
            raise InvalidInputError(
                f"coordinate_sum(phi) needs phi in t alone, got {names} in {phi}; "
                "write the summand with radii.t"
            )
        if weights is None:
            return super().__new__(cls, phi, evaluate=False)
        listed = sympy.Tuple(*(exact(w, name="weights") for w in weights))
        if not all(w.is_finite for w in listed):
            raise invalid("weights", "finite numbers", weights, "pass one number per coordinate")
        return super().__new__(cls, phi, listed, evaluate=False)

    @property
    def phi(self) -> sympy.Expr:
        """The summand, an expression in t."""
        phi: sympy.Expr = self.args[0]
        return phi

    @property
    def weights(self) -> sympy.Tuple | None:
        """One weight per coordinate, or None when all are 1."""
        return self.args[1] if len(self.args) > 1 else None

    @property
    def free_symbols(self) -> set[sympy.Basic]:
        """Symbols of phi other than t, which is bound."""
        return set(self.phi.free_symbols) - {t}

    def _eval_is_extended_real(self) -> bool | None:
        real: bool | None = self.phi.is_extended_real
        return real

    def _eval_subs(self, old: sympy.Basic, new: sympy.Basic) -> sympy.Basic | None:
        return self if old == t else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        weight = "" if self.weights is None else "w_i "
        inner = printer._print(self.phi.xreplace({t: sympy.Symbol("x_{i}", real=True)}))
        text = rf"\sum_{{i}} {weight}\left({inner}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"
