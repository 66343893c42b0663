"""One-dimensional potentials in a standard form, and tests of identities between them.

The standard form has no additive constant, expands logarithms of products, and writes the
logarithm of a sum of two exponentials with log cosh, which does not overflow and shows evenness.
"""

from __future__ import annotations

from collections.abc import Iterator

import flint
import sympy

from numerics.ball import BallFunction
from numerics.centres import centres
from smoothing.structure import COORDINATE

__all__ = ["is_even", "is_small", "split_constant", "standard_form", "tidy_number", "vanishes"]

#: Functions that are not analytic: an identity at a few points says nothing about others.
NOT_ANALYTIC = (sympy.Piecewise, sympy.Max, sympy.Min, sympy.sign)

#: Functions that can be too small or too near to a constant to be seen.
FLAT = (sympy.exp, sympy.cosh, sympy.sinh, sympy.tanh, sympy.sech, sympy.erf, sympy.erfc)
MAX_CENTRES = 5

#: Arguments at which identities are tested, generic positive numbers of several magnitudes.
SAMPLES = tuple(sympy.Rational(n, 997) for n in (61, 389, 743, 1471, 2459, 7069))

#: Expressions up to this size are multiplied out; a density that a person writes has fewer.
MAX_OPERATIONS = 200
MAX_POWER = 8

LARGEST_DENOMINATOR = 1_000_000

#: Precision of the test of an identity. A ball around the value is narrowed to this many bits; an
#: identity that holds leaves a ball around 0, as narrow as cancellation of these bits allows.
BITS = 1024
ZERO = flint.arb(2) ** -400
#: An identity must be seen to hold at this many points; elsewhere it may overflow or be not real.
ENOUGH = 4


def vanishes(expression: sympy.Expr) -> bool:
    """Return whether an expression is identically zero in its free symbols.

    Expressions are evaluated in ball arithmetic at generic points, of both signs for symbols that
    may be negative. One with cases (Piecewise, sign) is zero if moreover simplification says so.
    """
    if expression == 0:
        return True
    symbols = sorted(expression.free_symbols, key=str)
    points = [
        {s: _sample(s, shift, k) for k, s in enumerate(symbols)}
        for shift in range(2 * len(SAMPLES))
    ]
    verdicts = [_is_zero_at(expression, symbols, point) for point in points]
    if False in verdicts or verdicts.count(True) < ENOUGH:
        return False
    # exp(-500 (x - 5)^2) is below 2^-400 at all those points, and only its centre shows it
    if any(_is_zero_at(expression, symbols, p) is False for p in _centred(expression, symbols)):
        return False
    if not symbols or not expression.has(*NOT_ANALYTIC):
        return True
    return is_small(expression) and bool(sympy.simplify(expression) == 0)


def _centred(
    expression: sympy.Expr, symbols: list[sympy.Symbol]
) -> Iterator[dict[sympy.Symbol, sympy.Rational]]:
    """Points near the centres of narrow features, at several distances."""
    if not expression.has(*FLAT):
        return
    # exp(5000 x) exp(-500 x^2) has its centre as one exponential only
    joined = sympy.powsimp(expression, deep=True)
    found = []
    for k, symbol in enumerate(symbols):
        others = {s: _sample(s, 0, i) for i, s in enumerate(symbols) if s != symbol}
        inside = centres(joined.xreplace(others), symbol, -sympy.oo, sympy.oo)[:MAX_CENTRES]
        found.append([c for c in inside if c > 0 or not symbol.is_nonnegative] or [SAMPLES[k % 6]])
    for row in range(max(len(f) for f in found)):
        for other in range(max(len(f) for f in found)):
            for digits in (1, 2, 4, 6):
                yield {
                    s: f[(row if k % 2 else other) % len(f)] + SAMPLES[(k + 1) % 6] / 10**digits
                    for k, (s, f) in enumerate(zip(symbols, found, strict=True))
                }


def _is_zero_at(
    expression: sympy.Expr,
    symbols: list[sympy.Symbol],
    at: dict[sympy.Symbol, sympy.Rational],
) -> bool | None:
    """Whether the value at one point is 0; None where it overflows or is not real."""
    point = dict(at)
    variable = symbols[0] if symbols else COORDINATE
    last = point.pop(variable, sympy.S.One)
    slice_ = expression.xreplace(point)
    if slice_.has(sympy.I, sympy.zoo, sympy.nan, sympy.oo):
        return None
    function = BallFunction(slice_, variable)
    with flint.ctx.workprec(4 * BITS):
        where = flint.arb(int(last.p)) / int(last.q)
        value = function.ball(where, bits=BITS)
        if not value.is_finite() or value.rad() > ZERO:
            return None
        return bool(value.contains(0))


def _sample(symbol: sympy.Symbol, shift: int, position: int) -> sympy.Rational:
    """A generic number, different for every symbol; the second half of the shifts mix signs."""
    size = SAMPLES[(shift + 2 * position) % len(SAMPLES)] + position
    flipped = shift >= len(SAMPLES) and not symbol.is_nonnegative and (shift + position) % 3 > 0
    return -size if flipped else size


def tidy_number(number: sympy.Expr) -> sympy.Expr:
    """Return an equal number, as a fraction where it is one with a denominator up to a million.

    Examples
    --------
    >>> tidy_number(sympy.log(8) / sympy.log(4))
    3/2
    """
    if number.is_Rational or not number.is_finite:
        return number
    fraction = sympy.Rational(float(number)).limit_denominator(LARGEST_DENOMINATOR)
    return fraction if vanishes(number - fraction) else sympy.simplify(number)


def is_even(phi: sympy.Expr) -> bool:
    """Return whether phi(-t) = phi(t).

    Examples
    --------
    >>> from sympy import exp, log
    >>> is_even(log(1 + exp(COORDINATE)) - COORDINATE / 2)
    True
    """
    mirrored = phi.subs(COORDINATE, -COORDINATE)
    return bool(mirrored == phi) or vanishes(mirrored - phi)


def standard_form(potential: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Return (potential without its additive constant, that constant).

    Examples
    --------
    >>> from sympy import exp, log
    >>> standard_form(log(1 + exp(COORDINATE)) - COORDINATE / 2 + 3)
    (log(cosh(t/2)), log(2) + 3)
    """
    expanded = potential.replace(sympy.sech, lambda u: 1 / sympy.cosh(u))
    expanded = _expand_logarithms(expanded)
    expanded = expanded.replace(sympy.log, _log_of_two_exponentials)
    return split_constant(_shorter(_expand_logarithms(expanded)))


def is_small(tree: sympy.Expr) -> bool:
    """Whether multiplying out is surely quick: few operations, low powers of sums."""
    powers = [e.exp for e in tree.atoms(sympy.Pow) if e.base.is_Add and e.exp.is_Integer]
    return bool(tree.count_ops() <= MAX_OPERATIONS and all(abs(n) <= MAX_POWER for n in powers))


def _shorter(tree: sympy.Expr) -> sympy.Expr:
    """Multiply out where that shortens, as in (r + 1)^2 - 2r; not where that could explode."""
    if not tree.is_Add or not is_small(tree):
        return tree
    opened = sympy.expand(tree, power_exp=False, log=False)
    return opened if opened.count_ops() < tree.count_ops() else tree


def split_constant(potential: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Split off the terms of a sum that are free of symbols; 0 + constant if there are none."""
    constant, rest = sympy.sympify(potential, strict=True).as_independent(
        *potential.free_symbols or (COORDINATE,), as_Add=True
    )
    if rest.is_Mul and rest.args[0].is_number:  # 2*(t + 1)/2 and the like
        if not is_small(rest):
            return rest, constant
        constant_inside, opened = rest.expand().as_independent(*rest.free_symbols, as_Add=True)
        if constant_inside != 0:
            return opened, constant + constant_inside
    return rest, constant


def _expand_logarithms(tree: sympy.Expr) -> sympy.Expr:
    if not tree.has(sympy.log):
        return tree
    modulus = sympy.Dummy("modulus", positive=True)
    magnitude = sympy.Abs(COORDINATE)
    tree = tree.replace(sympy.log, _square_as_modulus).xreplace({magnitude: modulus})
    return sympy.expand_log(tree).xreplace({modulus: magnitude})


def _square_as_modulus(argument: sympy.Expr) -> sympy.Expr:
    """Rewrite log(t^n), n even, as n log|t|."""
    base, exponent = argument.as_base_exp()
    if base == COORDINATE and exponent.is_integer and exponent.is_even:
        return exponent * sympy.log(sympy.Abs(COORDINATE))
    return sympy.log(argument)


def _log_of_two_exponentials(argument: sympy.Expr) -> sympy.Expr:
    r"""Rewrite log(a e^u + b e^v), a, b > 0, by log cosh; 1 counts as e^0, as in softplus.

    It equals (u + v + log ab)/2 + log cosh((u - v + log a/b)/2) + log 2.
    """
    if not argument.has(sympy.exp) or not is_small(argument):
        return sympy.log(argument)
    terms = sympy.expand(argument, power_exp=False).as_ordered_terms()
    if len(terms) != 2:
        return sympy.log(argument)
    first, second = _exponential_term(terms[0]), _exponential_term(terms[1])
    if first is None or second is None:
        return sympy.log(argument)
    (a, u), (b, v) = first, second
    middle = (u + v + sympy.log(a) + sympy.log(b)) / 2
    half = sympy.expand((u - v + sympy.log(a) - sympy.log(b)) / 2)
    return sympy.expand(middle) + sympy.log(sympy.cosh(half)) + sympy.log(2)


def _exponential_term(term: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr] | None:
    """Return (a, u) when the term is a e^u with a positive number a."""
    coefficient, rest = term.as_independent(*term.free_symbols, as_Add=False)
    if not term.free_symbols:
        coefficient, rest = term, sympy.S.One
    if not coefficient.is_positive:
        return None
    if rest == 1:
        return coefficient, sympy.S.Zero
    exponents = [f.exp for f in sympy.Mul.make_args(rest) if isinstance(f, sympy.exp)]
    if len(exponents) != len(sympy.Mul.make_args(rest)):
        return None
    return coefficient, sympy.Add(*exponents)
