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
from sympy import Expr, S, Symbol

from differential.rules import Step, Trace
from differential.symbolic_check import disagreement, dominating
from differential.symbolic_parts import TAIL
from differential.symbolic_products import axis_radii
from differential.symbolic_radial import signed_radius, spherical_radius
from differential.symbolic_uniform import overlap_radius
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial, Structure, Uniform

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
    Product: ("Yang et al. 2020, Theorem F.5, Lemma F.7, I.1-I.3",),
    Radial: ("Yang et al. 2020, Theorem F.5, Lemma F.7, I.6-I.18",),
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
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, F.5, F.7, I.
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
    in_tail = _derive(structure, order, sympy.Integer(structure.dim), trace)
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


def _formula(structure: Structure, order: Expr, expression: Expr) -> Expr:
    """Derive again with a symbol for the dimension; check by putting the number back."""
    if structure.dim == 1 or (isinstance(structure, Product) and order == 1):
        return LAMBDA * expression  # the dimension does not enter
    with_symbol = _derive(structure, order, DIMENSION, Trace())
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


def _derive(structure: Structure, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    if isinstance(structure, Uniform):
        return overlap_radius(structure.order, structure.radius, order, dim, trace)
    if isinstance(structure, Product):
        return _product(structure, order, dim, trace)
    if isinstance(structure, Radial):
        return _radial(structure, order, dim, trace)
    return None


def _product(product: Product, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    if product.dim == 1 or order == 1:
        radii = [r for m in product.marginals for r in _both_or_none(m, trace)]
        return dominating(radii, TAIL, product.dim == 1)
    if len(product.marginals) > 1 or not _is_spherical(product.marginals[0]):
        return None
    trace.note("iid normal coordinates: Phi_u depends on |u|_2 only", order, "Maxwell's theorem")
    (radius,) = axis_radii(product.marginals[0], trace) or (None,)
    return None if radius is None else _per_length(radius, order, dim)


def _both_or_none(marginal: Marginal, trace: Trace) -> list[Expr]:
    radii = axis_radii(marginal, trace)
    return radii if radii else [S.NaN]


def _is_spherical(marginal: Marginal) -> bool:
    """Whether phi = c t^2 + constant on the whole line."""
    curvature = sympy.diff(marginal.phi, COORDINATE, 2)
    whole = marginal.support == (-S.Infinity, S.Infinity)
    return bool(whole and curvature.is_number and marginal.phi.is_polynomial(COORDINATE)) and (
        sympy.diff(marginal.phi, COORDINATE).subs(COORDINATE, 0) == 0
    )


def _per_length(radius: Expr, order: Expr, dim: Expr) -> Expr:
    """Vertices of the l1 and l2 balls have Euclidean length 1, those of l-infinity sqrt(d)."""
    return radius / sympy.sqrt(dim) if order is S.Infinity else radius


def _radial(radial: Radial, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    if radial.dim == 1:
        return _line(radial, trace)
    if radial.order == 2:
        return _spherical(radial, order, dim, trace)
    law = _signs(radial.order, order, radial.dim, dim)
    return None if law is None else signed_radius(radial, dim, *law, trace)


def _line(radial: Radial, trace: Trace) -> Expr | None:
    """In one dimension every norm is |x|."""
    low, high = radial.support
    if low != 0:
        return None
    phi = radial.profile.subs(RADIUS, sympy.Abs(COORDINATE))
    radii = axis_radii(Marginal(phi, (-high, high), 1), trace)
    return radii[0] if radii else None


def _signs(gauge: Expr, order: Expr, number: int, dim: Expr) -> tuple[Expr, Expr] | None:
    """(alpha, m) of the law of A_u where it is alpha times a sign with probability m (spec 2.2)."""
    if gauge is S.Infinity and order == 1:
        return S.One, 1 / dim
    if gauge == order and gauge in (S.One, S.Infinity):
        return S.One, S.One
    if gauge == 1 and order is S.Infinity and number == 2:
        return sympy.Integer(2), S.Half
    return None


def _spherical(radial: Radial, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    curvature = sympy.diff(radial.profile, RADIUS, 2)
    whole = radial.support == (S.Zero, S.Infinity)
    at_centre = sympy.diff(radial.profile, RADIUS).subs(RADIUS, 0)
    if whole and curvature.is_number and curvature.is_positive and at_centre == 0:
        trace.note("psi = c sum x_i^2: independent coordinates", curvature / 2, "Maxwell's theorem")
        phi = curvature / 2 * COORDINATE**2
        radii = axis_radii(Marginal(phi, (-S.Infinity, S.Infinity), radial.dim), trace)
        return _per_length(radii[0], order, dim) if radii else None
    radius = spherical_radius(radial, dim, trace)
    return None if radius is None else _per_length(radius, order, dim)
