r"""Laws of gamma_u for mixed-norm densities exp(-g(max|x_i|) - sum phi(x_i)) (spec 2.3).

Given m = max|x_i|, attained at I, the other coordinates are independent with density f on [-m, m],
f proportional to exp(-phi). With a(m) = g'(m) + phi'(m), the slope of psi along x_I, and M_m(z) =
E exp(z phi'(X)) over |X| < m, which is real and even in z for even phi,

    E exp(z gamma_u) = E_m (1/d) sum_I cosh(z u_I a(m)) prod_{i != I} M_m(u_i z),

and m has density proportional to exp(-g(m)) f(m) P[|X| < m]^(d-1). (Zhang et al., equation 13.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
from flint import arb
from numpy.polynomial import legendre
from numpy.typing import NDArray

from differential.inversion import ComplexArray
from differential.law import Law
from differential.phi import Direction, Phi
from differential.sum_laws import law_of_transforms
from differential.sum_transform import log_modulus_bound
from differential.term_measure import TermMeasure, term_measure
from differential.vertex_orbits import name_of
from numerics.branches import smooth_branches
from numerics.legendre import legendre_rule
from numerics.panels import HalfBranch, PanelDensity, PointFunction, build_panels
from smoothing.one_dim import half_branches
from smoothing.structure import COORDINATE, RADIUS, Marginal, Mixed

__all__ = ["MixedTransform", "law_of_maximum", "mixed_law", "mixed_phi"]

Array = NDArray[np.float64]

#: Share of the tilted law of m whose coordinates are not used in the bound of the decay.
_SET_ASIDE = 1e-19
#: Panels of the law of m: its density is a float64 function.
_RESOLUTION = 1e-12
#: |z| times the range of phi' on a piece (see `term_measure`).
_LARGEST_TURN = 12.0
#: log M is tabulated over this range, in steps of this ratio.
_SMALLEST, _LARGEST, _RATIO = 1e-3, 400.0, 1.2
#: Nodes of m with a smaller share cannot be felt.
_UNFELT = 1e-22
#: Frequencies handled at once, so that arrays stay below 100 MB.
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class _Inside:
    """The law of X > 0 on pieces ordered from 0 outwards."""

    measure: TermMeasure

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        panels = self.measure.panels
        middle = panels.anchor + (panels.left + panels.right) / 2
        rows = np.flatnonzero(middle > 0)
        return np.asarray(rows[np.argsort(middle[rows])])

    @cached_property
    def _edges(self) -> tuple[Array, Array]:
        panels, rows = self.measure.panels, self._rows
        left, right = panels.left[rows], panels.right[rows]
        return panels.anchor[rows] + left, panels.anchor[rows] + right

    def integrals(self, m: Array, function: Any) -> Any:
        """int_0^m function(phi'(x)) f(x) dx; `function` maps (n,) to (..., n)."""
        rule, rows = legendre_rule(), self._rows
        left, right = self._edges
        index = np.minimum(np.searchsorted(right, m), len(rows) - 1)
        full = function(self.measure.value[rows].ravel())
        weights = self.measure.weight[rows].ravel()
        sums = (full * weights).reshape(*full.shape[:-1], len(rows), -1).sum(axis=-1)
        before = np.concatenate([np.zeros((*sums.shape[:-1], 1)), np.cumsum(sums, axis=-1)], -1)
        # from the left end of the panel to m
        half = (np.minimum(m, right[index]) - left[index]) / (right[index] - left[index])
        local = -1 + half[:, None] * (1 + rule.nodes)
        basis = legendre.legvander(local, self.measure.panels.value.shape[1] - 1)
        chosen = rows[index]
        value = np.einsum("mkn,mn->mk", basis, self.measure.panels.value[chosen])
        density = np.exp(np.einsum("mkn,mn->mk", basis, self.measure.log_series[chosen]))
        inner = function(value.ravel()) * (half[:, None] * rule.weights * density).ravel()
        part = inner.reshape(*inner.shape[:-1], len(m), -1).sum(axis=-1)
        return before[..., index] + part

    def mass(self, m: Array) -> Array:
        """P[|X| < m], with relative accuracy near 0."""
        return np.asarray(2 * self.integrals(m, np.ones_like))

    def log_mass(self, m: Array) -> Array:
        """log P[|X| < m], accurate near 0 and where P[|X| >= m] is small."""
        rule, rows = legendre_rule(), self._rows
        left, right = self._edges
        index = np.minimum(np.searchsorted(right, m), len(rows) - 1)
        panel = self.measure.weight[rows].sum(axis=1)
        beyond = np.append(np.cumsum(panel[::-1])[::-1][1:], 0.0)[index]
        rest = (right[index] - np.minimum(m, right[index])) / (right[index] - left[index])
        local = 1 - rest[:, None] * (1 + rule.nodes)
        basis = legendre.legvander(local, self.measure.log_series.shape[1] - 1)
        density = np.exp(np.einsum("mkn,mn->mk", basis, self.measure.log_series[rows[index]]))
        outside = 2 * (beyond + rest * (density @ rule.weights))
        with np.errstate(divide="ignore"):
            near = np.log(np.maximum(self.mass(m), 0.0))
            return np.where(outside < 0.5, np.log1p(-np.minimum(outside, 0.5)), near)


@dataclass(frozen=True)
class _LogDensityOfMaximum:
    """log of exp(-g - phi) P[|X| < m]^(d-1) as a function of the offset from an anchor."""

    base: PointFunction
    inside: _Inside
    anchor: float
    direction: int
    others: int

    def ball(self, point: float | arb) -> arb:
        return self.balls([point])[0]

    def balls(self, points: Iterable[float | arb]) -> list[arb]:
        offsets = list(points)
        m = self.anchor + self.direction * np.array([float(p) for p in offsets])
        logs = self.others * self.inside.log_mass(m)
        pairs = zip(self.base.balls(offsets), logs, strict=True)
        return [b + arb(float(v)) if np.isfinite(v) else arb("nan") for b, v in pairs]


@lru_cache(maxsize=32)
def _law_of_maximum(mixed: Mixed) -> tuple[PanelDensity, _Inside]:
    return law_of_maximum(mixed)


def law_of_maximum(
    mixed: Mixed, carried: Callable[[Any], Any] = lambda slope: slope
) -> tuple[PanelDensity, _Inside]:
    """Panels of m that carry a(m), or what `carried` makes of it, and the law of one coordinate."""
    marginal = Marginal(mixed.phi, (-sympy.oo, sympy.oo), mixed.dim)
    inside = _Inside(term_measure(marginal))
    potential = mixed.profile + mixed.phi.subs(COORDINATE, RADIUS)
    branches = smooth_branches(potential, RADIUS, sympy.S.Zero, sympy.oo)
    halves = [
        HalfBranch(
            h.anchor,
            h.direction,
            h.length,
            _LogDensityOfMaximum(h.log_density, inside, h.anchor, h.direction, mixed.dim - 1),
            carried(h.value),
        )
        for h in half_branches(branches, RADIUS, value=True)
    ]
    return build_panels(halves, resolution=_RESOLUTION), inside


@dataclass(frozen=True, eq=False)
class MixedTransform:
    """log E exp(z gamma_u); implements `inversion.Transform`.

    `sizes`, `counts` list the distinct |u_i|, zeros included, and how often each occurs.
    """

    mixed: Mixed
    sizes: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def top(self) -> float:
        """gamma is treated as unbounded."""
        return math.inf

    @cached_property
    def overflow(self) -> float:
        """E of |gamma| over what the panels of m leave out."""
        panels, inside = _law_of_maximum(self.mixed)
        steepest = float(np.abs(inside.measure.value).max())
        rest = float(panels.gap_mass.sum()) * steepest + float(np.abs(panels.gap_moment).sum())
        return sum(n * s for n, s in zip(self.counts, self.sizes, strict=True)) * rest

    @cached_property
    def _maximum(self) -> tuple[Array, Array, Array]:
        """Nodes of m, their weights and a(m)."""
        panels, _ = _law_of_maximum(self.mixed)
        rule = legendre_rule()
        basis = legendre.legvander(rule.nodes, panels.value.shape[1] - 1).T
        half = (panels.right - panels.left)[:, None] / 2
        m = panels.anchor[:, None] + panels.left[:, None] + half * (1 + rule.nodes)
        weight = (panels.density @ basis) * rule.weights
        return m.ravel(), weight.ravel(), (panels.value @ basis).ravel()

    def cumulants(self, theta: float) -> tuple[float, float, float]:
        """log M and its derivatives by differences; they only steer the choice of the line."""
        spline, low, high = self._cumulant
        if not low < theta < high:
            value = float(self._log_mean(np.array([theta + 0j]))[0].real)
            return value, 2 * value / theta, 2 * value / theta**2
        x = math.log(theta)
        # K = exp(s(x)): K' = K s'/theta, K'' = K (s'^2 + s'' - s')/theta^2
        s, first, second = (float(spline(x, k)) for k in range(3))
        value = math.exp(s)
        return value, value * first / theta, value * (first**2 + second - first) / theta**2

    @cached_property
    def _cumulant(self) -> tuple[Any, float, float]:
        """log log M as a spline in log theta, and the range it covers."""
        from scipy.interpolate import CubicSpline

        def value(theta: float) -> float:
            return float(self._log_mean(np.array([theta + 0j]))[0].real)

        theta = 1.0
        while value(theta) > _SMALLEST:
            theta /= 4
        while value(theta) < _SMALLEST:
            theta *= 1.5
        grid, values = [theta], [value(theta)]
        while values[-1] < _LARGEST:
            grid.append(grid[-1] * _RATIO)
            values.append(value(grid[-1]))
        return CubicSpline(np.log(grid), np.log(values)), grid[0], grid[-1]

    def line(self, theta: float, frequencies: Array) -> ComplexArray:
        """log M(theta + i w)."""
        z = theta + 1j * np.asarray(frequencies, dtype=np.float64)
        shares = self._log_terms(np.array([theta + 0j]))[0].real
        kept = np.flatnonzero(shares > shares.max() + math.log(_UNFELT))
        chunks = [self._log_mean(z[k : k + _CHUNK], kept) for k in range(0, len(z), _CHUNK)]
        return np.concatenate(chunks)

    def log_decay(self, theta: float, frequencies: Array) -> Array:
        """Bound of the modulus, the same for all m above a point that is hardly ever missed.

        A density cut to |x| < m has at most twice the variation, and is divided by the mass left.
        """
        _, inside = _law_of_maximum(self.mixed)
        m, _, _ = self._maximum
        logs = self._log_terms(np.array([theta + 0j]))[0].real
        order = np.argsort(m)
        shares = np.exp(logs[order] - logs.max())
        below = np.cumsum(shares) / shares.sum()
        first = int(np.searchsorted(below, _SET_ASIDE))
        total = np.zeros(len(frequencies))
        lowest = m[order][first : first + 1]
        spare = 1
        for size, count in sorted(zip(self.sizes, self.counts, strict=True), reverse=True):
            if size == 0:
                continue
            left = float(inside.integrals(lowest, lambda y, s=size: 2 * np.cosh(theta * s * y))[0])
            variation, mass = inside.measure.decay(theta * size, math.log(left))
            # one coordinate is the maximum itself
            copies, spare = max(count - spare, 0), max(spare - count, 0)
            total += copies * log_modulus_bound(2 * variation, mass, size * frequencies)
        return np.asarray(np.logaddexp(total, math.log(_SET_ASIDE)))

    def _log_mean(self, z: NDArray[Any], kept: NDArray[np.intp] | None = None) -> ComplexArray:
        logs = self._log_terms(z, kept)
        top = logs.real.max(axis=1, keepdims=True)
        return np.asarray(top[:, 0] + np.log(np.exp(logs - top).sum(axis=1)))

    def _log_terms(self, z: ComplexArray, kept: NDArray[np.intp] | None = None) -> ComplexArray:
        """log of weight(m) (1/d) sum_I cosh(z u_I a) prod_{i != I} M_m(u_i z), shape (k, nodes)."""
        _, inside = _law_of_maximum(self.mixed)
        m, weight, slope = (v if kept is None else v[kept] for v in self._maximum)
        scale = 2 / inside.mass(m)
        means = [np.log1p(scale * inside.integrals(m, _Excess(z * size))) for size in self.sizes]
        product = sum(n * log for n, log in zip(self.counts, means, strict=True))
        logs = [
            math.log(n / self.mixed.dim) + _log_cosh(z[:, None] * size * slope) - log
            for size, n, log in zip(self.sizes, self.counts, means, strict=True)
        ]
        shared = np.maximum.reduce([v.real for v in logs])
        total = np.log(sum(np.exp(v - shared) for v in logs)) + shared
        with np.errstate(divide="ignore"):
            return np.asarray(total + product + np.log(np.maximum(weight, 0.0)))


@dataclass(frozen=True, eq=False)
class _Excess:
    """y -> cosh(zy) - 1 for every z, shape (k, n), accurate near 0."""

    z: ComplexArray

    def __call__(self, y: Array) -> ComplexArray:
        return np.asarray(2 * np.sinh(self.z[:, None] * y / 2) ** 2)


def _log_cosh(s: ComplexArray) -> ComplexArray:
    """log cosh for Re s >= 0 or < 0 alike, without overflow."""
    t = np.where(s.real < 0, -s, s)
    return np.asarray(t + np.log1p(np.exp(-2 * t)) - math.log(2))


@lru_cache(maxsize=32)
def mixed_law(mixed: Mixed, sizes: tuple[float, ...], counts: tuple[int, ...]) -> Law:
    """Law of gamma_u for u with the given distinct |u_i| and their counts.

    Raises
    ------
    AssumptionError
        exp(-phi) or the law of the maximum is not integrable.
    PrecisionError
        u has too few entries for its transform to be inverted.
    """
    return law_of_transforms(MixedTransform(mixed, sizes, counts), None, 0.0, (0.0, 0.0))


def mixed_phi(mixed: Mixed, vertices: Array) -> Phi:
    """Phi over vertices given up to signed permutations."""
    directions = []
    for vertex in vertices:
        size = float(vertex.max())
        sizes, counts = np.unique(vertex / size, return_counts=True)
        law = mixed_law(mixed, tuple(sizes.tolist()), tuple(counts.tolist()))
        directions.append(Direction(name_of(vertex), law, size))
    return Phi(tuple(directions))
