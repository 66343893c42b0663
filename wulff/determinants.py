"""Volumes of zonotopes and of their shadows as sums of determinants (RSAS, Proposition G.5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import InvalidInputError, invalid

__all__ = ["MAX_SUBSETS", "determinant_sum", "projected_volume", "sign_determinant_mean"]

Array = NDArray[np.float64]

#: Subsets of generators that a sum runs over; {+-1}^6 has C(32, 6) = 906,192.
MAX_SUBSETS = 5_000_000
_BLOCK = 100_000


def determinant_sum(generators: ArrayLike, direction: ArrayLike | None = None) -> float:
    """Sum of |det| over all d-subsets of generators, or over all (d-1)-subsets and a direction.

    Parameters
    ----------
    generators : array (m, d)
    direction : array (d,), optional
        Takes the last row of every determinant.

    Raises
    ------
    InvalidInputError
        There are too many subsets; the message has the count.

    Examples
    --------
    >>> determinant_sum([[1, 1], [1, -1]])
    2.0
    """
    g = np.asarray(generators, dtype=np.float64)
    count, dim = g.shape
    size = dim if direction is None else dim - 1
    subsets = math.comb(count, size)
    if subsets > MAX_SUBSETS:
        raise InvalidInputError(
            f"a determinant sum must have at most {MAX_SUBSETS:,} terms, got {subsets:,} "
            f"({count} generators in R^{dim}); for the crystal of linf use crystal_growth, which "
            "bounds the mean determinant instead"
        )
    total = np.longdouble(0.0)
    for block in _blocks(count, size):
        rows = g[block]
        if direction is not None:
            last = np.broadcast_to(np.asarray(direction, dtype=np.float64), (len(rows), 1, dim))
            rows = np.concatenate([rows, last], axis=1)
        total += np.abs(np.linalg.det(rows)).astype(np.longdouble).sum()
    return float(total)


def projected_volume(generators: ArrayLike, direction: ArrayLike) -> float:
    """|v| times the volume of the zonotope projected along v.

    The shadow is the zonotope of the projected generators, and |det(T, v)| is |v| times the
    determinant of the projection of T.

    Examples
    --------
    >>> projected_volume([[1, 0], [0, 1]], [1, 1])
    2.0
    """
    return determinant_sum(generators, direction)


def sign_determinant_mean(dim: int) -> float:
    """E |det X| for X with independent entries +-1, exact for dim <= 6.

    Subtracting the first row leaves 2^(d-1) |det Y| with Y uniform on 0-1 matrices of order d - 1;
    only matrices with different columns count, once for each of their (d - 1)! orders. This is
    Lemma G.16 by a sum over other matrices than those of the zonotope.

    Examples
    --------
    >>> sign_determinant_mean(1), sign_determinant_mean(2), sign_determinant_mean(3)
    (1.0, 1.0, 1.5)
    """
    if not 1 <= dim <= 6:
        raise invalid("dim", "between 1 and 6", dim, "use sign_determinant_bounds for larger dim")
    order = dim - 1
    if order == 0:
        return 1.0
    columns = np.array(list(itertools.product((0.0, 1.0), repeat=order)))
    total = determinant_sum(columns) * math.factorial(order)
    return 2.0**order * total / 2.0 ** (order * order)


def _blocks(count: int, size: int) -> Iterator[NDArray[np.intp]]:
    subsets = itertools.combinations(range(count), size)
    while True:
        block = list(itertools.islice(subsets, _BLOCK))
        if not block:
            return
        yield np.array(block, dtype=np.intp).reshape(len(block), size)
