"""Rules that write a result in its shortest usual form; they never change its value."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Expr

from differential.rules import RULES, Trace, rule
from numerics.inverse_functions import BetaLower, BetaLowerInverse

__all__ = ["tidy"]

_KIND = "rewrite"


def tidy(expr: Expr, trace: Trace) -> Expr:
    """Apply every rewriting rule in turn, each once.

    Examples
    --------
    >>> y = sympy.Symbol("y", positive=True)
    >>> tidy(-sympy.log(sympy.tan(y)), Trace())
    log(cot(y))
    """
    for candidate in RULES.values():
        if candidate.kind == _KIND:
            rewritten = candidate.apply(expr, trace)
            if rewritten != expr:
                trace.fire(candidate.name)
                expr = rewritten
    return expr


def _everywhere(
    expr: Expr, function: type[sympy.Function], rewrite: Callable[[Expr], Expr | None]
) -> Expr:
    """Replace function(argument) by rewrite(argument) wherever that is not None."""
    changes = {}
    for node in expr.atoms(function):
        image = rewrite(node.args[0])
        if image is not None:
            changes[node] = image
    return expr.xreplace(changes) if changes else expr


@rule(
    "inverse Gudermannian",
    kind=_KIND,
    statement="(1 + tan u)/(1 - tan u) = tan(pi/4 + u), (1 + cos v)/(1 - cos v) = cot(v/2)^2",
    conditions="inside a logarithm",
    source="DLMF 4.21.4, 4.21.29",
)
def _gudermannian(expr: Expr, trace: Trace) -> Expr:
    quarter = sympy.pi / 4

    def rewrite(argument: Expr) -> Expr | None:
        argument = argument.replace(
            lambda e: e.is_Pow and e.exp == -1 and isinstance(e.base, sympy.tan),
            lambda e: sympy.cot(e.base.args[0]),
        )
        for f in argument.atoms(sympy.tan, sympy.cot, sympy.cos):
            plain = sympy.Dummy(positive=True)
            fraction = sympy.cancel(argument.xreplace({f: plain}))
            sign = next(
                (s for s in (1, -1) if sympy.cancel(fraction * (1 - s * plain)) == 1 + s * plain), 0
            )
            if sign == 0:
                continue
            # cot v = tan(pi/2 - v), so both are handled as tan u.
            v = f.args[0]
            if isinstance(f, sympy.cos):
                return 2 * sign * sympy.log(sympy.cot(v / 2))
            u = v if isinstance(f, sympy.tan) else sympy.pi / 2 - v
            return sympy.log(sympy.cot(sympy.expand(quarter - sign * u)))
        return None

    return _everywhere(expr, sympy.log, rewrite)


@rule(
    "argument in lowest terms",
    kind=_KIND,
    statement="common factors in the argument of a beta distribution function cancel",
    conditions="rational coefficients",
    source="DLMF 1.2(iii)",
)
def _lowest_terms(expr: Expr, trace: Trace) -> Expr:
    changes = {}
    for node in expr.atoms(BetaLower):
        argument = node.args[2]
        inverses = {f: sympy.Dummy() for f in argument.atoms(BetaLowerInverse)}
        plain = argument.xreplace(inverses)
        if _has_rational_coefficients(plain):
            back = {symbol: f for f, symbol in inverses.items()}
            changes[node] = BetaLower(*node.args[:2], sympy.cancel(plain).xreplace(back))
    return expr.xreplace(changes) if changes else expr


@rule(
    "complementary constant",
    kind=_KIND,
    statement="erfc c = 1 - erf c for a number c",
    conditions="c a number",
    source="DLMF 7.2.2",
)
def _complementary_constant(expr: Expr, trace: Trace) -> Expr:
    numbers = [e for e in expr.atoms(sympy.erfc) if e.is_number]
    if not numbers:
        return expr
    expr = expr.xreplace({e: 1 - sympy.erf(e.args[0]) for e in numbers})
    constants = [e for e in expr.atoms(sympy.erf) if e.is_number]
    return _everywhere(
        expr, sympy.erfinv, lambda y: sympy.erfinv(sympy.collect(sympy.expand(y), constants))
    )


@rule(
    "logarithm of a fraction",
    kind=_KIND,
    statement="the argument of a logarithm is written over one denominator",
    conditions="rational coefficients, positive argument",
    source="DLMF 4.8.1",
)
def _logarithm_of_fraction(expr: Expr, trace: Trace) -> Expr:
    def rewrite(argument: Expr) -> Expr | None:
        inverses = {f: sympy.Dummy(positive=True) for f in argument.atoms(BetaLowerInverse)}
        plain = argument.xreplace(inverses)
        names = plain.free_symbols
        if plain.is_number or not _has_rational_coefficients(plain):
            return None
        numerator, denominator = sympy.fraction(sympy.cancel(plain))
        if denominator == 1:
            return None
        numerator, denominator = sympy.factor_terms(numerator), sympy.factor_terms(denominator)
        # Shares lie between 0 and 1: write y/(1 - y), not -y/(y - 1).
        if denominator.subs(dict.fromkeys(names, sympy.Rational(2, 5))).is_negative:
            numerator, denominator = sympy.expand(-numerator), sympy.expand(-denominator)
        fraction = numerator / denominator
        return sympy.log(fraction.xreplace({symbol: f for f, symbol in inverses.items()}))

    terms = map(_turned, sympy.Add.make_args(_everywhere(expr, sympy.log, rewrite)))
    return _with_constant_inside(list(terms))


def _with_constant_inside(terms: list[Expr]) -> Expr:
    """Write c log(f) + c log(2) as c log(2 f), and c log(f) - c log(2) as c log(f/2)."""
    constants = [t for t in terms if t.is_number and t.as_coeff_Mul()[1].func is sympy.log]
    variables = [t for t in terms if not t.is_number and t.as_coeff_Mul()[1].func is sympy.log]
    if len(constants) == len(variables) == 1:
        (c, constant), (factor, variable) = constants[0].as_coeff_Mul(), variables[0].as_coeff_Mul()
        short = constant.args[0].is_Rational or not variable.args[0].is_Add
        if abs(c) == abs(factor) and short:
            inside = variable.args[0] * constant.args[0] ** (c / factor)
            merged = _turned(factor * sympy.log(sympy.expand_mul(inside)))
            rest = [t for t in terms if t not in (constants[0], variables[0])]
            return sympy.Add(merged, *rest)
    return sympy.Add(*terms)


def _has_rational_coefficients(expr: Expr) -> bool:
    """Whether an expression is a quotient of polynomials over the rationals."""
    irrational = (n for n in expr.atoms(sympy.Function, sympy.Pow) if n.is_number)
    plain = expr.is_rational_function(*expr.free_symbols)
    return bool(plain and all(number.is_Rational for number in irrational))


def _turned(term: Expr) -> Expr:
    """Write -c log(a/b) as c log(b/a), -c log(tan u) as c log(cot u)."""
    factor, rest = term.as_coeff_Mul()
    logarithms = [f for f in sympy.Mul.make_args(rest) if isinstance(f, sympy.log)]
    if not factor.is_negative or len(logarithms) != 1:
        return term
    if isinstance(logarithms[0].args[0], sympy.tan):
        cotangent = sympy.cot(logarithms[0].args[0].args[0])
        return -factor * rest.xreplace({logarithms[0]: sympy.log(cotangent)})
    numerator, denominator = sympy.fraction(logarithms[0].args[0])
    if denominator.is_number or numerator == 1:
        return term
    return -factor * rest.xreplace({logarithms[0]: sympy.log(denominator / numerator)})
