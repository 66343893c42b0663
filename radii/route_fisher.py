"""The route "fisher": one number, the Fisher information, and no law (spec 2.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from differential.information import fisher_information, information_kind
from differential.information_mixed import mixed_information
from differential.majorants_exponential import variance_bound
from numerics.errors import AssumptionError, PrecisionError
from radii.compile import compile_radius
from radii.grow import growth_by_integral
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm
from smoothing.structure import Mixed

__all__ = ["FisherRadius", "FisherRoute"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FisherRadius:
    """R = (2 arcsin sqrt(rho) - pi/2)/sqrt(I) = arcsin(2 rho - 1)/sqrt(I) at scale 1.

    E gamma_u = 0, so Phi_u(p) = Cov(gamma_u, 1_A) <= sqrt(p(1-p) I), and 1/sqrt(p(1-p)) integrates
    to an arc sine.

    Examples
    --------
    >>> FisherRadius(4.0).at_margin([0.25]).round(12).tolist()
    [0.261799387799]
    """

    information: float

    @property
    def kinks(self) -> Array:
        """None."""
        return np.empty(0)

    @property
    def relative_error(self) -> float:
        """Rounding of the arc sine and the root; the information is rounded up already."""
        return 4e-15

    @property
    def limit(self) -> float:
        """R at rho = 1."""
        return float(0.5 * math.pi / math.sqrt(self.information))

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho = 1/2 + margin."""
        doubled = 2 * np.asarray(margin, dtype=np.float64)
        return np.asarray(np.arcsin(doubled) / math.sqrt(self.information))

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at rho = 1 - tail: arcsin(1 - 2s) = pi/2 - 2 arcsin sqrt(s)."""
        angle = 0.5 * math.pi - 2 * np.arcsin(np.sqrt(np.asarray(tail, dtype=np.float64)))
        return np.asarray(angle / math.sqrt(self.information))


@dataclass(frozen=True)
class FisherRoute:
    """Densities without jumps and with finite information, against any norm."""

    name: str = "fisher"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        kind = information_kind(smoothing.structures)
        mixed = next((s for s in smoothing.structures if isinstance(s, Mixed)), None)
        if kind is None and (mixed is None or smoothing.support is not None):
            return Refusal(
                "the Fisher information is computed for products, radial and mixed densities; got "
                f"none of these in d = {smoothing.dim}"
            )
        try:
            if kind is not None:
                information = fisher_information(kind).over_ball(adversary)
            else:
                assert mixed is not None
                information = mixed_information(mixed).over_ball(adversary)
        except (AssumptionError, PrecisionError) as error:
            return Refusal(str(error))
        radius = FisherRadius(information)
        grow = growth_by_integral(radius)

        def build() -> RadiusFunction:
            return RadiusFunction(
                smoothing,
                adversary,
                self.name,
                "conservative",
                ("Cramer-Rao; Phi(p) <= sqrt(p(1-p) I), I the largest information over the ball",),
                compile_radius(radius),
                grow,
            )

        return Accepted(
            f"finite Fisher information, at most {information:.6g} over the ball at scale 1",
            build,
            lambda: Evidence(radius, grow, variance_bound(information)),
        )
