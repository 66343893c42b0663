"""Exact radii of uniform bodies from the volume of S and its shifted copy, symbolically.

For q uniform on S, G(p, v) = p + 1 - O(v) with O(v) = Vol(S and (S + v))/Vol(S), so G(1 - rho, v)
= 1/2 where O(v) = 1/2 + s. Shifts with O(v) >= c form a convex symmetric set (Brunn-Minkowski), so
only vertices of the adversary's ball need be looked at.
"""

from __future__ import annotations

import sympy
from sympy import Expr, S, Symbol

from differential.kernels import kernel_of
from differential.rules import Trace
from differential.rules_inverses import invert
from differential.symbolic_parts import SHARE, TAIL, conclude, position_at, side_of

__all__ = ["overlap_radius"]

_SHIFT = Symbol("v", positive=True)


def overlap_radius(
    order: Expr, size: Expr, adversary: Expr, dim: Expr, trace: Trace
) -> Expr | None:
    """Radius in TAIL of the uniform law on the ball of the given order and size.

    Parameters
    ----------
    order, adversary : 1, 2 or oo
        Orders of the norm of the body and of the adversary.
    size : radius of the body
    dim : the dimension, a number or a positive integer symbol
    """
    if order is S.Infinity or dim == 1:
        return _cube(size, adversary, dim, trace)
    if order == 2:
        radius = _ball(size, dim, trace)
        if radius is None or adversary is not S.Infinity:
            return radius
        return radius / sympy.sqrt(dim)
    return _cross_polytope(size, adversary, dim, trace)


def _cube(size: Expr, adversary: Expr, dim: Expr, trace: Trace) -> Expr | None:
    """O = prod (1 - |v_i|/(2 size)); a vertex moves one coordinate (l1) or all equally."""
    if adversary == 1 or dim == 1:
        return _solve((1 - _SHIFT / (2 * size)), 2 * size, S.One, trace)
    # Equal shifts are worst for orders >= 2, because log(1 - sqrt(b)/2) is convex while each
    # defect is at most 1/2; their norm is dim^(1/order) times the shift.
    length = S.One if adversary is S.Infinity else sympy.sqrt(dim)
    return _solve((1 - _SHIFT / (2 * size)) ** dim, 2 * size, length, trace)


def _cross_polytope(size: Expr, adversary: Expr, dim: Expr, trace: Trace) -> Expr | None:
    """Along an axis every slice shrinks by half the shift: O = (1 - v/(2 size))^d."""
    if adversary != 1:
        return None
    return _solve((1 - _SHIFT / (2 * size)) ** dim, 2 * size, S.One, trace)


def _solve(overlap: Expr, longest: Expr, length: Expr, trace: Trace) -> Expr | None:
    trace.note("overlap of the body and its shift by v", overlap, "Blum et al. B.4")
    shift = invert(overlap, _SHIFT, SHARE, (S.Zero, longest), trace)
    if shift is None:
        return None
    return conclude([length * shift.subs(SHARE, S.Half + TAIL)], trace)


def _ball(size: Expr, dim: Expr, trace: Trace) -> Expr | None:
    """The overlap is two equal caps at height v/2: O = P[|X_1| > v/2]."""
    x = Symbol("x", positive=True)
    kernel = kernel_of((dim - 1) / sympy.Integer(2) * sympy.log(size**2 - x**2), x)
    side = side_of(kernel, (S.Zero, size), trace)
    if side is None:
        return None
    trace.note("share of the ball beyond |x_1| = x", side.part.upper, "I.19")
    height = position_at(side, False, trace)
    if height is None:
        return None
    return conclude([2 * height.subs(SHARE, S.Half - TAIL)], trace)
