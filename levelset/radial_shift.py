"""Hockey-stick divergences and tails of radial densities, whatever the law of t given s.

Every number is computed on two sets of Gauss nodes, the second twice as dense; their difference
is the quadrature error that is added, and nodes are doubled further until it is small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from levelset.kernels import Nodes
from levelset.laws import Law
from levelset.profile import Profile, build_profile
from levelset.radial_nodes import build_nodes
from levelset.ray import RayTails
from levelset.solve import FOR_GROWTH, FOR_TAIL, best_multipliers, many_probabilities
from numerics.bounds import Bounds
from numerics.rounding import FloatArray
from smoothing.structure import Radial

__all__ = ["RadialShift"]

#: Relative rounding of a probability: the density on its panels (1e-14), the table of the law
#: (4e-15 where it was compared with ball arithmetic) and summation.
_ROUNDING = 2e-13
#: Quadrature error asked for; more nodes are used until it is met or `_LAST_LEVEL` is reached.
_TOLERANCE = 3e-13
_LAST_LEVEL = 6
_KNOWN = 3e-12
#: What a better multiplier could still gain, relative, when the search stops.
_GAIN = 1e-12


@dataclass(frozen=True)
class RadialShift:
    """Shifts of one density of ||x|| at scale 1, along a ray described by `law`.

    Parameters
    ----------
    radial : Radial
    law : Law
        Law of ||x - v|| given ||x||.
    reach : float
        Longest shift that will be asked for.
    """

    radial: Radial
    law: Law
    reach: float
    _nodes: dict[int, Nodes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def profile(self) -> Profile:
        """g as a table."""
        return build_profile(self.radial, self.reach)

    @cached_property
    def _ends(self) -> tuple[bool, bool]:
        return not self.profile.bounded_below, not self.profile.bounded_above

    def nodes(self, level: int) -> Nodes:
        """Gauss nodes: 14 per panel, 20, then 20 on each of 2^(level - 1) parts of a panel."""
        if level not in self._nodes:
            self._nodes[level] = build_nodes(self.radial, self.profile, self.reach, level)
        return self._nodes[level]

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
        """The same with the quadrature errors of p0 and p1, shape (n, 2)."""
        sets, error = self._sets(radii, log_kappa, 1.0 if upper else -1.0)
        slack = error + _ROUNDING * sets
        sets = sets + (slack if upper else -slack) * np.array([-1.0, 1.0])
        return np.asarray(sets[:, 1] - np.exp(log_kappa) * sets[:, 0]), error

    def tangent(
        self, radii: FloatArray, log_kappa: FloatArray, known: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """(p0 from above, p1 from below) of one set: D(kappa) >= p1 - kappa p0 for every kappa.

        `known` are quadrature errors at multipliers nearby; where they are tiny they are believed.
        """
        if known is not None and np.all(known[:, 1] + np.exp(log_kappa) * known[:, 0] < _KNOWN):
            sets, error = self._sum(radii, log_kappa, -1.0, 1), 4 * known
        else:
            sets, error = self._sets(radii, log_kappa, -1.0)
        slack = error + _ROUNDING * sets
        return sets[:, 0] + slack[:, 0], sets[:, 1] - slack[:, 1]

    def outside(self, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The bracket widened by the error of log L, off an atom it may have closed in on."""
        spread = 4 * self._margin + 1e-14 * (np.abs(a) + np.abs(b))
        return a - spread, b + spread

    def near_atom(self, a: FloatArray, b: FloatArray) -> NDArray[np.bool_]:
        """Brackets that closed in on an atom of L, where the error of log L counts it twice."""
        return np.asarray(b - a <= 8 * self._margin + 1e-13 * (np.abs(a) + np.abs(b)))

    @cached_property
    def _margin(self) -> float:
        nodes = self.nodes(0)
        seen = nodes.mass > 1e-18
        return float(nodes.margin[nodes.cell[seen]].max())

    def _sets(
        self, radii: FloatArray, log_kappa: FloatArray, sign: float
    ) -> tuple[FloatArray, FloatArray]:
        """(p0, p1) of likelihood-ratio sets and their quadrature errors, both of shape (n, 2)."""
        pending = np.arange(len(radii))
        best = self._sum(radii, log_kappa, sign, 0)
        error = np.full_like(best, np.inf)
        for level in range(1, _LAST_LEVEL + 1):
            finer = self._sum(radii[pending], log_kappa[pending], sign, level)
            before = error[pending]
            error[pending] = np.abs(finer - best[pending])
            best[pending] = finer
            scale = np.stack([np.exp(log_kappa[pending]), np.ones(len(pending))], axis=1)
            now, then = (np.sum(e * scale, axis=1) for e in (error[pending], before))
            # An error that no longer falls is rounding, which more nodes cannot cure.
            pending = pending[(now > _TOLERANCE) & (now < 0.3 * then)]
            if not len(pending):
                break
        return best, error

    def _sum(self, radii: FloatArray, log_kappa: FloatArray, sign: float, level: int) -> FloatArray:
        if len(radii) == 0:
            return np.empty((0, 2))
        cells, nodes = self.profile.cells, self.nodes(level)
        return np.asarray(
            many_probabilities(self.law, cells, self._ends, nodes, radii, log_kappa, sign)
        )

    def _search(self, radii: FloatArray, purpose: int, targets: FloatArray) -> FloatArray:
        nodes = self.nodes(_search_level(self.law))
        cells, ends = self.profile.cells, self._ends
        guesses = np.full(len(radii), np.nan)
        guesses[0] = 1e-3 if purpose == FOR_TAIL else 0.0
        return np.asarray(
            best_multipliers(self.law, cells, ends, nodes, radii, purpose, targets, guesses, _GAIN)
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
    lower = np.maximum(value * (1 - 4e-16), 0.0)
    (p0, p1), (q0, q1) = (shift.tangent(radii, end, error) for end in (low, high))
    # An upper bound on p(r): the dual is concave in mu = 1/kappa, hence below its tangents.
    mu = _meeting(p0, 0.5 - p1, q0, 0.5 - q1, np.exp(-high), np.exp(-low))
    upper = np.maximum(p0 + (0.5 - p1) * mu, q0 + (0.5 - q1) * mu) * (1 + 4e-16)
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
    upper = np.minimum(upper * (1 + 4e-16), 1.0)
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
