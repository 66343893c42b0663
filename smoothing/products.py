"""Match densities with independent coordinates, psi = sum_i phi_i(x_i)."""

from __future__ import annotations

import sympy

from smoothing.canonical import is_small, standard_form, tidy_number
from smoothing.expressions import Coordinate, t
from smoothing.quantities import MAXIMUM, Quantities
from smoothing.structure import Marginal, Product
from smoothing.supports import Interval

__all__ = ["find_product"]

ONE = sympy.S.One


def find_product(
    quantities: Quantities, every: Interval, single: dict[int, Interval]
) -> tuple[Product, sympy.Expr] | None:
    """Return the product structure and the constant it leaves out of psi, or None.

    Parameters
    ----------
    quantities : Quantities
        psi in sums and coordinates.
    every, single
        The box support: the interval of every coordinate, and of exceptional ones.
    """
    active = quantities.active()
    if MAXIMUM in active or not _is_separable(quantities, active):
        return None
    sums = [s for s in active if s in quantities.sums]
    ones = dict.fromkeys((*quantities.sums, MAXIMUM), ONE)
    at_one = {**ones, **dict.fromkeys(quantities.coordinates, ONE)}
    slopes = {s: tidy_number(quantities.derivative(s).xreplace(at_one)) for s in sums}
    remainder = quantities.expression.xreplace(ones) - sympy.Add(*slopes.values())
    explicit, offset = _split_coordinates(remainder, quantities.coordinates)
    common = sympy.Add(
        *(c * quantities.sums[s].phi for s, c in slopes.items() if not _weights(quantities, s))
    )
    extra = _weighted_parts(quantities, slopes)
    for index, part in explicit.items():
        extra[index] = extra.get(index, sympy.S.Zero) + part
    return _group(quantities.dim, common, extra, every, single, offset)


def _weights(quantities: Quantities, symbol: sympy.Symbol) -> sympy.Tuple | None:
    return quantities.sums[symbol].weights


def _is_separable(quantities: Quantities, active: list[sympy.Symbol]) -> bool:
    """Whether psi is affine in the sums and additive over the coordinates."""
    for position, first in enumerate(active):
        curved = first in quantities.sums
        others = active[position if curved else position + 1 :]
        if any(quantities.is_joint(first, other) for other in others):
            return False
    return True


def _split_coordinates(
    remainder: sympy.Expr, coordinates: list[Coordinate]
) -> tuple[dict[int, sympy.Expr], sympy.Expr]:
    """Write a sum of functions of single coordinates as one expression in t for each."""
    parts: dict[int, sympy.Expr] = {}
    offset = sympy.S.Zero
    opened = sympy.expand(remainder) if is_small(remainder) else remainder
    for term in sympy.Add.make_args(opened):
        inside = sorted(term.free_symbols & set(coordinates), key=lambda c: c.index)
        if not inside:
            offset += term
        for chosen in inside:
            fixed = {c: ONE for c in inside if c != chosen}
            part = term.xreplace(fixed).xreplace({chosen: t})
            parts[chosen.index] = parts.get(chosen.index, sympy.S.Zero) + part
        offset -= (len(inside) - 1 if inside else 0) * term.xreplace(dict.fromkeys(inside, ONE))
    return parts, offset


def _weighted_parts(
    quantities: Quantities, slopes: dict[sympy.Symbol, sympy.Expr]
) -> dict[int, sympy.Expr]:
    parts: dict[int, sympy.Expr] = {}
    for symbol, slope in slopes.items():
        for index, weight in enumerate(_weights(quantities, symbol) or ()):
            part = slope * weight * quantities.sums[symbol].phi
            parts[index] = parts.get(index, sympy.S.Zero) + part
    return parts


def _group(
    dimension: int,
    common: sympy.Expr,
    extra: dict[int, sympy.Expr],
    every: Interval,
    single: dict[int, Interval],
    offset: sympy.Expr,
) -> tuple[Product, sympy.Expr]:
    """Collect coordinates with the same potential and support into marginals."""
    special = sorted(set(extra) | set(single))
    usual = (*standard_form(common), every)
    groups: dict[tuple[sympy.Expr, Interval], list[int]] = {}
    forms: dict[sympy.Expr, tuple[sympy.Expr, sympy.Expr]] = {}
    constant = usual[1] * (dimension - len(special))
    for index in special:
        raw = common + extra.get(index, sympy.S.Zero)
        if raw not in forms:
            forms[raw] = standard_form(raw)
        phi, left_over = forms[raw]
        groups.setdefault((phi, single.get(index, every)), []).append(index)
        constant += left_over
    if len(special) < dimension:
        rest = sorted(set(range(dimension)) - set(special)) if special else []
        groups.setdefault((usual[0], every), []).extend(rest)
    marginals = tuple(
        Marginal(phi, interval, len(indices) if special else dimension)
        for (phi, interval), indices in groups.items()
    )
    identical = len(marginals) == 1
    indices = None if identical else tuple(tuple(sorted(g)) for g in groups.values())
    return Product(marginals, dimension, indices), offset + constant
