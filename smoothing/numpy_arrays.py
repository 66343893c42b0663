"""NumPy, and the compiled reader of tables, as an array library for sampling recipes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numerics.tail_table import TailTable, signed_tails

__all__ = ["NumpyArrays"]

Array = NDArray[np.float64]


class NumpyArrays:
    """Operations of sampling recipes on NumPy arrays; see `smoothing.recipes.Arrays`."""

    def at_uniforms(self, table: TailTable, uniforms: Array) -> Array:
        """Values of a table at uniforms, same shape."""
        return table.at_uniforms(uniforms)

    def read(self, table: TailTable, tails: Array) -> Array:
        """Values of a table at signed tails, same shape."""
        return table(tails)

    def signed_tails(self, uniforms: Array) -> Array:
        """Uniforms as signed tails."""
        return signed_tails(uniforms)

    def truncated_tails(self, tails: Array, inside: Array, outside: Array) -> Array:
        """Signed tails scaled into a truncated law."""
        size = np.abs(tails)
        share = 1 - 2 * size
        below = share * inside
        return np.where(below < 0.5, -below, 2 * size + share * outside)

    def row_norms(self, array: Array, order: int) -> Array:
        """Norms of order 1 or 2 of the rows, as a column."""
        return np.asarray(np.linalg.norm(array, ord=order, axis=1, keepdims=True))

    def clipped(self, magnitudes: Array, limits: Array, signs: Array) -> Array:
        """min(magnitudes, limits) with the signs of the third array."""
        return np.copysign(np.minimum(magnitudes, limits), signs)

    def select(self, array: Array, columns: NDArray[np.intp]) -> Array:
        """Some columns of an array."""
        return array[:, columns]

    def put(self, array: Array, columns: NDArray[np.intp], values: Array) -> None:
        """Replace some columns of an array."""
        array[:, columns] = values

    def put_faces(self, array: Array, uniforms: Array, magnitudes: Array) -> None:
        """In each row set one random entry to +magnitude or -magnitude."""
        rows, dim = array.shape
        entry = (uniforms[:, 0] * (2 * dim)).astype(np.intp)
        signs = 1.0 - 2.0 * (entry % 2)
        array[np.arange(rows), entry // 2] = signs * magnitudes[:, 0]

    def in_cells(
        self, ends: Array, centres: Array, edges: Array, choices: Array, uniforms: Array
    ) -> Array:
        """Points of cells, see `smoothing.recipes.Arrays`."""
        cell = np.searchsorted(ends, choices[:, 0], side="right")
        points = centres[cell]
        for j in range(edges.shape[1]):
            points += (uniforms[:, j : j + 1] - 0.5) * edges[cell, j]
        points[uniforms[:, -1] < 0.5] *= -1.0
        return points

    def empty_like(self, array: Array) -> Array:
        """An array of the same shape to fill."""
        return np.empty_like(array)
