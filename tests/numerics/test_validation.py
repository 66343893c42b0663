"""Argument checks: what passes, in which type, and how a refusal reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from numerics import validation
from numerics.errors import InvalidInputError


@pytest.mark.parametrize("dim", [1, 3072, np.int64(5), sympy.Integer(7)])
def test_dim_accepts_every_kind_of_integer(dim: Any) -> None:
    checked = validation.check_dim(dim)
    assert type(checked) is int
    assert checked == dim


@pytest.mark.parametrize("dim", [0, -1, 3.0, "3", True, None, np.bool_(True), sympy.Symbol("d")])
def test_dim_refuses_the_rest(dim: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"dim must be an integer >= 1, got"):
        validation.check_dim(dim)


@pytest.mark.parametrize("scale", [2, 0.5, np.float32(0.25), sympy.Rational(1, 3)])
def test_positive_accepts_every_kind_of_number(scale: Any) -> None:
    assert validation.check_positive("scale", scale) == float(scale)


@pytest.mark.parametrize(
    "scale", [0.0, -1.0, np.nan, np.inf, "1", 1j, True, None, sympy.Symbol("s"), 10**400]
)
def test_positive_refuses_the_rest(scale: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"scale must be a finite number > 0"):
        validation.check_positive("scale", scale)


@pytest.mark.parametrize(
    "value", [0.5, 1, [0.0, 1.0], np.float32(0.5), [[0.1], [0.2]], [sympy.Rational(1, 2), 1]]
)
def test_probability_keeps_shape_and_gives_float64(value: Any) -> None:
    checked = validation.check_probability("rho", value)
    assert checked.dtype == np.float64
    assert checked.shape == np.shape(value)
    np.testing.assert_array_equal(checked, np.asarray(value, dtype=float))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, "1.5"),
        ([0.5, -0.25], "-0.25"),
        (np.nan, "nan"),
        ("0.5", "'0.5'"),
        (0.5j, "0.5j"),
        ([[0.5], [0.5, 0.5]], "[[0.5], [0.5, 0.5]]"),
        ([None, 0.5], "None"),
        (True, "True"),
    ],
)
def test_probability_shows_the_value_at_fault(value: Any, shown: str) -> None:
    with pytest.raises(InvalidInputError, match="rho must be a probability in") as caught:
        validation.check_probability("rho", value)
    assert f"got {shown};" in str(caught.value)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, np.nan, "0.1", None])
def test_alpha_is_strictly_between_zero_and_one(alpha: Any) -> None:
    assert validation.check_alpha(0.001) == 0.001
    with pytest.raises(InvalidInputError, match="alpha"):
        validation.check_alpha(alpha)


def test_exactly_one_of_names_what_was_given() -> None:
    assert validation.exactly_one_of(scale=1.0, sigma=None) == "scale"
    with pytest.raises(InvalidInputError, match=r"got scale=1.0 and sigma=2.0"):
        validation.exactly_one_of(scale=1.0, sigma=2.0)
    with pytest.raises(InvalidInputError, match="got none of them"):
        validation.exactly_one_of(scale=None, sigma=None)


def test_choice_and_count() -> None:
    assert validation.check_choice("route", "auto", ("auto", "best")) == "auto"
    with pytest.raises(InvalidInputError, match="route must be one of 'auto', 'best', got 'x'"):
        validation.check_choice("route", "x", ("auto", "best"))
    with pytest.raises(InvalidInputError, match="count must be an integer >= 0, got -1"):
        validation.check_count("count", -1)
