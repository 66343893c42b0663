"""Rules that pair the two ends of a superlevel set {h > c} or {h < c} of a function h.

Where h rises and then falls (or falls and then rises) on a half line, the ends x < y of its level
sets satisfy h(x) = h(y). A rule returns them as functions of one coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.rules import Trace, first_match, rule

__all__ = ["EndPair", "paired_ends"]

_KIND = "equation"


@dataclass(frozen=True)
class EndPair:
    """Ends x(u) <= y(u) of a level set for `start` < u < `turn`, where they meet."""

    coordinate: Symbol
    left: Expr
    right: Expr
    start: Expr
    turn: Expr


def paired_ends(function: Expr, variable: Symbol, trace: Trace) -> EndPair | None:
    """Solve h(x) = h(y), x < y, on the positive half line.

    Examples
    --------
    >>> z = Symbol("z", positive=True)
    >>> ends = paired_ends(2 * z / (1 + z**2), z, Trace())
    >>> (ends.right * ends.coordinate, ends.start, ends.turn)
    (1, 0, 1)
    """
    found: EndPair | None = first_match(_KIND, trace, function, variable)
    return found


@rule(
    "symmetric difference",
    kind=_KIND,
    statement="(h(x) - h(y))/(x - y) = 0 is linear in y for many rational h",
    conditions="h rational, the quotient of degree 1 in y, one positive turning point",
    source="DLMF 1.11(i)",
)
def _symmetric_difference(function: Expr, z: Symbol, trace: Trace) -> EndPair | None:
    if not function.is_rational_function(z):
        return None
    y = Dummy("y", positive=True)
    numerator, _ = sympy.fraction(sympy.together(function - function.subs(z, y)))
    quotient, remainder = sympy.div(sympy.Poly(numerator, y), sympy.Poly(y - z, y))
    if not remainder.is_zero or quotient.degree() != 1:
        return None
    partner = sympy.cancel(-quotient.nth(0) / quotient.nth(1))
    turns = [
        r
        for r in sympy.Poly(sympy.fraction(sympy.cancel(partner - z))[0], z).real_roots()
        if r.is_positive
    ]
    return EndPair(z, z, partner, S.Zero, turns[0]) if len(turns) == 1 else None


@rule(
    "proportional ends",
    kind=_KIND,
    statement="a x^p + b x^q = a y^p + b y^q with y = u x has x^(p-q) = b (1-u^q)/(a (u^p-1))",
    conditions="two powers of x > 0 with constants a, b; 0 < u < 1",
    source="DLMF 1.2(iv)",
)
def _proportional_ends(function: Expr, z: Symbol, trace: Trace) -> EndPair | None:
    terms = sympy.Add.make_args(sympy.expand(function))
    if len(terms) != 2:
        return None
    split = [term.as_independent(z, as_Add=False) for term in terms]
    (a, first), (b, second) = ((c, core.as_base_exp()) for c, core in split)
    if first[0] != z or second[0] != z or first[1].has(z) or second[1].has(z):
        return None
    p, q = first[1], second[1]
    u = Dummy("u", positive=True)
    left = (b * (1 - u**q) / (a * (u**p - 1))) ** (1 / (p - q))
    # u = x/y runs from 0 to 1 when the roles of x and y are exchanged.
    return EndPair(u, u * left, left, S.Zero, S.One)
