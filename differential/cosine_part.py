"""Positive part of gamma = h(r) T, T the cosine of a uniform direction: l_2 radial densities.

The density of gamma has square roots and logarithms wherever h has an extremum, a limit or a
pole. Its tail and its expected excess are one and two powers smoother, and Phi needs no more:

    P[gamma > c] = int f(r) P[T > c/h] dr,    E(gamma - c)+ = int f(r) h E(T - c/h)+ dr.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from differential.cosine_kernels import cosine_sums
from differential.cosine_mills import cosine_mills
from differential.parts import PanelPart, Part
from differential.threshold_table import tabulate
from numerics.legendre import legendre_rule
from numerics.stable import log_gamma_ratio

__all__ = ["CosineSums", "spherical_part"]

Array = NDArray[np.float64]


#: For c <= h / (4 sqrt(d)) the power series of P[T > c/h] has terms below 32^-k / k!.
_SMALL = 0.25
_TERMS = 8


@dataclass(frozen=True)
class CosineSums:
    """P[h T > c] and E(h T - c)+ for a positive h given on panels, in dimension `dim` >= 2."""

    base: PanelPart
    dim: int

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        panels, cells, rule = self.base.panels, self.base.cells, legendre_rule()
        point = cells.panel < 0
        smooth = self.base.continuous_cells
        half = (smooth.stop - smooth.start)[:, None] / 2
        local = smooth.start[:, None] + half * (1 + rule.nodes)
        mills = cosine_mills(self.dim)
        f = half * rule.weights * series_at(panels.density[smooth.panel], local)
        h = series_at(panels.value[smooth.panel], local)
        odd = _odd_coefficients(self.dim)
        ratio = smooth.low[:, None] / h
        powers = [np.sum(f * ratio ** (2 * k + 1), axis=1) for k in range(_TERMS)]
        return (
            cells.low[point],
            cells.mass[point],
            smooth.panel,
            smooth.start,
            smooth.stop,
            smooth.low,
            smooth.high,
            self.base.rising(smooth),
            f,
            h,
            panels.density,
            panels.value,
            float(self.dim),
            mills.top,
            mills.tail,
            mills.excess,
            rule.nodes,
            rule.weights,
            np.stack([f.sum(axis=1), np.sum(f * h, axis=1), *powers], axis=1),
            odd,
            _SMALL / math.sqrt(self.dim),
            odd[0] / (self.dim - 1),
        )

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        """Both sums at thresholds c >= 0, shape (n,)."""
        tail, excess = cosine_sums(np.asarray(c, dtype=np.float64), *self._arguments)
        return tail, excess


def spherical_part(base: PanelPart, dim: int) -> tuple[Part, float]:
    """Positive part of h * T, T the cosine of a uniform direction in R^dim (dim >= 2).

    Returns
    -------
    part : Part
    error : float
        Relative error that tabulating the sums over thresholds has added.
    """
    sums = CosineSums(base, dim)
    table = tabulate(sums.tail_and_excess, base.critical_values, base.largest)
    return table, table.relative_error


def _odd_coefficients(dim: int) -> Array:
    """Coefficients of P[T > u] = 1/2 - sum of a_k u^(2k+1), from density C (1 - u^2)^((d-3)/2)."""
    constant = math.exp(float(log_gamma_ratio((dim - 1) / 2, 0.5))) / math.sqrt(math.pi)
    k = np.arange(_TERMS - 1)
    # binomial((d-3)/2, k + 1) (-1)^(k+1) by ratios
    steps = (k - (dim - 3) / 2) / (k + 1)
    binomials = np.concatenate([[1.0], np.cumprod(steps)])
    return np.asarray(constant * binomials / (2 * np.arange(_TERMS) + 1))


def series_at(coefficients: Array, local: Array) -> Array:
    """Legendre series of shape (m, n) at points of shape (m, k)."""
    basis = np.polynomial.legendre.legvander(local, coefficients.shape[1] - 1)
    return np.asarray(np.einsum("mkn,mn->mk", basis, coefficients))
