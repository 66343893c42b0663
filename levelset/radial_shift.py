"""Hockey-stick divergences and tails of radial densities, whatever the law of t given s."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelset.laws import Law
from levelset.radial_sums import RadialSums
from levelset.ray import RayTails
from levelset.solve import FOR_GROWTH, FOR_TAIL, best_multipliers
from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["RadialShift"]

#: Quadrature errors of D below this are believed nearby.
_KNOWN = 3e-12
#: What a better multiplier could still gain, relative, when the search stops.
_GAIN = 1e-12


@dataclass(frozen=True)
class RadialShift(RadialSums):
    """Shifts of one density of ||x|| at scale 1, along a ray described by `law`."""

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1: p(r) = max_kappa (1/2 - D)/kappa at each radius."""
        order = np.argsort(radii)
        ends = self._search(radii[order], FOR_TAIL, np.zeros(len(radii)))
        brackets = np.empty_like(ends)
        brackets[order] = ends
        return _tail_bounds(self, radii, *brackets.T)

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, v) for many p, shape of `p`."""
        ends = self._search(np.full(len(p), radius), FOR_GROWTH, p)
        return _growth_bounds(self, radius, p, *ends.T)

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D(kappa) for many multipliers >= 0."""
        kappa = np.asarray(kappa, dtype=np.float64)
        flat = kappa.ravel()
        with np.errstate(divide="ignore"):
            logs = np.maximum(np.log(flat), -600.0)
        radii = np.full(len(flat), radius)
        upper = self.divergence(radii, logs, upper=True)
        lower = self.divergence(radii, logs, upper=False)
        # D >= 1 - kappa and D >= 0 for probability densities.
        lower = np.maximum(np.maximum(lower, 1.0 - flat), 0.0)
        upper = np.maximum(np.minimum(upper, 1.0), lower)
        return Bounds(lower.reshape(kappa.shape), upper.reshape(kappa.shape))

    def divergence(self, radii: FloatArray, log_kappa: FloatArray, *, upper: bool) -> FloatArray:
        """One side of D at scale 1, at pairs of radius and multiplier."""
        return self.divergence_and_errors(radii, log_kappa, upper=upper)[0]

    def divergence_and_errors(
        self, radii: FloatArray, log_kappa: FloatArray, *, upper: bool
    ) -> tuple[FloatArray, FloatArray]:
        """The same with the quadrature errors that p0 and p1 have on the level of `tangent`."""
        sums, error, first = self.refined(radii, log_kappa, 1.0 if upper else -1.0)
        sets, slack = sums[:, :2], error + self.slack(sums)
        sets = sets + (slack if upper else -slack) * np.array([-1.0, 1.0])
        return np.asarray(sets[:, 1] - np.exp(log_kappa) * sets[:, 0]), first

    def tangent(
        self, radii: FloatArray, log_kappa: FloatArray, known: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """(p0 from above, p1 from below) of one set: D(kappa) >= p1 - kappa p0 for every kappa.

        `known` are quadrature errors at multipliers nearby; where they are tiny they are believed.
        """
        trusted = np.zeros(len(radii), dtype=bool)
        if known is not None:
            trusted = known[:, 1] + np.exp(log_kappa) * known[:, 0] < _KNOWN
        sums, error = np.empty((len(radii), 4)), np.empty((len(radii), 2))
        if known is not None:
            sums[trusted] = self.probabilities(radii[trusted], log_kappa[trusted], -1.0, 1)
            error[trusted] = 4 * known[trusted]
        sums[~trusted], error[~trusted], _ = self.refined(
            radii[~trusted], log_kappa[~trusted], -1.0
        )
        slack = error + self.slack(sums)
        return sums[:, 0] + slack[:, 0], sums[:, 1] - slack[:, 1]

    def outside(self, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The bracket widened by the error of log L, off an atom it may have closed in on."""
        spread = 4 * self.margin + 1e-14 * (np.abs(a) + np.abs(b))
        return a - spread, b + spread

    def near_atom(self, a: FloatArray, b: FloatArray) -> NDArray[np.bool_]:
        """Brackets that closed in on an atom of L, where the error of log L counts it twice."""
        return np.asarray(b - a <= 8 * self.margin + 1e-13 * (np.abs(a) + np.abs(b)))

    def _sets(
        self, radii: FloatArray, log_kappa: FloatArray, sign: float
    ) -> tuple[FloatArray, FloatArray]:
        """(p0, p1) of likelihood-ratio sets and their quadrature errors, both of shape (n, 2)."""
        sums, error, _ = self.refined(radii, log_kappa, sign)
        return sums[:, :2], error

    def _search(self, radii: FloatArray, purpose: int, targets: FloatArray) -> FloatArray:
        nodes = self.nodes(_search_level(self.law))
        cells, ends = self.profile.cells, self.ends
        guess = 1e-3 if purpose == FOR_TAIL else 0.0
        return np.asarray(
            best_multipliers(
                self.law, cells, ends, nodes, radii, purpose, targets, guess, self.margin, _GAIN
            )
        )


def _tail_bounds(
    shift: RadialShift, radii: FloatArray, a: FloatArray, b: FloatArray, best: FloatArray
) -> RayTails:
    """The better end of each bracket is a certificate; the tangents at both bound the rest."""
    divergence, error = shift.divergence_and_errors(radii, best, upper=True)
    value = (0.5 - divergence) * np.exp(-best)
    low, high = shift.outside(a, b)
    near = shift.near_atom(a, b)
    for end in (low, high):
        other = (0.5 - shift.divergence(radii[near], end[near], upper=True)) * np.exp(-end[near])
        best[near] = np.where(other > value[near], end[near], best[near])
        value[near] = np.maximum(value[near], other)
    # What is not a number proves nothing.
    lower = np.where(value > 0, value * (1 - 4e-16), 0.0)
    (p0, p1), (q0, q1) = (shift.tangent(radii, end, error) for end in (low, high))
    # An upper bound on p(r): the dual is concave in mu = 1/kappa, hence below its tangents.
    mu = _meeting(p0, 0.5 - p1, q0, 0.5 - q1, np.exp(-high), np.exp(-low))
    upper = np.maximum(p0 + (0.5 - p1) * mu, q0 + (0.5 - q1) * mu) * (1 + 4e-16)
    upper = np.where(np.isnan(upper), 0.5, upper)
    return RayTails(radii, np.exp(best), lower, np.maximum(upper, lower))


def _growth_bounds(
    shift: RadialShift,
    radius: float,
    p: FloatArray,
    a: FloatArray,
    b: FloatArray,
    best: FloatArray,
) -> Bounds:
    """G <= kappa p + D at the better end; G is above the meeting of the tangents."""
    radii = np.full(len(p), radius)
    upper = np.exp(best) * p + shift.divergence(radii, best, upper=True)
    low, high = shift.outside(a, b)
    near = shift.near_atom(a, b)
    for end in (low[near], high[near]):
        other = np.exp(end) * p[near] + shift.divergence(radii[near], end, upper=True)
        upper[near] = np.minimum(upper[near], other)
    (p0, p1), (q0, q1) = (shift.tangent(radii, end) for end in (low, high))
    kappa = _meeting(p1, p - p0, q1, p - q0, np.exp(low), np.exp(high))
    lower = np.minimum(p1 + (p - p0) * kappa, q1 + (p - q0) * kappa)
    upper = np.where(upper < 1, np.minimum(upper * (1 + 4e-16), 1.0), 1.0)
    lower = np.where(np.isnan(lower), p, lower)
    return Bounds(np.clip(np.maximum(lower * (1 - 4e-16), p), 0.0, upper), upper)


def _meeting(
    i0: FloatArray,
    s0: FloatArray,
    i1: FloatArray,
    s1: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Abscissa, within [low, high], at which the lines i + s x meet."""
    with np.errstate(divide="ignore", invalid="ignore"):
        meeting = np.where(s1 != s0, (i0 - i1) / (s1 - s0), low)
    return np.asarray(np.clip(meeting, low, high))


def _search_level(law: Law) -> int:
    """Kinks of low dimensions leave errors that a search would take for slopes."""
    return 0 if law.dim >= 30 else 2
