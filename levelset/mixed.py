"""Densities exp(-h(||x||_oo) - sum phi(x_i)) under equal shifts r (1, ..., 1).

Given the largest and the least coordinate the others are independent. In two and three
dimensions D(kappa) is a double integral over them (see `planar`), in more the inverse of a Mellin
transform that is such an integral (see `mixed_transform`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from levelset.dual import growth_from_divergence, tails_from_divergence
from levelset.even_inversion import EvenTransform
from levelset.mixed_curvature import mixed_curvature, power_of_maximum
from levelset.mixed_density import mixed_density
from levelset.mixed_transform import mixed_transform
from levelset.planar import PlanarShift, has_threshold
from levelset.planar_tails import tails_from_few
from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import FloatArray, up
from smoothing.structure import Mixed

__all__ = ["MixedRay"]

#: From this d - k on entries are not refined: the tail of gamma is light enough there for the
#: differential method, whose composition loses less than chords between so few entries.
_COMPOSED = 24.0


@dataclass(frozen=True)
class MixedRay:
    """The shifts r (1, ..., 1) of a mixed density, in the units of its noise."""

    mixed: Mixed
    scale: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    _shifts: dict[float, EvenTransform | PlanarShift] = field(default_factory=dict, repr=False)
    _searched: dict[float, tuple[float, float]] = field(default_factory=dict, repr=False)

    @property
    def most_entries(self) -> int:
        """Entries of a table: in few dimensions each takes seconds, and composition fills gaps."""
        return 300 if self.mixed.dim >= 10 else 24

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r (1, ..., 1)}(kappa) for many multipliers."""
        if radius == 0:
            return Bounds.exact(np.maximum(1 - np.asarray(kappa, dtype=np.float64), 0.0))
        if radius not in self._shifts:
            self._shifts.clear()
            self._shifts[radius] = self._shift(float(up(radius / self.scale, 1)))
        return self._shifts[radius].hockey_stick(kappa)

    def _shift(self, r: float) -> EvenTransform | PlanarShift:
        density = mixed_density(self.mixed)
        if density.dim == 2 or (density.dim == 3 and has_threshold(density, r)):
            return PlanarShift(density, r)
        return mixed_transform(density, r)

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        steps = np.asarray(radii, dtype=np.float64)
        few = self.mixed.dim <= 3 and bool(np.all(steps > 0))
        found = (tails_from_few if few else tails_from_divergence)(self.hockey_stick, steps)
        pairs = zip(found.kappa.tolist(), found.tail_lower.tolist(), strict=True)
        self._searched.update(zip(steps.tolist(), pairs, strict=True))
        return found

    def tails_at(self, radii: FloatArray, log_kappa: FloatArray) -> RayTails:
        """Some of the entries, from one D each, and those searched for in between.

        The cost of an entry is that of its shift, not of its multiplier, so that thousands
        would take hours: as many are computed as take about as long as the search did.
        """
        count = min(len(radii), self._most_cheap)
        chosen = np.unique(np.linspace(0, len(radii) - 1, count).round().astype(np.int64))
        entries = {
            r: found
            for r, found in self._searched.items()
            if radii[0] <= r <= radii[-1] and found[0] > 1
        }
        for r, log in zip(radii[chosen].tolist(), log_kappa[chosen].tolist(), strict=True):
            kappa = np.exp([log])
            tail = (0.5 - self.hockey_stick(r, kappa)) / Bounds.exact(kappa)
            entries[r] = float(kappa[0]), max(float(tail.lower[0]), 0.0)
        places = np.array(sorted(entries))
        found_kappa, lower = np.array([entries[r] for r in places.tolist()]).T
        return RayTails(places, found_kappa, lower, np.full(len(places), 0.5))

    @property
    def _most_cheap(self) -> int:
        """Entries at known multipliers that take about as long as those searched for."""
        return {2: 300, 3: 120}.get(self.mixed.dim, 0 if self.mixed.dim < 10 else 60)

    def curvature(self, radii: FloatArray, slopes: FloatArray) -> FloatArray:
        """A bound on M of `levelset.curvature`, in the units of the noise; inf if unknown."""
        noise = power_of_maximum(self.mixed)
        if noise is None or noise.dim - noise.k >= _COMPOSED:
            return np.full(len(radii), np.inf)
        s = self.scale
        return np.asarray(mixed_curvature(noise, radii / s, slopes * s) / s**2)

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r (1, ..., 1)) for many p."""
        return growth_from_divergence(lambda kappa: self.hockey_stick(radius, kappa), p)
