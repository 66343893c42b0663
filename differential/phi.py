"""Phi, the growth rate of the probability of the worst set, and the directions that attain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from differential.law import Law
from numerics.errors import PrecisionError

__all__ = ["Direction", "Phi"]

Array = NDArray[np.float64]

#: Largest accepted failure of mass conservation (see `Law.imbalance`).
_MAX_IMBALANCE = 1e-10


@dataclass(frozen=True)
class Direction:
    """A representative u of an orbit of vertices: gamma_u is `factor` times the law's variable."""

    name: str
    law: Law
    factor: float = 1.0

    def phi(self, p: ArrayLike) -> Array:
        """Phi_u(p) for p in (0, 1)."""
        return self.factor * self.law.phi(p)

    @property
    def reversed(self) -> Direction:
        """The direction -u."""
        name = self.name[1:] if self.name.startswith("-") else "-" + self.name
        return Direction(name, self.law.reversed, self.factor)


@dataclass(frozen=True)
class Phi:
    """Phi(p) = max over u of Phi_u(p), a function on (0, 1).

    Attributes
    ----------
    directions : tuple of Direction
        One per orbit of vertices, -u included unless it has the same law.
    """

    directions: tuple[Direction, ...]

    def __post_init__(self) -> None:
        for direction in self.directions:
            if not direction.law.imbalance <= _MAX_IMBALANCE:
                raise PrecisionError(
                    f"the law of gamma for u = {direction.name} loses mass: the two ways to write "
                    f"E gamma differ by {direction.law.imbalance:.1e} (allowed "
                    f"{_MAX_IMBALANCE:.0e}); psi is too singular for the panels"
                )

    def __call__(self, p: ArrayLike) -> Array:
        """Phi at probabilities of any shape."""
        points = np.asarray(p, dtype=np.float64)
        return np.max([d.phi(points) for d in self.directions], axis=0)

    def winner(self, p: float) -> str:
        """Name of the direction that attains the maximum at p."""
        return max(self.directions, key=lambda d: float(d.phi(p))).name

    @property
    def kinks(self) -> Array:
        """Points of (0, 1) where some Phi_u is not smooth."""
        return np.unique(np.concatenate([d.law.kinks for d in self.directions]))

    @property
    def relative_error(self) -> float:
        """Error budget, including what mass conservation reveals."""
        return max(d.law.relative_error + d.law.imbalance for d in self.directions)
