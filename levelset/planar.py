r"""Mixed-norm densities in two and three dimensions under equal shifts: D(kappa) as an integral.

In few dimensions the transform of log L decays slowly (see `mixed_transform`), while
D(kappa) = int (q(x - v) - kappa q(x))_+ dx is only a double integral over a = (M - m)/2 and
b = (M + m)/2, M and m the largest and the least coordinate. In three dimensions the coordinate
between them is integrated in closed form: where log f(x - r) - log f(x) does not decrease, its
part of the set runs from a threshold to M.

In b the norms have kinks at 0 and r, and the set has edges; pieces in between are integrated by
Gauss rules whose nodes crowd at 0 and r as far as a is small (see `planar_kernels`). In a
intervals are halved where the rule and its halves disagree, so that kinks and tangencies need not
be located.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from levelset.mixed_density import MixedDensity
from levelset.planar_cells import Inner, Rule, masses, offsets
from levelset.planar_kernels import NOTHING, Block, excess
from numerics.bounds import Bounds
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray

__all__ = ["PlanarShift", "has_threshold"]

#: Intervals in a before any is halved, cells per piece in b, and nodes on each.
_INTERVALS = 8
_CELLS = 10
_ORDER = 14
#: Disagreement of an interval of a with its halves that is accepted, and the last halving.
_TOLERANCE = 1e-11
_LAST_LEVEL = 26
#: Intervals that are halved at once; with more their disagreements are counted as they are.
_MOST = 64
#: Mass of one coordinate beyond the domain; what is lost of the whole is measured, not assumed.
_BEYOND = 1e-17
_ROUNDING = 4e-13
#: Mass of a cell below which it is left out.
_NEGLIGIBLE = 1e-18
#: Points per panel of the table of log f(x - r) - log f(x).
_FINE = 128

#: Row sums of an integrand on many intervals: values and errors of each row.
Rows = Callable[[Block], FloatArray]


def _log_ratio(density: MixedDensity, r: float) -> tuple[FloatArray, FloatArray]:
    """Points and log f(x - r) - log f(x) at them, where both are positive."""
    edges = density.potential.law.panels.edges
    edges = np.unique(np.concatenate([edges, edges + r]))
    points = (edges[:-1, None] + np.diff(edges)[:, None] * np.arange(_FINE) / _FINE).ravel()
    with np.errstate(invalid="ignore"):
        ratios = density.log_pdf(points - r) - density.log_pdf(points)
    seen = np.isfinite(ratios)
    return points[seen], ratios[seen]


def has_threshold(density: MixedDensity, r: float) -> bool:
    """Whether log f(x - r) - log f(x) does not decrease, up to rounding."""
    _, ratios = _log_ratio(density, r)
    return bool(np.all(np.diff(ratios) >= -1e-12 * (1 + np.abs(ratios[1:]))))


@dataclass(frozen=True)
class PlanarShift:
    """One shift r (1, 1) or r (1, 1, 1), r > 0, at scale 1."""

    density: MixedDensity
    r: float
    _blocks: dict[tuple[int, int], tuple[Block, FloatArray]] = field(
        default_factory=dict, repr=False
    )

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        flat = multipliers.ravel()
        # D(kappa) = 1 - kappa + kappa D(1/kappa), because the density is even
        least = np.maximum(1 - flat, 0.0)
        found = [self._above(max(k, 1 / k)) if k > 0 else (0.0, 0.0) for k in flat.tolist()]
        value, error = (np.array(column) for column in zip(*found, strict=True))
        size = np.minimum(flat, 1.0)
        low = np.clip(least + size * np.maximum(value - error, 0.0) - 4e-16, least, 1.0)
        high = np.clip(least + size * (value + error) + 4e-16, low, 1.0)
        return Bounds(low.reshape(multipliers.shape), high.reshape(multipliers.shape))

    def _above(self, kappa: float) -> tuple[float, float]:
        """D and its error for kappa >= 1."""
        level = min(float(np.log(kappa)), 650.0)
        value, error = self._adaptive(lambda block: excess(level, block, self._inner, self._rule))
        return value, error + self._lost + _ROUNDING * value

    @cached_property
    def _lost(self) -> float:
        """What the rules miss of the shifted density, the mass beyond the domain included."""
        whole, error = self._adaptive(lambda block: np.sum(block.whole[:, :, 1::2], axis=1))
        return abs(1 - whole) + error

    def _adaptive(self, rows: Rows) -> tuple[float, float]:
        """Integral over a, and its error: disagreements of rules added up."""
        keys = [(0, i) for i in range(_INTERVALS)]
        values = self._integrals(keys, rows)[:, 0]
        total = error = 0.0
        while keys:
            level = keys[0][0] + 1
            halves = [(level, 2 * i + j) for _, i in keys for j in (0, 1)]
            finer, errors = self._integrals(halves, rows).T
            both = finer[::2] + finer[1::2]
            off = np.abs(both - values)
            done = (off <= _TOLERANCE) | (level == _LAST_LEVEL) | (len(keys) > _MOST)
            total += float(np.sum(both[done]))
            error += float(np.sum((off + errors[::2] + errors[1::2])[done]))
            again = np.repeat(~done, 2)
            keys = [key for key, more in zip(halves, again, strict=True) if more]
            values = finer[again]
        return total, error

    def _integrals(self, keys: list[tuple[int, int]], rows: Rows) -> FloatArray:
        """Value and error of one integral per interval of a, shape (n, 2)."""
        out = np.empty((len(keys), 2))
        for i, key in enumerate(keys):
            block, weights = self._block(key)
            out[i] = weights @ rows(block)
        return out

    @cached_property
    def _rule(self) -> Rule:
        rule = legendre_rule(_ORDER)
        end = float(np.max(np.abs(self.density.potential.law.ppf_upper(_BEYOND))))
        return Rule(self.r, end, _CELLS, rule.nodes, rule.weights, rule.to_coefficients)

    @cached_property
    def _inner(self) -> Inner:
        law = self.density.potential.law
        panels = law.panels
        outward = np.flatnonzero(panels.anchor + panels.left >= 0)
        starts = (panels.anchor + panels.left)[outward]
        # The integral of a series from the right end of its panel, and the mass beyond.
        series = np.polynomial.legendre.legint(panels.density[outward], lbnd=1.0, axis=1)
        series = -series.astype(np.float64)
        series[:, 0] += np.append(law.sf(starts[1:]), panels.gap_mass[-1])
        points, ratios = _log_ratio(self.density, self.r)
        widths = np.asarray((panels.right - panels.left)[outward], dtype=np.float64)
        ratios = np.maximum.accumulate(ratios).astype(np.float64)
        density = panels.density[outward]
        return Inner(self.density.dim - 2, starts, widths, density, series, points, ratios)

    @cached_property
    def _power(self) -> float:
        """n so that t^(n (d - k) - 1), what ||x||_oo^-k becomes at 0, is smooth or nearly so."""
        near = self.density.profile(np.array([1e-20, 2e-20]))
        k = float(near[1] - near[0]) / np.log(2)
        room = self.density.dim - max(k, 0.0) if np.isfinite(k) else 1.0
        return float(np.clip(4 / max(room, 1e-3), 4, 40))

    def _block(self, key: tuple[int, int]) -> tuple[Block, FloatArray]:
        if key not in self._blocks:
            level, index = key
            rule = legendre_rule(_ORDER)
            width = 1.0 / (_INTERVALS * 2**level)
            t = width * (index + (1 + rule.nodes) / 2)
            # a = end t^n crowds nodes at 0, where h may be infinite
            end, n = self._rule.end, self._power
            weights = end * n / 2 * t ** (n - 1) * rule.weights * width
            self._blocks[key] = self._rows(end * t**n), weights
        return self._blocks[key]

    def _rows(self, a: FloatArray) -> Block:
        """Everything about rows of cells that does not depend on kappa."""
        density, rule = self.density, self._rule
        places = np.concatenate([[-1.0], rule.nodes, [1.0]])
        at_zero, at_r, jacobian = offsets(rule, a, places)
        steps = a[:, None, None]

        def log_pdf(x: FloatArray) -> FloatArray:
            found = density.log_pdf(x.ravel()).reshape(x.shape)
            return np.asarray(np.maximum(found, 2 * NOTHING))

        top, bottom = log_pdf(at_zero + steps), log_pdf(at_zero - steps)
        near_top, near_bottom = log_pdf(at_r + steps), log_pdf(at_r - steps)
        plain = top + bottom - density.profile(steps + np.abs(at_zero))
        shifted = near_top + near_bottom - density.profile(steps + np.abs(at_r))
        enters = fills = ratio = shifted - plain
        if density.dim == 3:
            enters, fills = ratio + near_top - top, ratio + near_bottom - bottom
        nodes = slice(1, -1)
        measure = np.log(jacobian[..., nodes]) - density.log_normaliser
        plain, shifted = plain[..., nodes] + measure, shifted[..., nodes] + measure
        whole = np.stack(
            [
                self._over_cells(plain, at_zero[..., nodes], steps),
                self._over_cells(shifted, at_r[..., nodes], steps),
            ],
            axis=-2,
        )
        whole = whole.reshape(*whole.shape[:2], 4)[..., [0, 2, 1, 3]]
        enters = np.where(whole[..., 1:2] > _NEGLIGIBLE, enters, -np.inf)
        return Block(a, plain, shifted, enters, fills, whole)

    def _over_cells(self, logs: FloatArray, b: FloatArray, steps: FloatArray) -> FloatArray:
        """Integral of a density over each cell, other coordinate included, and its error."""
        values = np.exp(logs)
        if self.density.dim == 3:
            low, high = (b - steps).ravel(), (b + steps).ravel()
            inner = masses(self._inner, self._rule, low, high)
            values = values * inner.reshape(logs.shape)
        last = 2 * np.sum(np.abs(values @ self._rule.to_coefficients[-2:].T), axis=-1)
        # as in `planar_kernels`
        error = last * np.minimum(1, 4 * last / np.maximum(np.max(values, axis=-1), 1e-300))
        return np.stack([values @ self._rule.weights, error], axis=-1)
