"""Exact radii of uniform bodies from the volume of S and its shifted copy.

For q uniform on S, G(p, v) = p + 1 - O(v) with O(v) = Vol(S and (S + v)) / Vol(S), so the radius
is where O = 1/2 + (1 - rho), that is where the defect 1 - O equals the margin rho - 1/2. Shifts
with O >= c form a convex symmetric set (Brunn-Minkowski), so only vertices of a polytope matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import down, up
from numerics.special import betaincinv
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Uniform

__all__ = ["OverlapRadius", "UniformRay", "overlap_defect", "overlap_radius", "refusal"]

Array = NDArray[np.float64]

#: expm1, log1p and betaincinv keep a few units of rounding (derivations 5: 2e-16 and 5e-16).
_RELATIVE_ERROR = 4e-15


@dataclass(frozen=True)
class OverlapRadius:
    """Radius of a uniform body at scale 1 as a function of tail or margin.

    `kind` is the shape of the defect 1 - O: "linear" (cube along an axis), "power"
    (cube along equal shifts, cross polytope along an axis) or "caps" (ball). `length` converts
    the shift of the unit body into the adversary's norm.
    """

    kind: str
    dim: int
    length: float

    @property
    def kinks(self) -> Array:
        """The overlap is smooth until it vanishes."""
        return np.empty(0)

    @property
    def relative_error(self) -> float:
        """Rounding of the special functions and of `length`."""
        return _RELATIVE_ERROR

    @property
    def limit(self) -> float:
        """R at rho = 1."""
        return float(self.at_margin(np.array([0.5]))[0])

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho = 1/2 + margin, relatively accurate as the margin goes to 0.

        Examples
        --------
        >>> OverlapRadius("linear", 3, 1.0).at_margin([0.25]).tolist()
        [0.5]
        """
        defect = np.asarray(margin, dtype=np.float64)
        if self.kind == "linear":
            shift = 2 * defect
        elif self.kind == "power":
            # (1 - r/2)^d = 1 - margin without forming either power.
            shift = -2 * np.expm1(np.log1p(-defect) / self.dim)
        else:
            # The overlap is two caps at height r/2; the square of a coordinate is
            # Beta(1/2, (d + 1)/2) (derivations 6; 5e-16 at every d).
            shift = 2 * np.sqrt(betaincinv(0.5, (self.dim + 1) / 2, defect))
        return np.asarray(self.length * shift)

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at rho = 1 - tail for tails up to 1/4."""
        return self.at_margin(0.5 - np.asarray(tail, dtype=np.float64))

    def defect(self, radius: float) -> float:
        """1 - O at the worst shift of the given norm: what any set can gain at most."""
        half = min(radius / self.length / 2, 1.0)
        if self.kind == "linear":
            return half
        if self.kind == "power":
            return 1.0 if half >= 1 else -math.expm1(self.dim * math.log1p(-half))
        from scipy.special import betainc

        return float(betainc(0.5, (self.dim + 1) / 2, half * half))


def overlap_radius(body: Uniform, adversary: Norm) -> OverlapRadius | None:
    """Exact radius of a uniform body, or None where the worst shift is not proved (see `refusal`).

    Parameters
    ----------
    body : Uniform
    adversary : Norm
        l_p with p = 1 or p >= 2 for the cube, p <= 2 or inf for the ball, l1 for the cross
        polytope. Equal shifts of the cube are worst for p >= 2 (spec 3).

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, I.8, I.11, I.19.
    .. [2] Blum et al. 2020, Lemma B.4.
    """
    if not isinstance(adversary, LpNorm):
        return None
    p, dim, size = adversary.p, body.dim, float(body.radius)
    if dim == 1:
        return OverlapRadius("linear", 1, size)
    if body.order == sympy.oo:
        if p == 1:
            return OverlapRadius("linear", dim, size)
        return OverlapRadius("power", dim, size * dim ** (1 / p)) if p >= 2 else None
    if body.order == 2:
        # Every shift of one Euclidean length is alike; the longest l_p unit vector has length
        # d^(1/2 - 1/p) for p >= 2 and 1 below.
        longest = dim ** max(0.0, 0.5 - 1 / p)
        return OverlapRadius("caps", dim, size / longest)
    if body.order == 1 and p == 1:
        # Every slice along an axis shrinks by the shift, so O = (1 - r/2)^d.
        return OverlapRadius("power", dim, size)
    return None


def refusal(adversary: Norm) -> str:
    """Why a uniform body has no exact radius against this adversary."""
    return f"the worst shift of this body is not proved against {adversary.name}"


@dataclass(frozen=True)
class UniformRay:
    """The shifts r*u of a uniform body: D(kappa) = 1 - O + (1 - kappa)_+ O, exactly.

    `defect_of` maps r, in the units of the noise, to the defect 1 - O; `exact` is the radius
    in the same units where it has a formula.
    """

    defect_of: Callable[[float], float]
    direction: str
    proved_by: str | None
    monotone_by: str | None
    exact: OverlapRadius | None = None

    def hockey_stick(self, radius: float, kappa: Array) -> Bounds:
        """D_{r u}(kappa) for many multipliers."""
        defect = self._defect(radius)
        inside = np.maximum(1 - np.asarray(kappa, dtype=np.float64), 0.0)
        return (Bounds.exact(inside) * (1 - defect) + defect).minimum(1.0)

    def growth(self, radius: float, p: Array) -> Bounds:
        """G(p, r u) = min(1, p + 1 - O)."""
        return (Bounds.exact(np.asarray(p, dtype=np.float64)) + self._defect(radius)).minimum(1.0)

    def tails(self, radii: Array) -> RayTails:
        """p(r) = O - 1/2 at kappa = 1, and 0 beyond."""
        r = np.asarray(radii, dtype=np.float64)
        defects = [self._defect(float(radius)) for radius in r]
        low = np.array([max(down(0.5 - d.upper), 0.0) for d in defects])
        high = np.array([max(up(0.5 - d.lower), 0.0) for d in defects])
        return RayTails(r, np.ones_like(r), low, high)

    def _defect(self, radius: float) -> Bounds:
        return Bounds.around(self.defect_of(radius), relative=_RELATIVE_ERROR).minimum(1.0)


def overlap_defect(body: Uniform, shift: Array) -> float | None:
    """1 - O(v) at scale 1 for any shift of a cube or ball; cross polytopes along an axis only.

    References
    ----------
    .. [1] Blum et al. 2020, Lemma B.4; Yang et al. 2020, I.19.
    """
    size, dim = float(body.radius), body.dim
    magnitudes = np.abs(np.asarray(shift, dtype=np.float64)) / (2 * size)
    if body.order == sympy.oo or dim == 1:
        if magnitudes.max() >= 1:
            return 1.0
        return float(-np.expm1(np.log1p(-magnitudes).sum()))
    if body.order == 2:
        length = 2 * size * float(np.sqrt(np.sum(magnitudes**2)))
        return OverlapRadius("caps", dim, size).defect(length)
    if np.count_nonzero(magnitudes) <= 1:
        return OverlapRadius("power", dim, size).defect(2 * size * float(magnitudes.max()))
    return None
