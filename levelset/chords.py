r"""What two entries prove about the radii between them, without a bound on growth.

Let M bound the curvature of D from below between two entries (see `curvature`): along the straight
line in (log kappa, r) the function D + M r^2/2 is convex, hence below its chord. With
N = 1/2 - D = kappa p at the ends, kappa log-linear and so below its own chord, and h the step,

    p(r_a + theta h) >= ((1 - theta) N_a + theta N_b - M h^2 theta (1 - theta)/2)
                        / ((1 - theta) kappa_a + theta kappa_b).

What is lost falls with the square of the step, where composition with Phi loses in proportion to
it. The bound holds at every radius of the cell, so that "first crossing" needs no growth of D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.cells import SMALLEST_TAIL
from numerics.rounding import down

__all__ = ["ChordRadius", "Entries", "build_chords"]

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Entries:
    """Entries in ascending order of radii, and what is known of D between them.

    Attributes
    ----------
    radii, kappa, tails : arrays (n,)
        As in `ray.RayTails`; tails are lower bounds.
    curvature : array (n,)
        M between the entry before and this one, inf where unknown; the first is not used.
    """

    radii: Array
    kappa: Array
    tails: Array
    curvature: Array


@dataclass(frozen=True)
class ChordRadius:
    """R as an `Evaluator`: in each cell the root of the chord's inequality.

    Attributes
    ----------
    ends : array (n,)
        Falling: tails s <= ends[i] are past cell i, which leads to entry i.
    entries : Entries
    """

    ends: Array
    entries: Entries
    relative_error = 8 * _EPS

    @property
    def limit(self) -> float:
        """R at tail 0."""
        return float(self.entries.radii[-1]) if len(self.ends) else 0.0

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at tails up to 1/4."""
        s = np.asarray(tail, dtype=np.float64)
        if len(self.ends) == 0:
            return np.zeros_like(s)
        cell = len(self.ends) - np.searchsorted(self.ends[::-1], s, side="left")
        a, b = self._entries_of(cell)
        return self._radius(cell, self.entries.tails[a] - s, self.entries.tails[b] - s)

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho - 1/2 = margin up to 1/4."""
        z = np.asarray(margin, dtype=np.float64)
        if len(self.ends) == 0:
            return np.zeros_like(z)
        cell = np.searchsorted(0.5 - self.ends, z, side="right")
        # Margins of entries are exact; 1/2 - z would not be.
        margins = 0.5 - self.entries.tails
        a, b = self._entries_of(cell)
        return self._radius(cell, z - margins[a], z - margins[b])

    def _entries_of(self, cell: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Left and right entry of each cell, clamped."""
        return np.maximum(cell - 1, 0), np.minimum(cell, len(self.ends) - 1)

    def _radius(self, cell: NDArray[np.int64], spare: Array, more: Array) -> Array:
        """The radius in cells whose left and right entries have so much more than the tail."""
        e = self.entries
        a, b = self._entries_of(cell)
        step = e.radii[b] - e.radii[a]
        inside = (cell > 0) & (cell < len(e.radii))
        with np.errstate(all="ignore"):
            bend = 0.5 * e.curvature[b] * step**2
            start = e.kappa[a] * spare
            slope = e.kappa[b] * more - start - bend
            share = _first_root(start, slope, bend)
        share = np.where(inside & np.isfinite(bend), share, 0.0)
        return np.where(cell > 0, e.radii[a] + step * share, 0.0)


def _first_root(start: Array, slope: Array, bend: Array) -> Array:
    """First zero in [0, 1] of start + slope x + bend x^2; 1 if there is none, 0 if start < 0."""
    # Rounding makes the discriminant larger and the root smaller, never the other way round.
    discriminant = slope**2 * (1 + 16 * _EPS) - 4 * bend * start
    rises = (slope >= 0) | (discriminant <= 0)
    root = 2 * start / (np.sqrt(np.maximum(discriminant, 0.0)) - slope)
    # What overflowed proves nothing.
    root = np.where(np.isfinite(discriminant), root, 0.0)
    share = np.clip(np.where(rises & np.isfinite(discriminant), 1.0, root * (1 - 16 * _EPS)), 0, 1)
    # A later entry may have shown more than the left one: then nothing is left to share out.
    return np.where(start >= 0, share, 0.0)


def build_chords(entries: Entries, first_end: float, *, monotone: bool) -> ChordRadius:
    """Cells of entries; `first_end` is the largest tail proved to be past the first entry.

    Parameters
    ----------
    entries : Entries
    first_end : float
        Nothing is known of the radii before the first entry but by other means.
    monotone : bool
        Whether D is proved not to decrease along the ray: then an entry proves its own tail for
        all radii before it.
    """
    ends = np.append(min(first_end, float(entries.tails[0])), _ends(entries))
    if monotone:
        ends = np.maximum.accumulate(np.maximum(ends, entries.tails)[::-1])[::-1]
    ends = np.where(np.abs(ends - 0.25) < 2.0**-46, 0.25 * (1 - 2.0**-40), ends)
    ends = np.minimum.accumulate(ends)
    kept = ends >= SMALLEST_TAIL
    count = int(np.argmin(kept)) if not kept.all() else len(kept)
    e = entries
    cut = Entries(e.radii[:count], e.kappa[:count], e.tails[:count], e.curvature[:count])
    return ChordRadius(ends[:count], cut)


def _ends(entries: Entries) -> Array:
    """Largest tails that the whole of each cell but the first is proved to have.

    With tail p_b at the right end the inequality has a root there, and the product of the roots
    says whether the other one lies beyond. Else the parabola dips below both by at most M h^2/8.
    """
    left, right = entries.tails[:-1], entries.tails[1:]
    with np.errstate(over="ignore", invalid="ignore"):
        bend = 0.5 * entries.curvature[1:] * np.diff(entries.radii) ** 2
        falls = entries.kappa[:-1] * (left - right) >= bend
        least = np.minimum(entries.kappa[:-1], entries.kappa[1:])
        dipped = down(np.minimum(left, right) - 0.25 * bend / least)
    return np.where(falls, right, np.maximum(np.where(np.isfinite(bend), dipped, 0.0), 0.0))
