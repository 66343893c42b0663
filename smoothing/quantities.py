"""A density psi as an ordinary function of finitely many scalar quantities.

The norms and coordinate sums of psi are not independent: norm(x, p)^p is the coordinate sum of
|t|^p. Writing psi in the *sums* S_phi = sum_i phi(x_i), the maximum M = max_i |x_i| and explicit
coordinates puts every way of writing the same density into one form, in which structure is a
matter of which partial derivatives vanish.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import sympy

from numerics.errors import invalid
from smoothing.canonical import standard_form, vanishes
from smoothing.expressions import Coordinate, coordinate_sum, norm, t
from smoothing.gauges import gauge
from smoothing.supports import power_of

__all__ = ["MAXIMUM", "Quantities", "SumTerm", "as_quantities", "depends_on"]

#: The maximum of |x_i|, norm(x, oo).
MAXIMUM: sympy.Symbol = sympy.Symbol("M", positive=True)


@dataclass(frozen=True)
class SumTerm:
    """The quantity sum_i w_i phi(x_i); `weights` None means all 1."""

    phi: sympy.Expr
    weights: sympy.Tuple | None = None


@dataclass(frozen=True)
class Quantities:
    """psi as `expression` in MAXIMUM, in the symbols of `sums` and in explicit coordinates.

    `gauges` maps the symbols of polytope gauges to their bodies.
    """

    expression: sympy.Expr
    sums: dict[sympy.Symbol, SumTerm]
    dim: int
    gauges: dict[sympy.Symbol, sympy.Basic] = field(default_factory=dict)

    @property
    def coordinates(self) -> list[Coordinate]:
        """Coordinates written out in psi, in order."""
        return sorted(self.expression.atoms(Coordinate), key=lambda c: c.index)

    def power_sum(self, order: sympy.Expr) -> sympy.Symbol | None:
        """Symbol of sum_i |x_i|^order if psi has it."""
        return next((s for s, term in self.sums.items() if term == _power_term(order)), None)

    def gauge_symbol(self, body: sympy.Basic) -> sympy.Symbol | None:
        """Symbol of the gauge of this body if psi has it."""
        return next((s for s, other in self.gauges.items() if other == body), None)

    @cached_property
    def active(self) -> tuple[sympy.Symbol, ...]:
        """Quantities psi depends on, by algebra rather than by appearance."""
        every = (*self.sums, MAXIMUM, *self.coordinates, *self.gauges)
        return tuple(s for s in every if depends_on(self.expression, s))

    def without(self, symbols: Iterable[sympy.Symbol]) -> sympy.Expr:
        """Psi with quantities it does not depend on set to 1."""
        return self.expression.xreplace(dict.fromkeys(symbols, sympy.S.One))


def depends_on(expression: sympy.Expr, symbol: sympy.Symbol) -> bool:
    """Whether the value changes with the symbol, others held fixed."""
    if symbol not in expression.free_symbols:
        return False
    other = sympy.Dummy(real=True, nonnegative=symbol.is_nonnegative, positive=symbol.is_positive)
    return not vanishes(expression - expression.xreplace({symbol: other}))


def _power_term(order: sympy.Expr) -> SumTerm:
    return SumTerm(sympy.Abs(t) ** order)


def as_quantities(psi: sympy.Expr, dimension: int) -> Quantities:
    """Rewrite psi in sums, the maximum and coordinates.

    Examples
    --------
    >>> from smoothing.expressions import x
    >>> q = as_quantities(norm(x, 2) ** 2 + coordinate_sum(t**2), 3)
    >>> len(q.sums), len(q.expression.free_symbols)
    (1, 1)
    """
    symbols: dict[SumTerm, sympy.Symbol] = {}
    images: dict[sympy.Basic, sympy.Expr] = {}
    for atom in sorted(psi.atoms(norm), key=str):
        if atom.order is sympy.oo:
            images[atom] = MAXIMUM
        else:
            images[atom] = _symbol_of(_power_term(atom.order), symbols) ** (1 / atom.order)
    for atom in sorted(psi.atoms(coordinate_sum), key=str):
        images[atom] = _expand_sum(atom, symbols, dimension)
    gauges: dict[sympy.Symbol, sympy.Basic] = {}
    for atom in sorted(psi.atoms(gauge), key=str):
        symbol = sympy.Symbol(f"G{len(gauges)}", positive=True)
        gauges[symbol], images[atom] = atom.order, symbol
    sums = {symbol: term for term, symbol in symbols.items()}
    return Quantities(psi.xreplace(images), sums, dimension, gauges)


def _expand_sum(
    atom: coordinate_sum, symbols: dict[SumTerm, sympy.Symbol], dimension: int
) -> sympy.Expr:
    """Write sum_i w_i phi(x_i) in one symbol per additive term of phi; constants are added up."""
    weights = atom.weights
    if weights is not None and len(weights) != dimension:
        raise invalid(
            "weights", f"{dimension} numbers, one per coordinate", len(weights), "match dim"
        )
    total = sympy.S.Zero
    phi, constant = standard_form(atom.phi)
    for term in sympy.Add.make_args(phi):
        coefficient, base = term.as_independent(t, as_Add=False)
        exponent = power_of(base)
        part = SumTerm(base if exponent is None else sympy.Abs(t) ** exponent, weights)
        if base != 1 and term != 0:
            total += coefficient * _symbol_of(part, symbols)
    mass = sympy.Integer(dimension) if weights is None else sympy.Add(*weights)
    return total + constant * mass


def _symbol_of(term: SumTerm, symbols: dict[SumTerm, sympy.Symbol]) -> sympy.Symbol:
    if term not in symbols:
        power = term.weights is None and power_of(term.phi) is not None
        symbols[term] = sympy.Symbol(f"S{len(symbols)}", real=True, positive=power or None)
    return symbols[term]
