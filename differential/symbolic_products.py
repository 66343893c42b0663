"""Radii of independent coordinates, derived symbolically from their marginals."""

from __future__ import annotations

import sympy
from sympy import Expr, S, Symbol

from differential.rules import Trace
from differential.symbolic_atoms import atomic_radius, sum_of_signs
from differential.symbolic_check import dominating
from differential.symbolic_even import even_radius
from differential.symbolic_lines import kinked_radii, smooth_radii
from differential.symbolic_parts import POSITION, TAIL
from smoothing.structure import COORDINATE, Marginal, Product

__all__ = ["axis_radii", "per_length", "product_radius"]


def product_radius(product: Product, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    """Radius in TAIL, or None where no rule carries the derivation."""
    if product.dim == 1 or order == 1:
        radii = [r for m in product.marginals for r in _both_or_none(m, trace)]
        return dominating(radii, TAIL, product.dim == 1)
    if order is S.Infinity and len(product.marginals) == 1:
        phi, support = product.marginals[0].phi, product.marginals[0].support
        slope = sympy.diff(phi.subs(COORDINATE, POSITION), POSITION)
        mirrored = phi.subs(COORDINATE, -POSITION) == phi.subs(COORDINATE, POSITION)
        if slope.is_number and mirrored and support == (-S.Infinity, S.Infinity):
            atoms = sum_of_signs(slope, dim)
            return None if atoms is None else atomic_radius(atoms, trace)
    if len(product.marginals) > 1 or not _is_spherical(product.marginals[0]):
        return None
    trace.note("iid normal coordinates: Phi_u depends on |u|_2 only", order, "Maxwell's theorem")
    (radius,) = axis_radii(product.marginals[0], trace) or (None,)
    return None if radius is None else per_length(radius, order, dim)


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


def per_length(radius: Expr, order: Expr, dim: Expr) -> Expr:
    """Vertices of the l1 and l2 balls have Euclidean length 1, those of l-infinity sqrt(d)."""
    return radius / sympy.sqrt(dim) if order is S.Infinity else radius


def axis_radii(marginal: Marginal, trace: Trace) -> list[Expr]:
    """Return int dp/Phi_u from the tail to 1/2 for u = e_i and -e_i, as functions of TAIL.

    One radius when the marginal is even, none when no rule applies.
    """
    phi, (low, high) = marginal.phi, marginal.support
    trace.note("potential of one coordinate", phi, "psi is a sum over coordinates")
    if low == -high and _is_even(phi):
        radius = even_radius(phi, high, trace)
        return [] if radius is None else [radius]
    if phi.has(sympy.Abs, sympy.sign, sympy.Piecewise):
        return kinked_radii(phi, (low, high), trace)
    return smooth_radii(phi, (low, high), trace)


def _is_even(phi: Expr) -> bool:
    mirrored = phi.subs(COORDINATE, -COORDINATE)
    if phi == mirrored:
        return True
    x = Symbol("x", positive=True)
    gap = phi.subs(COORDINATE, x) - mirrored.subs(COORDINATE, x)
    points = [sympy.Rational(k, 7) for k in (2, 5, 11, 23)]
    return all(abs(gap.subs(x, point).evalf(30)) < sympy.Float("1e-25") for point in points)
