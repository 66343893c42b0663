"""Which directions matter for a structure and an adversary, and the law of gamma along each.

The vertices of the adversary's ball are reduced by the symmetries of the density to one
representative u per orbit (spec 2, "Which u"). This module is the differential engine's switch:
it says whether a pair is covered and, if so, returns Phi.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import sympy

from differential.law import Law
from differential.phi import Direction, Phi
from differential.product_laws import coordinate_law
from differential.radial_laws import lattice_law, sign_law, spherical_law
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Product, Radial, Structure

__all__ = ["Coverage", "cover", "uncovered_reason"]

#: A recipe for Phi that costs nothing until it is called.
Coverage = Callable[[], Phi]


def cover(structures: Iterable[Structure], adversary: Norm, dim: int) -> Coverage | None:
    """A recipe for Phi against the adversary, or None when no structure covers the pair.

    Examples
    --------
    >>> from smoothing.structure import COORDINATE, Marginal
    >>> gaussian = Product((Marginal(COORDINATE**2 / 2, (-sympy.oo, sympy.oo), 3),), 3)
    >>> recipe = cover([gaussian], LpNorm(1), 3)
    >>> round(float(recipe()(0.5)), 12)
    0.398942280401
    """
    found = sorted(structures, key=_specificity)
    order = _order(adversary, dim)
    products = [s for s in found if isinstance(s, Product)]
    if order == 1:
        for product in products:
            return _product_axes(product)
    for structure in found:
        if isinstance(structure, Radial) and structure.order == 2 and order is not None:
            return _spherical(structure, products, order)
    for structure in found:
        if isinstance(structure, Radial) and order in (1, math.inf):
            return _polyhedral(structure, float(order))
    return None


def uncovered_reason(structures: Iterable[Structure], adversary: Norm) -> str:
    """Why `cover` returned None, in a sentence."""
    kinds = ", ".join(sorted({_describe(s) for s in structures}))
    return (
        f"the differential laws cover products against l1, l_1 and l_inf radial densities against "
        f"l1 and linf, and l_2 radial densities against l1, l2 and linf; got a density that is "
        f"{kinds} against {adversary.name}"
    )


def _specificity(structure: Structure) -> int:
    return 0 if isinstance(structure, Product) else 1


def _describe(structure: Structure) -> str:
    if isinstance(structure, Radial):
        return f"radial in l_{structure.order}"
    return type(structure).__name__.lower()


def _order(adversary: Norm, dim: int) -> float | None:
    """1, 2 or inf; in one dimension every norm is |x|."""
    if not isinstance(adversary, LpNorm):
        return None
    if dim == 1:
        return 1.0
    return adversary.p if adversary.p in (1.0, 2.0, math.inf) else None


def _with_reverse(name: str, law: Law, factor: float = 1.0) -> tuple[Direction, ...]:
    forward = Direction(name, law, factor)
    return (forward,) if law.is_symmetric else (forward, forward.reversed)


def _product_axes(product: Product) -> Coverage:
    def build() -> Phi:
        directions: list[Direction] = []
        for index, marginal in enumerate(product.marginals):
            coordinate = 0 if product.indices is None else product.indices[index][0]
            directions += _with_reverse(f"e{coordinate + 1}", coordinate_law(marginal))
        return Phi(tuple(directions))

    return build


def _spherical(radial: Radial, products: list[Product], order: float) -> Coverage:
    # All u of one length are alike; the longest vertex of the l_inf ball has length sqrt(d).
    factor = math.sqrt(radial.dim) if order == math.inf else 1.0
    name = "(1,...,1)" if order == math.inf else "e1"

    def build() -> Phi:
        identical = [p for p in products if len(p.marginals) == 1]
        law = coordinate_law(identical[0].marginals[0]) if identical else spherical_law(radial)
        return Phi(_with_reverse(name, law, factor))

    return build


def _polyhedral(radial: Radial, order: float) -> Coverage:
    cubical = radial.order == sympy.oo
    name = "(1,...,1)" if order == math.inf else "e1"

    def build() -> Phi:
        if cubical:
            chance = 0.5 if order == math.inf else 0.5 / radial.dim
            return Phi((Direction(name, sign_law(radial, chance)),))
        if order == 1:
            return Phi((Direction(name, sign_law(radial, 0.5)),))
        return Phi((Direction(name, lattice_law(radial)),))

    return build
