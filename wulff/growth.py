r"""How fast the mass of a set can grow under uniform noise (RSAS, Theorems G.7 to G.15).

For the uniform density on a convex body S of volume 1, Phi = sup_v |v| Vol(Pi_v S) over v in the
adversary's ball; for a body of another size it is divided by Vol(S)^((d-1)/d), which scales the
body to volume 1. The function is convex in v, so vertices of the ball decide.
"""

from __future__ import annotations

import math

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.bounds import Bounds
from numerics.errors import InvalidInputError, invalid
from smoothing.norms import LpNorm, Norm, PolytopeNorm, as_norm
from wulff.bodies import LpBall
from wulff.hull import hull_facets, hull_volume, zonotope_vertices
from wulff.products import mean_absolute_product
from wulff.sign_determinants import log_mean_determinant
from wulff.zonotope import Zonotope

__all__ = ["crystal_growth", "growth", "growth_limit"]

Array = NDArray[np.float64]

#: Closed forms lose a few eps times log of the volume over d; sums of determinants a few eps.
CLOSED_ERROR = 1e-13
SUM_ERROR = 1e-12
#: Vertices of the ball of linf that are tried one by one.
MAX_VERTEX_PAIRS = 2**15

#: Limits for d -> oo of d^(-power) Phi, by the order of the body and of the adversary's norm.
_E, _ROOT_E = sympy.E, sympy.sqrt(sympy.E)
_HALF = sympy.Rational(1, 2)
_LIMITS: dict[tuple[float, float], tuple[sympy.Expr, sympy.Expr]] = {
    (math.inf, 1.0): (sympy.S.One, sympy.S.Zero),  # G.8
    (math.inf, 2.0): (sympy.S.One, _HALF),
    (math.inf, math.inf): (sympy.S.One, sympy.S.One),  # G.11
    (2.0, 1.0): (_ROOT_E, sympy.S.Zero),  # G.9
    (2.0, 2.0): (_ROOT_E, sympy.S.Zero),
    (2.0, math.inf): (_ROOT_E, _HALF),
    (1.0, 1.0): (_E, sympy.S.Zero),  # G.10
    (1.0, 2.0): (_E, sympy.S.Zero),
    (1.0, math.inf): (_E * sympy.sqrt(2 / sympy.pi), _HALF),  # G.12
}


def growth(body: LpBall | Zonotope | PolytopeNorm, adversary: object) -> Bounds:
    """Phi of the uniform density on the copy of a body that has volume 1.

    Parameters
    ----------
    body : LpBall, Zonotope or PolytopeNorm
        A PolytopeNorm stands for its unit ball.
    adversary : Norm or {"l1", "l2", "linf"}

    Returns
    -------
    Bounds
        Growth per unit of the adversary's norm, constant for probabilities strictly between the
        ends. R(rho) >= (rho - 1/2) Vol^(1/d) / Phi.

    Raises
    ------
    InvalidInputError
        The supremum over the adversary's ball cannot be taken; the message says why.

    Examples
    --------
    >>> cube = LpBall(float("inf"), 1.0, 3072)
    >>> round(float(growth(cube, "l1").midpoint), 9), round(float(growth(cube, "linf").midpoint), 6)
    (1.0, 3072.0)
    """
    norm = as_norm(adversary)
    if isinstance(body, LpBall):
        return _ball_growth(body, norm)
    shadow, volume, dim = _shadow_generators(body)
    factor = volume ** ((dim - 1) / dim)
    if isinstance(norm, LpNorm) and norm.p == 2:
        # |v| Vol(Pi_v) = sum_T |<n_T, v>| is the support function of the zonotope of 2 n_T.
        largest = float(np.linalg.norm(zonotope_vertices(2 * shadow), axis=1).max())
    else:
        largest = float(np.abs(_vertex_pairs(norm, dim) @ shadow.T).sum(axis=1).max())
    return Bounds.around(largest / factor, relative=SUM_ERROR)


def growth_limit(order: float, adversary: object) -> tuple[sympy.Expr, sympy.Expr]:
    """Limit of d^(-power) Phi for the ball of an order against l1, l2 or linf, and the power.

    Examples
    --------
    >>> growth_limit(1, "linf")
    (sqrt(2)*E/sqrt(pi), 1/2)
    """
    norm = as_norm(adversary)
    key = (float(order), norm.p if isinstance(norm, LpNorm) else math.nan)
    if key not in _LIMITS:
        raise invalid("order and adversary", "each 1, 2 or inf", (order, norm.name), "see G.8-G.12")
    return _LIMITS[key]


def crystal_growth(adversary: object, dim: int) -> Bounds:
    """Phi of the crystal's own uniform density at volume 1, (d / 2) Vol(Z)^(1/d), in any dimension.

    The cone measure gives E|<grad, v>| = 1 for every vertex v: the mean over v is the dual gauge of
    the gradient, which is 1, and symmetry makes the terms equal. For linf,
    Vol(Z) = 2^d E|det X| / d! with random signs X (Lemma G.16), bounded by two moments.

    Examples
    --------
    >>> crystal_growth("l1", 5).midpoint
    1.0
    >>> phi = crystal_growth("linf", 3072)
    >>> round(phi.lower / math.sqrt(3072), 3), round(phi.upper / math.sqrt(3072), 3)
    (1.644, 1.646)
    """
    norm = as_norm(adversary)
    if isinstance(norm, LpNorm) and norm.p == 1:
        return Bounds.exact(1.0)
    if isinstance(norm, LpNorm) and norm.p == 2:
        return _ball_growth(LpBall(2.0, 1.0, dim), norm)
    if isinstance(norm, PolytopeNorm) or not isinstance(norm, LpNorm) or norm.p != math.inf:
        raise invalid("adversary", '"l1", "l2" or "linf"', norm.name, "use growth(crystal(norm))")
    log_mean = log_mean_determinant(dim)
    value = ((log_mean - math.lgamma(dim + 1)) / dim).exp() * dim * _around_one(CLOSED_ERROR)
    # Theorem G.7: no body does better, the ball included
    return value.minimum(_ball_growth(LpBall(2.0, 1.0, dim), norm)) if dim > 1 else value


def _around_one(error: float) -> Bounds:
    return Bounds.around(1.0, relative=error)


def _ball_growth(body: LpBall, norm: Norm) -> Bounds:
    """(shadow ratio of the worst v) Vol^(1/d) at radius 1."""
    unit = LpBall(body.order, 1.0, body.dim)
    ratio = _worst_ratio(unit, norm)
    return ratio * Bounds.around(unit.log_volume / body.dim, absolute=CLOSED_ERROR / 10).exp()


def _worst_ratio(body: LpBall, norm: Norm) -> Bounds:
    d = body.dim
    if isinstance(norm, PolytopeNorm):
        ratios = [body.shadow_ratio(v) for v in norm.orbit_representatives(d)]
        slack = CLOSED_ERROR
        if body.order == 1:
            slack += max(
                float(mean_absolute_product(v).relative_width)
                for v in norm.orbit_representatives(d)
            )
        return Bounds.around(max(ratios), relative=slack)
    if not isinstance(norm, LpNorm):
        raise invalid("adversary", "an LpNorm or a PolytopeNorm", norm.name, "use one of these")
    p = norm.p
    if body.order == 1:
        if p > 2 and p != math.inf:
            raise invalid("p", "at most 2, or inf, for a cross polytope", p, "the worst v is open")
        # E|<eps, v>| <= |v|_2 <= |v|_p with equality at e_1
        worst = mean_absolute_product(np.ones(d)) if p == math.inf else Bounds.exact(1.0)
        return worst * (d / 2) * _around_one(CLOSED_ERROR)
    vector = np.ones(d) if body.order == math.inf else np.eye(1, d)[0]
    length = 1.0
    if body.order == math.inf:
        length = d ** (0.0 if p == math.inf else -1 / p)  # |v|_1 is largest at v with equal entries
    elif p > 2:
        length = d ** (0.5 if p == math.inf else 0.5 - 1 / p)
    return Bounds.around(body.shadow_ratio(vector) * length, relative=CLOSED_ERROR)


def _shadow_generators(body: Zonotope | PolytopeNorm) -> tuple[Array, float, int]:
    """Vectors n with |v| Vol(Pi_v) = sum |<n, v>|, the volume and the dimension."""
    if isinstance(body, PolytopeNorm):
        normals, _, areas = hull_facets(body.vertices)
        return normals * areas[:, None] / 2, hull_volume(body.vertices), body.dim
    boundary, d = body.boundary, body.dim
    # area of a facet times its normal is d Vol(cone) times the gradient; pairs count once
    weights = d * boundary.volume * boundary.shares / 2
    return boundary.gradients * weights[:, None], boundary.volume, d


def _vertex_pairs(norm: Norm, dim: int) -> Array:
    if isinstance(norm, PolytopeNorm):
        return norm.orbit_representatives(dim)
    if isinstance(norm, LpNorm) and norm.p == 1:
        return np.eye(dim)
    if not isinstance(norm, LpNorm) or norm.p != math.inf:
        raise InvalidInputError(
            f"adversary must be l1, l2, linf or a PolytopeNorm for a polytope, got {norm.name}; "
            "the supremum over other balls is not reduced to finitely many directions"
        )
    if 2 ** (dim - 1) > MAX_VERTEX_PAIRS:
        raise InvalidInputError(
            f"the ball of linf must have at most {MAX_VERTEX_PAIRS:,} pairs of vertices, got "
            f"2^{dim - 1}; use crystal_growth or an LpBall, which have closed forms"
        )
    codes = np.arange(2 ** (dim - 1))[:, None] >> np.arange(dim) & 1
    return np.asarray(1.0 - 2.0 * codes)
