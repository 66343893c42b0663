"""Laws of gamma = g'(r) A_u for densities radial in the gauge of a polytope (spec 2.2).

r has density proportional to r^(d-1) e^(-g(r)) in every gauge and is independent of
A_u = <u, gradient of the gauge>, which takes one value per facet, with the volume of the cone over
the facet as its probability. The body is symmetric about 0, hence so is A_u.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from differential.law import Law
from differential.law_expressions import LawExpressions, sign_expressions
from differential.parts import EmptyPart
from differential.phi import Direction
from differential.product_laws import RELATIVE_ERROR
from differential.quadrature_parts import lattice_part
from differential.value_panels import drift_part, radial_jumps
from smoothing.gauges import polytope_gauge
from smoothing.norms import LpNorm, Norm, PolytopeNorm
from smoothing.structure import RADIUS, PolytopeRadial

__all__ = ["polytope_directions", "polytope_law", "vertex_pairs"]

Array = NDArray[np.float64]

#: Laws of A_u that agree to this are taken for one law, and the budget carries it: 2e-15 was the
#: largest difference found between vertices that a symmetry exchanges.
SAME = 5e-13
#: Rounding of facet gradients and cone volumes, besides what `PolytopeGauge.residual` shows.
GEOMETRY_ERROR = 2 * SAME
#: The divergence theorem is an average over all cells; a single one may be worse than it.
RESIDUALS = 10.0


@lru_cache(maxsize=64)
def polytope_law(radial: PolytopeRadial, u: tuple[float, ...]) -> Law:
    """Law of gamma along u.

    Examples
    --------
    >>> from smoothing.gauges import zonotope
    >>> hexagon = zonotope((2, 0), (1, 1), (1, -1))
    >>> law = polytope_law(PolytopeRadial(hexagon, RADIUS, (sympy.S(0), sympy.oo), 2), (1.0, 0.0))
    >>> round(float(law.phi(0.5)), 12)
    0.166666666667
    """
    values, weights = polytope_gauge(radial.body).slopes(u)
    base = drift_part(radial)
    part, loss = (EmptyPart(), 0.0) if base is None else lattice_part(base, values, weights)
    theta = radial_jumps(radial) * float(values @ weights)
    geometry = GEOMETRY_ERROR + RESIDUALS * polytope_gauge(radial.body).residual
    error = 3 * RELATIVE_ERROR + geometry + loss
    return Law(part, part, theta, theta, error, _expressions(radial, values, weights))


def _expressions(radial: PolytopeRadial, values: Array, weights: Array) -> LawExpressions:
    """The mixture over facets of the law of |g'(r)| times a constant."""
    potential = radial.profile - (radial.dim - 1) * sympy.log(RADIUS)
    drift = radial.profile.diff(RADIUS)
    terms = [
        sign_expressions(RADIUS, potential, radial.support, sympy.Float(v) * drift, sympy.Float(w))
        for v, w in zip(values.tolist(), weights.tolist(), strict=True)
    ]
    return LawExpressions(
        lambda c, weighted: sympy.Add(*(t.total(c, weighted) for t in terms)), sympy.S.Zero
    )


def vertex_pairs(norm: Norm, dim: int) -> Array | None:
    """One of every pair u, -u of vertices of the ball; None when there are too many or infinitely.

    Examples
    --------
    >>> vertex_pairs(LpNorm(float("inf")), 2).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if isinstance(norm, PolytopeNorm):
        return norm.orbit_representatives(dim)
    if not isinstance(norm, LpNorm) or norm.p not in (1.0, math.inf):
        return None
    if norm.p == 1:
        return np.eye(dim)
    # Bodies have d <= 20 or so: beyond, their boundary has too many cells (MAX_CELLS).
    rest = itertools.product((1.0, -1.0), repeat=dim - 1)
    return np.array([(1.0, *signs) for signs in rest])


def polytope_directions(radial: PolytopeRadial, vertices: Array) -> tuple[Direction, ...]:
    """Directions with different laws; one is kept of those whose A_u have the same law."""
    body = polytope_gauge(radial.body)
    kept: list[tuple[Array, Array]] = []
    directions: list[Direction] = []
    for vertex in vertices:
        slopes = body.slopes(vertex)
        if any(_same(slopes, other) for other in kept):
            continue
        kept.append(slopes)
        name = f"({', '.join(f'{v:g}' for v in vertex)})"
        directions.append(Direction(name, polytope_law(radial, tuple(vertex.tolist()))))
    return tuple(directions)


def _same(first: tuple[Array, Array], second: tuple[Array, Array]) -> bool:
    if first[0].shape != second[0].shape:
        return False
    return all(
        bool(np.allclose(a, b, rtol=SAME, atol=0)) for a, b in zip(first, second, strict=True)
    )
