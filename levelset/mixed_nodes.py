"""Quadrature nodes for the extreme coordinates of a mixed density under the shift r (1, ..., 1).

The integrand of M(1/2 + i w) at w = 0, sqrt(q q_v) over all other coordinates, is symmetric in
b - r/2, so b > r/2 is enough. It has kinks in b at r only, and in a where a = 0 is near: nodes
crowd there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from levelset.mixed_density import MixedDensity
from levelset.mixed_kernels import Nodes, Panels, inner_sizes, integral_matrix
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray

__all__ = ["MixedShift", "Pairs"]

#: Nodes are taken where the integrand is within e^-40 of its maximum: what lies beyond is less than
#: 1e-13 of the whole, and leaving it out only raises D.
_DROP = 40.0
_SCAN = 72
#: Largest number of nodes of one Gauss rule; more are spread over panels.
_LARGEST_ORDER = 40


@dataclass(frozen=True)
class Pairs:
    """Points (a, b): log of weight times density sqrt(q q_v), log ratio, extreme coordinates."""

    log_weight: FloatArray
    ratio: FloatArray
    top: FloatArray
    bottom: FloatArray

    def on(self, cuts: FloatArray, panels: Panels) -> Nodes:
        """Where the extremes lie in the panels between `cuts`."""

        def place(points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
            index = np.searchsorted(cuts, points, side="right").astype(np.int64) - 1
            index = np.clip(index, 0, len(panels.half) - 1)
            z = (points - cuts[index]) / panels.half[index] - 1
            return index, np.asarray(np.clip(z, -1.0, 1.0))

        return Nodes(self.log_weight, self.ratio, *place(self.top), *place(self.bottom))

    def keep(self, kept: NDArray[np.bool_]) -> Pairs:
        """Some of the points."""
        columns = (self.log_weight, self.ratio, self.top, self.bottom)
        return Pairs(*(column[kept] for column in columns))


@dataclass(frozen=True)
class MixedShift:
    """A mixed density and a shift r (1, ..., 1), r > 0, at scale 1."""

    density: MixedDensity
    r: float

    def panels(self, turn: float, omega: float) -> tuple[FloatArray, Panels]:
        """Ends of panels on which exp(i omega log(f_v/f)) turns by `turn` at most, and panels."""
        law, low, high = self.density.potential.law, *self.density.potential.ends
        cuts = np.unique(np.concatenate([law.panels.edges, law.panels.edges + self.r, [0, self.r]]))
        cuts = cuts[(cuts >= low + self.r) & (cuts <= high)]
        ratio, _ = self._one(cuts)
        turned = np.nan_to_num(omega * np.abs(np.diff(ratio)), nan=0.0, posinf=0.0)
        parts = np.maximum(np.ceil(turned / turn), 1).astype(np.int64)
        left, width = np.repeat(cuts[:-1], parts), np.repeat(np.diff(cuts) / parts, parts)
        number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        cuts = np.append(left + number * width, cuts[-1])
        half = np.diff(cuts)[:, None] / 2
        ratio, root = self._one(cuts[:-1, None] + half * (1 + legendre_rule().nodes))
        return cuts, Panels(np.nan_to_num(ratio, posinf=0.0, neginf=0.0), root, half[:, 0])

    def _one(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """log(f_v/f) and sqrt(f f_v) of one coordinate."""
        plain = self.density.log_pdf(x.ravel()).reshape(x.shape)
        shifted = self.density.log_pdf(x.ravel() - self.r).reshape(x.shape)
        with np.errstate(invalid="ignore"):
            return shifted - plain, np.exp((plain + shifted) / 2)

    @cached_property
    def still(self) -> tuple[FloatArray, Panels]:
        """Panels for frequency 0."""
        return self.panels(1.0, 0.0)

    def pairs(self, a: FloatArray, b: FloatArray, log_weight: FloatArray) -> Pairs:
        """Points with the density of the pair of extremes, other coordinates left out."""
        density, r = self.density, self.r
        top, bottom = b + a, b - a
        plain = density.log_pdf(top) + density.log_pdf(bottom) - density.profile(a + np.abs(b))
        shifted = density.log_pdf(top - r) + density.log_pdf(bottom - r)
        shifted = shifted - density.profile(a + np.abs(b - r))
        with np.errstate(invalid="ignore"):
            size, ratio = (plain + shifted) / 2 - density.log_normaliser, shifted - plain
        found = Pairs(size + log_weight, ratio, top, bottom)
        return found.keep(np.isfinite(size) & np.isfinite(ratio) & (a > 0))

    def sizes(self, pairs: Pairs) -> FloatArray:
        """log of the integrand at frequency 0."""
        if self.density.dim == 2:
            return pairs.log_weight
        cuts, panels = self.still
        nodes, power = pairs.on(cuts, panels), self.density.dim - 2.0
        return np.asarray(pairs.log_weight + inner_sizes(nodes, panels, integral_matrix(), power))

    @cached_property
    def box(self) -> tuple[float, float, float]:
        """Least and largest a and largest b where the integrand matters."""
        edges = self.density.potential.law.panels.edges
        outward = edges[edges > 0]
        outward = np.sort(np.concatenate([outward, (outward[1:] + outward[:-1]) / 2]))
        a = outward
        b = np.concatenate([np.linspace(self.r / 2, self.r, 16), self.r + outward])
        for _ in range(4):
            grid_a, grid_b = (v.ravel() for v in np.meshgrid(a, b, indexing="ij"))
            pairs = self.pairs(grid_a, grid_b, np.zeros_like(grid_a))
            size = self.sizes(pairs)
            seen = size > size.max() - _DROP
            seen_a = (pairs.top - pairs.bottom)[seen] / 2
            seen_b = (pairs.top + pairs.bottom)[seen] / 2
            low = _outside(a, float(seen_a.min()), -1)
            high, far = _outside(a, float(seen_a.max()), 1), _outside(b, float(seen_b.max()), 1)
            a = np.linspace(low, high, _SCAN + 1)[1:]
            b = np.linspace(self.r / 2, max(far, self.r), _SCAN)
        return low, high, max(far, self.r)

    def rule(self, count: int) -> Pairs:
        """About count^2 nodes over the box, those that matter."""
        low, high, far = self.box
        near = low == 0
        a, wa = _crowded(low, high, count, power=4 if near else 1)
        # Nodes between r/2 and r in proportion to its length.
        share = self.r / 2 / max(far - self.r, 1e-300)
        few = int(np.ceil(count * np.clip(share, 1 / 3, 1)))
        inner, wi = _crowded(0.0, self.r / 2, few, power=3 if near else 1)
        outer, wo = _crowded(0.0, far - self.r, count, power=3 if near else 1)
        b, wb = np.append(self.r - inner, self.r + outer), np.append(wi, wo)
        with np.errstate(divide="ignore"):
            # Twice, for b and r - b.
            log_weight = np.log(2 * np.outer(wa, wb)).ravel()
        a, b = (v.ravel() for v in np.meshgrid(a, b, indexing="ij"))
        pairs = self.pairs(a, b, log_weight)
        size = self.sizes(pairs)
        return pairs.keep(size > size.max() - _DROP)


def _outside(grid: FloatArray, value: float, side: int) -> float:
    """Two points of the grid beyond a value, or the end: 0 on the left."""
    place = int(np.argmin(np.abs(grid - value))) + 2 * side
    return 0.0 if place < 0 else float(grid[min(place, len(grid) - 1)])


def _crowded(low: float, high: float, count: int, power: int) -> tuple[FloatArray, FloatArray]:
    """Nodes low + (high - low) t^power and weights, t the nodes of a composite Gauss rule."""
    panels = -(-count // _LARGEST_ORDER)
    rule = legendre_rule(-(-count // panels))
    t = ((np.arange(panels)[:, None] + (1 + rule.nodes) / 2) / panels).ravel()
    w = np.tile(rule.weights / (2 * panels), panels)
    length = high - low
    return low + length * t**power, length * power * t ** (power - 1) * w
