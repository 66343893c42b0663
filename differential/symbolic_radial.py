"""Radii of densities that are radial in a norm, derived symbolically.

gamma_u = g'(r) A_u with r and A_u independent. Where A_u takes the values alpha, 0, -alpha with
probabilities m/2, 1-m, m/2, the top sets are {A_u = alpha} times superlevel sets of g'(r), and with
M(y) = E[g'(r); top share y] + boundary density

    Phi(p) = alpha m/2 M(2p/m) for p <= m/2,   alpha m/2 M(1) between m/2 and 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, Integral, Lambda, S, Symbol

from differential.kernels import Kernel, kernel_of
from differential.masses import Mass
from differential.rules import Trace
from differential.rules_antiderivatives import definite_integral
from differential.rules_equations import EndPair, paired_ends
from differential.rules_integrals import PartialIntegral, partial_integral
from differential.rules_inverses import invert
from differential.rules_rewrites import tidy
from differential.shapes import Shape, shape_of
from differential.symbolic_parts import (
    SHARE,
    TAIL,
    Side,
    conclude,
    covers_all_shares,
    definite,
    position_at,
    side_of,
)
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import RADIUS, Radial

__all__ = ["signed_radius", "spherical_radius"]

#: Share of the mass of the radius, the integration variable of T(y0) = int_y0^1 dq/M(q).
_SHARE_INSIDE = Symbol("q", positive=True)


@dataclass(frozen=True)
class _Drift:
    """g'(r) with the law of r: E[g'; r < a] = sum of coefficient * part.below(a), and so on."""

    side: Side
    slope: Expr
    shape: Shape
    parts: tuple[tuple[Expr, PartialIntegral], ...]
    mean: Expr
    boundary: Expr

    def below(self, point: Expr) -> Expr:
        """E[g'(r); r < point]."""
        return sympy.Add(*(c * part.below(point) for c, part in self.parts))

    def above(self, point: Expr) -> Expr:
        """E[g'(r); r > point]."""
        return sympy.Add(*(c * part.above(point) for c, part in self.parts))


def signed_radius(
    radial: Radial, dim: Expr, alpha: Expr, weight: Expr, trace: Trace
) -> Expr | None:
    """Radius in TAIL where A_u takes the values +-alpha with probability weight/2 each.

    Parameters
    ----------
    radial : Radial
    dim : the dimension, a number or a positive integer symbol
    alpha, weight : the law of A_u
    """
    drift = _drift(radial, dim, trace)
    if drift is None:
        return None
    height = tidy(drift.mean + drift.boundary, trace)
    trace.note("E[g'(r)] with the boundary density", height, "M(1) = E g'(r) + boundary density")
    far = _far_branch(drift, 2 * TAIL / weight, trace)
    if weight == 1:
        return None if far is None else conclude([far / alpha], trace)
    slowness = _flat(1 / (weight * alpha * height))
    near = (1 - 2 * TAIL) * slowness
    constant = alpha * weight * height / 2
    trace.note("Phi(p), m/2 <= p <= 1/2", constant, "I.6, I.7: A_u is 0 with probability 1 - m")
    if far is None:
        return None
    beyond = _flat((1 - weight) * slowness) + far / alpha
    branches = (near, sympy.Ge(TAIL, weight / 2)), (beyond, True)
    radius = sympy.Piecewise(*branches)
    trace.note("radius in s = 1 - rho", radius, "R = int_s^{1/2} dp/Phi(p), Theorem F.6")
    return radius


def _flat(expr: Expr) -> Expr:
    """Cancel common factors of a quotient; special functions count as symbols."""
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(expr)))
    if numerator.could_extract_minus_sign():
        numerator, denominator = -numerator, sympy.expand(-denominator)
    return sympy.factor_terms(numerator) / sympy.factor_terms(denominator)


def _drift(radial: Radial, dim: Expr, trace: Trace) -> _Drift | None:
    slope = sympy.diff(radial.profile, RADIUS)
    shape = shape_of(slope, RADIUS, radial.support)
    trace.note("radial slope g'(r), gamma_u = g'(r) A_u", slope, "r and direction are independent")
    kernel = kernel_of((dim - 1) * sympy.log(RADIUS) - radial.profile, RADIUS)
    side = side_of(kernel, radial.support, trace)
    if side is None or shape.sign != "nonnegative":
        return None
    trace.note("share of the mass of r beyond a", side.part.upper, trace.sources())
    boundary = _boundary(side, kernel, radial.support)
    parts = _drift_parts(side, slope, trace)
    if parts is None or boundary is None:
        return None
    mean = _mean_drift(side, parts, dim, boundary, trace)
    return None if mean is None else _Drift(side, slope, shape, parts, mean, boundary)


def _boundary(side: Side, kernel: Kernel, support: tuple[Expr, Expr]) -> Expr | None:
    """Density of r at the ends of a cut support, the singular part of gamma (H.12)."""
    total = S.Zero
    for end in support:
        if end.is_finite and end.is_positive:
            value = Mass(kernel.expr.subs(RADIUS, end)).over(side.part.total)
            if value.is_finite is False:
                return None
            value = sympy.powsimp(value, force=True)
            total += value
    return total


def _drift_parts(
    side: Side, slope: Expr, trace: Trace
) -> tuple[tuple[Expr, PartialIntegral], ...] | None:
    """E[g'; .] term by term."""
    if not slope.has(RADIUS):
        return ((slope, side.part),)
    parts = []
    for term in sympy.Add.make_args(sympy.expand(slope)):
        found = partial_integral(side.kernel.times(term), side.interval, trace)
        if found is None:
            return None
        parts.append((found.total.over(side.part.total), found))
    return tuple(parts)


def _mean_drift(
    side: Side,
    parts: tuple[tuple[Expr, PartialIntegral], ...],
    dim: Expr,
    boundary: Expr,
    trace: Trace,
) -> Expr | None:
    """E g'(r), by parts as (d-1) E[1/r] where that is one quotient of gamma functions."""
    if len(parts) == 1:
        return parts[0][0]
    if boundary == 0:
        reciprocal = partial_integral(side.kernel.times(1 / RADIUS), side.interval, trace)
        if reciprocal is not None:
            return (dim - 1) * reciprocal.total.over(side.part.total)
    return sympy.Add(*(coefficient for coefficient, _ in parts))


def _far_branch(drift: _Drift, share: Expr, trace: Trace) -> Expr | None:
    """T(share) = int_share^1 dq/M(q)."""
    turns = drift.shape.turns
    if turns == "constant":
        flux = drift.slope * _SHARE_INSIDE + drift.boundary
        trace.note("an atom: M(y) is linear", flux, "g' is constant; Lemma F.7 with atoms")
        found = definite_integral(1 / flux, _SHARE_INSIDE, share, S.One, (S.Zero, S.One), trace)
        return None if found is None else tidy(found, trace)
    if turns in ("rising", "falling"):
        return _one_sided(drift, turns == "rising", share, trace)
    ends = paired_ends(drift.slope, RADIUS, trace)
    whole = drift.side.interval == (S.Zero, S.Infinity)
    return _two_sided(drift, ends, share, trace) if ends is not None and whole else None


def _one_sided(drift: _Drift, above: bool, share: Expr, trace: Trace) -> Expr | None:
    position = position_at(drift.side, above, trace)
    if position is None:
        return None
    partial = drift.above(position) if above else drift.below(position)
    flux = tidy(partial + drift.boundary, trace).subs(SHARE, _SHARE_INSIDE)
    trace.note("M(q)", flux, "E[g'(r); the share q with the largest g'(r)]")
    found = definite_integral(1 / flux, _SHARE_INSIDE, share, S.One, (S.Zero, S.One), trace)
    return Integral(1 / flux, (_SHARE_INSIDE, share, 1)) if found is None else found


def _two_sided(drift: _Drift, ends: EndPair, share: Expr, trace: Trace) -> Expr | None:
    """Top sets are an interval (x, y) where g' rises and falls, or its outside."""
    part, left, right = drift.side.part, ends.left, ends.right
    inside = drift.shape.turns == "rising-falling"
    if drift.shape.turns not in ("rising-falling", "falling-rising"):
        return None
    if inside:
        # Shares beyond the right end keep their digits where that end is far out.
        mass = 1 - part.above(right) - part.below(left)
        flux = drift.above(left) - drift.above(right)
    else:
        mass = part.below(left) + part.above(right)
        flux = drift.below(left) + drift.above(right)
    mass, flux = tidy(mass, trace), tidy(flux, trace)
    trace.note("ends of a superlevel set of g'", sympy.Tuple(left, right), trace.sources())
    u, interval = ends.coordinate, (ends.start, ends.turn)
    if not covers_all_shares(mass, ends, 1 if inside else 0):
        return None
    position = invert(mass, u, SHARE, interval, trace)
    if position is None:
        position = MonotoneInverse(Lambda(u, mass), SHARE, *interval)
    integrand = abs_rate(mass, u, inside) / (flux + drift.boundary)
    low, high = (S.Zero, position) if inside else (position, ends.turn)
    return definite(integrand, u, low, high, interval, trace).subs(SHARE, share)


def abs_rate(mass: Expr, u: Symbol, falling: bool) -> Expr:
    """|d mass/du| for a mass that falls (or rises) with u."""
    rate = sympy.diff(mass, u)
    return -rate if falling else rate


def spherical_radius(radial: Radial, dim: Expr, trace: Trace) -> Expr | None:
    """Radius in TAIL against u of Euclidean length 1 for psi = c ||x||_2: gamma_u = c T.

    T, the component of a uniform direction along u, is 2 Beta((d-1)/2, (d-1)/2) - 1, and
    (d-1) E[T; T > t] = f(t) (1 - t^2) by exact integration, so |dp/dt|/Phi = (d-1)/(c (1 - t^2)).
    """
    slope = sympy.diff(radial.profile, RADIUS)
    if slope.has(RADIUS) or not slope.is_positive or radial.support != (S.Zero, S.Infinity):
        return None
    trace.note("gamma_u = c T", slope, "r and direction are independent")
    v, t = Symbol("v", positive=True), Symbol("t", positive=True)
    exponent = (dim - 3) / sympy.Integer(2)
    kernel = kernel_of(exponent * (sympy.log(v) + sympy.log(1 - v)), v)
    side = side_of(kernel, (S.Zero, S.One), trace)
    if side is None:
        return None
    trace.note("law of (1 - T)/2", side.part.lower, trace.sources())
    cap = position_at(side, False, trace)
    if cap is None:
        return None
    integrand = (dim - 1) / (slope * (1 - t**2))
    trace.note("integrand |dp/dt|/Phi", integrand, "I.18 and Lemma F.7")
    height = tidy((1 - 2 * cap).subs(SHARE, TAIL), trace)
    found = definite_integral(integrand, t, S.Zero, height, (S.Zero, S.One), trace)
    return None if found is None else conclude([found], trace)
