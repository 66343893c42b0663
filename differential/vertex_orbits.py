"""Vertices of the adversary's ball, one per orbit of the symmetries of a density.

The symmetries are read off the structure, not assumed: coordinates with one marginal may be
permuted, those with an even marginal flipped, and so on. Phi_u(p) is convex in u, being a supremum
over sets of what is linear in u, so a vertex in the hull of the orbit of another one never wins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from differential.term_measure import is_symmetric
from smoothing.norms import LpNorm, Norm, PolytopeNorm
from smoothing.orbit_norm import OrbitNorm
from smoothing.structure import Product

__all__ = ["canonical_vertices", "name_of", "signed_orbits", "vertices_of"]

Array = NDArray[np.float64]

#: Laws that are computed for one radius; each takes 0.1 to 3 seconds.
MAX_DIRECTIONS = 256
#: Entries of a vertex closer than this, relative to the largest, are equal: vertex lists are
#: computed in float64, and the larger of the two is kept, which is safe.
_SAME = 1e-12


def vertices_of(norm: Norm, dim: int) -> Array | None:
    """Extreme points of the ball, one per orbit of the norm's own symmetry; None if it has no list.

    Examples
    --------
    >>> vertices_of(LpNorm(float("inf")), 3).tolist()
    [[1.0, 1.0, 1.0]]
    """
    if isinstance(norm, PolytopeNorm | OrbitNorm):
        return norm.orbit_representatives(dim)
    if isinstance(norm, LpNorm) and norm.p in (1.0, math.inf):
        return norm.orbit_representatives(dim)
    return None


def signed_orbits(norm: Norm, dim: int) -> Array | None:
    """Vertices up to signed permutations: sorted magnitudes, none majorised by another."""
    points = vertices_of(norm, dim)
    if points is None:
        return None
    return _undominated(_merged(-np.sort(-np.abs(points), axis=1)))


def canonical_vertices(norm: Norm, product: Product) -> Array | None:
    """One vertex u per orbit of a product's symmetries, u and -u counting as one.

    None where the norm has no vertices or there would be more than `MAX_DIRECTIONS`.
    """
    points = vertices_of(norm, product.dim)
    if points is None:
        return None
    groups = product.indices or (tuple(range(product.dim)),)
    even = [is_symmetric(m) for m in product.marginals]
    if len(groups) == 1 and even[0]:
        return signed_orbits(norm, product.dim)
    if norm.symmetry == "hyperoctahedral":
        spread = _assignments(points, groups, even)
        if spread is None:
            return None
        points = np.array(spread)
    rows = points.copy()
    for group, is_even in zip(groups, even, strict=True):
        columns = list(group)
        block = np.abs(points[:, columns]) if is_even else points[:, columns]
        rows[:, columns] = -np.sort(-block, axis=1)
    rows = _merged(rows)
    return rows if len(rows) <= MAX_DIRECTIONS else None


def _merged(rows: Array) -> Array:
    """Distinct rows; near-equal entries become the largest of them, so that nothing shrinks."""
    levels = np.unique(np.abs(rows))
    if len(levels) > 1:
        new = np.append(True, np.diff(levels) > _SAME * levels[-1])
        heads = np.maximum.reduceat(levels, np.flatnonzero(new))
        slot = np.searchsorted(levels, np.abs(rows))
        rows = np.sign(rows) * heads[(np.cumsum(new) - 1)[slot]]
    # a structured sort of one row of 150,528 entries takes most of a second
    return rows if len(rows) == 1 else np.unique(rows, axis=0)


def _undominated(rows: Array) -> Array:
    """Rows (decreasing, >= 0) that no other row majorises weakly."""
    partial = np.cumsum(rows, axis=1)
    slack = 1e-14 * partial.max()
    kept: list[int] = []
    for i in np.argsort(-partial.sum(axis=1), kind="stable"):
        if not any((partial[k] >= partial[i] - slack).all() for k in kept):
            kept.append(int(i))
    return rows[sorted(kept)]


def _assignments(
    points: Array, groups: tuple[tuple[int, ...], ...], even: list[bool]
) -> list[Array] | None:
    """All ways, up to symmetry, to place signed entries of each point on the groups."""
    found: list[Array] = []
    for point in points:
        for row in _placements(_counts(point), groups, even, np.zeros(len(point)), 0):
            found.append(row)
            if len(found) > 4 * MAX_DIRECTIONS:
                return None
    return found


def _counts(point: Array) -> dict[float, int]:
    sizes, counts = np.unique(np.abs(point), return_counts=True)
    return {float(s): int(n) for s, n in zip(sizes, counts, strict=True)}


def _placements(
    left: dict[float, int],
    groups: tuple[tuple[int, ...], ...],
    even: list[bool],
    row: Array,
    at: int,
) -> Iterator[Array]:
    if at == len(groups):
        yield row.copy()
        return
    columns = list(groups[at])
    for entries in _selections(sorted(left.items()), len(columns), even[at]):
        rest = dict(left)
        for value, count in entries:
            rest[abs(value)] -= count
        row[columns] = [value for value, count in entries for _ in range(count)]
        yield from _placements(rest, groups, even, row, at + 1)


def _selections(
    available: list[tuple[float, int]], size: int, even: bool
) -> Iterator[list[tuple[float, int]]]:
    """Multisets of `size` signed entries; signs matter only where the marginal is not even."""
    if not available:
        if size == 0:
            yield []
        return
    (value, count), rest = available[0], available[1:]
    fewest = max(size - sum(n for _, n in rest), 0)
    for taken in range(fewest, min(count, size) + 1):
        flips: Iterable[int] = (0,) if even or value == 0 else range(taken + 1)
        for flipped, others in itertools.product(flips, _selections(rest, size - taken, even)):
            signed = [(value, taken - flipped), (-value, flipped)]
            yield [(v, n) for v, n in signed if n] + others


@lru_cache(maxsize=256)
def _name(entries: tuple[float, ...]) -> str:
    if len(entries) <= 6:
        return f"({', '.join(f'{v:g}' for v in entries)})"
    return f"({entries[0]:g}, {entries[1]:g}, ..., {entries[-1]:g})"


def name_of(vertex: Array) -> str:
    """A short name of a direction."""
    if np.count_nonzero(vertex) == 1 and np.max(vertex) == 1:
        return f"e{int(np.argmax(vertex)) + 1}"
    if (vertex == 1).all():
        return "(1,...,1)"
    return _name(tuple(vertex.tolist()))
