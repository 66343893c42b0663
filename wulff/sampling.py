"""Uniform points of a zonotope: exactly from its cells or by rejection, else by hit-and-run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from numerics.errors import PrecisionError, invalid
from numerics.validation import check_count
from smoothing.polytope_gauge import MAX_CELLS

if TYPE_CHECKING:
    from wulff.zonotope import Zonotope

__all__ = ["Walk", "hit_and_run", "sample_uniform"]

Array = NDArray[np.float64]

METHODS = ("cells", "rejection", "hit-and-run")
#: Rejection from the bounding box gives up below this share of accepted points.
SMALLEST_SHARE = 1e-3
#: The usual threshold for chains that have mixed (Vehtari et al., Bayesian Analysis 16, 2021, ask
#: for 1.01 with rank-normalised chains; coordinates of a bounded body need no ranks).
MIXED = 1.02
CHAINS = 8


@dataclass(frozen=True)
class Walk:
    """Points of several hit-and-run chains, with what they say about mixing.

    Attributes
    ----------
    points : array (chains, length, dim)
    r_hat : float
        Largest ratio, over coordinates, of the standard deviation of all points to that within
        halves of chains; near 1 when the chains have forgotten where they began.
    effective_size : float
        Smallest number of independent points, over coordinates, of the same information.
    """

    points: Array
    r_hat: float
    effective_size: float


def sample_uniform(body: Zonotope, n: int, generator: np.random.Generator, method: str) -> Array:
    """Uniform points of a zonotope.

    Parameters
    ----------
    body : Zonotope
    n : int
    generator : numpy.random.Generator
    method : {"cells", "rejection", "hit-and-run"}
        "cells" picks a point of the boundary by the cells of `Zonotope.boundary` and a radius;
        "rejection" draws from the bounding box; both are exact. "hit-and-run" needs neither cells
        nor vertices.

    Returns
    -------
    array (n, dim)

    Raises
    ------
    InvalidInputError
        Unknown method, or too many cells.
    PrecisionError
        Rejection accepts too little, or the chains have not mixed.

    Examples
    --------
    >>> from wulff.zonotope import Zonotope
    >>> points = Zonotope([[1, 1], [1, -1]]).sample(1000, np.random.default_rng(1))
    >>> bool((np.abs(points).sum(axis=1) <= 1).all())
    True
    """
    count = check_count("n", n, remedy="pass the number of points")
    if method == "cells":
        return _from_cells(body, count, generator)
    if method == "rejection":
        return _by_rejection(body, count, generator)
    if method != "hit-and-run":
        raise invalid("method", f"one of {', '.join(METHODS)}", method, "choose one")
    walk = hit_and_run(body, -(-count // CHAINS), generator)
    if not walk.r_hat <= MIXED:
        raise PrecisionError(
            f"hit-and-run has not mixed after {walk.points.shape[1]} steps of {CHAINS} chains: "
            f"R-hat is {walk.r_hat:.3f}, wanted {MIXED} or less; ask for more points or pass "
            "method='cells'"
        )
    return generator.permutation(walk.points.reshape(-1, body.dim))[:count]


def hit_and_run(
    body: Zonotope, length: int, generator: np.random.Generator, *, thin: int | None = None
) -> Walk:
    """Hit-and-run chains from the centre: a uniform point of a random chord, again and again.

    Parameters
    ----------
    body : Zonotope
    length : int
        Points kept of each of 8 chains, after as many that are thrown away.
    generator : numpy.random.Generator
    thin : int, optional
        Steps between points kept, 2 dim by default.

    References
    ----------
    .. [1] Lovasz and Vempala, Hit-and-run from a corner, SIAM J. Computing 35, 2006.
    """
    chord = _chords(body)
    steps = 2 * body.dim if thin is None else check_count("thin", thin, remedy="pass steps >= 1")
    state = np.zeros((CHAINS, body.dim))
    kept = np.empty((CHAINS, length, body.dim))
    for index in range(-length, length):
        for _ in range(steps):
            state = _step(state, chord, generator)
        if index >= 0:
            kept[:, index] = state
    return Walk(kept, *_diagnose(kept))


#: Maps points and directions (n, dim) to how far one may go along each, shape (n,).
_Reach = Callable[[Array, Array], Array]


def _step(state: Array, reach: _Reach, generator: np.random.Generator) -> Array:
    """One step of every chain, to a uniform point of the chord in a random direction."""
    direction = generator.standard_normal(state.shape)
    top, bottom = reach(state, direction), -reach(state, -direction)
    place = bottom + (top - bottom) * generator.random(len(state))
    return np.asarray(state + place[:, None] * direction)


def _chords(body: Zonotope) -> _Reach:
    """By the facets where they can be listed, else by a linear programme per chord end."""
    if math.comb(len(body.generators), body.dim - 1) > MAX_CELLS:
        return partial(_reach_by_programme, body.generators)
    return partial(_reach_by_facets, body.boundary.facet_gradients)


def _reach_by_facets(gradients: Array, points: Array, directions: Array) -> Array:
    """Largest t with |<gradient, x + t u>| <= 1 for all gradients."""
    along, here = directions @ gradients.T, points @ gradients.T
    with np.errstate(divide="ignore"):
        far = np.where(along == 0, np.inf, (1 - np.sign(along) * here) / np.abs(along))
    return np.asarray(np.maximum(far.min(axis=1), 0.0))


def _reach_by_programme(generators: Array, points: Array, directions: Array) -> Array:
    """Largest t with x + t u = sum_i a_i g_i, |a_i| <= 1/2."""
    from scipy.optimize import linprog

    cost = np.append(np.zeros(len(generators)), -1.0)
    limits = [(-0.5, 0.5)] * len(generators) + [(0, None)]
    ends = []
    for point, direction in zip(points, directions, strict=True):
        equations = np.column_stack([generators.T, -direction])
        result = linprog(cost, A_eq=equations, b_eq=point, bounds=limits, method="highs")
        # HiGHS may find a point on the boundary outside by its tolerance; then it stays there
        ends.append(-result.fun if result.status == 0 else 0.0)
    return np.array(ends)


def _diagnose(points: Array) -> tuple[float, float]:
    """Split R-hat and effective size of the worst coordinate (Gelman et al., BDA3, 11.4, 11.5)."""
    half = points.shape[1] // 2
    if half < 2:
        return float("inf"), 0.0
    chains = np.concatenate([points[:, :half], points[:, half : 2 * half]])
    between = half * chains.mean(axis=1).var(axis=0, ddof=1)
    inside = chains.var(axis=1, ddof=1).mean(axis=0)
    pooled = (half - 1) / half * inside + between / half
    return (
        float(np.sqrt(pooled / inside).max()),
        float(min(len(chains) * half, (len(chains) * half * pooled / between).min())),
    )


def _from_cells(body: Zonotope, n: int, generator: np.random.Generator) -> Array:
    from smoothing.numpy_arrays import NumpyArrays

    boundary = body.boundary
    ends = np.cumsum(boundary.shares)[:-1]
    points = NumpyArrays().in_cells(
        ends,
        boundary.centres,
        boundary.edges,
        generator.random((n, 1)),
        generator.random((n, body.dim)),
    )
    return np.asarray(points * generator.random((n, 1)) ** (1 / body.dim))


def _by_rejection(body: Zonotope, n: int, generator: np.random.Generator) -> Array:
    box = body.support_function(np.eye(body.dim))
    share = body.volume / float(np.prod(2 * box))
    if share < SMALLEST_SHARE:
        raise PrecisionError(
            f"rejection accepts one point in {1 / share:.0f} of the bounding box; pass "
            "method='cells' or 'hit-and-run'"
        )
    gradients = body.boundary.facet_gradients
    found: list[Array] = []
    missing = n
    while missing > 0:
        tried = box * (2 * generator.random((int(missing / share * 1.1) + 16, body.dim)) - 1)
        good = tried[np.abs(tried @ gradients.T).max(axis=1) <= 1]
        found.append(good)
        missing -= len(good)
    return np.concatenate(found)[:n]
