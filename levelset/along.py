"""The ray through any shift that can be integrated, worst or not."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from levelset import shapes
from levelset.cross_polytope import cross_polytope_law
from levelset.cubical import axis_law, equal_law
from levelset.laws import Law
from levelset.product import AxisRay
from levelset.radial import RadialRay
from levelset.ray import Ray
from levelset.spherical import sphere_law
from levelset.uniform import UniformRay, overlap_defect
from levelset.worst_case import CONVEX_SETS, ONES, UNIMODAL, mixed_ray, ordered, product_ray
from numerics.errors import UnsupportedPairError
from numerics.rounding import FloatArray
from numerics.validation import check_vector
from smoothing.distribution import SmoothingDistribution
from smoothing.structure import Marginal, Mixed, Product, Radial, Structure, Uniform

__all__ = ["ray"]


def ray(smoothing: SmoothingDistribution, shift: ArrayLike) -> Ray:
    """The ray through a given shift; distance 1 along it is the shift itself.

    Raises
    ------
    InvalidInputError
        The shift is not a vector of `dim` finite numbers, or is zero.
    UnsupportedPairError
        The geometry of density and shift is not covered.
    """
    v = check_vector("shift", shift, smoothing.dim)
    for structure in ordered(smoothing):
        found = _along(structure, v, smoothing.scale)
        if found is not None:
            return found
    kinds = ", ".join(sorted(type(s).__name__ for s in smoothing.structures))
    raise UnsupportedPairError(
        f"the shift has no growth function for this density ({kinds}): products and l2 radial and "
        "uniform densities take any shift, l_oo radial ones r*e_i and r*(1,...,1), l1 radial ones "
        "r*e_i, mixed ones r*(1,...,1)"
    )


def _along(structure: Structure, v: FloatArray, scale: float) -> Ray | None:
    support = np.flatnonzero(v)
    largest = float(np.abs(v).max())
    along_axis, equal = len(support) == 1, bool(np.all(np.abs(v) == largest))
    if isinstance(structure, Uniform):
        if overlap_defect(structure, v) is None:
            return None
        defect = partial(_defect, structure, v / scale)
        return UniformRay(defect, _name(v), None, CONVEX_SETS)
    if isinstance(structure, Radial):
        monotone = CONVEX_SETS if shapes.is_decreasing(structure) else None
        found = _radial_law(structure, v, along_axis, equal)
        if found is None:
            return None
        law, length = found
        return RadialRay(structure, law, scale, length, _name(v), None, monotone)
    if isinstance(structure, Product):
        if along_axis:
            index, step = int(support[0]), float(v[support[0]])
            marginal = _marginal_of(structure, index)
            unimodal = shapes.is_even_unimodal(marginal)
            sign = 1 if step > 0 else -1
            return AxisRay(
                marginal, scale / abs(step), _name(v), None, UNIMODAL if unimodal else None, sign
            )
        return product_ray(structure, v, scale, _name(v))
    if isinstance(structure, Mixed) and equal and np.all(v == v[0]):
        return mixed_ray(structure, scale / largest)
    return None


def _radial_law(
    radial: Radial, v: FloatArray, along_axis: bool, equal: bool
) -> tuple[Law, float] | None:
    """Law of the shifted gauge and the length of v in its units."""
    largest = float(np.abs(v).max())
    if radial.order == 2:
        return sphere_law(radial.dim), float(np.linalg.norm(v))
    if radial.order == 1:
        return (cross_polytope_law(radial.dim), largest) if along_axis else None
    if along_axis:
        return axis_law(radial.dim), largest
    return (equal_law(radial.dim), largest) if equal else None


def _defect(body: Uniform, v: FloatArray, r: float) -> float:
    defect = overlap_defect(body, r * v)
    assert defect is not None  # whether it is known does not depend on r
    return defect


def _marginal_of(product: Product, index: int) -> Marginal:
    if product.indices is None:
        return product.marginals[0]
    for marginal, indices in zip(product.marginals, product.indices, strict=True):
        if index in indices:
            return marginal
    raise AssertionError("every coordinate has a marginal")


def _name(v: FloatArray) -> str:
    support = np.flatnonzero(v)
    if len(support) == 1:
        return f"r*e_{support[0] + 1}" if v[support[0]] > 0 else f"-r*e_{support[0] + 1}"
    if np.all(v == v[0]):
        return ONES if v[0] > 0 else "-r*(1,...,1)"
    return "r*shift"
