"""Split psi into a part affine in the sums and functions of the maximum and of single coordinates.

The split is an identity: with F(b) the value when all quantities are at base values b, F must
equal F(b) + sum_i (S_i - b) slope_i + sum_c (F(c) - F(b)), where F(c) moves one coordinate (or the
maximum) alone. No derivative is taken, so kinks and jumps need no care.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy

from smoothing.canonical import is_small, tidy_number, vanishes
from smoothing.quantities import Quantities

__all__ = ["NO_NUMBER", "Separated", "separate"]

#: Base values tried in turn: psi may have a pole at the first.
BASES = (sympy.S.One, sympy.Integer(2), sympy.Rational(3, 7))
#: What SymPy returns at a pole.
NO_NUMBER = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)


@dataclass
class Separated:
    """psi = constant + sum of slopes * sums + functions of one coordinate or of the maximum."""

    constant: sympy.Expr = sympy.S.Zero
    slopes: dict[sympy.Symbol, sympy.Expr] = field(default_factory=dict)
    functions: dict[sympy.Symbol, sympy.Expr] = field(default_factory=dict)

    def add_slope(self, symbol: sympy.Symbol, slope: sympy.Expr) -> None:
        """Add slope * symbol."""
        self.slopes[symbol] = self.slopes.get(symbol, sympy.S.Zero) + slope

    def add_function(self, symbol: sympy.Symbol, part: sympy.Expr) -> None:
        """Add an expression in one coordinate, or in the maximum."""
        self.functions[symbol] = self.functions.get(symbol, sympy.S.Zero) + part


def separate(quantities: Quantities) -> Separated | None:
    """Return the parts of psi, or None when it does not separate.

    Examples
    --------
    >>> from smoothing.expressions import norm, x
    >>> from smoothing.quantities import as_quantities
    >>> parts = separate(as_quantities(norm(x, 2) ** 2 / 2 + x[0] ** 4 + 1, 3))
    >>> list(parts.slopes.values()), list(parts.functions.values()), parts.constant
    ([1/2], [x[0]**4], 1)
    """
    found = Separated()
    rest = sympy.Add(*_leftover(quantities.expression, quantities, found))
    if rest != 0 and is_small(rest):
        rest = sympy.Add(*_leftover(sympy.expand(rest), quantities, found))
    if rest == 0 or any(_split_at(rest, base, quantities, found) for base in BASES):
        return found
    return None


def _leftover(
    expression: sympy.Expr, quantities: Quantities, found: Separated
) -> Iterator[sympy.Expr]:
    """Sort the terms that are plainly of one kind into `found`; give back the others."""
    for term in sympy.Add.make_args(expression):
        inside = term.free_symbols
        if not inside:
            found.constant += term
        elif len(inside) > 1:
            yield term
        else:
            (symbol,) = inside
            slope = term / symbol
            if symbol not in quantities.sums:
                found.add_function(symbol, term)
            elif slope.free_symbols:
                yield term
            else:
                found.add_slope(symbol, slope)


def _split_at(rest: sympy.Expr, base: sympy.Expr, quantities: Quantities, found: Separated) -> bool:
    """Split what is not plain around one base value, if the identity holds."""
    symbols = sorted(rest.free_symbols, key=str)
    at_base = dict.fromkeys(symbols, base)
    centre = rest.xreplace(at_base)
    slopes, functions = {}, {}
    for symbol in symbols:
        alone = {s: base for s in symbols if s != symbol}
        if symbol in quantities.sums:
            slopes[symbol] = rest.xreplace({**at_base, symbol: base + 1}) - centre
        else:
            functions[symbol] = rest.xreplace(alone) - centre
    parts = (centre, *slopes.values(), *functions.values())
    if any(part.has(*NO_NUMBER) for part in parts):
        return False
    linear = sympy.Add(*((s - base) * slope for s, slope in slopes.items()))
    if not vanishes(rest - centre - linear - sympy.Add(*functions.values())):
        return False
    for symbol, slope in slopes.items():
        found.add_slope(symbol, tidy_number(slope))
    for symbol, part in functions.items():
        found.add_function(symbol, part)
    found.constant += centre - base * sympy.Add(*map(tidy_number, slopes.values()))
    return True
