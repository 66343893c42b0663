"""Rules that solve algebraic equations in one power or exponential of the unknown."""

from __future__ import annotations

import cmath
import math

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.rules import Trace, rule
from differential.rules_inverses import (
    TEST_VALUES,
    Equation,
    Problem,
    has_parameters,
    maps_to,
    numeric,
)

__all__: list[str] = []

_KIND = "inverse"


@rule(
    "rational equation",
    kind=_KIND,
    statement="P(u) = y Q(u) of degree 1 or 2 in one power or exponential u of z",
    conditions="one power or exponential of z holds all of f; the root is the one in the interval",
    source="DLMF 1.11(iii)",
)
def _rational(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    z = problem.z
    u = Dummy("u", positive=True)
    generator = _generator(left, z)
    if generator is None or generator == left:
        return None
    in_u = _in_generator(left, z, generator, u)
    if in_u.has(z):
        return None
    numerator, denominator = sympy.fraction(sympy.together(in_u))
    if not (numerator.is_polynomial(u) and denominator.is_polynomial(u)):
        return None
    # A symbol instead of the right-hand side keeps the polynomial arithmetic cheap.
    side = Dummy("y", positive=True)
    polynomial = sympy.Poly(numerator - side * denominator, u)
    if polynomial.degree() not in (1, 2):
        return None
    for in_side in _roots(polynomial, side):
        root = in_side.xreplace({side: right})
        if _branch_holds(root, generator, problem):
            return generator, root
    return None


def _roots(polynomial: sympy.Poly, side: Symbol) -> list[Expr]:
    coefficients = polynomial.all_coeffs()
    if len(coefficients) == 2:
        numerator, denominator = sympy.fraction(sympy.cancel(-coefficients[1] / coefficients[0]))
        # Write y/(1-y) rather than -y/(y-1): shares y lie between 0 and 1.
        if denominator.subs(side, S.Half).is_negative:
            numerator, denominator = sympy.expand(-numerator), sympy.expand(-denominator)
        return [numerator / denominator]
    a, b, c = coefficients
    root = sympy.sqrt(sympy.factor(b**2 - 4 * a * c))
    return [(-b + sign * root) / (2 * a) for sign in (1, -1)]


def _branch_holds(root: Expr, generator: Expr, problem: Problem) -> bool:
    """Whether the root is the branch of the generator that belongs to the interval."""
    if has_parameters(root, problem):
        return True
    value = TEST_VALUES[0]
    found = numeric(root, problem.value, value)
    if isinstance(generator, sympy.exp):
        rate = complex(generator.args[0] / problem.z)
        return found.real > 0 and maps_to(cmath.log(found) / rate, value, problem)
    degree = float(generator.as_base_exp()[1])
    return found.real > 0 and maps_to(found ** (1 / degree), value, problem)


def _generator(expr: Expr, z: Symbol) -> Expr | None:
    """The power z^k or exponential e^(k z) of which the expression may be a rational function."""
    exponentials = [e for e in expr.atoms(sympy.exp) if e.has(z)]
    if exponentials:
        rates = [e.args[0] / z for e in exponentials]
        if any(rate.has(z) or not (rate / rates[0]).is_Rational for rate in rates):
            return None
        step = _common_step([rate / rates[0] for rate in rates])
        return sympy.exp(abs(rates[0]) * step * z)
    powers = [p for p in expr.atoms(sympy.Pow) if p.base == z]
    degrees = [p.exp for p in powers]
    if expr.xreplace(dict.fromkeys(powers, S.One)).has(z):
        degrees.append(S.One)
    if not degrees or not all((degree / degrees[0]).is_Rational for degree in degrees):
        return None
    return z ** abs(degrees[0] * _common_step([degree / degrees[0] for degree in degrees]))


def _common_step(quotients: list[Expr]) -> Expr:
    """The largest number of which all the given rationals are integer multiples."""
    numerator = math.gcd(*(int(q.p) for q in quotients))
    return sympy.Rational(numerator, math.lcm(*(int(q.q) for q in quotients)))


def _in_generator(expr: Expr, z: Symbol, generator: Expr, u: Symbol) -> Expr:
    if isinstance(generator, sympy.exp):
        rate = generator.args[0] / z
        return expr.replace(sympy.exp, lambda arg: u ** (arg / (rate * z)))
    _, degree = generator.as_base_exp()
    return expr.subs(z, u ** (1 / degree))


@rule(
    "squared equation",
    kind=_KIND,
    statement="f = y > 0 with f^2 rational has the solutions of f^2 = y^2",
    conditions="f > 0, square roots of one rational function only",
    source="DLMF 1.11(iii)",
)
def _squared(left: Expr, right: Expr, problem: Problem, trace: Trace) -> Equation | None:
    z = problem.z
    if not any(p.exp.is_Rational and p.exp.q == 2 for p in left.atoms(sympy.Pow)):
        return None
    merged = left.replace(
        lambda e: e.is_Pow and e.exp.is_Rational and e.exp.q == 2 and e.base.is_Add,
        lambda e: sympy.together(e.base) ** e.exp,
    )
    square = sympy.cancel(sympy.together(merged) ** 2)
    return (square, right**2) if square.is_rational_function(z) else None
