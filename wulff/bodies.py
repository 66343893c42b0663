"""Balls of the l1, l2 and linf norms: the bodies whose growth is known in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid
from numerics.stable import log_gamma_ratio
from numerics.validation import check_dim, check_positive
from smoothing.norms import LpNorm
from wulff.products import mean_absolute_product

__all__ = ["LpBall"]

Array = NDArray[np.float64]

NAMES = {1.0: "cross polytope", 2.0: "ball", math.inf: "cube"}


@dataclass(frozen=True)
class LpBall:
    """The set of x with ||x||_order <= radius in R^dim, for order 1, 2 or inf.

    Examples
    --------
    >>> cube = LpBall(float("inf"), 0.5, 4)
    >>> cube.name, cube.volume, cube.projection_volume([1, 1, 1, 1])
    ('cube', 1.0, 4.0)
    """

    order: float
    radius: float
    dim: int

    def __post_init__(self) -> None:
        if self.order not in NAMES:
            raise invalid("order", "1, 2 or inf", self.order, "the others have no closed forms")
        check_positive("radius", self.radius)
        check_dim(self.dim)
        object.__setattr__(self, "order", float(self.order))

    @property
    def name(self) -> str:
        """Cube, ball, cross polytope, or rhombus in the plane."""
        return "rhombus" if self.order == 1 and self.dim == 2 else NAMES[self.order]

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume, finite where the volume itself under- or overflows."""
        d = self.dim
        logs = {
            math.inf: d * math.log(2),
            2.0: d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1),
            1.0: d * math.log(2) - math.lgamma(d + 1),
        }
        return logs[self.order] + d * math.log(self.radius)

    @property
    def volume(self) -> float:
        """Volume; 0 or inf beyond the range of float64."""
        try:
            return math.exp(self.log_volume)
        except OverflowError:
            return math.inf

    def gauge(self, x: ArrayLike) -> Array:
        """Smallest r with x in r times the body, for points of shape (..., dim)."""
        return np.asarray(LpNorm(self.order).gauge(x) / self.radius)

    def support_function(self, x: ArrayLike) -> Array:
        """Largest inner product of x with a point of the body."""
        return np.asarray(self.radius * LpNorm(self.order).support_function(x))

    def contains(self, x: ArrayLike) -> NDArray[np.bool_]:
        """Whether points lie in the body."""
        return np.asarray(self.gauge(x) <= 1)

    def shadow_ratio(self, v: ArrayLike) -> float:
        """|v| Vol(projection along v) radius / Vol, which does not depend on the radius.

        Cube: ||v||_1 / 2; ball: |v| kappa_(d-1) / kappa_d; cross polytope: (d / 2) E|<eps, v>| with
        random signs eps, because its facets have normals eps and equal areas (RSAS, G.12).
        """
        vector = np.asarray(v, dtype=np.float64)
        if self.order == math.inf:
            return float(np.abs(vector).sum()) / 2
        if self.order == 2:
            # kappa_(d-1) / kappa_d = Gamma(d/2 + 1) / (sqrt(pi) Gamma(d/2 + 1/2))
            ratio = math.exp(float(log_gamma_ratio((self.dim + 1) / 2, 0.5)))
            return float(np.linalg.norm(vector)) * ratio / math.sqrt(math.pi)
        return self.dim / 2 * float(mean_absolute_product(vector).midpoint)

    def projection_volume(self, v: ArrayLike) -> float:
        """|v| times the volume of the projection along v."""
        return self.shadow_ratio(v) * self.volume / self.radius
