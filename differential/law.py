"""The law of gamma_u = <u, grad psi(delta)> and the growth rate Phi_u it implies.

Phi_u(p) = E gamma_u^(p) + theta_u (RSAS, Definition F.4): the most that the mass p can grow, per
unit of movement along u. theta_u collects the downward jumps of the density along u; Definition
H.12 prints both of its signs reversed, which the half-line exponential density shows (spec 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from differential.law_expressions import LawExpressions
from differential.parts import Part

__all__ = ["Law"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """Distribution of gamma_u, with the singular terms of both directions.

    Attributes
    ----------
    positive, negative : Part
        Laws of gamma+ and of (-gamma)+.
    jump_down, jump_up : float
        theta_u and theta_{-u}: total downward and upward jumps of the density along u.
    relative_error : float
        Budget of the relative error of tails and expectations.
    expressions : LawExpressions, optional
        Tail, partial expectation and quantile as SymPy expressions; None for the direction -u,
        whose law is that of -gamma.

    Notes
    -----
    Mass is conserved along u, so E gamma+ + theta_u = E gamma- + theta_{-u}; `imbalance` is the
    relative failure of this identity, an error estimate that costs nothing.
    """

    positive: Part
    negative: Part
    jump_down: float = 0.0
    jump_up: float = 0.0
    relative_error: float = 0.0
    expressions: LawExpressions | None = field(default=None, compare=False, repr=False)

    @property
    def reversed(self) -> Law:
        """Law for the direction -u."""
        return Law(self.negative, self.positive, self.jump_up, self.jump_down, self.relative_error)

    @property
    def is_symmetric(self) -> bool:
        """Whether gamma_u and gamma_{-u} are built from the same parts."""
        return self.positive is self.negative and self.jump_down == self.jump_up

    @property
    def imbalance(self) -> float:
        """Relative difference of the two expressions of Phi at the mass of gamma > 0."""
        up = self.positive.mean + self.jump_down
        down = self.negative.mean + self.jump_up
        return abs(up - down) / max(up, down)

    def tail(self, c: ArrayLike) -> Array:
        """P[gamma > c], for thresholds of any sign and shape."""
        return self._split(c)[0]

    def partial_expectation(self, c: ArrayLike) -> Array:
        """E[gamma 1{gamma > c}], without the singular term."""
        return self._split(c)[1]

    def upper_quantile(self, p: ArrayLike) -> Array:
        """inf{c : P[gamma > c] <= p} for p in (0, 1), to about ten digits."""
        points = np.asarray(p, dtype=np.float64)
        flat = points.ravel()
        out = np.zeros_like(flat)
        high = flat < self.positive.mass
        low = 1 - flat < self.negative.mass
        out[high] = self.positive.quantile(flat[high])[0]
        out[low] = -self.negative.quantile(1 - flat[low])[0]
        return out.reshape(points.shape)

    def phi(self, p: ArrayLike) -> Array:
        """Phi_u(p) = E gamma_u^(p) + theta_u for p in (0, 1), shape kept.

        Evaluated as c p + E(gamma - c)+ + theta_u at a threshold near the quantile, which is an
        upper bound for every c (spec 2, duality).
        """
        points = np.asarray(p, dtype=np.float64)
        flat = points.ravel()
        complement = 1 - flat
        out = np.full_like(flat, self.positive.mean + self.jump_down)
        high = flat < self.positive.mass
        low = complement < self.negative.mass
        c, excess = self.positive.quantile(flat[high])
        out[high] = c * flat[high] + excess + self.jump_down
        # Phi_u(p) = Phi_{-u}(1 - p): what a set gains along u its complement loses.
        c, excess = self.negative.quantile(complement[low])
        out[low] = c * complement[low] + excess + self.jump_up
        return out.reshape(points.shape)

    @property
    def kinks(self) -> Array:
        """Points of (0, 1) where Phi_u is not smooth, increasing."""
        points = np.concatenate([self.positive.kinks, 1 - self.negative.kinks])
        return np.unique(points[(points > 0) & (points < 1)])

    def _split(self, c: ArrayLike) -> tuple[Array, Array]:
        points = np.asarray(c, dtype=np.float64)
        flat = points.ravel()
        up_tail, up_excess = self.positive.tail_and_excess(np.maximum(flat, 0.0))
        down_tail, down_excess = self.negative.tail_and_excess(np.maximum(-flat, 0.0))
        # For c < 0: P[gamma > c] = 1 - P[-gamma >= -c]; at an atom of -gamma the two differ,
        # and the strict tail of -gamma is what the quantile form needs.
        tail = np.where(flat >= 0, up_tail, 1 - down_tail)
        above = up_excess + flat * up_tail
        below = self.positive.mean - self.negative.mean + down_excess - flat * down_tail
        partial = np.where(flat >= 0, above, below)
        return tail.reshape(points.shape), partial.reshape(points.shape)
