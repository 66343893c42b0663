"""Every rule is a true statement, general, and of use to several densities."""

from __future__ import annotations

import inspect
import re

import mpmath
import pytest
import sympy
from mpmath import mpf
from sympy import Rational, S, Symbol, exp, log, oo, sign, sqrt

from differential.kernels import kernel_of
from differential.masses import Mass, gamma_quotient
from differential.rules import RULES, Trace, rule
from differential.rules_antiderivatives import definite_integral
from differential.rules_equations import paired_ends
from differential.rules_integrals import partial_integral
from differential.rules_inverses import invert
from differential.rules_rewrites import tidy
from differential.symbolic_check import value_at
from tests.differential.symbolic_cases import DIFFERENT_DENSITIES, derived

z = Symbol("z", positive=True)
u = Symbol("u", real=True)
y = Symbol("y", positive=True)

#: mpmath.quad works with 15 digits; four are left to sums over intervals.
QUADRATURE = 1e-11


@pytest.fixture(scope="module")
def densities_by_rule() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in RULES}
    for name in DIFFERENT_DENSITIES:
        for fired in derived(name).fired:
            found[fired].add(name)
    return found


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_fires_for_two_different_densities(
    name: str, densities_by_rule: dict[str, set[str]]
) -> None:
    assert len(densities_by_rule[name]) >= 2, densities_by_rule[name]


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_mentions_no_purpose(name: str) -> None:
    candidate = RULES[name]
    text = inspect.getsource(candidate.apply) + candidate.statement
    purposes = r"\brho\b|adversar|radius|certif|smoothing|Laplace|Gauss|logistic|Cauchy|Pareto|tail"
    assert not re.search(purposes, text)
    assert candidate.source


def test_names_of_rules_are_unique() -> None:
    with pytest.raises(ValueError, match="two rules"):
        rule("power", kind="integral", statement="", conditions="", source="")(lambda: None)


KERNELS = [
    (-(z ** Rational(3, 2)) + Rational(7, 2) * log(3 * z), z, (0, oo)),
    (-1 / z - 3 * log(z), z, (0, oo)),
    (-3 * z, z, (0, 2)),
    (-2 * log(sympy.cosh(u / 2)), u, (-oo, oo)),
    (-log(sympy.cosh(u)), u, (-oo, oo)),
    (-2 * log(1 + exp(u)) + u, u, (-1, oo)),
    (-u - exp(-u), u, (-oo, oo)),
    (-(u**2) / 2 + log(sympy.cosh(2 * u)), u, (-oo, oo)),
    (-(u**2) + u, u, (-1, oo)),
    (Rational(1, 3) * log(z) - 4 * log(2 + 3 * z**2), z, (0, oo)),
    (-Rational(3, 2) * log(1 + z**2), z, (0, oo)),
    (2 * log(4 - z**2) + log(z), z, (0, 2)),
    (2 * log(4 - z**2), z, (0, 1)),
    (S.Zero, u, (-1, 3)),
    (Rational(1, 2) * log(z), z, (0, 3)),
    (-3 * log(z), z, (2, oo)),
    (log(exp(-z) + 2 * exp(-3 * z)), z, (0, oo)),
]


@pytest.mark.parametrize(("log_kernel", "variable", "interval"), KERNELS, ids=str)
def test_shares_of_a_kernel_are_its_integrals(
    log_kernel: sympy.Expr, variable: Symbol, interval: tuple[object, object]
) -> None:
    ends = tuple(sympy.sympify(end, strict=True) for end in interval)
    trace = Trace()
    part = partial_integral(kernel_of(log_kernel, variable), (ends[0], ends[1]), trace)
    assert part is not None
    assert trace.fired
    # Kernels in u have no mass to speak of beyond 40, and their cosh must not overflow.
    low, high = (mpf(str(end)) if abs(end) < oo else mpf("inf") * int(sign(end)) for end in ends)
    if variable == u:
        low, high = max(low, mpf(-40)), min(high, mpf(40))
    middle = low + mpf("0.3") * (min(high, low + 4) - low)
    call = sympy.lambdify(variable, exp(log_kernel), "mpmath")
    stops = [mpf(s) for s in (0, 1, 3, 6, 20, 1000) if middle < s < high]
    below = mpmath.quad(call, [low, (low + middle) / 2, middle])
    above = mpmath.quad(call, [middle, *stops, high])
    shares = [float(below / (below + above)), float(above / (below + above))]
    assert value_at(part.lower, variable, float(middle)) == pytest.approx(shares[0], rel=QUADRATURE)
    assert value_at(part.upper, variable, float(middle)) == pytest.approx(shares[1], rel=QUADRATURE)
    assert float(part.total.expr) == pytest.approx(float(below + above), rel=QUADRATURE)


def test_kernels_without_a_rule_are_left_alone() -> None:
    trace = Trace()
    assert partial_integral(kernel_of(-(z**4) - z**2, z), (S.Zero, oo), trace) is None
    assert trace.fired == []


INTEGRANDS = [
    (S(3), 0),
    (1 / (exp(sqrt(z)) - 1), oo),
    (z / (exp(2 * z) - 1), oo),
    (1 / (2 * exp(3 * z ** Rational(1, 3)) - 1), oo),
    (1 / ((1 + z) ** 4 - 1), oo),
    (1 / (2 * (1 + 3 * z) ** Rational(5, 2) - 1), oo),
    (2 / (1 - z**2), 0),
    (1 / (9 - 4 * z**2), 0),
    ((1 + z) / (1 - z**3), 0),
    (1 / (3 * z + 2), 0),
    ((z + 2) / (z**2 + z + 1), 0),
    (1 / (z**2 + z - 1), 0),
    (1 / (2 + z) ** 3, 0),
    (exp(z) / (1 + exp(z)) ** 2, 0),
]


@pytest.mark.parametrize(("integrand", "end"), INTEGRANDS, ids=str)
def test_antiderivatives_against_quadrature(integrand: sympy.Expr, end: object) -> None:
    point = 0.4
    interval = (S.Zero, oo) if end is oo else (S.Zero, Rational(1, 2))
    low, high = (y, oo) if end is oo else (S.Zero, y)
    found = definite_integral(integrand, z, low, high, interval, Trace())
    assert found is not None
    call = sympy.lambdify(z, integrand, "mpmath")
    stops = [point, 1, 3, 10, 100, 1e4, mpmath.inf] if end is oo else [0, point]
    assert value_at(found, y, point) == pytest.approx(float(mpmath.quad(call, stops)), QUADRATURE)


def test_integrals_without_a_rule_are_left_alone() -> None:
    integrand = 1 / (exp(z ** Rational(2, 5)) - 1)
    assert definite_integral(integrand, z, y, oo, (S.Zero, oo), Trace()) is None


FUNCTIONS = [
    (exp(-3 * z**2), z, (0, oo)),
    (2 / (exp(z) + 1), z, (0, oo)),
    (1 / (1 + exp(u)), u, (-oo, oo)),
    (Rational(3, 5) * exp(-z) + Rational(2, 5) * exp(-2 * z), z, (0, oo)),
    (1 / sqrt(z**2 + 1) - 1 / sqrt(1 + z**-2), z, (0, 1)),
    (sqrt(z) / (1 + sqrt(z)), z, (0, oo)),
    (1 - 4 * sympy.atan(z) / sympy.pi, z, (0, 1)),
    (sympy.erfc(z - 2) / 2, z, (0, oo)),
    (1 - exp(-exp(-u)), u, (-oo, oo)),
]


@pytest.mark.parametrize(("function", "variable", "interval"), FUNCTIONS, ids=str)
def test_inverses_undo_their_functions(
    function: sympy.Expr, variable: Symbol, interval: tuple[object, object]
) -> None:
    ends = tuple(sympy.sympify(end, strict=True) for end in interval)
    found = invert(function, variable, y, (ends[0], ends[1]), Trace())
    assert found is not None
    for value in (0.03, 0.3, 0.49):
        point = value_at(found, y, value)
        assert float(ends[0]) <= point <= float(ends[1])
        assert value_at(function, variable, point) == pytest.approx(value, rel=1e-13)


def test_a_sum_of_different_functions_has_no_rule() -> None:
    trace = Trace()
    assert invert(exp(-z) + sympy.erfc(z), z, y, (S.Zero, oo), trace) is None
    assert trace.fired == []


@pytest.mark.parametrize(
    "function",
    [2 * z / (1 + z**2), 2 * z + 1 / (2 * z), 3 * z**2 + 1 / z, Rational(3, 2) * sqrt(z) + 1 / z],
)
def test_paired_ends_have_equal_heights(function: sympy.Expr) -> None:
    ends = paired_ends(function, z, Trace())
    assert ends is not None
    for share in (0.2, 0.7):
        at = sympy.Float(share, 30) * ends.turn
        left, right = (e.subs(ends.coordinate, at).evalf(25) for e in (ends.left, ends.right))
        assert 0 < left < right
        assert abs(function.subs(z, left) / function.subs(z, right) - 1) < 1e-20


@pytest.mark.parametrize(
    "expression",
    [
        log((1 + sympy.tan(sympy.pi / 4 - y)) / (1 - sympy.tan(sympy.pi / 4 - y))),
        log((1 + 1 / sympy.tan(sympy.pi / 4 + y)) / (1 - 1 / sympy.tan(sympy.pi / 4 + y))),
        log((1 + sympy.cos(sympy.pi * y)) / (1 - sympy.cos(sympy.pi * y))),
        log(-1 + 1 / y),
        log(y) + log(2),
        -log(sympy.tan(y)),
        sympy.erfinv(1 - sympy.erfc(S.Half) * y - y * sympy.erf(S.Half)),
    ],
    ids=str,
)
def test_rewriting_keeps_values(expression: sympy.Expr) -> None:
    rewritten = tidy(expression, Trace())
    assert rewritten != expression
    for point in (0.07, 0.3, 0.45):
        # Two forms of one number at 25 digits, rounded to float64.
        assert value_at(rewritten, y, point) == pytest.approx(value_at(expression, y, point), 1e-14)


@pytest.mark.parametrize(
    ("above", "below"),
    [("7/2", "3"), ("3", "7/2"), ("1001/2", "500"), ("5000", "4998"), ("40", "99")],
)
def test_quotients_of_gamma_functions(above: str, below: str) -> None:
    a, b = Rational(above), Rational(below)
    with mpmath.workdps(40):
        exact = mpmath.gammaprod([mpmath.mpf(a.p) / a.q], [mpmath.mpf(b.p) / b.q])
        found = gamma_quotient(a, b).evalf(35)
        assert abs(mpmath.mpf(str(found)) / exact - 1) < mpmath.mpf(10) ** -30


def test_masses_divide_without_large_numbers() -> None:
    big = Mass(S.One, (S(150528), S(3)), (S(150531),))
    assert big.over(Mass(S(2), (S(150527), S(4)), (S(150531),))) == Rational(150527, 6)
