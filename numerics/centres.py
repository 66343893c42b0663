"""Where an analytic expression may have features far narrower than its domain.

t^2/2 - 20 exp(-10^10 (t - 3)^2) has a well of width 10^-5 that no sampling on panels of width 1
sees. The peaks, wells and steps of such terms sit where the argument of exp, tanh, erf, log or of
a negative or fractional power vanishes, comes nearest to zero, or is stationary.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy

__all__ = ["centres"]

#: Roots nearer to each other than this, relatively, are one.
_SAME = 1e-12
_MAX_DEGREE = 12


def centres(
    expr: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> tuple[sympy.Expr, ...]:
    """Centres of narrow features of `expr` inside (lower, upper), in increasing order.

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> centres(t**2 - sympy.exp(-(t - 3) ** 2), t, -sympy.oo, sympy.oo)
    (0, 3)
    >>> centres(1 / (1 + (10 * t - 5) ** 2), t, -sympy.oo, sympy.oo)
    (1/2,)
    """
    start, stop = float(lower), float(upper)
    found: list[float] = []
    polynomial = sympy.Add(*(a for a in sympy.Add.make_args(expr) if a.is_polynomial(symbol)))
    # the whole density may be narrow: 10^12 (t - 10^4)^2
    wells = polynomial.diff(symbol) if polynomial.has(symbol) else sympy.S.Zero
    for argument in (wells, *_arguments(expr, symbol)):
        for root in _real_parts(argument, symbol):
            if start < root < stop and all(abs(root - z) > _SAME * abs(z) for z in found):
                found.append(root)
    return tuple(sympy.nsimplify(z, rational=True) for z in sorted(found))


def _arguments(expr: sympy.Expr, symbol: sympy.Symbol) -> Iterator[sympy.Expr]:
    seen: set[sympy.Expr] = set()
    for node in sympy.preorder_traversal(expr):
        inner: sympy.Expr | None = None
        if isinstance(node, sympy.Function) and len(node.args) == 1:
            inner = node.args[0]
        elif isinstance(node, sympy.Pow):
            entire = node.exp.is_Integer and node.exp > 0
            inner = node.exp if symbol in node.exp.free_symbols else None if entire else node.base
        if inner is None or inner in seen or symbol not in inner.free_symbols:
            continue
        seen.add(inner)
        yield inner


def _real_parts(argument: sympy.Expr, symbol: sympy.Symbol) -> Iterator[float]:
    """Real parts of the roots of a polynomial and of its derivative; nothing for the rest."""
    if not argument.is_polynomial(symbol):
        return
    polynomial = sympy.Poly(argument, symbol)
    if not 1 <= polynomial.degree() <= _MAX_DEGREE:
        return
    for each in (polynomial, polynomial.diff()):
        # the square-free part: a double root is one point, and nroots finds it to full precision
        plain = each.sqf_part() if each.degree() > 0 else each
        if plain.degree() > 0:
            yield from (float(sympy.re(z)) for z in plain.nroots(n=30, maxsteps=200))
