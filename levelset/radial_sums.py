"""Sums over the density of ||x||: probabilities of likelihood-ratio sets with their errors.

Every number is computed on two sets of Gauss nodes, the second one denser; their difference is
the quadrature error that is added, and nodes are made denser until it is small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from levelset.kernels import Nodes
from levelset.laws import AXIS, EQUAL, SPHERE, Law
from levelset.profile import Profile, build_profile
from levelset.radial_nodes import build_nodes
from levelset.solve import many_probabilities
from numerics.rounding import FloatArray
from smoothing.structure import Radial

__all__ = ["ROUNDING", "RadialSums"]

#: Relative rounding of a probability: the density on its panels (1e-14), the table of the law
#: (4e-15 where it was compared with ball arithmetic) and summation.
ROUNDING = 2e-13
#: Of these, the density's share and the rest.
_ROUNDING_OF_DENSITY = 5e-14
_ROUNDING_OF_LAW = {SPHERE: 2e-14, AXIS: 1.5e-15, EQUAL: 1.5e-15}
#: Quadrature error asked for; more nodes are used until it is met or `_LAST_LEVEL` is reached.
_TOLERANCE = 3e-13
_LAST_LEVEL = 7


@dataclass(frozen=True)
class RadialSums:
    """One density of ||x|| at scale 1 and the law of its norm after a shift.

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
    def ends(self) -> tuple[bool, bool]:
        """Whether the density goes on below and above the table."""
        return not self.profile.bounded_below, not self.profile.bounded_above

    def nodes(self, level: int) -> Nodes:
        """Gauss nodes: 10, 14, 20 per panel, then 20 on each of 2^(level - 2) parts of a panel."""
        if level not in self._nodes:
            self._nodes[level] = build_nodes(self.radial, self.profile, level)
        return self._nodes[level]

    @cached_property
    def margin(self) -> float:
        """Largest error of log L that matters."""
        nodes, cells = self.nodes(0), self.profile.cells
        seen = nodes.cell[nodes.mass > 1e-18]
        # cells that a shift takes the mass to
        low = np.searchsorted(cells.left, cells.left[seen.min()] - self.reach, side="right") - 1
        high = np.searchsorted(cells.left, cells.left[seen.max()] + self.reach, side="left")
        near = cells.near_noise[max(low, 0) : high + 1]
        return float(cells.noise[seen].max() + near.max())

    def slack(self, sums: FloatArray) -> FloatArray:
        """Rounding of p0 and p1, shape (n, 2).

        The density integrates to 1 whatever its error, so that the error only counts as far as
        the conditional probability differs from a constant.
        """
        law = _ROUNDING_OF_LAW[self.law.kind] * sums[:, :2]
        found = np.minimum(ROUNDING * sums[:, :2], _ROUNDING_OF_DENSITY * sums[:, 2:] + law)
        return np.asarray(found)

    def refined(
        self, radii: FloatArray, log_kappa: FloatArray, sign: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """`probabilities` of likelihood-ratio sets, the quadrature errors of p0 and p1, and
        those that they had on level 1.
        """
        pending = np.arange(len(radii))
        best = self.probabilities(radii, log_kappa, sign, 0)
        error = np.full((len(radii), 2), np.inf)
        first = best
        for level in range(1, _LAST_LEVEL + 1):
            finer = self.probabilities(radii[pending], log_kappa[pending], sign, level)
            before = error[pending]
            error[pending] = np.abs(finer - best[pending])[:, :2]
            best[pending] = finer
            if level == 1:
                first = best.copy()
            scale = np.stack([np.exp(log_kappa[pending]), np.ones(len(pending))], axis=1)
            with np.errstate(invalid="ignore"):
                # Errors are infinite at first, and multipliers may underflow.
                parts = [np.where(scale > 0, e * scale, 0.0) for e in (error[pending], before)]
            now, then = (np.sum(part, axis=1) for part in parts)
            # An error that no longer falls is rounding, which more nodes cannot cure.
            pending = pending[(now > _TOLERANCE) & (now < 0.3 * then)]
            if not len(pending):
                break
        return best, error, np.abs(best - first)[:, :2] + error

    def probabilities(
        self, radii: FloatArray, log_kappa: FloatArray, sign: float, level: int
    ) -> FloatArray:
        """(p0, p1) and how much the error of the density counts in each, shape (n, 4)."""
        if len(radii) == 0:
            return np.empty((0, 4))
        cells, nodes = self.profile.cells, self.nodes(level)
        return np.asarray(
            many_probabilities(self.law, cells, self.ends, nodes, radii, log_kappa, sign)
        )
