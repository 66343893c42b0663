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
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from levelset.loss_kernels import (
    BRIEF,
    PIECE,
    Coordinate,
    Intervals,
    contract,
    deposit,
    survey,
    turns,
)
from levelset.product import Potential, potential_of
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import OneDimDensity
from smoothing.structure import Marginal

__all__ = ["GridLaw", "LogRatio", "log_ratio_of"]

#: Intervals on which l varies less are atoms; log f on panels is known to about 1e-13.
_FLAT = 4e-13
_SAME = 4e-12
#: Intervals with less of p or of q are left out, and counted as left out.
_LEAST_P, _LEAST_Q = 1e-24, 1e-17
#: Relative error of masses on panels, and of log ratios there.
_ROUNDING = 1e-13
#: An interval counts as lasting in the transform where the law of l has so many times the
#: density of an even spread: the transform then decays beyond 20 over the standard deviation of l.
_DENSE = 20.0
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


@lru_cache(maxsize=64)
def log_ratio_of(marginal: Marginal, shift: float) -> LogRatio:
    """The log ratio of one coordinate, kept for later calls."""
    return _Survey(potential_of(marginal), shift).result()


@dataclass(frozen=True)
class _Survey:
    """One look at every interval."""

    potential: Potential
    shift: float

    @cached_property
    def coordinate(self) -> Coordinate:
        panels, rule, brief = self.potential.law.panels, legendre_rule(PIECE), legendre_rule(BRIEF)
        half = (panels.right - panels.left) / 2
        order = panels.density.shape[1]
        points = chebyshev.chebpts1(order)
        change = np.linalg.solve(
            chebyshev.chebvander(points, order - 1), legendre.legvander(points, order - 1)
        )
        series = np.ascontiguousarray(panels.density @ change.T / half[:, None])
        return Coordinate(
            panels.anchor,
            panels.left,
            half,
            series,
            self.shift,
            rule.nodes,
            rule.weights,
            brief.nodes,
            brief.weights,
        )

    @cached_property
    def parts(self) -> Intervals:
        """Intervals on which l is smooth and monotone."""
        (low, high), marks = self.potential.ends, self.potential.marks
        cuts = np.unique(np.concatenate([marks, marks + self.shift]))
        inside = (cuts >= max(low, low + self.shift)) & (cuts <= min(high, high + self.shift))
        smooth = self._between(cuts[inside])
        ratios = survey(self.coordinate, smooth)[:, :3]
        variation = np.ptp(np.where(np.isfinite(ratios), ratios, 0.0), axis=1)
        extra = turns(self.coordinate, smooth, variation)
        return self._between(np.unique(np.append(cuts[inside], extra[np.isfinite(extra)])))

    def _between(self, cuts: FloatArray) -> Intervals:
        edges, start, stop = self.potential.law.panels.edges, cuts[:-1], cuts[1:]
        middle = start + (stop - start) / 2
        return Intervals(start, stop, _panel(edges, middle), _panel(edges, middle - self.shift))

    def result(self) -> LogRatio:
        one = self.coordinate
        seen = survey(one, self.parts)
        ratios, p, q = seen[:, :3], seen[:, 3], seen[:, 4]
        kept = np.isfinite(ratios).all(axis=1) & (p > _LEAST_P) & (q > _LEAST_Q)
        variation = np.ptp(np.where(kept[:, None], ratios, 0.0), axis=1)
        flat = kept & (variation <= _FLAT)
        atoms, spoilt = _atoms(ratios[flat, 1], p[flat], q[flat])
        moving = kept & ~flat
        reach = float(np.abs(ratios[kept]).max(initial=0.0))
        mass = np.sqrt(p * q)
        lasting = float(np.sum(mass[kept & _dense(ratios[:, 1], variation, mass, kept)]))
        missing = self._left_out(p, q, kept) + spoilt + 2 * _ROUNDING
        return LogRatio(
            one,
            Intervals(*(column[moving] for column in self.parts)),
            np.ascontiguousarray(ratios[moving][:, [0, 2]]),
            atoms,
            reach,
            lasting,
            float(mass[moving].sum()),
            _variation(ratios, mass, moving),
            (float(p[moving].sum()), float(q[moving].sum())),
            missing,
        )

    def _left_out(self, p: FloatArray, q: FloatArray, kept: NDArray[np.bool_]) -> float:
        """Mass q where both densities live that is not kept, and the error of the masses."""
        law, (low, high) = self.potential.law, self.potential.ends
        start, stop = max(low, low + self.shift), min(high, high + self.shift)
        if stop <= start:
            return 0.0
        plain = _mass(law, start, stop)
        shifted = _mass(law, start - self.shift, stop - self.shift)
        left_out = float(q[~kept].sum()) if len(q) else 0.0
        return left_out + abs(float(q.sum()) - shifted) + abs(float(p.sum()) - plain)


def _mass(law: OneDimDensity, start: float, stop: float) -> float:
    tail = law.sf(np.array([start, stop]))
    head = law.cdf(np.array([start, stop]))
    return float(tail[0] - tail[1]) if tail[0] < 0.5 else float(head[1] - head[0])


def _variation(ratios: FloatArray, mass: FloatArray, moving: NDArray[np.bool_]) -> float:
    """Total variation, along the line, of the density of l with the sign of its slope."""
    slope = np.where(moving, ratios[:, 2] - ratios[:, 0], 1.0)
    density = np.where(moving, mass / np.where(slope == 0.0, 1e-300, slope), 0.0)
    return float(np.sum(np.abs(np.diff(np.concatenate([[0.0], density, [0.0]])))))


def _panel(edges: FloatArray, x: FloatArray) -> NDArray[np.int64]:
    index = np.searchsorted(edges, x, side="right") - 1
    return np.clip(index, 0, len(edges) - 2).astype(np.int64)


def _atoms(ratio: FloatArray, p: FloatArray, q: FloatArray) -> tuple[FloatArray, float]:
    """Flat intervals of one log ratio as one atom, at the log of its q/p; what that moves."""
    found, spoilt = [], 0.0
    order = np.argsort(ratio)
    groups = np.split(order, np.flatnonzero(np.diff(np.round(ratio[order] / _SAME))) + 1)
    for group in (g for g in groups if len(g)):
        mass_p, mass_q = float(p[group].sum()), float(q[group].sum())
        place = float(np.log(mass_q / mass_p))
        found.append((place, mass_p, mass_q))
        spoilt += float(np.sum(q[group] * np.abs(ratio[group] - place)))
    return np.array(found).reshape(-1, 3), spoilt


def _dense(
    ratio: FloatArray, variation: FloatArray, mass: FloatArray, kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    weight = np.where(kept, mass, 0.0)
    if weight.sum() == 0.0:
        return np.zeros(len(mass), dtype=np.bool_)
    place = np.where(kept, ratio, 0.0)
    mean = np.average(place, weights=weight)
    deviation = np.sqrt(np.average((place - mean) ** 2, weights=weight))
    return np.asarray(variation * _DENSE < weight * deviation)
