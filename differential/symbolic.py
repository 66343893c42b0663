"""Derive the radius of a density in closed form, from its structure and the adversary's norm.

The derivation runs twice: once with the dimension as a number (the expression) and once as a symbol
(the formula). Nothing is believed before it has been compared with a computation of R that shares
no step with it; see `symbolic_check`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Symbol

from differential.rules import Step, Trace
from differential.symbolic_check import disagreement
from differential.symbolic_parts import TAIL
from differential.symbolic_structures import radius_in_tail
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import Product, Radial, Structure, Uniform

__all__ = [
    "DIMENSION",
    "LAMBDA",
    "RHO",
    "SymbolicRadius",
    "SymbolicRefusal",
    "derive_symbolic",
    "symbolic_radius",
]

#: rho, the lower bound on the probability of the top class; radii hold on [1/2, 1).
RHO: Symbol = Symbol("rho", positive=True)
#: The scale of the density.
LAMBDA: Symbol = Symbol("lambda", positive=True)
#: The dimension.
DIMENSION: Symbol = Symbol("d", positive=True, integer=True)

Numeric = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_REFERENCES = {
    Product: ("Yang et al. 2020, Theorem F.6, Lemma F.7, I.1-I.3",),
    Radial: ("Yang et al. 2020, Theorem F.6, Lemma F.7, I.6-I.18",),
    Uniform: ("Yang et al. 2020, I.8, I.11, I.19", "Blum et al. 2020, B.4"),
}


_SYMPY_FAILURES = (
    ArithmeticError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    sympy.PolynomialError,
)


@dataclass(frozen=True)
class SymbolicRadius:
    """A radius as an expression, with the steps that led to it.

    Attributes
    ----------
    expression : R at scale 1 in `RHO` on [1/2, 1), all numbers put in.
    formula : the same in `RHO`, `LAMBDA` and, where the dimension enters, `DIMENSION`; falls back
        to LAMBDA times the expression when the derivation needs the number.
    is_closed_form : False where an integral or the inverse of a sum is left.
    steps : the derivation, in order.
    fired : names of the rules that were used, see `differential.rules.RULES`.
    references : theorems behind the method.
    """

    expression: Expr
    formula: Expr
    is_closed_form: bool
    steps: tuple[Step, ...]
    fired: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class SymbolicRefusal:
    """Why no expression was found or believed."""

    reason: str


def symbolic_radius(
    structure: Structure, adversary: object, numeric_radius: Numeric | None = None
) -> SymbolicRadius | None:
    """Return the radius as an expression, or None; see `derive_symbolic` for the reason.

    Examples
    --------
    >>> from smoothing.structure import COORDINATE, Marginal
    >>> laplace = Product((Marginal(abs(COORDINATE), (-sympy.oo, sympy.oo), 3072),), 3072)
    >>> symbolic_radius(laplace, 1).expression
    -log(2 - 2*rho)
    """
    result = derive_symbolic(structure, adversary, numeric_radius)
    return result if isinstance(result, SymbolicRadius) else None


def derive_symbolic(
    structure: Structure,
    adversary: object,
    numeric_radius: Numeric | None = None,
    *,
    seconds: float = 0.0,
) -> SymbolicRadius | SymbolicRefusal:
    """Derive the radius of a structure at scale 1 as an expression.

    Parameters
    ----------
    structure : Product, Radial or Uniform
        Other structures are refused.
    adversary : 1, 2 or sympy.oo
        Order of the adversary's norm.
    numeric_radius : callable, optional
        Maps an array of tails 1 - rho to radii. Without it the expression is compared with a
        coarse discretisation of the definition.
    seconds : float, default 0
        Time for SymPy's own integrator where no rule fits; it runs in a process of its own.

    Returns
    -------
    SymbolicRadius or SymbolicRefusal

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, F.6, F.7, I.
    """
    order = sympy.sympify(adversary, strict=True)
    if not isinstance(structure, (Product, Radial, Uniform)):
        return SymbolicRefusal(f"no symbolic derivation for {type(structure).__name__} structures")
    try:
        return _checked(structure, order, numeric_radius, Trace(seconds=seconds))
    except _SYMPY_FAILURES as failure:
        # psi is arbitrary and SymPy is large: a failure there must not take the numbers along.
        return SymbolicRefusal(f"SymPy gave up: {type(failure).__name__}: {failure}")


def _checked(
    structure: Product | Radial | Uniform,
    order: Expr,
    numeric_radius: Numeric | None,
    trace: Trace,
) -> SymbolicRadius | SymbolicRefusal:
    in_tail = radius_in_tail(structure, order, sympy.Integer(structure.dim), trace)
    if in_tail is None:
        reached = trace.steps[-1].title if trace.steps else "the structure"
        return SymbolicRefusal(f"no rule carries the derivation beyond: {reached}")
    reason = disagreement(structure, order, in_tail, TAIL, numeric_radius)
    if reason:
        return SymbolicRefusal(reason)
    expression = _in_rho(in_tail)
    return SymbolicRadius(
        expression=expression,
        formula=_formula(structure, order, expression),
        is_closed_form=not in_tail.has(sympy.Integral, MonotoneInverse),
        steps=(*trace.steps, Step("R(rho)", expression, "s = 1 - rho")),
        fired=tuple(trace.fired),
        references=_REFERENCES[type(structure)],
    )


def _in_rho(in_tail: Expr) -> Expr:
    return in_tail.subs(TAIL, 1 - RHO)


def _formula(structure: Product | Radial | Uniform, order: Expr, expression: Expr) -> Expr:
    """Derive again with a symbol for the dimension; check by putting the number back."""
    if structure.dim == 1 or (isinstance(structure, Product) and order == 1):
        return LAMBDA * expression  # the dimension does not enter
    with_symbol = radius_in_tail(structure, order, DIMENSION, Trace())
    if with_symbol is None:
        return LAMBDA * expression
    formula = _in_rho(with_symbol)
    point = {RHO: sympy.Rational(13, 17)}
    back = formula.subs(DIMENSION, structure.dim).subs(point)
    if not back.has(sympy.Integral, MonotoneInverse):
        gap = abs(back.evalf(20) / expression.subs(point).evalf(20) - 1)
        # Two derivations of one number at 20 digits.
        if not (gap.is_number and gap < 1e-12):
            return LAMBDA * expression
    return LAMBDA * formula
