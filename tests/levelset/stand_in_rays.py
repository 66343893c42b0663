"""Rays whose p(r) is known without any engine: distribution functions and plain integrals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from levelset.ray import RayTails
from numerics.bounds import Bounds

Array = NDArray[np.float64]

#: What the stand-ins claim about their own tails: scipy's ndtr and exp are within a few eps.
SLACK = 1e-13


def enclosed(radii: Array, kappa: Array, exact: Array) -> RayTails:
    return RayTails(radii, kappa, exact * (1 - SLACK), exact * (1 + SLACK))


@dataclass(frozen=True)
class GaussianRay:
    """Standard normal noise: Neyman-Pearson tests are half lines, p(r) = N(-r)."""

    direction: str = "r*e_1"
    proved_by: str | None = "Cohen et al. 2019, Theorem 1"
    monotone_by: str | None = "convex superlevel sets"

    def hockey_stick(self, radius: float, kappa: Array) -> Bounds:
        cut = radius / 2 + np.log(kappa) / radius
        value = ndtr(radius - cut) - kappa * ndtr(-cut)
        return Bounds.around(value, absolute=1e-13)

    def tails(self, radii: Array) -> RayTails:
        # The test that is met with probability 1/2 after the shift cuts at r.
        return enclosed(radii, np.exp(radii**2 / 2), ndtr(-radii))


@dataclass(frozen=True)
class GridRay:
    """A density on the line given by its values on a fine grid, D by summation.

    Tails are exact for the piecewise constant density, shifted by whole cells.
    """

    values: Array
    step: float
    direction: str = "r*e_1"
    proved_by: str | None = "one dimension, even density"
    monotone_by: str | None = None

    def hockey_stick(self, radius: float, kappa: Array) -> Bounds:
        value = np.array([self._divergence(radius, float(k)) for k in np.atleast_1d(kappa)])
        return Bounds.around(value.reshape(np.shape(kappa)), absolute=1e-12)

    def _divergence(self, radius: float, kappa: float) -> float:
        cells = round(radius / self.step)
        gap = np.zeros(cells)
        shifted = np.concatenate([gap, self.values])
        still = np.concatenate([self.values, gap])
        return float(np.sum(np.maximum(shifted - kappa * still, 0.0)) * self.step)

    def tails(self, radii: Array) -> RayTails:
        kappas, tails = np.ones(len(radii)), np.empty(len(radii))
        for i, radius in enumerate(radii):
            found = minimize_scalar(
                lambda logk, r=radius: -(0.5 - self._divergence(r, np.exp(logk))) / np.exp(logk),
                bounds=(-1.0, 8.0),
                method="bounded",
                options={"xatol": 1e-10},
            )
            kappas[i], tails[i] = np.exp(found.x), max(-found.fun, 0.0)
        return RayTails(radii, kappas, tails * (1 - 1e-9), tails * (1 + 1e-9))


def five_peaks(step: float = 2.0**-6) -> GridRay:
    """Five equal peaks 2 apart, each of width 1/2: in phase again at shift 2."""
    positions = np.arange(-6.0, 6.0, step) + step / 2
    distance = np.abs(positions - 2 * np.round(positions / 2))
    density = np.where((distance < 0.25) & (np.abs(positions) < 4.5), 1.0, 1e-3)
    return GridRay(density / (density.sum() * step), step)
