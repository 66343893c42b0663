"""How to turn uniform numbers into noise: frozen recipes made of arrays.

A recipe is found once per structure and holds quantile tables and numbers, nothing else. It is
carried out by any array library through the `Arrays` protocol: NumPy in `smoothing.sampling`,
PyTorch on the model's device in `certify.sampling`. The same uniforms give the same noise in both.

Every recipe takes `scalars` uniforms per draw and one per coordinate, all on the grid k 2^-53 of
[0, 1) that random generators produce, and gives the noise at scale 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.tail_table import TailTable

__all__ = ["Arrays", "CellCone", "Cone", "Independent", "Maximum", "Recipe"]


class Arrays(Protocol):
    """What a recipe asks of an array library; arrays are its own type."""

    def at_uniforms(self, table: TailTable, uniforms: Any) -> Any:
        """Values of a table at uniforms, same shape."""

    def read(self, table: TailTable, tails: Any) -> Any:
        """Values of a table at signed tails, same shape."""

    def signed_tails(self, uniforms: Any) -> Any:
        """Uniforms as signed tails (see `numerics.tail_table.signed_tails`)."""

    def truncated_tails(self, tails: Any, inside: Any, outside: Any) -> Any:
        """Signed tails scaled into a truncated law (see `Maximum`)."""

    def row_norms(self, array: Any, order: int) -> Any:
        """Norms of order 1 or 2 of the rows, as a column."""

    def clipped(self, magnitudes: Any, limits: Any, signs: Any) -> Any:
        """min(magnitudes, limits) with the signs of the third array."""

    def select(self, array: Any, columns: NDArray[np.intp]) -> Any:
        """Some columns of an array."""

    def put(self, array: Any, columns: NDArray[np.intp], values: Any) -> None:
        """Replace some columns of an array."""

    def put_faces(self, array: Any, uniforms: Any, magnitudes: Any) -> None:
        """In each row set one entry, chosen uniformly with its sign, to +magnitude or -magnitude.

        Of the 2 d signed entries it is number floor(2 d u): probabilities are off by at most
        2 d 2^-53 of themselves.
        """

    def in_cells(self, ends: Any, centres: Any, edges: Any, choices: Any, uniforms: Any) -> Any:
        """Points centre + sum_j (u_j - 1/2) edge_j of cells; a last uniform below 1/2 negates.

        The cell of a choice c has the number of `ends` (shape (k - 1,), increasing) <= c; `centres`
        is (k, d), `edges` (k, d - 1, d), `choices` a column and `uniforms` (n, d).
        """

    def empty_like(self, array: Any) -> Any:
        """An array of the same shape to fill."""


@dataclass(frozen=True, eq=False)
class Independent:
    """Independent coordinates: the quantile function of each at its own uniform.

    Attributes
    ----------
    tables : tuple of TailTable
        Quantiles of the distinct marginals.
    columns : tuple of int arrays, or None
        Coordinates that follow each marginal; None when there is one marginal for all.
    dim : int
    """

    tables: tuple[TailTable, ...]
    columns: tuple[NDArray[np.intp], ...] | None
    dim: int
    scalars = 0

    def noise(self, arrays: Arrays, scalars: Any, uniforms: Any) -> Any:
        """Noise (n, dim) from scalars (n, 0) and uniforms (n, dim)."""
        if self.columns is None:
            return arrays.at_uniforms(self.tables[0], uniforms)
        out = arrays.empty_like(uniforms)
        for table, columns in zip(self.tables, self.columns, strict=True):
            arrays.put(out, columns, arrays.at_uniforms(table, arrays.select(uniforms, columns)))
        return out


@dataclass(frozen=True, eq=False)
class Cone:
    """A radius times an independent direction with the cone measure of the l1, l2 or loo sphere.

    A vector with density proportional to exp(-||z||_1) or exp(-||z||_2^2 / 2), divided by its own
    norm, has the cone measure. On the cube, a face is chosen and the other coordinates are uniform.

    Attributes
    ----------
    radius : TailTable
        Quantiles of the norm of the noise.
    order : int
        1, 2, or 0 for loo.
    base : TailTable
        Quantiles of one coordinate of z; of a uniform number on (-1, 1) for loo.
    dim : int
    """

    radius: TailTable
    order: int
    base: TailTable
    dim: int
    scalars = 2

    def noise(self, arrays: Arrays, scalars: Any, uniforms: Any) -> Any:
        """Noise (n, dim) from scalars (n, 2), radius and face, and uniforms (n, dim)."""
        radius = arrays.at_uniforms(self.radius, scalars[:, :1])
        out = arrays.at_uniforms(self.base, uniforms)
        if self.order:
            radius /= arrays.row_norms(out, self.order)
            out *= radius
        else:
            out *= radius
            arrays.put_faces(out, scalars[:, 1:], radius)
        return out


@dataclass(frozen=True, eq=False)
class CellCone:
    """A radius times a direction with the cone measure of a polytope's boundary cut into cells.

    Attributes
    ----------
    radius : TailTable
        Quantiles of the gauge of the noise.
    ends : array (k - 1,)
        Running sums of the probabilities of the cells, the last left out.
    centres, edges : arrays (k, dim) and (k, dim - 1, dim)
        One cell of each pair of opposite ones (see `smoothing.polytope_gauge`).
    dim : int
    """

    radius: TailTable
    ends: NDArray[np.float64]
    centres: NDArray[np.float64]
    edges: NDArray[np.float64]
    dim: int
    scalars = 2

    def noise(self, arrays: Arrays, scalars: Any, uniforms: Any) -> Any:
        """Noise (n, dim) from scalars (n, 2), radius and cell, and uniforms (n, dim)."""
        out = arrays.in_cells(self.ends, self.centres, self.edges, scalars[:, 1:], uniforms)
        out *= arrays.at_uniforms(self.radius, scalars[:, :1])
        return out


@dataclass(frozen=True, eq=False)
class Maximum:
    """Density exp(-profile(max |x_i|) - sum phi(x_i)): first the maximum m, then the rest.

    Given m, one coordinate is +m or -m and the others have the law of one coordinate cut to
    [-m, m]. With H and S = 1 - H the distribution function of |X| without the cut, a uniform |w| is
    the quantile at H(m) |w|, that is at the upper tail (1 - |w|) + |w| S(m).

    Attributes
    ----------
    maximum, inside, outside : TailTable
        m, H(m) and S(m), as functions of the same tail probability.
    magnitude : TailTable
        Quantiles of |X|.
    dim : int
    """

    maximum: TailTable
    inside: TailTable
    outside: TailTable
    magnitude: TailTable
    dim: int
    scalars = 2

    def noise(self, arrays: Arrays, scalars: Any, uniforms: Any) -> Any:
        """Noise (n, dim) from scalars (n, 2), maximum and face, and uniforms (n, dim)."""
        first = scalars[:, :1]
        largest = arrays.at_uniforms(self.maximum, first)
        tails = arrays.signed_tails(uniforms)
        cut = arrays.truncated_tails(
            tails, arrays.at_uniforms(self.inside, first), arrays.at_uniforms(self.outside, first)
        )
        # min: rounding must not lift a coordinate above the maximum
        out = arrays.clipped(arrays.read(self.magnitude, cut), largest, tails)
        arrays.put_faces(out, scalars[:, 1:], largest)
        return out


Recipe = Independent | Cone | CellCone | Maximum
