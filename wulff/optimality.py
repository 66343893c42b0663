"""What limits Phi(1/2) among noises with crystal level sets (RSAS, Theorem G.21)."""

from __future__ import annotations

import math

import numpy as np
import sympy

from numerics.errors import AssumptionError
from numerics.validation import check_positive
from smoothing.distribution import SmoothingDistribution
from smoothing.gauges import zonotope
from smoothing.norms import as_norm
from smoothing.one_dim import radius_density
from smoothing.raw_moments import raw_moment
from smoothing.structure import RADIUS, PolytopeRadial, Radial
from wulff.bodies import LpBall
from wulff.crystal import crystal
from wulff.zonotope import Zonotope

__all__ = ["crystal_constant", "crystal_lower_bound", "expected_gauge"]


def crystal_constant(adversary: object, dim: int) -> float:
    """C = (1/2) E|<gradient of the crystal's gauge, u>| over the cone measure, u a vertex.

    It is 1/2 for every norm: the gradient g has dual gauge E_v|<g, v>| = 1 everywhere, and by
    symmetry all vertices have the same E|<g, u>|. Computed here from cones or projections.

    Examples
    --------
    >>> round(crystal_constant("linf", 3), 12), round(crystal_constant("l2", 100), 12)
    (0.5, 0.5)
    """
    body, norm = crystal(adversary, dim), as_norm(adversary)
    representatives = norm.orbit_representatives(dim)
    if representatives is None:
        raise AssumptionError(f"the constant needs a vertex of the ball of {norm.name}")
    vertex = representatives[0]
    if isinstance(body, Zonotope):
        values, chances = body.boundary.slopes(vertex)
        return float(values @ chances)
    # |v| Vol(Pi_v Z) / Vol(Z) = (d / 2) E|<gradient, v>|
    return body.shadow_ratio(vertex) / body.radius / dim


def expected_gauge(q: SmoothingDistribution, adversary: object, order: float = 1.0) -> float:
    """(E r^order)^(1/order) for the gauge r of the crystal at the noise.

    Raises
    ------
    AssumptionError
        The noise is not radial in the gauge of the adversary's crystal.
    """
    structure, factor = _in_crystal(q, adversary)
    potential = structure.profile - (structure.dim - 1) * sympy.log(RADIUS)
    if float(order).is_integer():
        law = radius_density(structure)
        moment = raw_moment(law, potential, RADIUS, structure.support, int(order))
        return float(factor * q.scale * moment ** (1 / order))
    raise AssumptionError(f"order must be a positive integer, got {order!r}; pass 1 or 2")


def crystal_lower_bound(q: SmoothingDistribution, adversary: object, order: float = 1.0) -> float:
    """Theorem G.21: Phi(1/2) >= (d - 1) C / (E r^order)^(1/order), r the gauge of the crystal.

    Parameters
    ----------
    q : SmoothingDistribution
        Radial in the gauge of the crystal.
    adversary : {"l1", "l2", "linf"} or PolytopeNorm
    order : int
        The k of the theorem.

    Returns
    -------
    float
        0 when the moment is infinite. The steps lost are E|g'| >= E g' (nothing when g does not
        decrease), E g' = (d - 1) E 1/r (nothing), and Hoelder's inequality.

    Examples
    --------
    >>> from smoothing.families import laplace, uniform_cube
    >>> round(crystal_lower_bound(uniform_cube(dim=10, scale=1.0), "l1"), 6)
    0.495
    """
    check_positive("order", order)
    moment = expected_gauge(q, adversary, order)
    return 0.0 if math.isinf(moment) else (q.dim - 1) * crystal_constant(adversary, q.dim) / moment


def _in_crystal(
    q: SmoothingDistribution, adversary: object
) -> tuple[Radial | PolytopeRadial, float]:
    """The radial structure and what turns its radius into the gauge of the crystal."""
    body = crystal(adversary, q.dim)
    for structure in sorted(q.structures, key=str):
        if isinstance(structure, Radial) and isinstance(body, LpBall):
            order = math.inf if structure.order is sympy.oo else float(structure.order)
            if order == body.order or q.dim == 1:
                return structure, 1 / body.radius
        if isinstance(structure, PolytopeRadial) and isinstance(body, Zonotope):
            assert isinstance(structure.body, zonotope)
            other = structure.body.generators
            ratio = Zonotope(other).volume / body.volume
            factor = ratio ** (1 / q.dim)
            if _equal(Zonotope(other / factor), body):
                return structure, factor
    raise AssumptionError(
        f"psi must be a function of the gauge of the crystal of {as_norm(adversary).name}, a "
        f"{body.name}; build the noise with wulff.crystal_noise"
    )


def _equal(first: Zonotope, second: Zonotope) -> bool:
    """Whether two zonotopes have the same generators, in any order."""
    if first.generators.shape != second.generators.shape:
        return False
    one, two = (z.generators[np.lexsort(np.round(z.generators, 9).T)] for z in (first, second))
    return bool(np.allclose(one, two, atol=1e-8))
