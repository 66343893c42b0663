"""The law of one coordinate's log ratio, from above and from below on a grid.

With S(dl) = sqrt(p q), the geometric mean of the laws of l = log f(x - v)/f(x) under f and under
its shift, and k(l) = e^{-|l|/2},

    1 - D(kappa) = E min(L, kappa) = sqrt(kappa) (S * k)(log kappa),

and S of independent coordinates is the convolution of theirs. All these measures are positive, so
S_1 * k <= T_1 * k everywhere implies S_1 * S_2 * k <= T_1 * S_2 * k: a law that is better to
tell apart in one coordinate is so in company. Two laws on the grid enclose S in this order:

* *spread*: each mass goes to the two ends of its cell, p and q kept. E min(L, kappa) is concave in
  kappa, and this draws the chords between grid points, from below [1]_.
* *contracted*: masses are merged, p and q kept, until their means lie on grid points
  (`loss_kernels.contract`). Merging outcomes is processing, and raises E min(L, kappa) by Jensen.

Atoms of l are kept apart, so that those on the grid stay as they are. One off the grid is merged
like the rest, or moved down to a point just below it with q kept, which adds to p.

References
----------
.. [1] Doroshenko et al., Connect the Dots: Tighter Discrete Approximations of Privacy Loss
   Distributions, PETS 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from levelset.loss_kernels import Coordinate, Intervals, contract, deposit
from numerics.rounding import FloatArray

__all__ = ["GridLaw", "LogRatio"]

#: Atoms no farther above a grid point, in steps, are moved down to it.
_NEAR = 0.1


@dataclass(frozen=True)
class GridLaw:
    """S on the points offset + (base + j) * step, enclosed in the order of S * k."""

    base: int
    offset: float
    spread: FloatArray
    contracted: FloatArray
    missing: float

    @property
    def length(self) -> int:
        """Number of grid points."""
        return len(self.spread)


@dataclass(frozen=True)
class LogRatio:
    """l = log f(x - v)/f(x) on the intervals between which f and its shift are smooth.

    Attributes
    ----------
    atoms : array (n, 3)
        Log ratio and masses p and q of each atom.
    reach : float
        Largest |l| that was not left out.
    lasting : float
        Mass of S where l is nearly constant: |M(1/2 + i w)| need not fall below this.
    smooth, variation : float
        Mass of S without atoms, and about the total variation of its density in l.
    missing : float
        Bound on what was left out and on rounding, as an error of E min(L, kappa) at any kappa.
    """

    coordinate: Coordinate
    moving: Intervals
    ends: FloatArray
    atoms: FloatArray
    reach: float
    lasting: float
    smooth: float
    variation: float
    total: tuple[float, float]
    missing: float

    @property
    def anchor(self) -> float:
        """The heaviest atom, which is put on the grid; 0 without atoms."""
        if len(self.atoms) == 0:
            return 0.0
        mass = np.sqrt(self.atoms[:, 1] * self.atoms[:, 2])
        # of equal ones the highest: nothing lies above it to be merged with
        heavy = self.atoms[mass > 0.999 * mass.max(), 0]
        return float(heavy.max())

    def on_grid(self, step: float) -> GridLaw:
        """Both laws on the multiples of `step`, moved so that one of them is `anchor`."""
        everything = np.concatenate([self.ends.ravel(), self.atoms[:, 0]])
        if len(everything) == 0:
            return GridLaw(0, 0.0, np.zeros(1), np.zeros(1), self.missing)
        offset = self.anchor - step * np.round(self.anchor / step)
        base = int(np.floor((everything.min() - offset) / step)) - 1
        cells = int(np.ceil((everything.max() - offset) / step)) + 1 - base
        origin = offset + base * step
        low, high = np.zeros(cells), np.zeros(cells)
        p, q, moved = deposit(self.coordinate, self.moving, self.ends, step, origin, low, high)
        lost = max(abs(self.total[0] - p), abs(self.total[1] - q)) + moved
        atoms = self._atoms(step, origin, cells)
        atoms.spread[:-1] += low
        atoms.spread[1:] += high
        contracted = atoms.rounded + contract(low, high, atoms.low, atoms.high, step)
        missing = self.missing + float(lost)
        return GridLaw(base, float(offset), atoms.spread, contracted, missing)

    def _atoms(self, step: float, origin: float, cells: int) -> _GridAtoms:
        both, rounded = np.zeros(cells + 1), np.zeros(cells + 1)
        low, high = np.zeros(cells), np.zeros(cells)
        for place, p, q in self.atoms:
            cell = int(np.floor((place - origin) / step))
            offset = min(max(place - origin - cell * step, 0.0), step)
            mass, whole = np.sqrt(p * q), np.sinh(step / 2)
            ends = mass * np.sinh((step - offset) / 2) / whole, mass * np.sinh(offset / 2) / whole
            both[cell : cell + 2] += ends
            if offset <= _NEAR * step:
                rounded[cell] += mass * np.exp(offset / 2)
            else:
                low[cell] += ends[0]
                high[cell] += ends[1]
        return _GridAtoms(both, rounded, low, high)


class _GridAtoms(NamedTuple):
    """Atoms spread to the ends of their cells; rounded down with q kept; and in wait of merging."""

    spread: FloatArray
    rounded: FloatArray
    low: FloatArray
    high: FloatArray
