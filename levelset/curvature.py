r"""How strongly D(kappa, r) can bend downwards along a ray: the M of `chords`.

With y = x - r u and z = y + r u, D = int (q(y) - kappa q(z))_+ dy. Along a line in
(log kappa, r) with slope a the integrand bends only where it is positive, by
-kappa q(z) ((a - gamma(z))^2 - d_u gamma(z)), and the moving edge of that set only adds to the
curvature. There kappa q(z) < q(y), so that D + M r^2/2 is convex on the line with

    M = E[ (a - gamma(z))^2 + (d_u gamma(z))_- ;  q(z) < q(y) ],   y ~ q,  kappa >= 1.

A density that falls in a norm, psi = g(||x||), has gamma = g' c and d_u gamma >= g'' c^2 with
c the derivative of the norm along u, and q(z) < q(y) means ||z|| > ||y||: the origin, where g may
have a pole, is at least r/2 away, so that M is finite for every r > 0.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np

from levelset.laws import AXIS, EQUAL, Law, conditional
from levelset.steepness import extremes, profile_steepness
from numerics.jit import kernel
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_density
from smoothing.structure import Radial

__all__ = ["radial_curvature"]

#: Bins of the law of t given s; on each the largest value counts, however narrow what makes it.
_BINS = 48
#: Gauss nodes on a panel of the density.
_ORDER = 10
#: Standard deviations of a cosine that its bins cover.
_DEVIATIONS = 9.0
#: The cosine varies between two lengths, and masses of bins and samples have errors: so much is
#: added. It only costs a few per cent of a correction that is itself below the loss.
_GENEROSITY = 1.1


def radial_curvature(radial: Radial, law: Law, r: FloatArray, slopes: FloatArray) -> FloatArray:
    """M at shifts of length r > 0 of a density that falls, at scale 1; inf where unknown.

    Parameters
    ----------
    radial : Radial
    law : Law
        Law of t = ||x - v|| given s = ||x||.
    r, slopes : arrays (n,)
        Lengths, ascending, and d log kappa / dr there. M of a length holds down to the one before,
        for the slope given: shorter shifts have ||z|| > ||y|| on fewer points, and move t by no
        more than they differ.
    """
    panels = radius_density(radial).panels
    s, weight = _nodes(panels)
    kept = weight > 1e-15
    s, weight = s[kept], weight[kept]
    steepness = profile_steepness(radial, panels, 0.25 * float(r.min()), s[-1] + 2 * float(r.max()))
    if steepness is None:
        return np.full(len(r), np.inf)
    # A node stands for all s up to the middle of its neighbours.
    reach = np.diff(s, prepend=s[0], append=s[-1]) / 2
    back = np.maximum(np.diff(r, prepend=r[0]), 0.0)
    found = np.empty(len(r))
    for i in range(len(r)):
        delta = _bins(law, s[:, None], float(r[i]))
        found[i] = _expectation(
            law, s, weight, reach, delta, float(r[i]), back[i], slopes[i], steepness
        )
    return np.where(np.isfinite(found), found * _GENEROSITY, np.inf)


@kernel
def _expectation(law, s, weight, reach, delta, r, back, slope, steepness):
    """The sum of masses of bins times the largest value in each, out to neighbouring nodes."""
    total = 0.0
    for i in range(s.shape[0]):
        above = conditional(law, s[i], delta[i, 0], r)[1]
        least = max(s[i] - reach[i], 0.5 * (r - back))
        for k in range(1, delta.shape[1]):
            beyond = conditional(law, s[i], delta[i, k], r)[1]
            mass, above = above - beyond, beyond
            if mass <= 0.0:
                continue
            low, high = s[i] + delta[i, k - 1], s[i] + delta[i, k]
            c0, c1 = 1.0, 1.0
            if law.kind == 0:
                c0 = _cosine(s[i], delta[i, k - 1], r)
                c1 = _cosine(s[i], delta[i, k], r)
            weak, steep, bent = extremes(
                steepness, max(low - reach[i] - back, least), high + reach[i + 1]
            )
            far = max(abs(slope - weak * min(c0, c1)), abs(slope - steep * max(c0, c1)))
            total += weight[i] * mass * (far * far + bent * max(c0, c1) ** 2)
    return total


@kernel
def _cosine(s, delta, r):
    """Derivative of the 2-norm at z, of length s + delta, along the shift."""
    t = s + delta
    return min((delta * (2.0 * s + delta) + r * r) / (2.0 * r * t), 1.0) if t > 0.0 else 1.0


def _nodes(panels: PanelDensity) -> tuple[FloatArray, FloatArray]:
    """Gauss nodes on the panels of a density, and their masses."""
    rule = legendre_rule(_ORDER)
    degree = panels.density.shape[1] - 1
    values = panels.density @ np.polynomial.legendre.legvander(rule.nodes, degree).T
    width = (panels.right - panels.left)[:, None]
    points = (panels.anchor + panels.left)[:, None] + width * (1 + rule.nodes) / 2
    return points.ravel(), (values * rule.weights).ravel()


def _bins(law: Law, s: FloatArray, r: float) -> FloatArray:
    """Edges of t - s from 0 to r, where the law has its mass, shape (len(s), bins + 1)."""
    share = np.linspace(0.0, 1.0, _BINS + 1)
    if law.kind == AXIS or law.dim == 1:
        return r * share + 0 * s
    if law.kind == EQUAL:
        # (1 - (r - delta)/(2 s))^(d - 1) falls by e within 2 s/(d - 1) of delta = r.
        far = np.minimum(r, 2 * s)
        depth = np.minimum(-np.expm1(-40.0 * share**2 / (law.dim - 1)), far / (2 * s))
        away = 2 * s * depth
        edges = (r - away)[:, ::-1]
        edges[:, 0] = 0.0
        return np.asarray(np.sort(edges, axis=1))
    top = np.minimum(1.0, 0.5 * r / s)
    bottom = np.maximum(-1.0, top - 2 * _DEVIATIONS / np.sqrt(law.dim + 2.0))
    bottom = np.maximum(-1.0, np.minimum(bottom, -_DEVIATIONS / np.sqrt(law.dim + 2.0)))
    cosine = top + (bottom - top) * share
    square = r * (r - 2 * s * cosine)
    delta = square / (np.sqrt(np.maximum(s * s + square, 0.0)) + s)
    delta[:, 0], delta[:, -1] = np.maximum(delta[:, 0], 0.0), r
    return np.asarray(np.clip(np.maximum.accumulate(delta, axis=1), 0.0, r))
