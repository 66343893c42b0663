"""Expressions rewritten so that float64 survives large arguments, and evaluated by numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, cosh, exp, log

from smoothing.evaluate import evaluate_psi, inside_support
from smoothing.expressions import as_expression, coordinate_sum, norm, t, x
from smoothing.overflow import stabilise
from tests.strategies import summands

R = sympy.Rational

#: potential, its value at t = 1e4
LARGE = [
    (log(cosh(t)), 1e4 - math.log(2)),
    (log(1 + exp(t)), 1e4),
    (log(1 + exp(-t)), 0.0),
    (t + 2 * log(1 + exp(-t)), 1e4),
    (2 * log(exp(t / 2) + exp(-t / 2)), 1e4),
    (-log(exp(-((t - 1) ** 2)) + exp(-((t + 1) ** 2))), (1e4 - 1) ** 2),
    (-log(exp(-(t**2)) + exp(-(t**2) / 2) + 2 * exp(-Abs(t))), 1e4 - math.log(2)),
    (log(3 + 2 * cosh(t) ** 2), 2e4 - math.log(2)),
    (log(1 / cosh(t)), math.log(2) - 1e4),
    (log(sympy.sech(t)), math.log(2) - 1e4),
    (log(t**2 * cosh(t)), 1e4 - math.log(2) + 2 * math.log(1e4)),
    (log(1 + t**2), math.log(1 + 1e8)),
]


@pytest.mark.parametrize(("phi", "value"), LARGE)
@pytest.mark.parametrize("sign", [1, -1])
def test_no_overflow_at_large_arguments(phi: sympy.Expr, value: float, sign: int) -> None:
    even = sympy.simplify(phi.subs(t, -t) - phi) == 0
    if sign == 1 or even:
        result = evaluate_psi(coordinate_sum(phi), np.array([[sign * 1e4]]))
        # a difference of two numbers of size 1e8 keeps eight digits after the point
        np.testing.assert_allclose(result, value, rtol=1e-15, atol=1e-12)


@given(summands(), st.floats(-3, 3))
@settings(max_examples=40)
def test_stabilised_trees_have_the_same_value(phi: sympy.Expr, point: float) -> None:
    at = {t: sympy.Rational(point)}
    before = as_expression(phi).subs(at).evalf(30)
    after = stabilise(as_expression(phi)).subs(at).evalf(30)
    assert abs(before - after) <= 1e-20 * (1 + abs(before))


@given(summands(), st.floats(-3, 3))
@settings(max_examples=40)
def test_numpy_agrees_with_sympy(phi: sympy.Expr, point: float) -> None:
    exact = float(as_expression(phi).subs(t, sympy.Rational(point)).evalf(30))
    value = evaluate_psi(coordinate_sum(phi), np.array([[point]]))[0]
    # conditioning: nested exponentials of values up to e^5 magnify eps by a few hundred
    assert value == pytest.approx(exact, rel=1e-11, abs=1e-11)


def test_psi_of_every_kind_at_a_point() -> None:
    point = np.array([[3.0, -4.0, 0.0]])
    for psi, value in (
        (norm(x, 1), 7),
        (norm(x, 2), 5),
        (norm(x, sympy.oo), 4),
        (norm(x, R(1, 2)), (math.sqrt(3) + 2) ** 2),
        (x[0] * x[1], -12),
        (coordinate_sum(t, weights=(1, 2, 3)), -5),
        (coordinate_sum(sympy.Piecewise((t**2, Abs(t) < 3.5), (1, True))), 10),
        (coordinate_sum(sympy.Max(t, 1)) + sympy.Min(norm(x, 1), 2), 7),
        (sympy.S(3), 3),
    ):
        np.testing.assert_allclose(evaluate_psi(as_expression(psi), point), [value], rtol=1e-15)


def test_supports_are_tested_point_by_point() -> None:
    points = np.array([[1.0, 2.0], [-1.0, 2.0], [3.0, 0.5]])
    for condition, inside in (
        (None, [True, True, True]),
        (x >= 0, [True, False, True]),
        (sympy.And(x >= 0, norm(x, 1) < 3.2), [True, False, False]),
        (x[0] > 1, [False, False, True]),
        (norm(x, 2) ** 2 <= 6, [True, True, False]),
    ):
        assert inside_support(condition, points).tolist() == inside
