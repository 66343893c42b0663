"""Product densities along a coordinate axis: everything happens in one dimension.

With f the density of the shifted coordinate the likelihood ratio is f(x - r)/f(x), and
{f(x - r) > kappa f(x)} is a union of intervals between the roots of
phi(x) - phi(x - r) = log kappa and the ends of the supports. p0 and p1 are differences of
the distribution function over the same intervals, so that an inexact root costs only its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from levelset.dual import growth_from_divergence, tails_from_divergence
from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray, up
from smoothing.one_dim import OneDimDensity, marginal_density
from smoothing.structure import Marginal

__all__ = ["AxisRay", "Potential", "potential_of"]

#: Rounding of a distribution function on panels, relative; the panels themselves keep 1e-14.
_ROUNDING = 1e-13
_STEPS = 46


@dataclass(frozen=True)
class Potential:
    """phi of one coordinate on the panels of its density, as -log f."""

    law: OneDimDensity

    def log_pdf(self, x: FloatArray) -> FloatArray:
        """log f, -inf outside the resolved support."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(np.maximum(self.law.pdf(x), 0.0)))

    @cached_property
    def marks(self) -> FloatArray:
        """Points between which f is smooth, close enough to see every turn of a ratio."""
        panels = self.law.panels
        nodes = legendre_rule().nodes[::2]
        start = panels.anchor + panels.left
        inner = start[:, None] + (panels.right - panels.left)[:, None] * (1 + nodes) / 2
        return np.unique(np.concatenate([panels.edges, inner.ravel()]))

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Where the panels begin and end."""
        panels = self.law.panels
        return float(panels.edges[0]), float(panels.edges[-1])


@lru_cache(maxsize=64)
def potential_of(marginal: Marginal) -> Potential:
    """The panels of one coordinate, kept for later calls."""
    return Potential(marginal_density(marginal))


@dataclass(frozen=True)
class AxisRay:
    """The shifts r e_i of a product density, in the units of its noise."""

    marginal: Marginal
    scale: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    sign: int = 1

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r e_i}(kappa) for many multipliers."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        ratio = _Ratio(potential_of(self.marginal), self.sign * float(up(radius / self.scale, 1)))
        p0, p1 = ratio.sets(multipliers.ravel())
        value = p1 - multipliers.ravel() * p0
        slack = _ROUNDING * (p1 + multipliers.ravel() * p0) + ratio.unseen(multipliers.ravel())
        lower = np.maximum(np.maximum(value - slack, 0.0), 1 - multipliers.ravel())
        upper = np.maximum(np.minimum(value + slack, 1.0), lower)
        return Bounds(lower.reshape(multipliers.shape), upper.reshape(multipliers.shape))

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        return tails_from_divergence(self.hockey_stick, np.asarray(radii, dtype=np.float64))

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r e_i) for many p."""
        return growth_from_divergence(lambda kappa: self.hockey_stick(radius, kappa), p)


@dataclass(frozen=True)
class _Ratio:
    """log f(x - r) - log f(x) for one shift."""

    potential: Potential
    shift: float

    @cached_property
    def points(self) -> FloatArray:
        """Sample points between which the ratio is taken to be monotone."""
        marks = self.potential.marks
        return np.unique(np.concatenate([marks, marks + self.shift]))

    @cached_property
    def samples(self) -> FloatArray:
        return self.at(self.points)

    def at(self, x: FloatArray) -> FloatArray:
        """The log ratio; +inf where only the shifted density lives, -inf where only f does."""
        shifted, plain = self.potential.log_pdf(x - self.shift), self.potential.log_pdf(x)
        with np.errstate(invalid="ignore"):
            difference = shifted - plain
        return np.where(np.isneginf(shifted), -np.inf, difference)

    def sets(self, kappa: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(p0, p1) of {ratio > log kappa} for each kappa."""
        with np.errstate(divide="ignore"):
            level = np.log(kappa)
        above = self.samples > level[:, None]
        rows, columns = np.nonzero(above[:, 1:] != above[:, :-1])
        entering = above[rows, columns + 1]
        roots = self._roots(self.points[columns], self.points[columns + 1], entering, level[rows])
        # An interval runs from an entry, or from -oo, to the next exit, or to oo.
        sign = np.where(entering, 1.0, -1.0)
        p0, p1 = np.empty(len(kappa)), np.empty(len(kappa))
        for i in range(len(kappa)):
            mine = rows == i
            cuts, signs = roots[mine], sign[mine]
            starts, stops = cuts[signs > 0], cuts[signs < 0]
            if above[i, 0]:
                starts = np.append(-np.inf, starts)
            if above[i, -1]:
                stops = np.append(stops, np.inf)
            p0[i] = self._mass(starts, stops)
            p1[i] = self._mass(starts - self.shift, stops - self.shift)
        return p0, p1

    def unseen(self, kappa: FloatArray) -> FloatArray:
        """Mass beyond the panels, e^-100 of the total, on either side."""
        return 1e-30 * (1 + kappa)

    def _roots(
        self, low: FloatArray, high: FloatArray, entering: NDArray[np.bool_], level: FloatArray
    ) -> FloatArray:
        low, high = low.copy(), high.copy()
        for _ in range(_STEPS):
            middle = low + (high - low) / 2
            before = (self.at(middle) > level) != entering
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        return low

    def _mass(self, starts: FloatArray, stops: FloatArray) -> float:
        law = self.potential.law
        upper_start, upper_stop = _tail(law, starts, True), _tail(law, stops, True)
        lower_start, lower_stop = _tail(law, starts, False), _tail(law, stops, False)
        by_upper = upper_start < 0.5
        return float(np.sum(np.where(by_upper, upper_start - upper_stop, lower_stop - lower_start)))


def _tail(law: OneDimDensity, x: FloatArray, upper: bool) -> FloatArray:
    finite = np.isfinite(x)
    safe = np.where(finite, x, 0.0)
    inner = law.sf(safe) if upper else law.cdf(safe)
    beyond = np.where((x > 0) == upper, 0.0, 1.0)
    return np.where(finite, inner, beyond)
