"""From a structure and the adversary's order to the derivation that fits."""

from __future__ import annotations

import sympy
from sympy import Expr, S

from differential.rules import Trace
from differential.symbolic_atoms import atomic_radius, sum_of_signs
from differential.symbolic_products import axis_radii, per_length, product_radius
from differential.symbolic_radial import signed_radius, spherical_radius
from differential.symbolic_uniform import overlap_radius
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial, Uniform

__all__ = ["radius_in_tail"]


def radius_in_tail(
    structure: Product | Radial | Uniform, order: Expr, dim: Expr, trace: Trace
) -> Expr | None:
    """Radius in TAIL, or None where no rule carries the derivation.

    `dim` is the dimension, a number or a positive integer symbol.
    """
    if isinstance(structure, Uniform):
        return overlap_radius(structure.order, structure.radius, order, dim, trace)
    if isinstance(structure, Product):
        return product_radius(structure, order, dim, trace)
    return _radial(structure, order, dim, trace)


def _radial(radial: Radial, order: Expr, dim: Expr, trace: Trace) -> Expr | None:
    if radial.dim == 1:
        return _line(radial, trace)
    if radial.order == 2:
        return _spherical(radial, order, dim, trace)
    slope = sympy.diff(radial.profile, RADIUS)
    whole = radial.support == (S.Zero, S.Infinity)
    if radial.order == 1 and order is S.Infinity and slope.is_number and whole:
        atoms = sum_of_signs(slope, dim)
        return None if atoms is None else atomic_radius(atoms, trace)
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
    """(alpha, m) where A_u is alpha times a sign with probability m, else 0 (I.6, I.9, I.14)."""
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
        return per_length(radii[0], order, dim) if radii else None
    radius = spherical_radius(radial, dim, trace)
    return None if radius is None else per_length(radius, order, dim)
