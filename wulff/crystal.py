"""Wulff crystals of norms (RSAS, Definition 5.1, Propositions G.4 and G.13).

||x||_* = E|<x, v>| with v uniform on the vertices of the adversary's ball B; the crystal is the
unit ball of the norm dual to it, which is the zonotope (2 / |Vert B|) Zon(Vert B).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from numerics.bounds import Bounds
from numerics.errors import InvalidInputError
from numerics.validation import check_dim
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import norm as norm_of
from smoothing.expressions import t, x
from smoothing.gauges import gauge, zonotope
from smoothing.norms import LpNorm, Norm, PolytopeNorm, as_norm
from wulff.bodies import LpBall
from wulff.hull import MAX_DIM, MAX_VERTICES, hull_of
from wulff.products import mean_absolute_product
from wulff.zonotope import Zonotope

__all__ = ["MAX_GENERATOR_DIM", "crystal", "crystal_noise", "crystal_norm", "crystal_zonotope"]

Array = NDArray[np.float64]

#: The crystal of linf has 2^(d-1) generators: 32,768 in R^16.
MAX_GENERATOR_DIM = 16

#: A mean of |cos| is off by a few eps through the gamma function.
COSINE_ERROR = 1e-14


def crystal(norm: object, dim: int | None = None) -> LpBall | Zonotope:
    """The Wulff crystal of a norm.

    Parameters
    ----------
    norm : {"l1", "l2", "linf"} or PolytopeNorm
        The adversary's norm.
    dim : int, optional
        Dimension; may be left out for a PolytopeNorm.

    Returns
    -------
    LpBall or Zonotope
        A cube for l1 and a ball for l2 in any dimension, a rhombus for linf in the plane, and
        otherwise a zonotope.

    Raises
    ------
    InvalidInputError
        No crystal is known for the norm, dim < 1, the zonotope has too many generators, or a row
        of a PolytopeNorm is no vertex of its hull.

    Notes
    -----
    Theorems G.7 and G.20 call the crystal optimal where symmetries of the ball exchange all of its
    vertices, as for l1, l2 and linf. For other polytopes the crystal is defined all the same.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Proposition G.4.

    Examples
    --------
    >>> crystal("l1", 3072)
    LpBall(order=inf, radius=0.0003255208333333333, dim=3072)
    >>> crystal("linf", 2).name, crystal("linf", 3).name
    ('rhombus', 'zonotope with 4 generators in R^3')
    """
    adversary, d = _read(norm, dim)
    if isinstance(adversary, LpNorm) and adversary.p == 1:
        return LpBall(math.inf, 1 / d, d)
    if isinstance(adversary, LpNorm) and adversary.p == 2:
        # E|<x, v>| = |x| E|v_1| on the sphere, so the dual ball has radius E|v_1|
        return LpBall(2.0, _mean_cosine(d), d)
    if isinstance(adversary, LpNorm) and d <= 2:
        return LpBall(1.0, 1.0, d)
    return crystal_zonotope(adversary, d)


def crystal_zonotope(norm: object, dim: int | None = None) -> Zonotope:
    """The crystal of a polytope norm by its generators, special cases included.

    Examples
    --------
    >>> crystal_zonotope("linf", 2).generators.tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    adversary, d = _read(norm, dim)
    return Zonotope(2.0 * np.array(_vertices(adversary, d)) / _vertex_count(adversary, d) * 2.0)


def crystal_norm(norm: object, vector: ArrayLike) -> Bounds:
    """Enclosure of ||x||_* = E|<x, v>|, v uniform on the vertices, for a point x of any dimension.

    Examples
    --------
    >>> crystal_norm("linf", [3.0, 4.0]).midpoint, crystal_norm("l1", [3.0, 4.0]).midpoint
    (4.0, 3.5)
    """
    point = np.asarray(vector, dtype=np.float64)
    adversary, d = _read(norm, point.size)
    eps = 2.0**-52
    if isinstance(adversary, PolytopeNorm):
        products = np.abs(adversary.vertices @ point)
        error = d * eps * float((np.abs(adversary.vertices) @ np.abs(point)).max())
        return Bounds.around(float(products.mean()), relative=4 * eps, absolute=error)
    assert isinstance(adversary, LpNorm)
    if adversary.p == 1:
        return Bounds.around(math.fsum(np.abs(point)) / d, relative=2 * eps)
    if adversary.p == 2:
        length = float(np.linalg.norm(point))
        return Bounds.around(length * _mean_cosine(d), relative=COSINE_ERROR + d * eps)
    return mean_absolute_product(point)


def crystal_noise(
    norm: object,
    dim: int,
    g: sympy.Expr | Callable[[sympy.Expr], sympy.Expr],
    *,
    within: float | None = None,
    scale: float | None = None,
    sigma: float | None = None,
) -> SmoothingDistribution:
    """Noise whose level sets are copies of the crystal: density exp(-g(r)), r the gauge of it.

    Parameters
    ----------
    norm : {"l1", "l2", "linf"} or PolytopeNorm
        The adversary's norm.
    dim : int
    g : SymPy expression in `radii.t`, or a function of a SymPy expression
        The potential as a function of the gauge.
    within : float, optional
        Cut the noise to this many times the crystal; with g = 0 it is uniform there.
    scale, sigma : float, optional
        As in `SmoothingDistribution`.

    Returns
    -------
    SmoothingDistribution
        `radii.derive`, sampling and certification take it as any other.

    Raises
    ------
    InvalidInputError
        The gauge has too many facets: linf beyond d = 6.

    Examples
    --------
    >>> from smoothing.expressions import t
    >>> crystal_noise("linf", 2, t, sigma=1.0).psi
    norm(x, 1)
    >>> noise = crystal_noise("linf", 3, t**2 / 2)
    >>> round(noise.sigma, 6)
    0.790569
    """
    adversary, d = _read(norm, dim)
    radius = _gauge(adversary, d)
    potential = g(radius) if callable(g) else sympy.sympify(g, strict=True).subs(t, radius)
    support = None if within is None else radius <= sympy.Rational(repr(float(within)))
    return SmoothingDistribution(potential, dim=d, support=support, scale=scale, sigma=sigma)


def _gauge(adversary: Norm, dim: int) -> sympy.Expr:
    if isinstance(adversary, LpNorm) and adversary.p == 1:
        return dim * norm_of(x, sympy.oo)
    if isinstance(adversary, LpNorm) and adversary.p == 2:
        return norm_of(x, 2) / sympy.Rational(repr(_mean_cosine(dim)))
    factor = sympy.Rational(4, _vertex_count(adversary, dim))
    rows = _vertices(adversary, dim)
    return gauge(x, zonotope(*([factor * sympy.Rational(repr(v)) for v in row] for row in rows)))


def _read(norm: object, dim: int | None) -> tuple[Norm, int]:
    adversary = as_norm(norm)
    if isinstance(adversary, PolytopeNorm):
        if dim is not None and dim != adversary.dim:
            raise InvalidInputError(
                f"dim must be that of the vertices, {adversary.dim}, got {dim!r}; leave it out"
            )
        _check_vertices(adversary)
        return adversary, adversary.dim
    if not isinstance(adversary, LpNorm) or adversary.p not in (1.0, 2.0, math.inf):
        raise InvalidInputError(
            f"norm must be l1, l2, linf or a PolytopeNorm, got {adversary.name}; its ball has "
            "infinitely many extreme points and no uniform law on them is singled out"
        )
    if dim is None:
        raise InvalidInputError("dim must be an integer >= 1, got None; pass the dimension")
    return adversary, check_dim(dim)


def _check_vertices(adversary: PolytopeNorm) -> None:
    """Refuse rows that are no vertices: they would enter the mean over vertices."""
    rows, dim = adversary.vertices, adversary.dim
    if dim > MAX_DIM or len(rows) > MAX_VERTICES:
        return  # beyond Qhull the rows are taken at their word
    extreme = hull_of(rows).vertices if dim > 1 else np.unique(rows, return_index=True)[1][[0, -1]]
    if len(extreme) < len(rows):
        row = int(np.setdiff1d(np.arange(len(rows)), extreme)[0])
        raise InvalidInputError(
            f"vertices must be the vertices of their hull, but row {row}, {rows[row].tolist()}, is "
            "none or is repeated; remove it"
        )


def _vertices(adversary: Norm, dim: int) -> list[list[float]]:
    """One vertex of every pair v, -v."""
    if isinstance(adversary, PolytopeNorm):
        return adversary.orbit_representatives(dim).tolist()
    assert isinstance(adversary, LpNorm)
    if adversary.p == 1:
        return np.eye(dim).tolist()
    if adversary.p == 2:
        raise InvalidInputError("the ball of l2 has no vertices; its crystal is crystal('l2', dim)")
    if dim > MAX_GENERATOR_DIM:
        raise InvalidInputError(
            f"the crystal of linf must have at most {2 ** (MAX_GENERATOR_DIM - 1):,} generators, "
            f"dim <= {MAX_GENERATOR_DIM}, got 2^{dim - 1} for dim = {dim}; crystal_norm gives the "
            "norm and crystal_growth the growth in every dimension"
        )
    signs = itertools.product((1.0, -1.0), repeat=dim - 1)
    return [[1.0, *rest] for rest in signs]


def _vertex_count(adversary: Norm, dim: int) -> int:
    return 2 * len(_vertices(adversary, dim))


def _mean_cosine(dim: int) -> float:
    """E|v_1| for v uniform on the unit sphere: Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2))."""
    from numerics.stable import log_gamma_ratio

    return math.exp(-float(log_gamma_ratio(dim / 2, 0.5))) / math.sqrt(math.pi)
