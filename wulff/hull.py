"""Convex hulls through Qhull: vertices, facets and volumes that know nothing of generators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError

__all__ = ["MAX_DIM", "MAX_VERTICES", "hull_facets", "hull_volume", "zonotope_vertices"]

Array = NDArray[np.float64]

#: Qhull's time grows like n^(d/2); with 2,000 points in R^5 it takes seconds.
MAX_DIM = 8
MAX_VERTICES = 5_000
#: Facets of Qhull whose normals agree to this, relative to the size of the body, are one facet.
SAME_FACET = 1e-9


def hull_of(points: Array) -> Any:
    """Qhull's hull of points that span R^d, d >= 2."""
    from scipy.spatial import ConvexHull

    return ConvexHull(points)


def hull_volume(points: ArrayLike) -> float:
    """Volume of the convex hull of points of shape (n, d).

    Examples
    --------
    >>> hull_volume([[0, 0], [1, 0], [0, 1]])
    0.5
    """
    array = np.asarray(points, dtype=np.float64)
    return float(np.ptp(array)) if array.shape[1] == 1 else float(hull_of(array).volume)


def hull_facets(points: ArrayLike) -> tuple[Array, Array, Array]:
    """Facets of the convex hull of points with 0 inside.

    Returns
    -------
    normals : array (f, d)
        Outward, of Euclidean length 1.
    heights : array (f,)
        The hull is the set of x with normals @ x <= heights.
    areas : array (f,)
        Volumes of dimension d - 1.
    """
    array = np.asarray(points, dtype=np.float64)
    hull = hull_of(array)
    _, index = np.unique(
        np.round(hull.equations / SAME_FACET), axis=0, return_index=True, return_inverse=True
    )[1:]
    index = index.ravel()
    cones = np.abs(np.linalg.det(array[hull.simplices])) / math.factorial(array.shape[1] - 1)
    count = int(index.max()) + 1
    equations = np.array([hull.equations[index == k].mean(axis=0) for k in range(count)])
    heights = -equations[:, -1]
    return equations[:, :-1], heights, np.bincount(index, weights=cones) / heights


def zonotope_vertices(generators: Array) -> Array:
    """Vertices of sum_i [-1/2, 1/2] g_i, shape (n, d): one segment is added after the other.

    Raises
    ------
    InvalidInputError
        Too many vertices, or dimensions, for Qhull; the message says how many and what works.
    """
    count, dim = generators.shape
    check_vertex_count(count, dim)
    points = np.zeros((1, dim))
    for index, g in enumerate(generators):
        points = np.concatenate([points - g / 2, points + g / 2])
        if np.linalg.matrix_rank(generators[: index + 1]) == dim:
            points = _extreme(points)
    return points


def check_vertex_count(generators: int, dim: int) -> None:
    """Refuse what Qhull would not finish.

    The vertices of a zonotope are the regions of the arrangement of hyperplanes orthogonal to its
    generators, at most 2 sum_(k < d) C(m - 1, k).
    """
    most = 2 * sum(math.comb(generators - 1, k) for k in range(dim))
    if dim <= MAX_DIM and most <= MAX_VERTICES:
        return
    raise InvalidInputError(
        f"a hull must have at most {MAX_VERTICES:,} vertices in R^{MAX_DIM} or below, got up to "
        f"{most:,} in R^{dim} ({generators} generators); use the determinant sums "
        "(volume, boundary), the linear programme (gauge, contains) or sample(method="
        "'hit-and-run'), which need no vertices"
    )


def _extreme(points: Array) -> Array:
    if points.shape[1] == 1:
        return np.array([points.min(axis=0), points.max(axis=0)])
    return np.asarray(points[hull_of(points).vertices])
