"""Norms of adversaries: unit balls, their vertices up to symmetry, gauges, support functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid
from smoothing.polytope_norm import PolytopeNorm

__all__ = ["LpNorm", "Norm", "PolytopeNorm", "as_norm"]

Array = NDArray[np.float64]

LEGAL = '"l1", "l2", "linf", LpNorm(p) with p >= 1, or PolytopeNorm(vertices)'


@runtime_checkable
class Norm(Protocol):
    """The adversary's norm, given by its unit ball B.

    `symmetry` names a group that maps B to itself: "orthogonal" (all rotations),
    "hyperoctahedral" (sign flips and permutations of coordinates) or "reflection" (x to -x).
    """

    @property
    def name(self) -> str:
        """Short name for tables and logs."""
        ...

    @property
    def symmetry(self) -> str:
        """Group under which the ball is invariant."""
        ...

    def gauge(self, v: ArrayLike) -> Array:
        """Norm of vectors of shape (..., dim)."""
        ...

    def support_function(self, v: ArrayLike) -> Array:
        """Largest inner product of v with a point of B, which is the dual norm."""
        ...

    def orbit_representatives(self, dim: int) -> Array | None:
        """One extreme point of B from each orbit of `symmetry`, shape (m, dim).

        None when there are infinitely many orbits.
        """
        ...


@dataclass(frozen=True)
class LpNorm:
    """The l_p norm, 1 <= p <= inf.

    Parameters
    ----------
    p : float
        Order; ``float("inf")`` and ``sympy.oo`` mean the maximum norm.

    Raises
    ------
    InvalidInputError
        p is below 1 or not a number.

    Examples
    --------
    >>> LpNorm(2).gauge([3.0, 4.0]).item(), LpNorm(1).support_function([3.0, -4.0]).item()
    (5.0, 4.0)
    """

    p: float

    def __post_init__(self) -> None:
        try:
            p = float(self.p)
        except (TypeError, ValueError):
            p = math.nan
        if not p >= 1:
            raise invalid("p", "a number >= 1 or inf", self.p, "only p >= 1 gives a norm")
        object.__setattr__(self, "p", p)

    @property
    def name(self) -> str:
        """``"l1"``, ``"l2"``, ``"linf"`` or the like."""
        return "linf" if math.isinf(self.p) else f"l{self.p:g}"

    @property
    def symmetry(self) -> str:
        """Group under which the ball is invariant."""
        return "orthogonal" if self.p == 2 else "hyperoctahedral"

    @property
    def dual(self) -> LpNorm:
        """The norm of order q with 1/p + 1/q = 1."""
        if self.p == 1:
            return LpNorm(math.inf)
        return LpNorm(1.0 if math.isinf(self.p) else self.p / (self.p - 1))

    def gauge(self, v: ArrayLike) -> Array:
        """Norm of vectors of shape (..., dim)."""
        magnitudes = np.abs(np.asarray(v, dtype=np.float64))
        largest = np.max(magnitudes, axis=-1)
        if math.isinf(self.p):
            return np.asarray(largest)
        # scaling by the largest entry keeps the powers from overflowing
        unit = np.where(largest > 0, largest, 1.0)
        powers = np.sum((magnitudes / unit[..., None]) ** self.p, axis=-1)
        return np.asarray(unit * powers ** (1.0 / self.p) * (largest > 0))

    def support_function(self, v: ArrayLike) -> Array:
        """Dual norm of vectors of shape (..., dim)."""
        return self.dual.gauge(v)

    def orbit_representatives(self, dim: int) -> Array | None:
        """One extreme point of the ball per orbit; None for 1 < p < inf, p != 2, dim > 1."""
        first = np.zeros((1, dim))
        first[0, 0] = 1.0
        if self.p in (1, 2) or dim == 1:
            return first
        return np.ones((1, dim)) if math.isinf(self.p) else None


def as_norm(adversary: object) -> Norm:
    """Return the norm an adversary is given by.

    Parameters
    ----------
    adversary : {"l1", "l2", "linf"} or Norm

    Raises
    ------
    InvalidInputError
        The adversary is unknown; the message lists the legal set.

    Examples
    --------
    >>> as_norm("linf").name
    'linf'
    """
    named = {"l1": 1.0, "l2": 2.0, "linf": math.inf}
    if isinstance(adversary, str) and adversary in named:
        return LpNorm(named[adversary])
    if not isinstance(adversary, str | type) and isinstance(adversary, Norm):
        return adversary
    raise invalid("adversary", LEGAL, adversary, "pass one of these")
