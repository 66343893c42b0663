"""Checks of psi and its support before any mathematics is done with them."""

from __future__ import annotations

import sympy

from numerics.errors import AssumptionError, InvalidInputError
from smoothing.expressions import Coordinate, Vector, coordinate_sum, norm, t, x
from smoothing.gauges import gauge

__all__ = ["check_support", "check_symbols"]


def check_symbols(psi: sympy.Expr, dimension: int) -> None:
    """Refuse psi with unknown symbols, a bare x or t, or coordinates beyond the dimension.

    Raises
    ------
    InvalidInputError
        Names the symbol and what to write instead.
    AssumptionError
        psi is not real.
    """
    inside = psi.atoms(norm, coordinate_sum, gauge)
    outer = psi.xreplace(dict.fromkeys(inside, sympy.S.One))
    if t in outer.free_symbols:
        raise InvalidInputError(
            "psi has t outside coordinate_sum; t is the variable of one coordinate, "
            "write coordinate_sum(...) around it, or x[0] for the first coordinate"
        )
    if outer.atoms(Vector):
        raise InvalidInputError(
            "psi has the vector x on its own; write norm(x, p), coordinate_sum(phi(t)) or x[0]"
        )
    _check_known(psi.free_symbols - {x}, "psi")
    _check_indices(psi, dimension, "psi")
    undefined = psi.atoms(sympy.core.function.AppliedUndef)
    if undefined:
        names = ", ".join(sorted(map(str, undefined)))
        raise InvalidInputError(f"psi has undefined functions: {names}; define them or use numbers")
    if psi.has(sympy.I, sympy.zoo, sympy.nan) or psi.is_extended_real is False:
        raise AssumptionError(f"psi is not real: {psi}; the density exp(-psi) needs a real psi")


def check_support(support: sympy.Basic | None, dimension: int) -> sympy.Basic | None:
    """Return the support, or None when it is everything; refuse unknown symbols in it."""
    if support is None or support is sympy.true:
        return None
    _check_known(support.free_symbols - {x, t}, "support")
    _check_indices(support, dimension, "support")
    return support


def _check_known(symbols: set[sympy.Basic], where: str) -> None:
    unknown = sorted((s for s in symbols if not isinstance(s, Coordinate)), key=lambda s: str(s))
    if not unknown:
        return
    names = ", ".join(map(str, unknown))
    twins = [s for s in unknown if str(s) in {"x", "t", "dim"}]
    remedy = (
        f"use the symbol radii.{twins[0]}, which is real, and not a new symbol of that name"
        if twins
        else "substitute numbers for them"
    )
    raise InvalidInputError(f"{where} has unknown symbols: {names}; {remedy}")


def _check_indices(tree: sympy.Basic, dimension: int, where: str) -> None:
    for atom in tree.atoms(gauge):
        if atom.order.dim != dimension:
            raise InvalidInputError(
                f"{where} has the gauge of a body in R^{atom.order.dim}, but dim is {dimension}; "
                f"give a body in R^{dimension}"
            )
    beyond = sorted(c.index for c in tree.atoms(Coordinate) if c.index >= dimension)
    if beyond:
        raise InvalidInputError(
            f"{where} has x[{beyond[0]}], but dim is {dimension}; "
            f"coordinates run from x[0] to x[{dimension - 1}]"
        )
