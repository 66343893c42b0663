"""Parts of gamma = h * A for a continuous h = |g'(r)| and a symmetric A, by quadrature.

When h is constant, gamma is h times A and the part is discrete (lattice) or a scaled cosine. In
general the density of gamma is integrated over r at the nodes of adaptive panels, and gamma is
then treated like any other variable given on panels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from differential.numeric_density import panels_of_density
from differential.parts import DiscretePart, PanelPart, Part, ThinnedPart
from differential.quadrature_kernels import cosine_density, lattice_density
from numerics.legendre import legendre_rule
from numerics.stable import log_gamma_ratio

__all__ = ["lattice_part", "spherical_part"]

Array = NDArray[np.float64]

#: Lattice probabilities below this share cannot matter at tails above 2^-100 = 8e-31.
_NEGLIGIBLE = 1e-45
#: Lattices up to this size are kept as mixtures; beyond, the density is tabulated.
_MAX_TERMS = 24


@dataclass(frozen=True)
class MixturePart:
    """gamma = a_k times the variable of `base` with probability w_k; for few terms."""

    base: Part
    factors: Array
    weights: Array

    @property
    def mass(self) -> float:
        return float(self.weights.sum()) * self.base.mass

    @property
    def mean(self) -> float:
        return float(self.weights @ self.factors) * self.base.mean

    @property
    def kinks(self) -> Array:
        # The quantile is not smooth where one of the scaled variables begins or ends.
        levels, _ = self.base.quantile(self.base.kinks)
        points = np.unique((levels[:, None] * self.factors).ravel())
        tails, _ = self.tail_and_excess(points[points > 0])
        return np.unique(np.append(tails[tails > 0], self.mass))

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        scaled = (c[:, None] / self.factors).ravel()
        shape = (len(c), len(self.factors))
        tail, excess = (v.reshape(shape) for v in self.base.tail_and_excess(scaled))
        return tail @ self.weights, excess @ (self.weights * self.factors)

    def quantile(self, p: Array) -> tuple[Array, Array]:
        c = _bracketed_quantile(self, p)
        return c, self.tail_and_excess(c)[1]


def _bracketed_quantile(part: Part, p: Array) -> Array:
    """Bisection for all p at once, geometric once the bracket is positive."""
    high = np.ones_like(p)
    for _ in range(1100):
        open_ended = part.tail_and_excess(high)[0] > p
        if not open_ended.any():
            break
        high = np.where(open_ended, 2 * high, high)
    low = np.zeros_like(p)
    for _ in range(90):
        middle = np.where((low > 0) & (high > 2 * low), np.sqrt(low * high), 0.5 * (low + high))
        above = part.tail_and_excess(middle)[0] > p
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def lattice_part(base: PanelPart, values: Array, weights: Array) -> tuple[Part, float]:
    """Positive part of h * A for A with the given positive values (decreasing) and weights.

    Returns
    -------
    part : Part
    loss : float
        Relative loss of mass in the quadrature; 0 where none was needed.
    """
    used = weights > _NEGLIGIBLE
    values, weights = values[used], weights[used]
    levels, masses = base.atoms
    if len(levels) == 1 and base.is_discrete:
        return DiscretePart(levels[0] * values, masses[0] * weights), 0.0
    if len(values) <= _MAX_TERMS or len(levels):
        return MixturePart(base, values, weights), 0.0
    cells, slope = base.continuous_cells, base.slope_series
    shares = weights / values

    def density(anchor: float, offsets: Array) -> Array:
        return np.asarray(
            lattice_density(
                anchor,
                offsets,
                values,
                shares,
                cells.panel,
                cells.start,
                cells.stop,
                cells.low,
                cells.high,
                base.panels.density,
                base.panels.value,
                slope,
            )
        )

    critical = np.unique((base.critical_values[:, None] * values).ravel())
    total = base.mass * float(weights.sum())
    top = base.largest * float(values[0])
    panels, loss = panels_of_density(density, critical, top, total)
    return ThinnedPart(PanelPart(panels), total), loss


def spherical_part(base: PanelPart, dim: int) -> tuple[Part, float]:
    """Positive part of h * T, T the cosine of a uniform direction in R^dim (dim >= 2)."""
    power = (dim - 3) / 2
    # f_T(t) = Gamma(d/2) / (sqrt(pi) Gamma((d-1)/2)) (1 - t^2)^((d-3)/2)
    constant = math.exp(float(log_gamma_ratio((dim - 1) / 2, 0.5))) / math.sqrt(math.pi)
    levels, masses = base.atoms
    cells, rule = base.continuous_cells, legendre_rule()
    half = (cells.stop - cells.start)[:, None] / 2
    local = cells.start[:, None] + half * (1 + rule.nodes)
    f = series_at(base.panels.density[cells.panel], local)
    h = series_at(base.panels.value[cells.panel], local)
    at_nodes = half * rule.weights * f

    def density(anchor: float, offsets: Array) -> Array:
        return np.asarray(
            cosine_density(
                anchor,
                offsets,
                power,
                constant,
                levels,
                masses,
                cells.panel,
                cells.start,
                cells.stop,
                cells.low,
                cells.high,
                base.rising(cells),
                at_nodes,
                h,
                base.panels.density,
                base.panels.value,
                base.slope_series,
                rule.nodes,
                rule.weights,
            )
        )

    total = base.mass / 2
    panels, loss = panels_of_density(density, base.critical_values, base.largest, total)
    return ThinnedPart(PanelPart(panels), total), loss


def series_at(coefficients: Array, local: Array) -> Array:
    """Legendre series of shape (m, n) at points of shape (m, k)."""
    basis = np.polynomial.legendre.legvander(local, coefficients.shape[1] - 1)
    return np.asarray(np.einsum("mkn,mn->mk", basis, coefficients))
