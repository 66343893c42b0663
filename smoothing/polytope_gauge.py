r"""The boundary of a zonotope, cut into parallelotopes: what a density radial in its gauge needs.

Z = sum_i [-1/2, 1/2] g_i. Every independent set T of d - 1 generators spans a pair of opposite
parallelotopes of the boundary, with normal n_T = (x -> det(T, x)) and height
h_T = (1/2) sum_i |det(T, g_i)|; the cone over one has volume h_T / d. The gauge is linear on each
cone, with gradient n_T / h_T.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError

__all__ = ["MAX_CELLS", "PolytopeGauge", "boundary_cells", "check_cell_count", "cross_products"]

Array = NDArray[np.float64]

#: Pairs of boundary cells that are computed; the crystal of linf in d = 6 has 201,376.
MAX_CELLS = 250_000
#: A determinant below this, relative to the product of the lengths, is zero: rounding leaves about
#: d^3 2^-53 = 2e-14 of it at d = 6. What a true value this small would cost shows in `residual`.
ZERO = 1e-12
#: Gradients that agree to this are drawn and evaluated as one facet; no radius depends on it.
SAME_FACET = 1e-10
#: Slopes this close, relative to the largest, are taken for their largest, which errs to the safe
#: side; those below the second are zero, a hundred times what rounding leaves of a product.
SAME_SLOPE, ZERO_SLOPE = 1e-12, 1e-14
#: Cells worked on at a time, so that a few arrays (cells, generators, d) stay small.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class PolytopeGauge:
    """Gauge of a polytope symmetric about 0, by one cell of each pair of opposite ones.

    Attributes
    ----------
    gradients : array (k, dim)
        Gradient of the gauge over each cell: <gradient, x> = 1 on the cell.
    shares : array (k,)
        Probability of each pair under the cone measure; they add up to 1.
    centres : array (k, dim)
        Midpoints of the cells.
    edges : array (k, dim - 1, dim)
        A cell is centre + sum_j [-1/2, 1/2] edges[j].
    volume : float

    Examples
    --------
    >>> square = boundary_cells([[2.0, 0.0], [0.0, 2.0]])
    >>> square.volume, square.gauge([[0.5, -3.0]]).tolist()
    (4.0, [3.0])
    """

    gradients: Array
    shares: Array
    centres: Array
    edges: Array
    volume: float

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return int(self.gradients.shape[1])

    @cached_property
    def facet_gradients(self) -> Array:
        """Gradients without repetition, one per pair of opposite facets, shape (f, dim)."""
        rounded = np.round(self.gradients / (SAME_FACET * float(np.abs(self.gradients).max())))
        leading = np.argmax(rounded != 0, axis=1)
        signs = np.sign(rounded[np.arange(len(rounded)), leading])
        _, first = np.unique(rounded * signs[:, None], axis=0, return_index=True)
        return np.asarray(self.gradients[np.sort(first)])

    def gauge(self, points: ArrayLike) -> Array:
        """Gauge of points of shape (..., dim)."""
        return np.asarray(np.abs(np.asarray(points) @ self.facet_gradients.T).max(axis=-1))

    @cached_property
    def residual(self) -> float:
        """Failure of int x n^T dS = volume I, the largest entry, relative to the volume.

        It sees rounding as well as cells that are missing.
        """
        weights = self.dim * self.shares[:, None]
        moment = (weights * self.centres).T @ self.gradients
        return float(np.abs(moment - np.eye(self.dim)).max())

    @property
    def squared_norm_factor(self) -> float:
        """E ||x||_2^2 for x on the boundary with the cone measure."""
        spread = np.sum(self.edges**2, axis=(1, 2)) / 12
        return float(self.shares @ (np.sum(self.centres**2, axis=1) + spread))

    def slopes(self, u: ArrayLike) -> tuple[Array, Array]:
        """Positive values (decreasing) of A_u = <u, gradient> and their probabilities.

        A_u is symmetric, so these carry half of the mass that is not at 0. Values are rounded up
        where they are not told apart.
        """
        values = np.abs(self.gradients @ np.asarray(u, dtype=np.float64))
        largest = max(float(values.max()), 1e-300)
        shares = self.shares[values > ZERO_SLOPE * largest] / 2
        values = values[values > ZERO_SLOPE * largest]
        _, index = np.unique(np.round(values / (SAME_SLOPE * largest)), return_inverse=True)
        masses = np.bincount(index, weights=shares).astype(np.float64)
        tops = np.zeros(len(masses))
        np.maximum.at(tops, index, values)
        return tops[::-1].copy(), masses[::-1].copy()


def check_cell_count(generators: int, dim: int) -> None:
    """Refuse a zonotope with too many boundary cells.

    Raises
    ------
    InvalidInputError
        The message says how many there would be.
    """
    count = math.comb(generators, dim - 1)
    if count > MAX_CELLS:
        raise InvalidInputError(
            f"the gauge of a zonotope must have at most {MAX_CELLS:,} pairs of boundary cells, got "
            f"{count:,} ({generators} generators in R^{dim}); use a norm whose ball is close to it "
            "(the ball, for the crystal of linf)"
        )


def boundary_cells(generators: ArrayLike) -> PolytopeGauge:
    """Cut the boundary of the zonotope sum_i [-1/2, 1/2] g_i into parallelotopes.

    Parameters
    ----------
    generators : array (m, dim)
        They span R^dim and no two are parallel.

    Raises
    ------
    InvalidInputError
        There are too many cells.

    References
    ----------
    .. [1] McMullen, On zonotopes, Transactions of the AMS 159, 1971.
    """
    g = np.asarray(generators, dtype=np.float64)
    count, dim = g.shape
    check_cell_count(count, dim)
    subsets = list(itertools.combinations(range(count), dim - 1))
    chosen = np.array(subsets, dtype=np.intp).reshape(len(subsets), dim - 1)
    blocks = [_cells(g, chosen[start : start + _BLOCK]) for start in range(0, len(chosen), _BLOCK)]
    normals, heights, centres, kept = (np.concatenate(p) for p in zip(*blocks, strict=True))
    total = float(np.sum(heights.astype(np.longdouble)))
    return PolytopeGauge(
        normals / heights[:, None], heights / total, centres, g[kept], 2 * total / dim
    )


def cross_products(rows: Array) -> Array:
    """The vector n with <n, x> = det(rows, x), for matrices of shape (k, d - 1, d).

    Examples
    --------
    >>> cross_products(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    dim = rows.shape[2]
    minors = [np.linalg.det(np.delete(rows, i, axis=2)) for i in range(dim)]
    signs = (-1.0) ** (dim - 1 + np.arange(dim))
    return np.stack(minors, axis=1) * signs + 0.0


def _cells(g: Array, subsets: NDArray[np.intp]) -> tuple[Array, Array, Array, NDArray[np.intp]]:
    """Normals, heights, centres and subsets of the independent ones among some subsets."""
    rows = g[subsets]
    normals = cross_products(rows)
    largest = np.prod(np.linalg.norm(rows, axis=2), axis=1)
    independent = np.linalg.norm(normals, axis=1) > ZERO * largest
    rows, normals, subsets = rows[independent], normals[independent], subsets[independent]
    products = normals @ g.T
    scale = np.linalg.norm(normals, axis=1)[:, None] * np.linalg.norm(g, axis=1)
    products[np.abs(products) <= ZERO * scale] = 0.0
    heights = np.abs(products).sum(axis=1) / 2
    signs = np.sign(products)
    flat = signs == 0
    signs[flat] = _tilted_signs(g, rows, normals, subsets)[flat]
    np.put_along_axis(signs, subsets, 0.0, axis=1)
    return normals, heights, signs @ g / 2, subsets


def _tilted_signs(g: Array, rows: Array, normals: Array, subsets: NDArray[np.intp]) -> Array:
    """Signs of det(T, g_i) for g_i in the span of T, after an infinitesimal change of generators.

    A facet with more than d - 1 generators is tiled by the cells that it becomes when every g_i is
    moved by a small multiple of w_i: with g_i = sum_j c_j t_j, det(T, g_i) has the sign of
    <n, w_i - sum_j c_j w_(t_j)>.
    """
    # Any directions in general position will do; a fixed seed gives every run the same cells.
    moves = np.random.default_rng(0).standard_normal(g.shape)
    along = normals @ moves.T
    coefficients = g @ np.linalg.pinv(rows) if rows.shape[1] else np.empty((len(rows), len(g), 0))
    own = np.take_along_axis(along, subsets, axis=1)
    return np.asarray(np.sign(along - np.einsum("kmj,kj->km", coefficients, own)))
