"""Laws of the positive part of gamma: the pieces a `Law` is made of.

A part answers three questions for thresholds c >= 0: P[gamma > c], E(gamma - c)+ and the upper
quantile. The negative part of gamma is the positive part of -gamma, so two parts and the singular
boundary terms make a law, and every sum in the engine has positive terms only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from differential.cells import CellGrid, Cells, arrange, monotone_cells
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity

__all__ = ["DiscretePart", "EmptyPart", "PanelPart", "Part", "ThinnedPart"]

Array = NDArray[np.float64]


class Part(Protocol):
    """Law of a non-negative random variable that is 0 with probability 1 - mass."""

    @property
    def mass(self) -> float:
        """P[gamma > 0]."""
        ...

    @property
    def mean(self) -> float:
        """E gamma+."""
        ...

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        """P[gamma > c] and E(gamma - c)+ for c >= 0, shape (n,)."""
        ...

    def quantile(self, p: Array) -> tuple[Array, Array]:
        """A threshold c near the upper quantile of p in (0, mass), and E(gamma - c)+ there."""
        ...

    @property
    def kinks(self) -> Array:
        """Probabilities at which the quantile function is not smooth, increasing."""
        ...


@dataclass(frozen=True)
class EmptyPart:
    """gamma is never positive."""

    mass: float = 0.0
    mean: float = 0.0

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        return np.zeros_like(c), np.zeros_like(c)

    def quantile(self, p: Array) -> tuple[Array, Array]:
        return np.zeros_like(p), np.zeros_like(p)

    @property
    def kinks(self) -> Array:
        return np.empty(0)


@dataclass(frozen=True)
class DiscretePart:
    """Finitely many positive values (decreasing) with their probabilities.

    Examples
    --------
    >>> part = DiscretePart(np.array([2.0, 1.0]), np.array([0.1, 0.3]))
    >>> part.mean
    0.5
    >>> quantile, excess = part.quantile(np.array([0.2]))
    >>> quantile.tolist(), excess.tolist()
    ([1.0], [0.1])
    """

    values: Array
    probabilities: Array

    @cached_property
    def _sums(self) -> tuple[Array, Array]:
        weights = self.probabilities.astype(np.longdouble)
        mass = np.cumsum(weights)
        moment = np.cumsum(weights * self.values.astype(np.longdouble))
        return mass.astype(np.float64), moment.astype(np.float64)

    @property
    def mass(self) -> float:
        return float(self._sums[0][-1])

    @property
    def mean(self) -> float:
        return float(self._sums[1][-1])

    @property
    def kinks(self) -> Array:
        return self._sums[0]

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        mass, moment = (np.append(0.0, s) for s in self._sums)
        above = np.searchsorted(-self.values, -c, side="left")
        return mass[above], np.maximum(moment[above] - c * mass[above], 0.0)

    def quantile(self, p: Array) -> tuple[Array, Array]:
        index = np.minimum(np.searchsorted(self._sums[0], p, side="left"), len(self.values) - 1)
        c = self.values[index]
        return c, self.tail_and_excess(c)[1]


@dataclass(frozen=True)
class ThinnedPart:
    """With probability `weight` the variable of `base`, else 0."""

    base: Part
    weight: float

    @property
    def mass(self) -> float:
        return self.weight * self.base.mass

    @property
    def mean(self) -> float:
        return self.weight * self.base.mean

    @property
    def kinks(self) -> Array:
        return np.append(self.weight * self.base.kinks, self.mass)

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        tail, excess = self.base.tail_and_excess(c)
        return self.weight * tail, self.weight * excess

    def quantile(self, p: Array) -> tuple[Array, Array]:
        c, excess = self.base.quantile(p / self.weight)
        return c, self.weight * excess


@dataclass(frozen=True)
class PanelPart:
    """Positive part of sign * h(X), X and h given on panels."""

    panels: PanelDensity
    sign: int = 1

    @cached_property
    def cells(self) -> Cells:
        """Monotone cells of the positive part of sign * h."""
        return monotone_cells(self.panels, self.sign)

    @cached_property
    def _grid(self) -> CellGrid:
        return arrange(self.cells)

    @cached_property
    def _sums(self) -> tuple[Any, ...]:
        cells, grid, rule = self.cells, self._grid, legendre_rule()
        panel = np.maximum(cells.panel, 0)
        value = self.sign * self.panels.value
        rising = self.rising(cells)
        return (
            grid.base_mass,
            grid.base_moment,
            grid.cut_start,
            grid.cut,
            panel,
            cells.start,
            cells.stop,
            rising,
            self.panels.density,
            value,
            rule.nodes,
            rule.weights,
        )

    @cached_property
    def _tail_at(self) -> Array:
        from differential.part_kernels import evaluate

        tail, _ = evaluate(self._grid.grid, self._grid.grid, *self._sums)
        # Monotone by definition; rounding at the joints must not break the search.
        return np.asarray(np.maximum.accumulate(tail[::-1])[::-1])

    @property
    def mass(self) -> float:
        return float(self.cells.mass.astype(np.longdouble).sum())

    @property
    def mean(self) -> float:
        return float(self.cells.moment.astype(np.longdouble).sum())

    @property
    def kinks(self) -> Array:
        grid = self._grid
        if not len(grid.base_mass):
            return np.empty(0)
        below = np.append(grid.base_mass, 0.0)
        at_or_above = np.append(self.mass, grid.base_mass)
        both = np.concatenate(
            [self._tail_at[grid.critical], at_or_above[grid.critical], below[grid.critical]]
        )
        return np.unique(both[(both > 0) & (both <= self.mass)])

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        from differential.part_kernels import evaluate

        tail, excess = evaluate(np.asarray(c, dtype=np.float64), self._grid.grid, *self._sums)
        return tail, excess

    def quantile(self, p: Array) -> tuple[Array, Array]:
        from differential.part_kernels import solve

        c, _, excess = solve(
            np.asarray(p, dtype=np.float64), self._grid.grid, self._tail_at, *self._sums
        )
        return c, excess

    @property
    def atoms(self) -> tuple[Array, Array]:
        """Values and masses of the stretches on which h is constant and positive."""
        cells = self.cells
        flat = (cells.panel < 0) & cells.critical_low
        levels, index = np.unique(
            self._grid.grid[self._slots(cells.low[flat])], return_inverse=True
        )
        masses = np.bincount(index, weights=cells.mass[flat], minlength=len(levels))
        return levels, masses.astype(np.float64)

    @property
    def is_discrete(self) -> bool:
        """Whether gamma has no continuous part."""
        return not (self.cells.panel >= 0).any()

    @property
    def continuous_cells(self) -> Cells:
        """The cells on which h varies."""
        cells = self.cells
        chosen = cells.panel >= 0
        return Cells(*(getattr(cells, f.name)[chosen] for f in fields(Cells)))

    def rising(self, cells: Cells) -> NDArray[np.bool_]:
        """Whether h increases along each cell."""
        ends = []
        for z in (cells.start, cells.stop):
            basis = np.polynomial.legendre.legvander(z, self.panels.value.shape[1] - 1)
            ends.append(np.sum(basis * (self.sign * self.panels.value)[cells.panel], axis=1))
        return np.asarray(ends[1] >= ends[0])

    @property
    def slope_series(self) -> Array:
        """Legendre coefficients of dh / d(local coordinate) on each panel, shape (m, n)."""
        return np.asarray(self.sign * self.panels.value @ legendre_rule().derivative.T)

    @property
    def critical_values(self) -> Array:
        """Values of h where the law changes its form: atoms, extrema, ends of branches."""
        return self._grid.grid[self._grid.critical]

    @property
    def largest(self) -> float:
        """Supremum of h; inf where h is unbounded."""
        cells = self.cells
        top = int(np.argmax(cells.high))
        return float(cells.high[top]) if cells.critical_high[top] else float("inf")

    def _slots(self, values: Array) -> NDArray[np.intp]:
        return np.minimum(np.searchsorted(self._grid.grid, values), len(self._grid.grid) - 1)
