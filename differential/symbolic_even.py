"""Radii of even marginals against unit vectors, derived symbolically.

The superlevel sets of gamma = phi'(X) are half lines, intervals from the origin or intervals with
paired ends. With a natural coordinate a of such a set, p(a) its probability and Phi(a) the
probability flux through its ends, R = int |dp/da| / Phi da.
"""

from __future__ import annotations

import sympy
from sympy import Expr, Integral, Lambda, S

from differential.kernels import Kernel
from differential.rules import Trace
from differential.rules_antiderivatives import definite_integral
from differential.rules_equations import EndPair, paired_ends
from differential.rules_inverses import invert
from differential.rules_rewrites import tidy
from differential.shapes import shape_of
from differential.symbolic_parts import (
    POSITION,
    SHARE,
    TAIL,
    Side,
    conclude,
    covers_all_shares,
    definite,
    implicit_position,
    implicit_start,
    is_short,
    one_side,
    position_at,
    reciprocal_height,
)
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import COORDINATE

__all__ = ["even_radius"]


def even_radius(phi: Expr, end: Expr, trace: Trace) -> Expr | None:
    """Radius of a marginal that is even, with support (-end, end)."""
    mark = len(trace.fired)
    slope = sympy.diff(phi.subs(COORDINATE, POSITION), POSITION)
    shape = shape_of(slope, POSITION, (S.Zero, end))
    trace.note("gamma on the positive side", slope, "gamma_u = <u, grad psi>, Definition F.4")
    side = one_side(phi, end, trace)
    if side is None or shape.sign != "nonnegative":
        return None
    trace.note("share of the mass beyond a", side.part.upper, trace.sources(mark))
    if shape.turns in ("rising", "constant"):
        return _even_half_lines(side, trace)
    if shape.turns == "falling":
        return _even_centred(side, trace)
    if shape.turns == "rising-falling" and end is S.Infinity:
        return _even_paired(side, slope, trace)
    return None


def _even_half_lines(side: Side, trace: Trace) -> Expr | None:
    """{gamma > c} = {x > a}: the flux through a is f(a) = -dp/da, so R is the length of path."""
    trace.note("integrand |dp/da|/Phi", S.One, "Phi(p(a)) = f(a) for log-concave f, I.1 and F.7")
    candidates = []
    for above, share in ((True, 2 * TAIL), (False, 1 - 2 * TAIL)):
        position = position_at(side, above, trace)
        if position is not None:
            length = definite(S.One, POSITION, S.Zero, position, side.interval, trace)
            candidates.append(length.subs(SHARE, share))
            if is_short(length):
                break
    if not candidates:
        candidates = [implicit_position(side).subs(SHARE, 2 * TAIL)]
    return conclude(candidates, trace)


def _even_centred(side: Side, trace: Trace) -> Expr | None:
    """{gamma > c} = {0 < x < b}: Phi = f(0) - f(b) + f(end), I.3 with the jump at the end."""
    growing = reciprocal_height(side.kernel, side.interval)
    if growing is None:
        return None
    integrand = 1 / (growing - 1)
    trace.note("integrand |dp/db|/Phi", integrand, "Phi(p(b)) = f(0) - f(b) + theta, I.3 and F.7")
    candidates = []
    for above, share in ((False, 2 * TAIL), (True, 1 - 2 * TAIL)):
        position = position_at(side, above, trace)
        if position is None:
            continue
        radius = definite(integrand, POSITION, position, side.interval[1], side.interval, trace)
        candidates.append(radius.subs(SHARE, share))
        if is_short(radius):
            break
    if not candidates:
        start = implicit_start(side)
        radius = definite(integrand, POSITION, start, side.interval[1], side.interval, trace)
        candidates = [radius.subs(SHARE, 2 * TAIL)]
    return conclude(candidates, trace)


def _even_paired(side: Side, slope: Expr, trace: Trace) -> Expr | None:
    """{gamma > c} = {x < X < y} with phi'(x) = phi'(y): Phi = f(x) - f(y)."""
    ends = paired_ends(slope, POSITION, trace)
    if ends is None:
        return None
    trace.note("ends of a superlevel set", sympy.Tuple(ends.left, ends.right), trace.sources(-1))
    integrand = _paired_integrand(side.kernel, ends)
    trace.note("integrand |dp|/Phi", integrand, "Phi(p) = f(x) - f(y), Lemma F.7")
    u, interval = ends.coordinate, (ends.start, ends.turn)
    share = 1 - side.part.above(ends.right) - side.part.below(ends.left)
    if not covers_all_shares(share, ends, 1):
        return None
    position = invert(share, u, SHARE, interval, trace)
    if position is None:
        position = MonotoneInverse(Lambda(u, share), SHARE, *interval)
    radius = definite_integral(integrand, u, ends.start, tidy(position, trace), interval, trace)
    if radius is None:
        radius = Integral(integrand, (u, ends.start, position))
    return conclude([radius.subs(SHARE, 2 * TAIL)], trace)


def _paired_integrand(kernel: Kernel, ends: EndPair) -> Expr:
    u, z = ends.coordinate, kernel.variable
    ratio = _merged_radicals(kernel.expr.subs(z, ends.right) / kernel.expr.subs(z, ends.left))
    inward = sympy.diff(ends.left, u) - ratio * sympy.diff(ends.right, u)
    return sympy.cancel(sympy.together(inward / (1 - ratio)))


def _merged_radicals(expr: Expr) -> Expr:
    """Write every power of a sum over one denominator, so that common radicals cancel."""
    merged = expr.replace(
        lambda e: e.is_Pow and e.base.is_Add, lambda e: sympy.together(e.base) ** e.exp
    )
    return sympy.powsimp(sympy.powdenest(merged, force=True))
