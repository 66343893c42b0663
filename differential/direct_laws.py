"""Phi by direct quadrature in two and three dimensions, for a psi of no recognised structure.

Along each vertex u of the adversary's ball the law of gamma_u = <u, grad psi> is read off a grid.
Against l2 the ball is replaced by a polytope around it: p -> Phi_u(p) is the supremum of linear
functions of u, so it is convex and homogeneous in u, and its maximum over a polytope is attained
at a vertex and bounds that over the ball. Phi is bounded by tangents, so the chord error is on the
safe side, and the spread of three grids is added to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from differential.direct_grid import GridLaw, grid_laws, written_out
from differential.majorant import Majorant
from numerics.errors import PrecisionError
from smoothing.norms import LpNorm, Norm
from smoothing.structure import General

__all__ = ["direct_bound", "direct_refusal", "directions"]

Array = NDArray[np.float64]

_DIMENSIONS = (2, 3)
#: Points of (0, 1/2] between which Phi is bounded by straight lines: dense where Phi bends.
NODES = np.unique(
    np.concatenate(
        [
            2.0 ** -np.arange(1, 7, 1 / 128),
            2.0 ** -np.arange(7, 40.01, 1 / 24),
        ]
    )
)
#: The relative spread of the grids is added this many times to the largest of them: their errors
#: at a node are like three draws, so the largest spread within `_NEAR` nodes stands for it.
_SAFETY = 3.0
_NEAR = 16
#: A relative spread of Phi at p = 1/4 that shows that the grids resolve nothing.
_MAX_SPREAD = 1e-2
#: Pairs of directions around the circle and the sphere: the loss is 1/cos(pi/(2 n)) - 1 = 5e-4 for
#: the circle, and 3 % for the sphere.
_CIRCLE, _SPHERE = 40, 64


def direct_refusal(
    structure: General, support: sympy.Basic | None, adversary: Norm, dim: int
) -> str | None:
    """Why the grids do not take the pair; None where they do."""
    if dim not in _DIMENSIONS:
        return f"direct quadrature covers d = 2 and 3, got d = {dim}"
    if support is not None:
        return "the support cuts the density, whose boundary terms are known for structures only"
    plain = written_out(structure.psi, dim)
    if isinstance(plain, str):
        return plain
    if directions(adversary, dim) is None:
        return f"direct quadrature needs the vertices of the ball, got {adversary.name}"
    return None


def directions(adversary: Norm, dim: int) -> Array | None:
    """One of each pair +-u of vertices of the ball, or of a polytope around the l2 ball."""
    if isinstance(adversary, LpNorm):
        if adversary.p == 1:
            return np.eye(dim)
        if adversary.p == math.inf:
            signs = np.array(np.meshgrid(*([[1.0, -1.0]] * (dim - 1)))).reshape(dim - 1, -1).T
            return np.hstack([np.ones((len(signs), 1)), signs])
        if adversary.p == 2:
            return _around_the_circle() if dim == 2 else _around_the_sphere()
        return None
    vertices = getattr(adversary, "vertices", None)
    if vertices is None:
        return None
    array = np.asarray(vertices, dtype=np.float64)
    first = array[np.arange(len(array)), np.argmax(array != 0, axis=1)]
    return array[first > 0]


def direct_bound(psi: sympy.Expr, adversary: Norm, dim: int) -> Callable[[], Majorant]:
    """A recipe for a bound of Phi, from the grids.

    Raises
    ------
    AssumptionError, PrecisionError
        When called: the density jumps, or the grids do not resolve it.
    """
    chosen = directions(adversary, dim)
    plain = written_out(psi, dim)
    if chosen is None or isinstance(plain, str):
        raise ValueError("ask direct_refusal first")

    def build() -> Majorant:
        values = np.array([_largest(law, chosen) for law in _laws(plain, dim, len(chosen))])
        spread = values.max(axis=0) - values.min(axis=0)
        quarter = int(np.searchsorted(NODES, 0.25))
        if not spread[quarter] <= _MAX_SPREAD * values[0, quarter]:
            raise PrecisionError(
                f"three grids of {_DIMENSIONS} dimensions disagree on Phi(1/4) by "
                f"{spread[quarter] / values[0, quarter]:.1e} (allowed {_MAX_SPREAD:.0e}); psi has "
                "structure finer than the grids resolve"
            )
        largest = np.maximum(values.max(axis=0), np.finfo(np.float64).tiny)
        upper = largest * (1 + _SAFETY * _around(spread / largest))
        nodes = np.append(0.0, NODES)
        name = "direct quadrature"
        if isinstance(adversary, LpNorm) and adversary.p == 2:
            name += f" along {2 * len(chosen)} vertices around the l2 ball"
        return Majorant(name, lambda p: np.interp(p, nodes, upper), NODES, 1e-12)

    return build


@lru_cache(maxsize=8)
def _laws(psi: sympy.Expr, dim: int, count: int) -> tuple[GridLaw, ...]:
    return grid_laws(psi, dim, count)


def _around(spread: Array) -> Array:
    """Largest value within `_NEAR` places of each."""
    padded = np.pad(spread, _NEAR, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR + 1).max(axis=1))


def _largest(law: GridLaw, chosen: Array) -> Array:
    """Upper bounds of Phi at 0 and at the nodes, between which the bound is linear."""
    best = np.zeros(len(NODES) + 1)
    for u in chosen:
        gamma = law.gradients @ u
        order = np.argsort(gamma)
        ascending, weights = gamma[order], law.weights[order]
        for values, masses in ((ascending[::-1], weights[::-1]), (-ascending, weights)):
            best = np.maximum(best, tangent_bound(values, masses, NODES))
    return best


def tangent_bound(values: Array, masses: Array, nodes: Array) -> Array:
    """Bounds at 0 and at the nodes whose interpolation lies above Phi of a discrete law.

    Parameters
    ----------
    values : array (n,)
        Decreasing.
    masses : array (n,)
        Their probabilities, adding up to 1.
    nodes : array (k,)
        Increasing, in (0, 1).

    Notes
    -----
    Phi is concave in p: on each cell it lies below its tangent at the middle, and the line through
    the larger of the neighbouring tangents at every node lies above both.
    """
    mass, work = np.cumsum(masses), np.cumsum(masses * values)
    middles = np.sqrt(nodes[:-1] * nodes[1:])
    touching = np.concatenate([[nodes[0]], middles])
    index = np.minimum(np.searchsorted(mass, touching), len(values) - 1)
    slope = values[index]
    # c p + E(gamma - c)+ with the excess summed over the values above c
    excess = work[index] - slope * mass[index]
    starts, ends = np.append(0.0, nodes[:-1]), nodes
    at_start, at_end = excess + slope * starts, excess + slope * ends
    bound = np.append(at_start, at_end[-1])
    bound[1:] = np.maximum(bound[1:], at_end)
    return bound


def _around_the_circle() -> Array:
    angles = np.arange(_CIRCLE) * math.pi / _CIRCLE
    radius = (1 + 1e-14) / math.cos(math.pi / (2 * _CIRCLE))
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


@lru_cache(maxsize=1)
def _around_the_sphere() -> Array:
    """Spiral points and their negatives, moved out until all facets clear the unit ball."""
    from scipy.spatial import ConvexHull

    k = np.arange(_SPHERE) + 0.5
    height = 1 - k / _SPHERE
    angle = math.pi * (1 + math.sqrt(5)) * k
    ring = np.sqrt(1 - height**2)
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
    hull = ConvexHull(np.concatenate([points, -points]))
    inner = float((-hull.equations[:, -1]).min())
    return np.asarray(points / (inner * (1 - 1e-12)))
