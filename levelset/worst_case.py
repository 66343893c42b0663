"""The shifts that are worst for an adversary, as far as theorems say so, with their conditions.

A ray is returned with `proved_by` where a theorem applies and its conditions on psi hold. Where the
geometry can be integrated but no theorem is known, `proved_by` is None: the result is then the
tight radius *along this direction*, an upper bound on what any certificate from rho alone can give.

References
----------
.. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020.
.. [2] Zhang et al., Black-Box Certification with Randomized Smoothing: A Functional
   Optimization Based Framework, NeurIPS 2020.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import sympy

from levelset import shapes
from levelset.cross_polytope import cross_polytope_law
from levelset.cubical import axis_law, equal_law
from levelset.mixed import MixedRay
from levelset.product import AxisRay
from levelset.product_sums import ProductRay
from levelset.radial import RadialRay
from levelset.ray import Ray, Refusal
from levelset.spherical import sphere_law
from levelset.uniform import UniformRay, overlap_radius
from numerics.rounding import FloatArray
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm
from smoothing.structure import (
    COORDINATE,
    RADIUS,
    Marginal,
    Mixed,
    Product,
    Radial,
    Structure,
    Uniform,
)

__all__ = [
    "CONVEX_SETS",
    "E1",
    "ONES",
    "UNIMODAL",
    "mixed_ray",
    "ordered",
    "product_ray",
    "rays",
]

E1, ONES = "r*e_1", "r*(1,...,1)"

SPHERICAL = "Yang et al. 2020, I.8: of an l2 radial density only the 2-norm of the shift counts"
ZHANG_2 = "Zhang et al. 2020, Theorem 2: ||z||_1^-k exp(-||z||_1/b), l1"
ZHANG_3 = "Zhang et al. 2020, Theorem 3: ||z||_oo^-k exp(-||z||_2^2/(2 s^2)), l_oo"
LOG_CONCAVE = "Yang et al. 2020, Theorem I.2: even log-concave coordinates, l1"
LINE = "dimension 1 and an even density: there is only one shift of each size"
UNIFORM = "Brunn-Minkowski: shifts of equal overlap bound a convex body (Yang et al. 2020, I.8)"
"""Proofs of worst directions, as `proved_by` of a ray."""

CONVEX_SETS = "an even density with convex superlevel sets: overlaps of shifted sets only shrink"
SUPREMUM = "the theorem on the worst shift holds on whole balls, and larger balls hold smaller ones"
UNIMODAL = "an even unimodal coordinate: overlaps of shifted intervals only shrink"
"""Why D does not decrease along a ray."""


def rays(smoothing: SmoothingDistribution, adversary: str | Norm) -> Ray | Refusal:
    """The ray along which an adversary does most harm.

    Parameters
    ----------
    smoothing : SmoothingDistribution
    adversary : {"l1", "l2", "linf"} or Norm
        Distances along the ray are measured in this norm.

    Returns
    -------
    Ray or Refusal
        `proved_by` of the ray names the theorem, or is None where none is known.

    Examples
    --------
    >>> from smoothing.families import exp_l2, exp_linf
    >>> rays(exp_l2(10, k=1), "linf").direction
    'r*(1,...,1)'
    >>> rays(exp_linf(10, k=1), "l1").proved_by is None
    True
    """
    norm = as_norm(adversary)
    if smoothing.black_box is not None:
        return Refusal("the density is known only through callables and cannot be integrated")
    if not isinstance(norm, LpNorm):
        return Refusal(f"the worst shift against {norm.name} is not known")
    found = [r for s in ordered(smoothing) if (r := _worst(s, norm, smoothing.scale)) is not None]
    proved = [r for r in found if r.proved_by is not None]
    if found:
        return (proved or found)[0]
    kinds = ", ".join(sorted(type(s).__name__ for s in smoothing.structures))
    return Refusal(f"no shift of this density ({kinds}) can be integrated against {norm.name}")


def ordered(smoothing: SmoothingDistribution) -> list[Structure]:
    """Exact overlaps first, then one integral, then sums."""
    ranks: dict[type, int] = {Uniform: 0, Radial: 1, Product: 2, Mixed: 3}
    known = [s for s in smoothing.structures if type(s) in ranks]
    return sorted(known, key=lambda s: (ranks[type(s)], str(s)))


def _worst(structure: Structure, norm: LpNorm, scale: float) -> Ray | None:
    if isinstance(structure, Uniform):
        worst = overlap_radius(structure, norm)
        if worst is None:
            return None
        name = _uniform_name(structure, norm)
        exact = replace(worst, length=worst.length * scale)
        return UniformRay(exact.defect, name, UNIFORM, CONVEX_SETS, exact)
    if isinstance(structure, Radial):
        return _worst_radial(structure, norm, scale)
    if isinstance(structure, Product):
        return _worst_product(structure, norm, scale)
    if isinstance(structure, Mixed) and math.isinf(norm.p):
        return mixed_ray(structure, scale)
    return None


def _uniform_name(body: Uniform, norm: LpNorm) -> str:
    return ONES if body.order == sympy.oo and norm.p >= 2 and body.dim > 1 else E1


def _worst_radial(radial: Radial, norm: LpNorm, scale: float) -> Ray | None:
    d, p = radial.dim, norm.p
    falls = shapes.is_decreasing(radial)
    monotone = CONVEX_SETS if falls else None
    if radial.order == 2:
        # Only the 2-norm of the shift counts; the longest shift of p-norm 1 is e_1 or equal.
        equal = p > 2
        length = d ** (0.5 - 1 / p) if equal else 1.0
        proof = SPHERICAL if falls else None
        return RadialRay(
            radial, sphere_law(d), scale, length, ONES if equal else E1, proof, monotone
        )
    if radial.order == 1 and p == 1:
        proof = ZHANG_2 if shapes.linear_plus_logarithm(radial.profile, RADIUS) else None
        return RadialRay(radial, cross_polytope_law(d), scale, 1.0, E1, proof, monotone)
    if radial.order == sympy.oo and p == 1:
        return RadialRay(radial, axis_law(d), scale, 1.0, E1, None, monotone)
    if radial.order == sympy.oo and math.isinf(p):
        return RadialRay(radial, equal_law(d), scale, 1.0, ONES, None, monotone)
    return None


def _worst_product(product: Product, norm: LpNorm, scale: float) -> Ray | None:
    d = product.dim
    if d == 1 or norm.p == 1:
        # With unlike marginals each coordinate has its own ray, and no one of them is the worst.
        if len(product.marginals) > 1:
            return None
        marginal = product.marginals[0]
        concave = shapes.is_even_log_concave(marginal)
        proof = LOG_CONCAVE if concave else None
        if d == 1 and shapes.is_even_marginal(marginal):
            proof = LINE
        # Log-concave coordinates need few entries; others thousands, which radial sums give.
        folds = shapes.is_even_unimodal(marginal) and not concave
        if folds and not shapes.is_flat_at_zero(marginal):
            return RadialRay(_folded(marginal), equal_law(1), scale, 1.0, E1, proof, UNIMODAL)
        unimodal = shapes.is_even_unimodal(marginal)
        return AxisRay(marginal, scale, E1, proof, UNIMODAL if unimodal else None)
    if math.isinf(norm.p):
        return product_ray(product, np.ones(d), scale, ONES)
    return None


def _folded(marginal: Marginal) -> Radial:
    """An even coordinate as the radial density of its size: a cube in dimension 1."""
    profile = marginal.phi.subs(COORDINATE, RADIUS)
    return Radial(sympy.Integer(2), profile, (sympy.S.Zero, marginal.support[1]), 1)


def product_ray(product: Product, unit: FloatArray, scale: float, name: str) -> Ray:
    convex = all(shapes.is_even_log_concave(m) for m in product.marginals)
    return ProductRay(product, unit, scale, name, None, CONVEX_SETS if convex else None)


def mixed_ray(mixed: Mixed, scale: float) -> Ray:
    phi, profile = mixed.phi, mixed.profile
    k = sympy.simplify(RADIUS * sympy.diff(profile, RADIUS))
    quadratic = sympy.simplify(sympy.diff(phi, COORDINATE, 2))
    covered = (
        k.is_number
        and k >= 0
        and quadratic.is_number
        and quadratic > 0
        and phi.subs(COORDINATE, 0) == 0
        and sympy.diff(phi, COORDINATE).subs(COORDINATE, 0) == 0
    )
    proof = ZHANG_3 if covered else None
    return MixedRay(mixed, scale, ONES, proof, SUPREMUM if covered else None)
