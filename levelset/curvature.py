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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy

from levelset.laws import AXIS, EQUAL, SPHERE, Law, conditional
from numerics.branches import SmoothBranch
from numerics.jit import kernel
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_branches, radius_density
from smoothing.structure import RADIUS, Radial

__all__ = ["radial_curvature"]

#: Bins of the law of t given s; on each the larger of the values at both ends counts.
_BINS = 48
#: Gauss nodes on a panel of the density.
_ORDER = 10
#: Standard deviations of a cosine that its bins cover.
_DEVIATIONS = 9.0
#: M is evaluated at some radii and read in between, and bins and rules have errors: so much is
#: added to it. It only costs a few per cent of a correction that is itself below the loss.
_GENEROSITY = 1.1


@dataclass(frozen=True)
class _Slopes:
    """The first two derivatives of a potential, branch by branch."""

    edges: FloatArray
    first: Sequence[Callable[[FloatArray], FloatArray]]
    second: Sequence[Callable[[FloatArray], FloatArray]]

    def __call__(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        branch = np.searchsorted(self.edges, x, side="right")
        first, second = np.empty_like(x), np.empty_like(x)
        with np.errstate(all="ignore"):
            for i in range(len(self.first)):
                mine = branch == i
                first[mine] = self.first[i](x[mine])
                second[mine] = self.second[i](x[mine])
        return first, second


def radial_curvature(radial: Radial, law: Law, r: FloatArray, slopes: FloatArray) -> FloatArray:
    """M at shifts of length r > 0 of a density that falls, at scale 1; inf where unknown.

    Parameters
    ----------
    radial : Radial
    law : Law
        Law of t = ||x - v|| given s = ||x||.
    r, slopes : arrays (n,)
        Lengths, and d log kappa / dr there.
    """
    derivatives = _derivatives(radius_branches(radial), float(radial.support[1]))
    if derivatives is None:
        return np.full(len(r), np.inf)
    s, weight = _nodes(radius_density(radial).panels)
    kept = weight > 1e-15
    s, weight = s[kept][:, None], weight[kept]
    found = np.empty(len(r))
    for i in range(len(r)):
        delta = _bins(law, s, float(r[i]))
        mass = np.maximum(-np.diff(_beyond(law, s, delta, float(r[i])), axis=1), 0.0)
        t = s + delta
        cosine = (
            (delta * (2 * s + delta) + r[i] ** 2) / (2 * r[i] * t) if law.kind == SPHERE else 1.0
        )
        first, second = derivatives(t)
        with np.errstate(all="ignore"):
            value = (slopes[i] - first * cosine) ** 2 + np.maximum(-second, 0.0) * cosine**2
        value = np.where(np.isnan(value), np.inf, value)
        found[i] = _sum(weight, np.sum(mass * np.maximum(value[:, 1:], value[:, :-1]), axis=1))
    return found * _GENEROSITY


def _sum(weight: FloatArray, value: FloatArray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.sum(np.where(weight > 0, weight * value, 0.0)))
    return total if np.isfinite(total) else np.inf


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


@kernel
def _beyond(law, s, delta, r):
    """P[t - s > delta | s], s of shape (n, 1), delta of shape (n, bins + 1)."""
    out = np.empty(delta.shape)
    for i in range(delta.shape[0]):
        for k in range(delta.shape[1]):
            out[i, k] = conditional(law, s[i, 0], delta[i, k], r)[1]
    return out


def _derivatives(branches: Sequence[SmoothBranch], end: float) -> _Slopes | None:
    """Derivatives of a profile without jumps and concave kinks up to oo, else None."""
    if np.isfinite(end):
        return None
    functions = [
        [_numeric(sympy.diff(b.expr, RADIUS, order)) for b in branches] for order in range(3)
    ]
    for i, (_, right) in enumerate(pairwise(branches)):
        seam = np.array([float(right.lower)])
        before, after = (np.array([f[j](seam)[0] for f in functions[:2]]) for j in (i, i + 1))
        if not np.all(np.isfinite(before) & np.isfinite(after)):
            return None
        slack = 1e-9 * (1 + np.abs(before))
        if abs(after[0] - before[0]) > slack[0] or after[1] < before[1] - slack[1]:
            return None
    edges = np.array([float(b.upper) for b in branches[:-1]])
    return _Slopes(edges, functions[1], functions[2])


def _numeric(expr: sympy.Expr) -> Callable[[FloatArray], FloatArray]:
    call = sympy.lambdify(RADIUS, expr, "numpy", cse=True)

    def evaluate(x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return np.asarray(call(x), dtype=np.float64) + np.zeros_like(x)

    return evaluate
