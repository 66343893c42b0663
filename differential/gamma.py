"""Which directions matter for a structure and an adversary, and the law of gamma along each.

The vertices of the adversary's ball are reduced by the symmetries of the density to one
representative u per orbit (spec 2, "Which u"). `HANDLERS` is the differential engine's switch:
the first handler that covers a structure and the norm returns a recipe for Phi.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import sympy

from differential.law import Law
from differential.mixed_laws import mixed_phi
from differential.orbit_laws import cross_polytope_phi, cubical_phi, longest, product_phi
from differential.phi import Direction, Phi
from differential.polytope_laws import polytope_directions, vertex_pairs
from differential.product_laws import coordinate_law
from differential.radial_laws import lattice_law, sign_law, spherical_law
from differential.vertex_orbits import canonical_vertices, signed_orbits
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Mixed, PolytopeRadial, Product, Radial, Structure

__all__ = ["HANDLERS", "Coverage", "Handler", "cover", "uncovered_reason"]

#: A recipe for Phi that costs nothing until it is called.
Coverage = Callable[[], Phi]


@dataclass(frozen=True)
class Handler:
    """A kind of structure, what it is covered against (in words), and the recipe.

    `recipe(structure, norm, structures)` returns None where the handler does not apply;
    `structures` are all structures of the density.
    """

    structure: type
    covers: str
    recipe: Callable[..., Coverage | None]


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
    found = sorted(structures, key=str)
    # In one dimension every l_p norm is |x|.
    norm = LpNorm(1) if dim == 1 and isinstance(adversary, LpNorm) else adversary
    for handler in HANDLERS:
        for structure in found:
            if isinstance(structure, handler.structure):
                recipe = handler.recipe(structure, norm, found)
                if recipe is not None:
                    return recipe
    return None


def uncovered_reason(structures: Iterable[Structure], adversary: Norm) -> str:
    """Why `cover` returned None, in a sentence."""
    kinds = ", ".join(sorted({_describe(s) for s in structures}))
    covered = "; ".join(handler.covers for handler in HANDLERS)
    return (
        f"the differential laws cover {covered}; got a density that is {kinds} against "
        f"{adversary.name}"
    )


def _describe(structure: Structure) -> str:
    if isinstance(structure, Radial):
        return f"radial in l_{structure.order}"
    if isinstance(structure, PolytopeRadial):
        return "radial in the gauge of a polytope"
    return type(structure).__name__.lower()


def _order(adversary: Norm) -> float | None:
    """1, 2 or inf for these l_p norms, else None."""
    known = isinstance(adversary, LpNorm) and adversary.p in (1.0, 2.0, math.inf)
    return adversary.p if known and isinstance(adversary, LpNorm) else None


def _with_reverse(name: str, law: Law, factor: float = 1.0) -> tuple[Direction, ...]:
    forward = Direction(name, law, factor)
    return (forward,) if law.is_symmetric else (forward, forward.reversed)


def _product_axes(product: Product, norm: Norm, _: list[Structure]) -> Coverage | None:
    if _order(norm) != 1:
        return None

    def build() -> Phi:
        directions: list[Direction] = []
        for index, marginal in enumerate(product.marginals):
            coordinate = 0 if product.indices is None else product.indices[index][0]
            directions += _with_reverse(f"e{coordinate + 1}", coordinate_law(marginal))
        return Phi(tuple(directions))

    return build


def _spherical(radial: Radial, norm: Norm, structures: list[Structure]) -> Coverage | None:
    order = _order(norm)
    if radial.order != 2 or order is None:
        return None
    # All u of one length are alike; the longest vertex of the l_inf ball has length sqrt(d).
    factor = math.sqrt(radial.dim) if order == math.inf else 1.0
    name = "(1,...,1)" if order == math.inf else "e1"

    def build() -> Phi:
        products = [s for s in structures if isinstance(s, Product) and len(s.marginals) == 1]
        law = coordinate_law(products[0].marginals[0]) if products else spherical_law(radial)
        return Phi(_with_reverse(name, law, factor))

    return build


def _polyhedral(radial: Radial, norm: Norm, _: list[Structure]) -> Coverage | None:
    order = _order(norm)
    if radial.order == 2 or order not in (1, math.inf):
        return None
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


def _polytope(radial: PolytopeRadial, norm: Norm, _: list[Structure]) -> Coverage | None:
    vertices = vertex_pairs(norm, radial.dim)
    return None if vertices is None else lambda: Phi(polytope_directions(radial, vertices))


def _vertices_radial(radial: Radial, norm: Norm, structures: list[Structure]) -> Coverage | None:
    vertices = signed_orbits(norm, radial.dim)
    if vertices is None or _order(norm) is not None:
        return None
    if radial.order != 2:
        build = cubical_phi if radial.order == sympy.oo else cross_polytope_phi
        return lambda: build(radial, vertices)

    def spherical() -> Phi:
        products = [s for s in structures if isinstance(s, Product) and len(s.marginals) == 1]
        law = coordinate_law(products[0].marginals[0]) if products else spherical_law(radial)
        return Phi(_with_reverse("the longest vertex", law, longest(vertices)))

    return spherical


def _vertices_product(product: Product, norm: Norm, _: list[Structure]) -> Coverage | None:
    vertices = canonical_vertices(norm, product)
    return None if vertices is None else lambda: product_phi(product, vertices)


def _vertices_mixed(mixed: Mixed, norm: Norm, _: list[Structure]) -> Coverage | None:
    vertices = signed_orbits(norm, mixed.dim)
    # a vertex with one entry leaves a law that no transform resolves
    if vertices is None or (np.count_nonzero(vertices, axis=1) < 2).any():
        return None
    return lambda: mixed_phi(mixed, vertices)


#: Tried in this order; exact laws come before bounds.
HANDLERS: tuple[Handler, ...] = (
    Handler(Product, "products against l1", _product_axes),
    Handler(Radial, "l_2 radial densities against l1, l2 and linf", _spherical),
    Handler(Radial, "l1 and l_inf radial densities against l1 and linf", _polyhedral),
    Handler(Radial, "radial densities against polytope norms", _vertices_radial),
    Handler(Product, "products against linf and polytope norms", _vertices_product),
    Handler(Mixed, "mixed norms against linf and polytopes without l1 vertices", _vertices_mixed),
    Handler(PolytopeRadial, "polytope gauges against l1, linf and polytope norms", _polytope),
)
