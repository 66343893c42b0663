"""Zonotopes: sums of segments, by their generators alone (RSAS, Definition G.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError, invalid
from smoothing.polytope_gauge import PolytopeGauge, boundary_cells
from wulff.determinants import determinant_sum, projected_volume
from wulff.hull import hull_facets, hull_volume, zonotope_vertices

__all__ = ["Zonotope"]

Array = NDArray[np.float64]

#: Generators whose directions agree to this are parallel; typed or computed in float64.
PARALLEL = 1e-12


@dataclass(frozen=True, eq=False)
class Zonotope:
    """The body sum_i [-1/2, 1/2] g_i, symmetric about 0.

    For S = -S it is Zon(S) = {sum_v a_v v : 0 <= a_v <= 1} with S as generators. Parallel
    generators are added up, zero ones dropped.

    Parameters
    ----------
    generators : array (m, dim)

    Raises
    ------
    InvalidInputError
        The generators are not finite or do not span.

    Examples
    --------
    >>> rhombus = Zonotope([[1, 1], [1, -1]])
    >>> rhombus.volume, rhombus.gauge([0.5, 0.25]).item(), rhombus.support_function([1, 0]).item()
    (2.0, 0.75, 1.0)
    """

    generators: Array

    def __post_init__(self) -> None:
        merged = _merged(_checked(self.generators))
        merged.setflags(write=False)
        object.__setattr__(self, "generators", merged)

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return int(self.generators.shape[1])

    @property
    def name(self) -> str:
        """What the body is called in a table."""
        return f"zonotope with {len(self.generators)} generators in R^{self.dim}"

    def support_function(self, x: ArrayLike) -> Array:
        """Largest inner product of x with a point of the body, (1/2) sum_i |<x, g_i>|."""
        return np.asarray(np.abs(self._points(x, "x") @ self.generators.T).sum(axis=-1) / 2)

    def gauge(self, x: ArrayLike) -> Array:
        """Smallest r with x in r times the body, by one linear programme per point."""
        points = self._points(x, "x")
        values = [_programme(self.generators, p)[0] for p in points.reshape(-1, self.dim)]
        return np.asarray(values).reshape(points.shape[:-1])

    def contains(self, x: ArrayLike, *, tolerance: float = 1e-9) -> NDArray[np.bool_]:
        """Whether points lie in the body, up to a tolerance in the gauge."""
        return np.asarray(self.gauge(x) <= 1 + tolerance)

    @cached_property
    def boundary(self) -> PolytopeGauge:
        """Cells of the boundary, gradients of the gauge and cone volumes."""
        return boundary_cells(self.generators)

    @cached_property
    def volume(self) -> float:
        """Volume as the sum of determinants over d-subsets of generators (Proposition G.5)."""
        return determinant_sum(self.generators)

    def projection_volume(self, v: ArrayLike) -> float:
        """|v| times the volume of the projection along v: lim Vol((Z + rv) minus Z) / r."""
        return projected_volume(self.generators, self._points(v, "v"))

    @cached_property
    def vertices(self) -> Array:
        """Vertices, shape (n, dim), by Qhull.

        Raises
        ------
        InvalidInputError
            There may be too many; the message has the count and the methods that work.
        """
        return zonotope_vertices(self.generators)

    @cached_property
    def facets(self) -> tuple[Array, Array, Array]:
        """Unit normals, heights and areas of the facets, by Qhull (see `hull_facets`)."""
        return hull_facets(self.vertices)

    @cached_property
    def hull_volume(self) -> float:
        """Volume of the hull of the vertices, which uses no determinant of generators."""
        return hull_volume(self.vertices)

    def scaled(self, factor: float) -> Zonotope:
        """The body multiplied by a factor > 0."""
        if not factor > 0:
            raise invalid("factor", "a number > 0", factor, "pass the ratio of lengths")
        return Zonotope(factor * self.generators)

    def sample(self, n: int, generator: np.random.Generator, *, method: str = "cells") -> Array:
        """Draw uniform points, shape (n, dim); see `wulff.sampling` for the methods."""
        from wulff.sampling import sample_uniform

        return sample_uniform(self, n, generator, method)

    def _points(self, value: ArrayLike, name: str) -> Array:
        points = np.asarray(value, dtype=np.float64)
        if points.shape[-1:] != (self.dim,):
            raise invalid(name, f"an array of shape (..., {self.dim})", points.shape, "match dim")
        return points


def _checked(value: Any) -> Array:
    try:
        generators = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        generators = np.empty(0)
    if generators.ndim != 2 or generators.size == 0 or not np.isfinite(generators).all():
        given = value.shape if isinstance(value, np.ndarray) else value
        raise invalid("generators", "a finite array of shape (m, dim)", given, "one row each")
    rank = np.linalg.matrix_rank(generators)
    if rank < generators.shape[1]:
        raise InvalidInputError(
            f"generators must span R^{generators.shape[1]}, got rank {rank} in "
            f"{len(generators)} rows; add the missing directions"
        )
    return generators


def _merged(generators: Array) -> Array:
    """One generator per line, the first entry that is not 0 positive."""
    lengths = np.linalg.norm(generators, axis=1)
    generators, lengths = generators[lengths > 0], lengths[lengths > 0]
    units = generators / lengths[:, None]
    leading = np.argmax(np.abs(units) > PARALLEL, axis=1)
    units *= np.sign(units[np.arange(len(units)), leading])[:, None]
    _, first, index = np.unique(
        np.round(units / PARALLEL), axis=0, return_index=True, return_inverse=True
    )
    sums = np.zeros((len(first), generators.shape[1]))
    np.add.at(sums, index.ravel(), units * lengths[:, None])
    return np.asarray(sums[np.argsort(first)])


def _programme(generators: Array, point: Array) -> tuple[float, Array]:
    """Smallest t with point = sum_i a_i g_i, |a_i| <= t / 2, and its coefficients."""
    from scipy.optimize import linprog

    count = len(generators)
    cost = np.append(np.zeros(count), 1.0)
    eye = np.eye(count)
    half = np.full((count, 1), -0.5)
    result = linprog(
        cost,
        A_ub=np.block([[eye, half], [-eye, half]]),
        b_ub=np.zeros(2 * count),
        A_eq=np.hstack([generators.T, np.zeros((len(point), 1))]),
        b_eq=point,
        bounds=(None, None),
        method="highs",
    )
    if result.status != 0:
        raise InvalidInputError(f"the gauge has no value at {point.tolist()}: {result.message}")
    return float(result.fun), np.asarray(result.x[:count])
