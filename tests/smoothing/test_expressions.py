"""The symbols psi is written with."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Abs, oo

from numerics.errors import InvalidInputError
from smoothing.expressions import as_boolean, as_expression, coordinate_sum, dim, exact, norm, t, x

R = sympy.Rational


def test_norm_is_a_nonnegative_real() -> None:
    assert sympy.sqrt(norm(x, 2) ** 2) == norm(x, 2)
    assert norm(x, 2).is_nonnegative
    assert norm(x, 2).is_real


@pytest.mark.parametrize("order", [1, 2, 3, R(1, 2), 1.5, oo])
def test_norm_is_homogeneous(order: object) -> None:
    assert norm(-3 * x, order) == 3 * norm(x, order)
    assert norm(0 * x, order) == 0


def test_floats_mean_the_decimal_they_print_as() -> None:
    assert norm(x, 0.5) == norm(x, R(1, 2))
    assert exact(0.1) == R(1, 10)
    assert exact(np.float64(1e-3)) == R(1, 1000)
    assert exact(Fraction(1, 3)) == R(1, 3)
    assert as_expression(0.3 * norm(x, 2)) == R(3, 10) * norm(x, 2)
    assert coordinate_sum(0.5 * t**2) == coordinate_sum(t**2 / 2)


@pytest.mark.parametrize("value", [float("nan"), "1", None, True, 1j, sympy.Symbol("a"), sympy.I])
def test_exact_refuses_what_is_no_real_number(value: object) -> None:
    with pytest.raises(InvalidInputError, match="p must be a real number"):
        exact(value, name="p")


@pytest.mark.parametrize("order", [0, -1, -oo, sympy.Symbol("p"), "2"])
def test_norm_refuses_illegal_orders(order: object) -> None:
    with pytest.raises(InvalidInputError, match=r"norm\(x, p\)"):
        norm(x, order)


@pytest.mark.parametrize("argument", [t, x**2, x + 1, 3])
def test_norm_takes_multiples_of_x_only(argument: object) -> None:
    with pytest.raises(InvalidInputError, match="first argument of norm"):
        norm(argument, 2)


def test_t_is_bound_in_a_coordinate_sum() -> None:
    total = coordinate_sum(t**2)
    assert total.free_symbols == set()
    assert total.subs(t, 3) == total
    assert total.diff(t) == 0
    assert coordinate_sum(dim * t).free_symbols == {dim}


@pytest.mark.parametrize("phi", [norm(x, 2), x[0], sympy.Symbol("t"), coordinate_sum(t)])
def test_summands_are_written_in_t(phi: sympy.Expr) -> None:
    with pytest.raises(InvalidInputError, match="phi in t alone"):
        coordinate_sum(phi)


def test_weights_are_finite_numbers() -> None:
    assert coordinate_sum(Abs(t), weights=(1, 0.5)).weights == sympy.Tuple(1, R(1, 2))
    with pytest.raises(InvalidInputError, match="weights"):
        coordinate_sum(t, weights=(1, oo))


@pytest.mark.parametrize("index", [-1, 1.0, "0", True, None])
def test_coordinates_count_from_zero(index: object) -> None:
    assert x[0].index == 0
    assert x[np.int64(3)] == x[3]
    with pytest.raises(InvalidInputError, match=r"x\[index\]"):
        x[index]


def test_x_has_no_length() -> None:
    with pytest.raises(TypeError, match="index it"):
        list(x)


@pytest.mark.parametrize(
    "tree",
    [norm(x, oo) ** 2 + x[3], coordinate_sum(Abs(t), weights=(1, 2)), coordinate_sum(t), x >= 0],
)
def test_expressions_survive_worker_processes(tree: sympy.Basic) -> None:
    # joblib sends densities to its workers in this way
    assert pickle.loads(pickle.dumps(tree)) == tree
    assert copy.deepcopy(tree) == tree
    assert tree.func(*tree.args) == tree


def test_latex_reads_as_a_formula() -> None:
    assert sympy.latex(norm(x, oo) ** 2) == r"\left\|x\right\|_{\infty}^{2}"
    assert sympy.latex(coordinate_sum(t**2)) == r"\sum_{i} \left(x_{i}^{2}\right)"
    assert sympy.latex(x[2]) == "x_{2}"


@pytest.mark.parametrize("value", ["norm(x, 2)", None, [1], x >= 0])
def test_psi_is_an_expression(value: object) -> None:
    with pytest.raises(InvalidInputError, match="psi must be a SymPy expression"):
        as_expression(value)


@pytest.mark.parametrize("value", ["x >= 0", 1, norm(x, 2)])
def test_supports_are_conditions(value: object) -> None:
    with pytest.raises(InvalidInputError, match="support must be a comparison"):
        as_boolean(value)
