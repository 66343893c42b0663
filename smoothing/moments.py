"""Noise level, mean and normaliser of a density, from its structure.

The laws of single coordinates and of the radius come from `one_dim`; this file knows how a vector
is put together from them (spec, Table A.2): given ||x||_a = r, the squared Euclidean norm has
expectation r^2 ((d - 1)/3 + 1) for a = oo, r^2 for a = 2 and 2 r^2 / (d + 1) for a = 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.errors import AssumptionError
from smoothing.canonical import is_even
from smoothing.gauges import polytope_gauge
from smoothing.raw_moments import raw_moment
from smoothing.structure import (
    COORDINATE,
    RADIUS,
    General,
    Marginal,
    Mixed,
    PolytopeRadial,
    Product,
    Radial,
    Structure,
)

if TYPE_CHECKING:
    from smoothing.one_dim import OneDimDensity

__all__ = [
    "log_normaliser",
    "log_unit_ball_volume",
    "marginal_mean",
    "mean",
    "preferred",
    "second_moment",
    "squared_norm_factor",
]

Array = NDArray[np.float64]


def preferred(structures: Iterable[Structure]) -> Structure:
    """The structure whose moments are easiest: independent coordinates before a radius."""
    ranks: tuple[type, ...] = (Product, Radial, PolytopeRadial, Mixed)
    found = list(structures)
    for rank in ranks:
        chosen = [s for s in found if isinstance(s, rank)]
        if chosen:
            return min(chosen, key=str)
    return found[0]


def squared_norm_factor(order: sympy.Expr, dimension: int) -> float:
    """E ||x||_2^2 / r^2 for x on the sphere ||x||_order = r with the cone measure.

    Examples
    --------
    >>> squared_norm_factor(sympy.oo, 4), squared_norm_factor(sympy.S(1), 3)
    (2.0, 0.5)
    """
    if order is sympy.oo:
        return (dimension - 1) / 3 + 1
    return 1.0 if order == 2 else 2 / (dimension + 1)


def log_unit_ball_volume(order: sympy.Expr, dimension: int) -> float:
    """Logarithm of the volume of the unit ball of the norm of order 1, 2 or oo."""
    if order is sympy.oo:
        return dimension * math.log(2)
    if order == 2:
        return dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2 + 1)
    return dimension * math.log(2) - math.lgamma(dimension + 1)


def second_moment(structure: Structure) -> float:
    """E ||x||_2^2 at scale 1; inf when it is infinite."""
    if isinstance(structure, Product):
        return math.fsum(m.count * _marginal_moment(m, 2) for m in structure.marginals)
    if isinstance(structure, Radial):
        factor = squared_norm_factor(structure.order, structure.dim)
        return factor * _radius_moment(structure, 2)
    if isinstance(structure, PolytopeRadial):
        factor = polytope_gauge(structure.body).squared_norm_factor
        return factor * _radius_moment(structure, 2)
    if isinstance(structure, Mixed):
        from smoothing.mixed_moments import mixed_second_moment

        return mixed_second_moment(structure)
    raise AssumptionError(
        f"sigma is not known for a density without structure ({_why(structure)}); pass scale="
    )


def mean(structure: Structure) -> Array:
    """Expectation of every coordinate at scale 1, shape (dim,)."""
    values = np.zeros(structure.dim)
    if isinstance(structure, Product):
        groups = structure.indices or (range(structure.dim),)
        for marginal, indices in zip(structure.marginals, groups, strict=True):
            values[list(indices)] = _marginal_moment(marginal, 1)
    elif isinstance(structure, General):
        raise AssumptionError(f"the mean is not known without structure ({_why(structure)})")
    return values


def log_normaliser(structure: Structure) -> float:
    """Logarithm of the integral of exp(-potential of the structure) over R^dim at scale 1."""
    if isinstance(structure, Product):
        return math.fsum(m.count * _marginal(m).log_normaliser for m in structure.marginals)
    if isinstance(structure, Radial):
        # volume of the shell between r and r + dr: d * vol(unit ball) * r^(d - 1) dr
        shell = math.log(structure.dim) + log_unit_ball_volume(structure.order, structure.dim)
        return shell + _radius(structure).log_normaliser
    if isinstance(structure, PolytopeRadial):
        volume = polytope_gauge(structure.body).volume
        return math.log(structure.dim * volume) + _radius(structure).log_normaliser
    if isinstance(structure, Mixed):
        from smoothing.mixed_moments import mixed_log_normaliser

        return mixed_log_normaliser(structure)
    raise AssumptionError(f"the normaliser is not known without structure ({_why(structure)})")


def _marginal(marginal: Marginal) -> OneDimDensity:
    from smoothing.one_dim import marginal_density

    return marginal_density(marginal)


def _radius(radial: Radial | PolytopeRadial) -> OneDimDensity:
    from smoothing.one_dim import radius_density

    return radius_density(radial)


def marginal_mean(marginal: Marginal) -> float:
    """Expectation of one coordinate at scale 1."""
    return _marginal_moment(marginal, 1)


def _marginal_moment(marginal: Marginal, order: int) -> float:
    if order == 1 and marginal.support[0] == -marginal.support[1] and is_even(marginal.phi):
        return 0.0
    return raw_moment(_marginal(marginal), marginal.phi, COORDINATE, marginal.support, order)


def _radius_moment(radial: Radial | PolytopeRadial, order: int) -> float:
    potential = radial.profile - (radial.dim - 1) * sympy.log(RADIUS)
    return raw_moment(_radius(radial), potential, RADIUS, radial.support, order)


def _why(structure: Structure) -> str:
    return structure.reason if isinstance(structure, General) else type(structure).__name__
