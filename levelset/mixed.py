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
from levelset.mixed_density import mixed_density
from levelset.mixed_transform import mixed_transform
from levelset.planar import PlanarShift, has_threshold
from levelset.planar_tails import tails_from_few
from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import FloatArray, up
from smoothing.structure import Mixed

__all__ = ["MixedRay"]


@dataclass(frozen=True)
class MixedRay:
    """The shifts r (1, ..., 1) of a mixed density, in the units of its noise."""

    mixed: Mixed
    scale: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    _shifts: dict[float, EvenTransform | PlanarShift] = field(default_factory=dict, repr=False)

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
        return (tails_from_few if few else tails_from_divergence)(self.hockey_stick, steps)

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r (1, ..., 1)) for many p."""
        return growth_from_divergence(lambda kappa: self.hockey_stick(radius, kappa), p)
