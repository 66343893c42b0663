"""Sums of independent discrete terms, exactly where few values occur and from above otherwise.

All operations add positive numbers, so that probabilities keep their relative accuracy down to
1e-45. Where the values do not share a lattice their number multiplies from group to group; beyond a
limit they are moved to a grid by splitting each between its neighbours with its mean kept, which
raises E(S - c)+ for every c.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from differential.radial_laws import binomial_lattice
from numerics.errors import PrecisionError

__all__ = ["DiscreteLaw", "rademacher_sum", "sum_of_discrete"]

Array = NDArray[np.float64]

#: Probabilities below this cannot matter at tails above 2^-100 = 8e-31.
_NEGLIGIBLE = 1e-45
#: Values closer than this, relative to the largest, are one: sums of the same weights in
#: different order differ by rounding.
_SAME = 1e-13
#: Values kept exactly, and points of the grid when there are more.
_MAX_VALUES = 16_384
#: Largest share of the variance that moving values to a grid may add.
_MAX_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class DiscreteLaw:
    """Increasing values and their probabilities.

    Examples
    --------
    >>> coin = DiscreteLaw(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
    >>> law = sum_of_discrete([(coin, 2), (coin, 1)])
    >>> law.values.tolist(), law.probabilities.tolist()
    ([-3.0, -1.0, 1.0, 3.0], [0.125, 0.375, 0.375, 0.125])
    """

    values: Array
    probabilities: Array

    @property
    def variance(self) -> float:
        """Variance of the law."""
        mean = self.values @ self.probabilities
        return float(self.probabilities @ (self.values - mean) ** 2)

    def scaled(self, factor: float) -> DiscreteLaw:
        """Law of factor times the variable."""
        order = slice(None) if factor >= 0 else slice(None, None, -1)
        return DiscreteLaw((factor * self.values)[order], self.probabilities[order])


def sum_of_discrete(groups: Iterable[tuple[DiscreteLaw, int]]) -> DiscreteLaw:
    """Law of the sum of `count` independent copies of each law.

    Raises
    ------
    PrecisionError
        The values are so many and so unevenly spaced that a grid would add a thousandth of the
        variance.
    """
    total = DiscreteLaw(np.zeros(1), np.ones(1))
    spread = 0.0
    for law, count in groups:
        power, added = _power(law, count)
        total, more = _convolved(total, power)
        spread += added + more
    if not spread <= _MAX_SPREAD * max(total.variance, 1e-300):
        raise PrecisionError(
            f"the sum of discrete terms takes too many values: a grid would add "
            f"{spread / total.variance:.1e} of its variance (allowed {_MAX_SPREAD:.0e}); use fewer "
            "distinct weights or weights on a lattice"
        )
    return total


def rademacher_sum(weights: Array) -> DiscreteLaw:
    """Law of sum_i weights_i e_i for independent signs e_i."""
    sizes, counts = np.unique(np.abs(weights[weights != 0]), return_counts=True)
    coin = DiscreteLaw(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
    return sum_of_discrete((coin.scaled(u), int(n)) for u, n in zip(sizes, counts, strict=True))


def _power(law: DiscreteLaw, count: int) -> tuple[DiscreteLaw, float]:
    """Law of the sum of `count` copies, and the variance added by grids."""
    if len(law.values) == 1:
        return DiscreteLaw(count * law.values, np.ones(1)), 0.0
    if len(law.values) == 2:
        return _binomial(law, count), 0.0
    result, added, square, bits = DiscreteLaw(np.zeros(1), np.ones(1)), 0.0, law, count
    squared = 0.0
    while bits:
        if bits & 1:
            result, more = _convolved(result, square)
            added += more + squared
        bits >>= 1
        if bits:
            square, more = _convolved(square, square)
            squared = 2 * squared + more
    return result, added


def _binomial(law: DiscreteLaw, count: int) -> DiscreteLaw:
    """low + (high - low) Binomial, by ratios of neighbours from the mode outwards."""
    low, high = law.values
    chance = float(law.probabilities[1] / law.probabilities.sum())
    if chance == 0.5:
        values, weights = binomial_lattice(count)
        centre = np.zeros(1 if count % 2 == 0 else 0)
        middle = max(1 - 2 * float(weights.sum()), 0.0) if count % 2 == 0 else 0.0
        if count % 2 == 0:
            # P[heads = n/2] = P[heads = n/2 + 1] (n/2 + 1)/(n/2)
            middle = float(weights[-1]) * (count / 2 + 1) / (count / 2)
        signs = np.concatenate([-values, centre, values[::-1]])
        shares = np.concatenate([weights, centre + middle, weights[::-1]])
        return _pruned(count * (low + high) / 2 + (high - low) / 2 * signs, shares)
    heads = np.arange(count + 1, dtype=np.float64)
    steps = np.log((count - heads[:-1]) / heads[1:]) + np.log(chance) - np.log1p(-chance)
    logs = np.concatenate([[0.0], np.cumsum(steps.astype(np.longdouble))])
    shares = np.exp(logs - logs.max())
    return _pruned(count * low + (high - low) * heads, (shares / shares.sum()).astype(np.float64))


def _pruned(values: Array, shares: Array) -> DiscreteLaw:
    """Drop what cannot matter: values at the ends, whose mass goes to the last one kept."""
    kept = np.flatnonzero(shares > _NEGLIGIBLE)
    return DiscreteLaw(values[kept[0] : kept[-1] + 1], shares[kept[0] : kept[-1] + 1])


def _convolved(first: DiscreteLaw, second: DiscreteLaw) -> tuple[DiscreteLaw, float]:
    """Law of the sum of two independent variables, and the variance added by a grid."""
    step = _common_step(first.values, second.values)
    if step is not None:
        return _on_lattice(first, second, step), 0.0
    values = (first.values[:, None] + second.values).ravel()
    shares = (first.probabilities[:, None] * second.probabilities).ravel()
    return _merged(values, shares)


def _common_step(first: Array, second: Array) -> float | None:
    """The lattice spacing both sets of values share, if it leaves few points."""
    gaps = np.concatenate([np.diff(first), np.diff(second)])
    if len(gaps) == 0:
        return None
    step = float(gaps.min())
    length = float(gaps.sum()) / step
    even = np.abs(gaps / step - np.round(gaps / step)) * length < 1e-9
    return step if even.all() and length <= 4 * _MAX_VALUES else None


def _on_lattice(first: DiscreteLaw, second: DiscreteLaw, step: float) -> DiscreteLaw:
    rows = []
    for law in (first, second):
        index = np.round((law.values - law.values[0]) / step).astype(np.int64)
        row = np.zeros(index[-1] + 1)
        row[index] = law.probabilities
        rows.append(row)
    # direct sums of positive products: a fast Fourier transform would lose the tails
    shares = np.convolve(rows[0], rows[1])
    values = first.values[0] + second.values[0] + step * np.arange(len(shares))
    used = shares > 0
    return _pruned(values[used], shares[used])


def _merged(values: Array, shares: Array) -> tuple[DiscreteLaw, float]:
    order = np.argsort(values, kind="stable")
    values, shares = values[order], shares[order]
    new = np.append(True, np.diff(values) > _SAME * np.abs(values).max())
    slot = np.cumsum(new) - 1
    # the largest member stands for its group: a value is then rounded up
    heads = np.full(slot[-1] + 1, -np.inf)
    np.maximum.at(heads, slot, values)
    law = _pruned(heads, np.bincount(slot, weights=shares).astype(np.float64))
    return (law, 0.0) if len(law.values) <= _MAX_VALUES else _on_grid(law)


def _on_grid(law: DiscreteLaw) -> tuple[DiscreteLaw, float]:
    """Split every value between its neighbours on an even grid, with its mean kept."""
    grid = np.linspace(law.values[0], law.values[-1], _MAX_VALUES)
    step = grid[1] - grid[0]
    below = np.minimum(((law.values - grid[0]) / step).astype(np.int64), _MAX_VALUES - 2)
    upper = np.minimum(np.maximum((law.values - grid[below]) / step, 0.0), 1.0)
    shares = np.zeros(_MAX_VALUES)
    np.add.at(shares, below, law.probabilities * (1 - upper))
    np.add.at(shares, below + 1, law.probabilities * upper)
    added = float(law.probabilities @ (upper * (1 - upper))) * step**2
    return DiscreteLaw(grid, shares), added
