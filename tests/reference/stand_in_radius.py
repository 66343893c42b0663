"""Radius functions written down by hand, so that the certifier is tested apart from the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from numerics.bounds import Bounds
from numerics.rounding import down, up


@dataclass(frozen=True)
class StandInRadius:
    """Radius of uniform noise on a cube or of Gaussian noise against l1, plus its inverse.

    "uniform": R = 2 scale (rho - 1/2), "gaussian": R = scale * ndtri(rho); both up to `factor`
    (1/sqrt(d) for Gaussian noise against linf). Rounded by 8 ulps, which covers ndtri.
    """

    kind: str
    scale: float = 1.0
    dim: int = 4
    adversary: str = "l1"
    guarantee: str = "conservative"
    route: str = "stand-in"
    factor: float = 1.0

    def _value(self, tail):
        tail = np.minimum(np.asarray(tail, dtype=float), 0.5)
        shape = 2.0 * (0.5 - tail) if self.kind == "uniform" else -ndtri(tail)
        return np.abs(self.factor * self.scale * shape)

    def __call__(self, prob_lower=None, /, *, tail=None):
        tail = 1.0 - np.asarray(prob_lower, dtype=float) if tail is None else tail
        return np.maximum(down(self._value(tail), 8), 0.0)

    def bounds(self, prob_lower=None, /, *, tail=None):
        tail = 1.0 - np.asarray(prob_lower, dtype=float) if tail is None else tail
        value = self._value(tail)
        return Bounds(np.maximum(down(value, 8), 0.0), np.where(value > 0, up(value, 8), 0.0))

    def tail(self, radius, /):
        level = np.asarray(radius, dtype=float) / (self.factor * self.scale)
        value = 0.5 - level / 2.0 if self.kind == "uniform" else ndtr(-level)
        return np.maximum(down(value, 8), 0.0)

    def probability(self, radius, /):
        return up(1.0 - self.tail(radius), 1)
