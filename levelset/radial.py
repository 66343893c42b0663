"""Rays of radial densities: shifts r u whose law of t given s depends on r alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from levelset.curvature import radial_curvature
from levelset.laws import SPHERE, Law
from levelset.nearby import divergence_nearby
from levelset.radial_shift import RadialShift
from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import FloatArray, up
from smoothing.one_dim import radius_density
from smoothing.structure import Radial

__all__ = ["RadialRay"]

#: Shift, in noise levels, at which the error of log L still spares five digits.
_SMALLEST = 1e-5


@dataclass(frozen=True)
class RadialRay:
    """The shifts r*u of a radial density, in the units of its noise.

    `unit_length` is the length of u in the units of `law` (2-norm for spheres, largest
    coordinate for cubes, 1-norm along an axis); `scale` is the lambda of the noise.
    """

    radial: Radial
    law: Law
    scale: float
    unit_length: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    _shifts: list[RadialShift] = field(default_factory=list, repr=False, compare=False)

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r u}(kappa) for many multipliers."""
        r = radius * self.unit_length / self.scale
        found = self._reaching(r).hockey_stick(r, kappa)
        least = self._least
        if r < least:
            longer = self._reaching(least).hockey_stick(least, kappa)
            return Bounds(found.lower, np.minimum(found.upper, longer.upper))
        return found

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        plain = np.asarray(radii, dtype=np.float64)
        r = plain * (self.unit_length / self.scale)
        # An optimistic radius would be unsound: the rounding of the units goes upwards.
        found = self._reaching(float(r.max())).tails(np.asarray(up(r, 2)))
        lower, kappa, least = found.tail_lower, found.kappa, self._least
        if r.min() < least:
            longer = self._reaching(least).tails(np.array([least]))
            better = (r < least) & (longer.tail_lower[0] > lower)
            lower = np.where(better, longer.tail_lower[0], lower)
            kappa = np.where(better, longer.kappa[0], kappa)
        return RayTails(plain, kappa, lower, np.maximum(found.tail_upper, lower))

    def tails_at(self, radii: FloatArray, log_kappa: FloatArray) -> RayTails:
        """Entries from one evaluation of D each, at multipliers next to the given ones."""
        plain = np.asarray(radii, dtype=np.float64)
        r = np.asarray(up(plain * (self.unit_length / self.scale), 2))
        shift = self._reaching(float(r.max()))
        # Next to an atom of L, which a path of best multipliers may follow, D is known worse.
        _, beside = shift.outside(log_kappa, log_kappa)
        divergence = divergence_nearby(shift, r, beside)
        found = (0.5 - divergence) * np.exp(-beside) * (1 - 4e-16)
        lower = np.where(found > 0, found, 0.0)
        return RayTails(plain, np.exp(beside), lower, np.full(len(plain), 0.5))

    def curvature(self, radii: FloatArray, slopes: FloatArray) -> FloatArray:
        """M of `levelset.curvature`, in the units of the noise; inf where it is not known."""
        unit = self.unit_length / self.scale
        if self.monotone_by is None:
            return np.full(len(radii), np.inf)
        return radial_curvature(self.radial, self.law, radii * unit, slopes / unit) * unit**2

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r u) for many p."""
        r = radius * self.unit_length / self.scale
        found = self._reaching(r).growth(r, p)
        least = self._least
        if r < least:
            longer = self._reaching(least).growth(least, p)
            return Bounds(found.lower, np.minimum(found.upper, longer.upper))
        return found

    @cached_property
    def _least(self) -> float:
        """Where D grows along the ray, shifts below this are better bounded by this one.

        The error of log L is about 1e-11; with shifts that small it decides alone.
        """
        if self.monotone_by is None:
            return 0.0
        panels = radius_density(self.radial).panels
        heaviest = int(np.argmax(panels.panel_mass))
        dim = self.law.dim
        return (
            _SMALLEST
            * float(panels.edges[heaviest + 1])
            / (dim**0.5 if self.law.kind == SPHERE else dim)
        )

    def _reaching(self, r: float) -> RadialShift:
        """Tables that reach the shift, kept for later calls; the longest so far serves them all."""
        if not self._shifts or self._shifts[-1].reach < r:
            self._shifts.append(
                RadialShift(self.radial, self.law, (3.0 if self._shifts else 1.5) * r)
            )
        return self._shifts[-1]
