"""Directions of the product and radial structures, built from line laws.

The values of A = <u, gradient of the gauge> and their probabilities are those of spec 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb

import sympy
from flint import arb, ctx

from tests.reference.arithmetic import PRECISION
from tests.reference.definition import radius
from tests.reference.directions import Direction
from tests.reference.line_law import LineLaw
from tests.reference.spherical import SphericalDirection

__all__ = [
    "LINE_SYMBOL",
    "RADIUS_SYMBOL",
    "Pieces",
    "product_radii",
    "product_radius",
    "radial_radii",
    "radial_radius",
]

Pieces = Sequence[tuple[object, object, sympy.Expr]]
#: The scalar variables of the reference; equal to the library's, being symbols of the same name.
LINE_SYMBOL = sympy.Symbol("t", real=True)
RADIUS_SYMBOL = sympy.Symbol("r", positive=True)


def product_directions(marginals: Sequence[Pieces], *, even: bool) -> list[Direction]:
    """Directions e_i and (unless every marginal is even) -e_i of a product density."""
    found = []
    for pieces in marginals:
        law = LineLaw(pieces, LINE_SYMBOL)
        found.append(Direction(law, ((arb(1), arb(1)),)))
        if not even:
            found.append(Direction(law, ((arb(-1), arb(1)),)))
    return found


def product_radius(marginals: Sequence[Pieces], dim: int, tail: object, *, even: bool) -> arb:
    """R of a product density against l1 (and against every norm when dim is 1)."""
    return product_radii(marginals, dim, [tail], even=even)[0]


def product_radii(
    marginals: Sequence[Pieces], dim: int, tails: Iterable[object], *, even: bool
) -> list[arb]:
    """As `product_radius`, for several tails of one density."""
    directions = product_directions(marginals, even=even)
    return [radius(directions, tail, straight=dim == 1) for tail in tails]


def radial_weights(gauge: int | str, adversary: str, dim: int) -> tuple[tuple[arb, arb], ...]:
    """Values and probabilities of A for the gauges 1 and infinity."""
    with ctx.workprec(PRECISION):
        if dim == 1 or (gauge, adversary) in ((1, "l1"), ("oo", "linf")):
            return ((arb(1), arb(1) / 2), (arb(-1), arb(1) / 2))
        if (gauge, adversary) == ("oo", "l1"):
            small = arb(1) / (2 * dim)
            return ((arb(1), small), (arb(0), 1 - 2 * small), (arb(-1), small))
        if (gauge, adversary) == (1, "linf"):
            return tuple(
                (arb(dim - 2 * i), arb(comb(dim, i)) / arb(2) ** dim) for i in range(dim + 1)
            )
    raise ValueError(f"no finite law for gauge {gauge} against {adversary}")


def radial_radius(gauge: int | str, pieces: Pieces, dim: int, adversary: str, tail: object) -> arb:
    """R of a density exp(-g(gauge of x)) in dimension `dim`."""
    return radial_radii(gauge, pieces, dim, adversary, [tail])[0]


def radial_radii(
    gauge: int | str, pieces: Pieces, dim: int, adversary: str, tails: Iterable[object]
) -> list[arb]:
    """As `radial_radius`, for several tails of one density."""
    law = LineLaw(pieces, RADIUS_SYMBOL, dim=dim, radial=True)
    if gauge == 2 and dim > 1:
        spherical = SphericalDirection(law, dim)
        values = [spherical.radius(tail) for tail in tails]
        with ctx.workprec(PRECISION):
            factor = arb(dim).sqrt() if adversary == "linf" else arb(1)
            return [(value / factor).mid() for value in values]
    direction = Direction(law, radial_weights(gauge, adversary, dim))
    return [radius([direction], tail) for tail in tails]
