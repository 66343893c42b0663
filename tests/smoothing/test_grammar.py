"""Text in, SymPy out, and back; nothing else gets in."""

from __future__ import annotations

import contextlib
import time

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, And, cosh, exp, log, oo, pi

from numerics.errors import ExpressionSyntaxError
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import as_expression, coordinate_sum, dim, norm, t, x
from smoothing.grammar import parse_expression, parse_support
from smoothing.printing import expression_text
from tests.strategies import potentials

R = sympy.Rational


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("norm(x, oo)**2 + 3*log(norm(x, oo))", norm(x, oo) ** 2 + 3 * log(norm(x, oo))),
        ("coordinate_sum(2*log(cosh(t/2)))", coordinate_sum(2 * log(cosh(t / 2)))),
        ("coordinate_sum(abs(t), weights=(1, 0.5))", coordinate_sum(Abs(t), weights=(1, R(1, 2)))),
        ("1.50e-3 * norm(x, 3/2)", R(3, 2000) * norm(x, R(3, 2))),
        ("-norm(x, 2)**2**3/4", -(norm(x, 2) ** 8) / 4),
        ("2**-1 * norm(x, 1)", norm(x, 1) / 2),
        ("x[0]**2 - 3*-abs(x[10])", x[0] ** 2 + 3 * Abs(x[10])),
        ("dim*log(1 + norm(x, 2)) + pi", dim * log(1 + norm(x, 2)) + pi),
        ("max(norm(x, 1), 2)", sympy.Max(norm(x, 1), 2)),
        ("coordinate_sum(Abs(t)*exp(1))", coordinate_sum(Abs(t) * sympy.E)),
        ("0", sympy.S.Zero),
    ],
)
def test_text_means_what_it_says(text: str, tree: sympy.Expr) -> None:
    assert parse_expression(text) == tree


def test_piecewise_is_written_as_in_sympy() -> None:
    huber = sympy.Piecewise((t**2 / 2, Abs(t) < 1), (Abs(t) - R(1, 2), True))
    text = "coordinate_sum(piecewise((t**2/2, abs(t) < 1), (abs(t) - 1/2, True)))"
    assert parse_expression(text) == coordinate_sum(huber)
    assert expression_text(coordinate_sum(huber)) == text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("norm(x, oo) <= 3/2", norm(x, oo) <= R(3, 2)),
        ("And(x >= 0, norm(x, 1) < 2)", And(x >= 0, norm(x, 1) < 2)),
        ("x[0] > -1", x[0] > -1),
        ("abs(x) < 2", Abs(x) < 2),
    ],
)
def test_supports_are_read_and_printed(text: str, tree: sympy.Basic) -> None:
    assert parse_support(text) == tree
    assert parse_support(expression_text(tree)) == tree


@given(potentials())
def test_printed_text_is_read_back(psi: sympy.Expr) -> None:
    # as_expression evaluates what SymPy left undone, like Abs(Abs(x)), as every density does
    tree = as_expression(psi)
    assert parse_expression(expression_text(tree)) == tree


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__",
    "x.__class__",
    "t.subs",
    "norm(x, 2).args",
    "lambda: 1",
    "eval(1)",
    "exec",
    "S(1)",
    "Symbol(t)",
    "'text'",
    '"text"',
    "f{1}",
    "[t for t in x]",
    "t if t else t",
    "t; t",
    "t = 1",
    "t := 1",
    "t @ t",
    "t // 2",
    "t % 2",
    "1_000",
    "0x10",
    "1j",
    "t!",
    "#",
    "\\",
    "\x00",
    "t\u200b",
    "\uff4eorm(x, 2)",  # fullwidth n, which Python's own parser takes for n
    "norm(x, 2)\u00b2",
    "\u0661 + 1",  # an Arabic digit
    "\U0001d7d7",
    "9**9**9**9",
    "2**(2**(2**(2**9)))",
    "10**100**100",
    "1e999999999",
    "9" * 1000,
    "exp(exp(exp(exp(9))))",
    "cosh(10**5)",
    "exp(1)**(10**5)",
    "(1/3)**10000",
    "(" * 10_000,
    "(" * 1000 + "t" + ")" * 1000,
    "-" * 10_000 + "t",
    "**".join(["t"] * 1000),
    "+".join(["t"] * 10_000),
    "coordinate_sum(" * 50,
    "piecewise((" * 60,
    "And(" * 60,
    "t" * 1_000_000,
    "t " * 40_000,
    "1/0",
    "t/0",
    "t**oo",
    "0**-1",
    "log(0)",
    "log(-1)",
    "sqrt(-4)",
    "oo - oo",
    "oo*t",
    "exp(oo)",
    "norm(x, -1)",
    "norm(x, t)",
    "norm(t, 2)",
    "norm(x)",
    "norm(x, 2, 3)",
    "norm(x, 2)[0]",
    "coordinate_sum(norm(x, 2))",
    "coordinate_sum(t, weights=(1, t))",
    "coordinate_sum(t, weights=1)",
    "coordinate_sum(t, 2)",
    "piecewise((t, t < 1))",
    "abs()",
    "abs(t, t)",
    "x",
    "x[-1]",
    "x[1.5]",
    "x[t]",
    "x[0",
    "gauge(x, body)",
    "norm(x, 2) < 1",
    "norm(x, 2",
    "2 t",
    "t +",
    "",
    "   ",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse_expression(text)
    # milliseconds of CPU; ten seconds are far from any blow-up, and no busy machine changes them
    assert time.process_time() - start < 10.0
    assert len(str(caught.value)) < 500
    assert str(caught.value).isascii()


@given(st.text(alphabet="xt0123456789.+-*/()[], =<>eonrmdilgsabpq_\"'\n", max_size=60))
def test_arbitrary_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionSyntaxError):
        parse_expression(text)


@pytest.mark.parametrize("text", [None, 3, b"norm(x, 2)", norm(x, 2), ["t"]])
def test_only_strings_are_text(text: object) -> None:
    with pytest.raises(ExpressionSyntaxError, match="must be a str"):
        parse_expression(text)  # type: ignore[arg-type]


def test_errors_show_the_position_and_a_remedy() -> None:
    with pytest.raises(
        ExpressionSyntaxError, match=r"illegal character '\^' at position 10 .*\*\*"
    ):
        parse_expression("norm(x, 2)^2")
    with pytest.raises(
        ExpressionSyntaxError, match=r"unknown name 'nrom' at position 4 .*legal names"
    ):
        parse_expression("2 + nrom(x, 2)")
    with pytest.raises(ExpressionSyntaxError, match=r"x on its own"):
        parse_expression("abs(x)")


@pytest.mark.parametrize(
    "text",
    ["x >= 0 and x <= 1", "0 < x < 1", "norm(x, 2)", "Not(x > 0)", "x == 0", "And()", "True"],
)
def test_supports_outside_the_grammar(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        parse_support(text)


def test_parse_builds_the_same_distribution() -> None:
    parsed = SmoothingDistribution.parse(
        "coordinate_sum(t**2)/2", dim=3, support="norm(x, oo) <= 2", scale=0.5
    )
    psi, support = coordinate_sum(t**2) / 2, norm(x, oo) <= 2
    assert parsed == SmoothingDistribution(psi, dim=3, support=support, scale=0.5)


def test_exponentials_print_as_functions() -> None:
    assert expression_text(exp(-(t**2)) + sympy.E) == "exp(1) + exp(-t**2)"
