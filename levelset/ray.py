"""Rays of shifts r*u and what the level-set method knows along each of them.

A `Ray` is the meeting point of geometry and tables: a geometry integrates the hockey-stick
divergence D_{r u}(kappa), Algorithm 1 of [1] turns it into p(r) = max_kappa (1/2 - D)/kappa, and a
table inverts p. Distances along a ray are in the units of the noise, scale included.

References
----------
.. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Algorithms 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["Ray", "RayTails", "Refusal"]


@dataclass(frozen=True)
class RayTails:
    """One entry per radius, with tail_lower <= exact p(r) <= tail_upper.

    Attributes
    ----------
    radii : array (n,)
        Distances along the ray.
    kappa : array (n,)
        Multipliers that prove `tail_lower`; any value is sound, these are near the best.
    tail_lower, tail_upper : arrays (n,)
        Enclosure of the largest tail 1 - rho that distance r certifies; 0 where none is.
    """

    radii: FloatArray
    kappa: FloatArray
    tail_lower: FloatArray
    tail_upper: FloatArray


@dataclass(frozen=True)
class Refusal:
    """Why there is no ray: a sentence for the user."""

    reason: str


@runtime_checkable
class Ray(Protocol):
    """The shifts r*u, r > 0, of one density."""

    @property
    def direction(self) -> str:
        """Name of the ray: "r*e_1", "r*(1,...,1)" or any other."""
        ...

    @property
    def proved_by(self) -> str | None:
        """The theorem that makes this the adversary's worst direction; None if there is none."""
        ...

    @property
    def monotone_by(self) -> str | None:
        """Why D does not decrease with r (then the first crossing is the last); None if unknown."""
        ...

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r u}(kappa) for many multipliers, shape of `kappa`."""
        ...

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        ...
