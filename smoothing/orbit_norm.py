"""Norms whose unit ball is a polytope given by one vertex of every orbit of signed permutations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid

__all__ = ["OrbitNorm", "checked_points"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OrbitNorm:
    """The norm whose ball is the hull of all signed permutations of given points.

    Build it with `PolytopeNorm.from_orbits`. The ball of l1 and linf together, at d = 3,072, has
    more vertices than there are atoms, and one orbit.

    Parameters
    ----------
    representatives : array of shape (m, dim)
        Finite, none zero. Stored as magnitudes in decreasing order, which changes no orbit.

    Raises
    ------
    InvalidInputError
        A representative is not finite, or zero.

    Examples
    --------
    >>> octagon = OrbitNorm([[1.0, 0.5]])
    >>> float(octagon.support_function([3.0, -4.0])), float(octagon.gauge([0.5, -1.0]))
    (5.5, 1.0)
    """

    representatives: Array

    def __post_init__(self) -> None:
        points = -np.sort(-np.abs(checked_points(self.representatives)), axis=1)
        points = points if len(points) == 1 else np.unique(points, axis=0)
        points.setflags(write=False)
        object.__setattr__(self, "representatives", points)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrbitNorm) and np.array_equal(
            self.representatives, other.representatives
        )

    def __hash__(self) -> int:
        return hash((self.representatives.shape, self.representatives.tobytes()))

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return int(self.representatives.shape[1])

    @property
    def name(self) -> str:
        """Number of orbits and dimension."""
        count = len(self.representatives)
        return f"polytope with {count} orbit{'s' if count > 1 else ''} of vertices in R^{self.dim}"

    @property
    def symmetry(self) -> str:
        """Group under which the ball is invariant."""
        return "hyperoctahedral"

    def gauge(self, v: ArrayLike) -> Array:
        """Norm of vectors of shape (..., dim), by one linear programme each."""
        points = self._sorted(v)
        values = [self._gauge_of(point) for point in points.reshape(-1, self.dim)]
        return np.asarray(values).reshape(points.shape[:-1])

    def support_function(self, v: ArrayLike) -> Array:
        """Largest inner product of v with a point of the ball: sorted against sorted."""
        return np.asarray(np.max(self._sorted(v) @ self.representatives.T, axis=-1))

    def orbit_representatives(self, dim: int) -> Array:
        """One point of every orbit, shape (m, dim)."""
        if dim != self.dim:
            shape = self.representatives.shape
            raise invalid("representatives", f"points of R^{dim}", f"shape {shape}", "match")
        return self.representatives

    def _gauge_of(self, point: Array) -> float:
        """Smallest sum of w >= 0 such that sum_k w_k r_k weakly majorises the point.

        The hull of the signed permutations of r is the set of points it majorises weakly (Marshall,
        Olkin and Arnold 2011, 4.C.2), and sums of such hulls belong to sums of sorted r.
        """
        from scipy.optimize import linprog

        partial = np.cumsum(self.representatives, axis=1)
        cost = np.ones(len(partial))
        result = linprog(cost, A_ub=-partial.T, b_ub=-np.cumsum(point), bounds=(0, None))
        return float(result.fun)

    def _sorted(self, v: ArrayLike) -> Array:
        points = np.asarray(v, dtype=np.float64)
        if points.shape[-1:] != (self.dim,):
            raise invalid("v", f"an array of shape (..., {self.dim})", points.shape, "match dim")
        return -np.sort(-np.abs(points), axis=-1)


def checked_points(value: Any) -> Array:
    """Representatives as an array, or an error that names the bad row."""
    try:
        points = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.size == 0:
        given = value.shape if isinstance(value, np.ndarray) else value
        raise invalid("representatives", "an array of shape (m, dim)", given, "pass one per orbit")
    good = np.isfinite(points).all(axis=1) & (points != 0).any(axis=1)
    if not good.all():
        row = int(np.argmin(good))
        raise invalid(
            "representatives", "finite and not zero", points[row].tolist(), f"correct row {row}"
        )
    return points
