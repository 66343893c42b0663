"""Match densities with independent coordinates, psi = sum_i phi_i(x_i)."""

from __future__ import annotations

import sympy

from smoothing.canonical import standard_form
from smoothing.expressions import t
from smoothing.quantities import MAXIMUM, Quantities, depends_on
from smoothing.separable import separate
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
    parts = separate(quantities)
    if parts is None or any(depends_on(f, MAXIMUM) for f in parts.functions.values()):
        return None
    offset = parts.constant + parts.functions.pop(MAXIMUM, sympy.S.Zero).xreplace({MAXIMUM: ONE})
    common = sympy.Add(
        *(
            c * quantities.sums[s].phi
            for s, c in parts.slopes.items()
            if not _weights(quantities, s)
        )
    )
    extra = _weighted_parts(quantities, parts.slopes)
    for coordinate, part in parts.functions.items():
        index = coordinate.index
        extra[index] = extra.get(index, sympy.S.Zero) + part.xreplace({coordinate: t})
    return _group(quantities.dim, common, extra, every, single, offset)


def _weights(quantities: Quantities, symbol: sympy.Symbol) -> sympy.Tuple | None:
    return quantities.sums[symbol].weights


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
