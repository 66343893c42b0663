"""Radii of independent coordinates against unit vectors, derived symbolically.

The superlevel sets of gamma = phi'(X) are half lines, intervals from the origin or intervals with
paired ends. With a natural coordinate a of such a set, p(a) its probability and Phi(a) the
probability flux through its ends, R = int |dp/da| / Phi da.
"""

from __future__ import annotations

from dataclasses import replace

import sympy
from sympy import Dummy, Expr, Integral, S, Symbol

from differential.kernels import Kernel, kernel_of
from differential.rules import Trace
from differential.rules_antiderivatives import definite_integral
from differential.rules_equations import EndPair, paired_ends
from differential.rules_integrals import partial_integral
from differential.rules_inverses import invert
from differential.rules_rewrites import tidy
from differential.shapes import shape_of
from differential.symbolic_parts import (
    SHARE,
    TAIL,
    Side,
    conclude,
    covers_all_shares,
    definite,
    implicit_position,
    implicit_start,
    position_at,
    shortest,
    side_of,
)
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import COORDINATE, Marginal

__all__ = ["axis_radii"]

_POSITION = Symbol("a", positive=True)
_REAL_POSITION = Symbol("a", real=True)
Interval = tuple[Expr, Expr]


def axis_radii(marginal: Marginal, trace: Trace) -> list[Expr]:
    """Return int dp/Phi_u from the tail to 1/2 for u = e_i and -e_i, as functions of TAIL.

    One radius when the marginal is even, none when no rule applies.
    """
    phi, (low, high) = marginal.phi, marginal.support
    trace.note("potential of one coordinate", phi, "psi = sum of phi_i(x_i), spec 2.1")
    if low == -high and _is_even(phi):
        radius = _even(phi, high, trace)
        return [] if radius is None else [radius]
    if phi.has(sympy.Abs, sympy.sign, sympy.Piecewise):
        return _kinked(phi, (low, high), trace)
    return _smooth(phi, (low, high), trace)


def _is_even(phi: Expr) -> bool:
    mirrored = phi.subs(COORDINATE, -COORDINATE)
    if phi == mirrored:
        return True
    x = Symbol("x", positive=True)
    gap = phi.subs(COORDINATE, x) - mirrored.subs(COORDINATE, x)
    points = [sympy.Rational(k, 7) for k in (2, 5, 11, 23)]
    return all(abs(gap.subs(x, point).evalf(30)) < sympy.Float("1e-25") for point in points)


def _side(phi: Expr, end: Expr, trace: Trace) -> Side | None:
    kernel = kernel_of(-phi.subs(COORDINATE, _POSITION), _POSITION)
    interval = (S.Zero, end)
    return side_of(kernel, interval, trace)


def _even(phi: Expr, end: Expr, trace: Trace) -> Expr | None:
    mark = len(trace.fired)
    slope = sympy.diff(phi.subs(COORDINATE, _POSITION), _POSITION)
    shape = shape_of(slope, _POSITION, (S.Zero, end))
    trace.note("gamma on the positive side", slope, "gamma_u = <u, grad psi>, Definition F.4")
    side = _side(phi, end, trace)
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
            length = definite(S.One, _POSITION, S.Zero, position, side.interval, trace)
            candidates.append(length.subs(SHARE, share))
    if not candidates:
        candidates = [implicit_position(side).subs(SHARE, 2 * TAIL)]
    return conclude(candidates, trace)


def _even_centred(side: Side, trace: Trace) -> Expr | None:
    """{gamma > c} = {0 < x < b}: Phi = f(0) - f(b) + f(end), I.3 with the jump at the end."""
    growing = _reciprocal_height(side.kernel, side.interval)
    if growing is None:
        return None
    integrand = 1 / (growing - 1)
    trace.note("integrand |dp/db|/Phi", integrand, "Phi(p(b)) = f(0) - f(b) + theta, I.3 and F.7")
    candidates = []
    for above, share in ((False, 2 * TAIL), (True, 1 - 2 * TAIL)):
        position = position_at(side, above, trace)
        if position is None:
            continue
        radius = definite(integrand, _POSITION, position, side.interval[1], side.interval, trace)
        candidates.append(radius.subs(SHARE, share))
    if not candidates:
        start = implicit_start(side)
        radius = definite(integrand, _POSITION, start, side.interval[1], side.interval, trace)
        candidates = [radius.subs(SHARE, 2 * TAIL)]
    return conclude(candidates, trace)


def _reciprocal_height(kernel: Kernel, interval: Interval) -> Expr | None:
    """(f(start) + f(end))/f, or None where the density is infinite at the start."""
    z, (low, high) = kernel.variable, interval
    start = kernel.expr.subs(z, low)
    end = kernel.expr.subs(z, high) if high.is_finite else S.Zero
    if not (start.is_finite and start.is_positive):
        return None
    inverse = replace(
        kernel,
        coefficient=(start + end) / kernel.coefficient,
        power=-kernel.power,
        bases=tuple((base, -degree) for base, degree in kernel.bases),
        exponent=-kernel.exponent,
    )
    return inverse.expr


def _even_paired(side: Side, slope: Expr, trace: Trace) -> Expr | None:
    """{gamma > c} = {x < X < y} with phi'(x) = phi'(y): Phi = f(x) - f(y)."""
    ends = paired_ends(slope, _POSITION, trace)
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
        position = MonotoneInverse(sympy.Lambda(u, share), SHARE, *interval)
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


def _smooth(phi: Expr, interval: Interval, trace: Trace) -> list[Expr]:
    """A marginal that is not even, without kinks: half lines to either side."""
    positive = interval[0].is_nonnegative
    a = _POSITION if positive else _REAL_POSITION
    slope = sympy.diff(phi.subs(COORDINATE, a), a)
    shape = shape_of(slope, a, interval)
    trace.note("gamma", slope, "gamma_u = <u, grad psi>, Definition F.4")
    kernel = kernel_of(-phi.subs(COORDINATE, a), a)
    part = partial_integral(kernel, interval, trace)
    if part is None:
        return []
    trace.note("share of the mass beyond a", part.upper, trace.sources())
    upper = invert(part.upper, a, SHARE, interval, trace)
    lower = invert(part.lower, a, SHARE, interval, trace)
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
        growing = _reciprocal_height(kernel, interval)
        if growing is None:
            return []
        integrand = (1 / (growing - 1)).subs(a, _POSITION)
        radii = [
            definite(integrand, _POSITION, left, middle, interval, trace),
            definite(integrand, _POSITION, middle, right, interval, trace),
        ]
    else:
        return []
    return [r for r in (conclude([radius], trace) for radius in radii) if r is not None]


def _kinked(phi: Expr, interval: Interval, trace: Trace) -> list[Expr]:
    """A log-concave marginal with a kink at 0, not even: both sides as half-line laws."""
    low, high = interval
    if not (low.is_extended_negative and high.is_extended_positive):
        return []
    a = Dummy("t", real=True)
    slopes = []
    for sign, end in ((-1, -low), (1, high)):
        slope = sympy.diff(phi.subs(COORDINATE, sign * _POSITION), _POSITION)
        shape = shape_of(slope, _POSITION, (S.Zero, end))
        if shape.turns not in ("rising", "constant"):
            return []
        slopes.append(sign * slope.subs(_POSITION, sympy.Rational(1, 10**9)))
    if not slopes[0] <= slopes[1]:
        return []
    left = _side(phi.subs(COORDINATE, -a).subs(a, COORDINATE), -low, trace)
    right = _side(phi, high, trace)
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
