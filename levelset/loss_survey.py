"""One look at every interval of a coordinate: where its log ratio goes, and what lies there.

The panels of the density and of its shift cut the line into intervals on which l is smooth; where
it turns inside one they are cut once more. Then come masses, atoms, and what was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from levelset.loss_kernels import BRIEF, PIECE, Coordinate, Intervals, survey, turns
from levelset.loss_law import LogRatio
from levelset.product import Potential, potential_of
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import OneDimDensity
from smoothing.structure import Marginal

__all__ = ["log_ratio_of"]

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
