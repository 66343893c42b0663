"""All proven upper bounds of Phi for a pair, where no exact law covers it or beside one.

`majorant` is the switch that stands beside `differential.gamma.cover`: it says whether Phi has a
bound at all and returns a recipe for the smallest one that is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import sympy

from differential.gamma import cover
from differential.information import fisher_information, information_kind
from differential.majorant import Bound, Majorant, interpolated, scaled, smallest_of
from differential.majorants_cubical import cubical_bounds
from differential.majorants_exponential import (
    Growth,
    even_variance_bound,
    exponential_bounds,
    marginal_growth,
    square_growth,
    variance_bound,
)
from differential.majorants_rademacher import rademacher_bound
from differential.value_panels import radius_panels
from numerics.errors import AssumptionError, PrecisionError
from smoothing.canonical import is_even
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Product, Radial, Structure

__all__ = ["BoundRecipe", "known_bounds", "majorant"]

#: Up to this dimension the law against linf helps against l2 for products.
_FEW = 4
#: A recipe for a bound of Phi that costs nothing until it is called.
BoundRecipe = Callable[[], Bound]


def majorant(structures: Iterable[Structure], adversary: Norm, dim: int) -> BoundRecipe | None:
    """A recipe for the smallest known bound of Phi; None where nothing is known.

    Raises
    ------
    AssumptionError
        When called: no bound is finite, each reason named.

    Examples
    --------
    >>> from smoothing.structure import RADIUS
    >>> density = Radial(sympy.oo, RADIUS, (sympy.S.Zero, sympy.oo), 2)
    >>> bound = majorant([density], LpNorm(2), 2)()
    >>> round(float(bound(0.25)) * 4, 12), bound.winner(0.25)
    (1.0, 'exchange over coordinates')
    """
    found = sorted(structures, key=str)
    if dim == 1 or not any(isinstance(s, (Product, Radial)) for s in found):
        return None

    def build() -> Bound:
        bounds, reasons = known_bounds(found, adversary, dim)
        if not bounds:
            raise AssumptionError(f"no finite bound of Phi is known: {'; '.join(reasons)}")
        return smallest_of(bounds)

    return build


def known_bounds(
    structures: Iterable[Structure], adversary: Norm, dim: int
) -> tuple[list[Bound], list[str]]:
    """Every bound that applies besides an exact law, and why the others do not."""
    found = sorted(structures, key=str)
    bounds: list[Bound] = []
    reasons: list[str] = []
    for source in (_cubical, _interpolated, _moments, _exponential):
        try:
            bounds += source(found, adversary, dim)
        except (AssumptionError, PrecisionError) as error:
            reasons.append(str(error))
    return bounds, reasons


def _cubical(structures: list[Structure], adversary: Norm, dim: int) -> list[Bound]:
    if not isinstance(adversary, LpNorm) or not 1 < adversary.p < math.inf:
        return []
    radials = [s for s in structures if isinstance(s, Radial) and s.order == sympy.oo]
    return [bound for radial in radials for bound in cubical_bounds(radial, adversary.p)]


def _interpolated(structures: list[Structure], adversary: Norm, dim: int) -> list[Bound]:
    """From the orders 1, 2 and oo, as far as exact laws or bounds are known there."""
    if not isinstance(adversary, LpNorm) or adversary.p in (1, math.inf):
        return []
    p = adversary.p
    if any(isinstance(s, Radial) and s.order == 2 for s in structures) and p != 2:
        # Phi_u depends on |u|_2 alone, whose supremum over the ball this is.
        exact = cover(structures, LpNorm(2), dim)
        if exact is not None:
            longest = dim ** max(0.0, 0.5 - 1 / p) * (1 + 4e-16)
            return [scaled(exact(), longest, "rotations")]
    ends: list[tuple[float, Bound]] = []
    for order in (1.0, 2.0, math.inf):
        # Against linf a product is a sum over all coordinates: slow, and for p <= 2 too large by
        # d^(1/4).
        wasteful = math.isinf(order) and p <= 2 and dim > _FEW and _is_product_only(structures)
        bound = None if wasteful or order == p else _at_order(structures, order, dim)
        if bound is not None:
            ends.append((1 / order, bound))
    made: list[Bound] = []
    inverse = 1 / p
    for i, (low_inverse, low) in enumerate(ends):
        for high_inverse, high in ends[i + 1 :]:
            if high_inverse < inverse < low_inverse:
                share = (low_inverse - inverse) / (low_inverse - high_inverse)
                names = " and ".join(_order_name(v) for v in (low_inverse, high_inverse))
                made.append(interpolated(low, high, share, f"interpolation between {names}"))
    return made


def _is_product_only(structures: list[Structure]) -> bool:
    return not any(isinstance(s, Radial) for s in structures)


def _order_name(inverse: float) -> str:
    return LpNorm(math.inf if inverse == 0 else 1 / inverse).name


def _at_order(structures: list[Structure], order: float, dim: int) -> Bound | None:
    exact = cover(structures, LpNorm(order), dim)
    if exact is not None:
        return exact()
    if order != 2:
        return None
    bounds, _ = known_bounds(structures, LpNorm(2), dim)
    return smallest_of(bounds) if bounds else None


def _moments(structures: list[Structure], adversary: Norm, dim: int) -> list[Bound]:
    kind = information_kind(structures)
    if kind is None:
        return []
    over_ball = fisher_information(kind).over_ball(adversary)
    bound = even_variance_bound if _is_even(kind) else variance_bound
    return [bound(over_ball)]


def _exponential(structures: list[Structure], adversary: Norm, dim: int) -> list[Bound]:
    length = _longest(adversary, dim)
    if length is None:
        return []
    made: list[Majorant] = []
    for structure in structures:
        if isinstance(structure, Product) and _is_even(structure):
            # Jumps make theta_u > 0, which no moment sees; the information refuses them.
            fisher_information(structure)
            growth = _common([marginal_growth(m) for m in structure.marginals])
        elif isinstance(structure, Radial) and structure.order == 1:
            fisher_information(structure)
            growth = square_growth(radius_panels(structure))
        else:
            continue
        made += exponential_bounds(growth, length)
        if growth.signs is not None:
            made.append(rademacher_bound(growth.signs * length))
    return list(made)


def _common(growths: list[Growth]) -> Growth:
    """One growth that serves every marginal: the ends of the shortest, the largest constants."""
    if len(growths) == 1:
        return growths[0]
    ends = sorted({end for growth in growths for end in growth.ends})
    rows = []
    for end in ends:
        constants = [_constant(growth, end) for growth in growths]
        if all(c is not None for c in constants):
            rows.append((end, max(c for c in constants if c is not None)))
    slopes = [growth.signs for growth in growths if growth.signs is not None]
    signs = max(slopes) if len(slopes) == len(growths) else None
    return Growth(tuple(r[0] for r in rows), tuple(r[1] for r in rows), signs)


def _constant(growth: Growth, end: float) -> float | None:
    fitting = [c for e, c in zip(growth.ends, growth.constants, strict=True) if e >= end]
    return min(fitting, default=None)


def _longest(adversary: Norm, dim: int) -> float | None:
    """Largest |u|_2 over the adversary's ball, rounded up."""
    if isinstance(adversary, LpNorm):
        inverse = 0.0 if math.isinf(adversary.p) else 1 / adversary.p
        return float(dim ** max(0.0, 0.5 - inverse)) * (1 + 4e-16)
    representatives = adversary.orbit_representatives(dim)
    if representatives is None:
        return None
    return float(max((representatives**2).sum(axis=1)) ** 0.5) * (1 + dim * 1e-15)


def _is_even(structure: Product | Radial) -> bool:
    if isinstance(structure, Radial):
        return True
    return all(m.support[0] == -m.support[1] and is_even(m.phi) for m in structure.marginals)
