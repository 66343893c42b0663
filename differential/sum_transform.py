"""The transform of a sum of independent terms u_i phi_i'(X_i), powers of each distinct one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from differential.inversion import ComplexArray
from differential.term_measure import TermMeasure

__all__ = ["Group", "SumTransform", "log_modulus_bound"]

Array = NDArray[np.float64]

#: Exponents beyond which a sum of exponentials is scaled before it is taken.
_LARGEST_EXPONENT = 300.0
#: Weights below this share of a mean are dropped: with 1e4 points they change it by 1e-18.
_NEGLIGIBLE = 1e-22
#: log M of one term beyond which M is summed as it is: rounding of 1e-16 times a count of at most
#: 70 / 0.2 does not matter, and points without tilted mass can be dropped.
_FAR_FROM_ONE = 0.2
_DOUBLINGS = 4.0 ** np.arange(40)


@dataclass(frozen=True, eq=False)
class Group:
    """`count` independent copies of weight * Y."""

    measure: TermMeasure
    weight: float
    count: int

    @property
    def largest(self) -> float:
        """Supremum of weight * (Y - E Y)."""
        values = np.concatenate([self.measure.value.ravel(), self.measure.atoms])
        return float(np.max(self.weight * (values - self.measure.mean)))


@dataclass(frozen=True, eq=False)
class SumTransform:
    """log E exp(zS) of the centred sum S of all groups; implements `inversion.Transform`."""

    groups: tuple[Group, ...]

    @cached_property
    def top(self) -> float:
        """Supremum of S as far as panels reach."""
        return sum(g.count * g.largest for g in self.groups)

    @cached_property
    def overflow(self) -> float:
        """What terms beyond the reach of the panels can add to E(S - c)+."""
        return sum(g.count * abs(g.weight) * g.measure.overflow for g in self.groups)

    def cumulants(self, theta: float) -> tuple[float, float, float]:
        """log M and its first two derivatives, at real theta."""
        total = np.zeros(3)
        for group in self.groups:
            points, weights = self._points(group, 0.0)
            exponent = theta * points
            shift = float(exponent.max())
            if shift < _LARGEST_EXPONENT:
                mean = 1 + float(weights @ (np.expm1(exponent) - exponent))
                tilted = weights * np.exp(exponent) / mean
                value = math.log(mean)
            else:
                tilted = weights * np.exp(exponent - shift)
                mean = float(tilted.sum())
                tilted, value = tilted / mean, shift + math.log(mean)
            slope = float(tilted @ points)
            spread = float(tilted @ (points - slope) ** 2)
            total += group.count * np.array([value, slope, spread])
        return float(total[0]), float(total[1]), float(total[2])

    def line(self, theta: float, frequencies: Array) -> ComplexArray:
        """log M(theta + i w), the sum over groups."""
        from differential.transform_kernels import log_means

        z = theta + 1j * np.asarray(frequencies, dtype=np.float64)
        total = np.zeros(len(z), dtype=np.complex128)
        for group in self.groups:
            value, _, _ = SumTransform((replace(group, count=1),)).cumulants(theta)
            tilt = theta * group.weight if value > _FAR_FROM_ONE else None
            points, weights = self._points(group, float(np.abs(z).max()), tilt)
            exponent = theta * points
            shift = float(exponent.max())
            if tilt is None:
                total += group.count * log_means(z, points, weights, False, 0.0)
                continue
            share = weights * np.exp(exponent - shift)
            kept = share > _NEGLIGIBLE * share.sum()
            total += group.count * log_means(z, points[kept], weights[kept], True, shift)
        return total

    def log_decay(self, theta: float, frequencies: Array) -> Array:
        """Upper bound of log |M(theta + i w)| - log M(theta), non-increasing in w."""
        total = np.zeros(len(frequencies))
        for group in self.groups:
            tilt = theta * group.weight
            points, weights = group.measure.refined(0.0)
            exponent = tilt * points
            shift = float(exponent.max())
            log_mean = shift + math.log(float(weights @ np.exp(exponent - shift)))
            variation, mass = group.measure.decay(tilt, log_mean)
            total += group.count * log_modulus_bound(
                variation, mass, abs(group.weight) * frequencies
            )
        return total

    @staticmethod
    def _points(group: Group, frequency: float, tilt: float | None = None) -> tuple[Array, Array]:
        values, weights = group.measure.refined(abs(group.weight) * frequency, tilt)
        return group.weight * (values - group.measure.mean), weights


def log_modulus_bound(variation: Array, mass: Array, frequencies: Array) -> Array:
    """Bound of log |f(w)| of a characteristic function with |f(w)| <= min(V_k/w + W_k).

    For small w the bound is above 1, and 1 - |f(2w)|^2 <= 4 (1 - |f(w)|^2) is used from there:
    |f|^2 is the characteristic function of Y - Y', and 1 - cos 2x <= 4 (1 - cos x).
    """
    doubled = frequencies[:, None] * np.sqrt(_DOUBLINGS)
    ratio = np.ones_like(doubled)
    for v, w in zip(variation, mass, strict=True):
        ratio = np.minimum(ratio, v / doubled + w)
    square = np.min(1 - (1 - ratio**2) / _DOUBLINGS, axis=1)
    return np.asarray(0.5 * np.log(np.maximum(square, 1e-300)))
