"""The better of two lower bounds of a radius, interval by interval of the tail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.cells import CellRadius, growth_integral
from levelset.chords import ChordRadius

__all__ = ["BetterRadius"]

Array = NDArray[np.float64]

#: Where in an interval chords are compared with the differential radius: closest at the left entry,
#: the larger tail, which both may touch.
_PLACES = np.array([1 / 64, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 31 / 32, 127 / 128, 511 / 512])


@dataclass(frozen=True)
class BetterRadius:
    """Composition or chords, as an `Evaluator`.

    Between two ends of cells, of either kind, one of them serves. Both hold everywhere, so that
    the choice is one of accuracy alone.
    """

    composed: CellRadius
    chords: ChordRadius

    @property
    def kinks(self) -> Array:
        """Ends of the cells of both, each where the next cell begins in the lookup's variable."""
        ends = np.where(self._ends < 0.25, np.nextafter(self._ends, 1), self._ends)
        return np.union1d(ends, self.composed.kinks)

    @property
    def relative_error(self) -> float:
        """Budget of the arithmetic."""
        return max(self.composed.relative_error, self.chords.relative_error)

    @property
    def limit(self) -> float:
        """R at tail 0."""
        return max(self.composed.limit, self.chords.limit)

    @property
    def thresholds(self) -> Array:
        """Falling: where a cell of either kind ends."""
        return self._ends[::-1]

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at tails up to 1/4."""
        s = np.asarray(tail, dtype=np.float64)
        by_chords = self._by_chords[np.searchsorted(self._ends, s, side="left")]
        return np.where(by_chords, self.chords.at_tail(s), self.composed.at_tail(s))

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho - 1/2 = margin up to 1/4."""
        z = np.asarray(margin, dtype=np.float64)
        past = np.searchsorted((0.5 - self._ends)[::-1], z, side="right")
        by_chords = self._by_chords[len(self._ends) - past]
        return np.where(by_chords, self.chords.at_margin(z), self.composed.at_margin(z))

    @cached_property
    def _ends(self) -> Array:
        """Ascending."""
        return np.union1d(self.composed.thresholds, self.chords.ends)

    @cached_property
    def _by_chords(self) -> NDArray[np.bool_]:
        """For the interval below each end, and the one above the last."""
        edges = np.concatenate([[0.0], self._ends, [0.5]])
        # Composition loses y where the tail is least and y/2 in the middle, chords lose x in the
        # middle only: x < y if and only if (y/2 - x) + y/2 > 0.
        least = edges[:-1] + (edges[1:] - edges[:-1]) / 1024
        middle = (edges[:-1] + edges[1:]) / 2
        better = self._gained(middle) + 0.5 * self._gained(least) > 0
        return better & self._above_differential(edges)

    def _above_differential(self, edges: Array) -> NDArray[np.bool_]:
        """Intervals on which chords are nowhere below the differential radius, as composition."""
        if self.composed.integral is None:
            return np.ones(len(edges) - 1, dtype=np.bool_)
        tails = edges[:-1] + np.diff(edges) * _PLACES[:, None]
        reached = growth_integral(self.composed.integral, tails.ravel()).reshape(tails.shape)
        return np.all(self._chords_at(tails) >= reached, axis=0)

    def _chords_at(self, tails: Array) -> Array:
        near_zero = self.chords.at_tail(np.minimum(tails, 0.25))
        return np.where(
            tails <= 0.25, near_zero, self.chords.at_margin(np.clip(0.5 - tails, 0.0, 0.25))
        )

    def _gained(self, tails: Array) -> Array:
        """By how much chords are above composition."""
        tail, margin = np.minimum(tails, 0.25), np.clip(0.5 - tails, 0.0, 0.25)
        return np.where(
            tails <= 0.25,
            self.chords.at_tail(tail) - self.composed.at_tail(tail),
            self.chords.at_margin(margin) - self.composed.at_margin(margin),
        )
