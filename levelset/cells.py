"""From entries (r_i, p_i) to a radius at every tail: one cell per entry, a theorem in each.

Entry i proves that shifts of length r_i keep tails up to p_i below 1/2. Growth composes,
G(s, v_1 + v_2) <= G(G(s, v_1), v_2), and S(p), the integral of 1/Phi from p to 1/2, bounds how far
a set can grow; hence every s <= p_i has

    R(s) >= r_i + S(s) - S(p_i)                                                  (composition)

and, read backwards, R(s) <= r_j + S(s) - S(p_j) for every exact p_j < s. Without S a cell is flat.

Where the divergence D is not known to grow along the ray a later entry proves nothing about the
radii before it (peaks come back into phase). Then cell i may only be left through its right end,
by composition: S(s) - S(p_i) >= r_{i+1} - r_i ("first crossing").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bit_table import Evaluator
from numerics.errors import AssumptionError
from numerics.rounding import down, up

__all__ = ["SMALLEST_TAIL", "CellRadius", "build_cells", "growth_integral", "tails_with"]

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
#: Smallest tail at which S is read; `differential.integrate` resolves it down to here.
SMALLEST_TAIL = 2.0**-100
#: Ends of cells closer than this, relative to the tail or to the margin, are merged: the lookup
#: tells apart 2^16 bins in an octave.
_CLOSEST = 2.0**-14


@dataclass(frozen=True)
class CellRadius:
    """R as an `Evaluator`: S plus the offset of the cell.

    Attributes
    ----------
    thresholds : array (n,)
        Falling: tails s <= thresholds[i] are past cell i.
    offsets : array (n + 1,)
        Not falling: what cell i adds to S; cell 0 starts at r = 0.
    integral : Evaluator or None
        S, in the units of the radii.
    """

    thresholds: Array
    offsets: Array
    integral: Evaluator | None

    @property
    def kinks(self) -> Array:
        """Ends of the cells, each where the next cell begins in the lookup's own variable."""
        ends = np.where(self.thresholds < 0.25, np.nextafter(self.thresholds, 1), self.thresholds)
        return ends if self.integral is None else np.union1d(ends, self.integral.kinks)

    @property
    def relative_error(self) -> float:
        """Budget of the two values of S, and rounding of the sum."""
        return 4 * _EPS + (0.0 if self.integral is None else 2 * self.integral.relative_error)

    @property
    def limit(self) -> float:
        """R at tail 0."""
        return float(self.offsets[-1]) + (0.0 if self.integral is None else self.integral.limit)

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at tails up to 1/4."""
        s = np.asarray(tail, dtype=np.float64)
        past = len(self.thresholds) - np.searchsorted(self.thresholds[::-1], s, side="left")
        grown = 0.0 if self.integral is None else self.integral.at_tail(s)
        return np.asarray(self.offsets[past] + grown)

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho - 1/2 = margin up to 1/4."""
        z = np.asarray(margin, dtype=np.float64)
        # 1/2 - threshold is exact where it matters, above 1/4.
        past = np.searchsorted(0.5 - self.thresholds, z, side="right")
        grown = 0.0 if self.integral is None else self.integral.at_margin(z)
        return np.asarray(self.offsets[past] + grown)


def growth_integral(integral: Evaluator, tails: Array) -> Array:
    """S at tails in [0, 1/2], the limit at 0."""
    tails = np.asarray(tails, dtype=np.float64)
    small = integral.at_tail(np.clip(tails, SMALLEST_TAIL, 0.25))
    large = integral.at_margin(np.clip(0.5 - tails, 0.0, 0.25))
    return np.where(tails <= 0, integral.limit, np.where(tails <= 0.25, small, large))


def build_cells(
    radii: Array, tail_lower: Array, integral: Evaluator | None, *, monotone: bool
) -> CellRadius:
    """Cells of entries in ascending order of radii.

    Parameters
    ----------
    radii, tail_lower : arrays (n,)
        Distances and the tails they certify, rounded down; entries with tail 0 are dropped.
    integral : Evaluator or None
        S from the differential method, in the units of the radii.
    monotone : bool
        Whether D is proved not to decrease along the ray.

    Raises
    ------
    AssumptionError
        Neither monotone nor an integral: no entry says anything about the radii before it.
    """
    if integral is None and not monotone:
        raise AssumptionError(
            "a table needs a proof that D grows along the ray, or a bound Phi on growth: without "
            "either the radii between two entries are unknown; use a density whose Phi is finite"
        )
    kept = (tail_lower >= SMALLEST_TAIL) & (tail_lower < 0.5)
    radii, tails = radii[kept], _off_the_seam(tail_lower[kept])
    if monotone:
        # A later entry proves its tail for all radii before it.
        tails = np.maximum.accumulate(tails[::-1])[::-1]
    if integral is None:
        cells = CellRadius(tails, np.append(0.0, radii), None)
    elif monotone:
        reached = up(growth_integral(integral, tails))
        offsets = np.maximum.accumulate(np.append(0.0, down(radii - reached)))
        cells = CellRadius(tails, offsets, integral)
    else:
        cells = _first_crossing(radii, tails, integral)
    return _merged(cells)


def _first_crossing(radii: Array, tails: Array, integral: Evaluator) -> CellRadius:
    """Cells that are left through their right ends only, by composition."""
    reached = growth_integral(integral, tails) * (1 + 4 * _EPS)
    steps = up(np.diff(np.append(0.0, radii)))
    ends, offsets = np.empty(len(radii)), np.zeros(len(radii) + 1)
    level, furthest = 0.0, 0.0
    for i, step in enumerate(steps):
        # To be past cell i, S(s) has to reach what S was at its start plus its length.
        level = (level + step) * (1 + 4 * _EPS)
        furthest = max(furthest, level)
        ends[i] = furthest
        # Composition has proved this much at r_{i+1}; the entry may prove more.
        level = min(reached[i], level)
        offsets[i + 1] = max(offsets[i], radii[i] - level)
    return CellRadius(tails_with(integral, ends), offsets, integral)


def tails_with(integral: Evaluator, values: Array) -> Array:
    """Largest tails, rounded down, at which S reaches the values; 0 where it does not."""
    slack = 1 - 2 * integral.relative_error - 8 * _EPS
    low, high = np.full(len(values), SMALLEST_TAIL), np.full(len(values), 0.5)
    low[growth_integral(integral, low) * slack < values] = 0.0
    for _ in range(130):
        # Halving the tail while it is far off, the margin near 1/2: both ends keep their digits.
        middle = np.where(high > 4 * low, np.sqrt(np.maximum(low, 1e-308) * high), (low + high) / 2)
        reaches = growth_integral(integral, middle) * slack >= values
        alive = low > 0
        low, high = np.where(reaches & alive, middle, low), np.where(reaches, high, middle)
    return _off_the_seam(low)


def _off_the_seam(tails: Array) -> Array:
    """Tails within rounding of 1/4 moved below it, where both sides of the lookup meet."""
    return np.where(np.abs(tails - 0.25) < 2.0**-46, 0.25 * (1 - 2.0**-40), tails)


def _merged(cells: CellRadius) -> CellRadius:
    """Cells without the ends that the lookup could not tell apart.

    Of two such ends one is dropped, the one that gains less: leaving out the earlier gives the
    tails in between the offset before it, leaving out the later keeps the offset that was proved.
    """
    thresholds: list[float] = []
    offsets = [float(cells.offsets[0])]
    for threshold, offset in zip(cells.thresholds, cells.offsets[1:], strict=True):
        previous = thresholds[-1] if thresholds else 0.5
        scale = min(previous, 0.5 - threshold) if previous > 0.25 else previous
        if threshold < SMALLEST_TAIL:
            break
        if previous - threshold >= _CLOSEST * scale:
            thresholds.append(float(threshold))
            offsets.append(float(offset))
        elif thresholds and (
            threshold == previous or offset - offsets[-1] > offsets[-1] - offsets[-2]
        ):
            thresholds[-1], offsets[-1] = float(threshold), float(offset)
    return CellRadius(np.array(thresholds), np.array(offsets), cells.integral)
