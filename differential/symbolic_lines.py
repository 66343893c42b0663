"""Radii of marginals that are not even: a path to the left and one to the right."""

from __future__ import annotations

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.kernels import kernel_of
from differential.rules import Trace
from differential.rules_rewrites import tidy
from differential.shapes import shape_of
from differential.symbolic_parts import (
    POSITION,
    SHARE,
    TAIL,
    conclude,
    definite,
    one_side,
    position_at,
    reciprocal_height,
    shortest,
    side_of,
)
from smoothing.structure import COORDINATE

__all__ = ["kinked_radii", "smooth_radii"]

_REAL_POSITION = Symbol("a", real=True)
Interval = tuple[Expr, Expr]


def smooth_radii(phi: Expr, interval: Interval, trace: Trace) -> list[Expr]:
    """A marginal that is not even, without kinks: half lines to either side."""
    positive = interval[0].is_nonnegative
    a = POSITION if positive else _REAL_POSITION
    slope = sympy.diff(phi.subs(COORDINATE, a), a)
    shape = shape_of(slope, a, interval)
    trace.note("gamma", slope, "gamma_u = <u, grad psi>, Definition F.4")
    kernel = kernel_of(-phi.subs(COORDINATE, a), a)
    side = side_of(kernel, interval, trace)
    if side is None:
        return []
    trace.note("share of the mass beyond a", side.part.upper, trace.sources())
    upper, lower = position_at(side, True, trace), position_at(side, False, trace)
    if upper is None or lower is None:
        return []
    ends = [
        (upper.subs(SHARE, 1 - TAIL), lower.subs(SHARE, TAIL)),
        (upper.subs(SHARE, TAIL), lower.subs(SHARE, 1 - TAIL)),
    ]
    left, right = (shortest([tidy(end, trace) for end in pair]) for pair in ends)
    if left is None or right is None:
        return []
    middle = right.subs(TAIL, S.Half)
    if shape.turns in ("rising", "constant"):
        radii = [right - middle, middle - left]
    elif shape.turns == "falling" and shape.sign == "nonnegative" and interval[0].is_finite:
        growing = reciprocal_height(kernel, interval)
        if growing is None:
            return []
        integrand = (1 / (growing - 1)).subs(a, POSITION)
        radii = [
            definite(integrand, POSITION, left, middle, interval, trace),
            definite(integrand, POSITION, middle, right, interval, trace),
        ]
    else:
        return []
    return [r for r in (conclude([radius], trace) for radius in radii) if r is not None]


def kinked_radii(phi: Expr, interval: Interval, trace: Trace) -> list[Expr]:
    """A log-concave marginal with a kink at 0, not even: both sides as half-line laws."""
    low, high = interval
    if not (low.is_extended_negative and high.is_extended_positive):
        return []
    a = Dummy("t", real=True)
    slopes = []
    for sign, end in ((-1, -low), (1, high)):
        slope = sympy.diff(phi.subs(COORDINATE, sign * POSITION), POSITION)
        shape = shape_of(slope, POSITION, (S.Zero, end))
        if shape.turns not in ("rising", "constant"):
            return []
        slopes.append(sign * slope.subs(POSITION, sympy.Rational(1, 10**9)))
    if not slopes[0] <= slopes[1]:
        return []
    left = one_side(phi.subs(COORDINATE, -a).subs(a, COORDINATE), -low, trace)
    right = one_side(phi, high, trace)
    if left is None or right is None:
        return []
    quantiles = [position_at(side, True, trace) for side in (left, right)]
    if quantiles[0] is None or quantiles[1] is None:
        return []
    left_mass, right_mass = left.part.total.expr, right.part.total.expr
    radii = []
    for mass, other, out, back in (
        (right_mass, left_mass, quantiles[1], quantiles[0]),
        (left_mass, right_mass, quantiles[0], quantiles[1]),
    ):
        weight = sympy.factor(mass / (mass + other))
        outward = out.subs(SHARE, TAIL / weight)
        inward = -back.subs(SHARE, (1 - TAIL) / (1 - weight))
        median = (outward if weight >= S.Half else inward).subs(TAIL, S.Half)
        outward, inward = tidy(outward - median, trace), tidy(inward - median, trace)
        split = sympy.Piecewise((outward, sympy.Le(TAIL, weight)), (inward, True))
        radii.append(outward if weight >= S.Half else split)
    return [r for r in (conclude([radius], trace) for radius in radii) if r is not None]
