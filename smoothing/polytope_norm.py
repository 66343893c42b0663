"""Norms whose unit ball is a polytope given by its vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError, invalid
from smoothing.orbit_norm import OrbitNorm, checked_points

__all__ = ["PolytopeNorm"]

Array = NDArray[np.float64]

#: How far a rank or symmetry test may be off, relative to the largest vertex entry: vertices are
#: typed in or computed in float64, and a difference of 1e-9 changes no radius that is printed.
VERTEX_TOLERANCE = 1e-9


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

    @staticmethod
    def from_orbits(
        representatives: ArrayLike, symmetry: str = "hyperoctahedral"
    ) -> PolytopeNorm | OrbitNorm:
        """The norm whose ball is the hull of all images of the representatives under a group.

        Parameters
        ----------
        representatives : array_like of shape (m, dim)
            At least one vertex of every orbit; other points of the ball do no harm.
        symmetry : {"hyperoctahedral", "reflection"}
            All permutations and sign flips of coordinates, or x to -x alone.

        Raises
        ------
        InvalidInputError
            The group is unknown, or the points are not finite, zero, or do not span.

        Examples
        --------
        The ball of vectors with l1 norm at most 64 and no entry above 1, in R^3072:

        >>> import numpy as np
        >>> both = PolytopeNorm.from_orbits([np.arange(3072) < 64])
        >>> float(both.gauge(np.ones(3072))), both.name
        (48.0, 'polytope with 1 orbit of vertices in R^3072')
        """
        if symmetry == "hyperoctahedral":
            return OrbitNorm(representatives)  # type: ignore[arg-type]
        if symmetry == "reflection":
            points = checked_points(representatives)
            return PolytopeNorm(np.concatenate([points, -points]))
        legal = '"hyperoctahedral" or "reflection"'
        raise invalid("symmetry", legal, symmetry, "name a group that maps the ball to itself")

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
        given = value.shape if isinstance(value, np.ndarray) else value
        raise invalid("vertices", "an array of shape (m, dim)", given, "pass one row per vertex")
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
