"""Norms of adversaries: unit balls, their vertices up to symmetry, gauges, support functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError, invalid

__all__ = ["LpNorm", "Norm", "PolytopeNorm", "as_norm"]

Array = NDArray[np.float64]

#: How far a rank or symmetry test may be off, relative to the largest vertex entry: vertices are
#: typed in or computed in float64, and a difference of 1e-9 changes no radius that is printed.
VERTEX_TOLERANCE = 1e-9

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


@dataclass(frozen=True, eq=False)
class PolytopeNorm:
    """The norm whose unit ball is the convex hull of given vertices.

    Parameters
    ----------
    vertices : array of shape (m, dim)
        A finite set that spans R^dim and contains -v with every v.

    Raises
    ------
    InvalidInputError
        The vertices are not finite, not symmetric about 0, or do not span.

    Examples
    --------
    >>> square = PolytopeNorm([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    >>> float(square.gauge([0.5, -2.0])), float(square.support_function([0.5, -2.0]))
    (2.0, 2.5)
    """

    vertices: Array

    def __post_init__(self) -> None:
        vertices = _checked_vertices(self.vertices)
        vertices.setflags(write=False)
        object.__setattr__(self, "vertices", vertices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolytopeNorm) and np.array_equal(self.vertices, other.vertices)

    def __hash__(self) -> int:
        return hash((self.vertices.shape, self.vertices.tobytes()))

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return int(self.vertices.shape[1])

    @property
    def name(self) -> str:
        """Number of vertices and dimension."""
        return f"polytope with {len(self.vertices)} vertices in R^{self.dim}"

    @property
    def symmetry(self) -> str:
        """Group under which the ball is invariant; only x to -x is assumed."""
        return "reflection"

    def gauge(self, v: ArrayLike) -> Array:
        """Norm of vectors of shape (..., dim), by one linear programme each."""
        points = self._points(v)
        values = [_gauge_of(self.vertices, point) for point in points.reshape(-1, self.dim)]
        return np.asarray(values).reshape(points.shape[:-1])

    def support_function(self, v: ArrayLike) -> Array:
        """Largest inner product of v with a vertex."""
        return np.asarray(np.max(self._points(v) @ self.vertices.T, axis=-1))

    def orbit_representatives(self, dim: int) -> Array:
        """One vertex of every pair v, -v, shape (m / 2, dim)."""
        if dim != self.dim:
            raise invalid("vertices", f"points of R^{dim}", f"shape {self.vertices.shape}", "match")
        leading = np.argmax(np.abs(self.vertices) > 0, axis=1)
        signs = np.sign(self.vertices[np.arange(len(self.vertices)), leading])
        return self.vertices[signs > 0]

    def _points(self, v: ArrayLike) -> Array:
        points = np.asarray(v, dtype=np.float64)
        if points.shape[-1:] != (self.dim,):
            raise invalid("v", f"an array of shape (..., {self.dim})", points.shape, "match dim")
        return points


def _checked_vertices(value: Any) -> Array:
    try:
        vertices = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        vertices = np.empty(0)
    if vertices.ndim != 2 or vertices.size == 0:
        raise invalid("vertices", "an array of shape (m, dim)", np.shape(value), "one row a vertex")
    if not np.isfinite(vertices).all():
        bad = int(np.argmin(np.isfinite(vertices).all(axis=1)))
        raise invalid("vertices", "finite", vertices[bad].tolist(), f"correct row {bad}")
    size = float(np.max(np.abs(vertices)))
    if size == 0 or np.linalg.matrix_rank(vertices, tol=VERTEX_TOLERANCE * size) < len(vertices.T):
        raise InvalidInputError(
            f"vertices must span R^{vertices.shape[1]}, got rank "
            f"{np.linalg.matrix_rank(vertices)} in {len(vertices)} rows; add the missing directions"
        )
    lonely = _without_partner(vertices, VERTEX_TOLERANCE * size)
    if lonely is not None:
        raise InvalidInputError(
            f"vertices must be symmetric about 0, but row {lonely}, {vertices[lonely].tolist()}, "
            "has no opposite; add -v for every vertex v"
        )
    return vertices


def _without_partner(vertices: Array, tolerance: float) -> int | None:
    """First row v for which -v is missing."""
    for row, vertex in enumerate(vertices):
        if np.min(np.max(np.abs(vertices + vertex), axis=1)) > tolerance:
            return row
    return None


def _gauge_of(vertices: Array, point: Array) -> float:
    """Smallest sum of weights w >= 0 with sum_k w_k vertex_k = point."""
    from scipy.optimize import linprog

    result = linprog(np.ones(len(vertices)), A_eq=vertices.T, b_eq=point, bounds=(0, None))
    return float(result.fun)


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
