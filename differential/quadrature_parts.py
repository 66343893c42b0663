"""Positive part of gamma = h(r) A for A on finitely many values: l_1 radial densities, linf.

P[gamma > c] = sum of w_k P[h > c / a_k], and the same for a_k times the excess of h, read from a
table of h where the lattice is long. The density of gamma is never formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from differential.parts import DiscretePart, PanelPart, Part
from differential.threshold_kernels import mixture_sums
from differential.threshold_table import TabulatedPart, tabulate

__all__ = ["lattice_part"]

Array = NDArray[np.float64]

#: Certain to this accuracy; the sums of the base carry a few eps.
_EPS = 1e-14
#: Lattice probabilities below this share cannot matter at tails above 2^-100 = 8e-31.
_NEGLIGIBLE = 1e-45
#: The mixture multiplies tails of h by small weights, so h is tabulated to where panels end.
_DEEP = 2.0**-140
#: A critical value of h without this share of mass within 1 % of it leaves no visible kink.
_FAINT = 1e-25


@dataclass(frozen=True)
class _MixtureSums:
    """gamma = a_k times the variable of `base` with probability w_k, a_k decreasing."""

    base: TabulatedPart
    factors: Array
    weights: Array

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        weights = self.weights.astype(np.longdouble)
        sums = [
            np.append(0.0, np.cumsum(w)).astype(np.float64)
            for w in (weights, weights * self.factors)
        ]
        base = self.base
        return (self.factors, self.weights, *sums, self._full, base.mass, base.mean, *base.table)

    @property
    def _full(self) -> float:
        """A threshold that the variable of `base` surely exceeds, to all digits."""
        base = self.base
        edges = base.edges
        tail, excess = base.tail_and_excess(edges)
        short = np.abs(excess + edges * base.mass - base.mean)
        certain = (tail >= base.mass * (1 - _EPS)) & (short <= _EPS * base.mean)
        return float(edges[certain].max(initial=0.0))

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        tail, excess = mixture_sums(np.asarray(c, dtype=np.float64), *self._arguments)
        return tail, excess


def lattice_part(base: PanelPart, values: Array, weights: Array) -> tuple[Part, float]:
    """Positive part of h * A for A with the given positive values (decreasing) and weights.

    Returns
    -------
    part : Part
    error : float
        Relative error that tabulating has added; 0 where none was needed.
    """
    used = weights > _NEGLIGIBLE
    values, weights = values[used], weights[used]
    levels, masses = base.atoms
    if len(levels) == 1 and base.is_discrete:
        return DiscretePart(levels[0] * values, masses[0] * weights), 0.0
    single = tabulate(base.tail_and_excess, base.critical_values, base.largest, _DEEP)
    sums = _MixtureSums(single, values, weights)
    critical = np.unique((_visible(base)[:, None] * values).ravel())
    table = tabulate(sums.tail_and_excess, critical, base.largest * float(values[0]))
    return table, single.relative_error + table.relative_error


def _visible(base: PanelPart) -> Array:
    """Critical values of h with some mass around them."""
    levels = base.critical_values[base.critical_values > 0]
    below, _ = base.tail_and_excess(0.99 * levels)
    above, _ = base.tail_and_excess(1.01 * levels)
    return np.asarray(levels[below - above > _FAINT * base.mass])
