"""Enclosures: every operation on intervals must contain the exact result for points inside."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.bounds import ELEMENTARY_ULPS, Bounds
from numerics.errors import InvalidInputError

# Large enough to overflow in a product and small enough to underflow, but never both at once
# in a Fraction too long to handle.
numbers = st.floats(min_value=-1e200, max_value=1e200, allow_nan=False)


@st.composite
def intervals_with_point(draw: st.DrawFn) -> tuple[Bounds, Fraction]:
    low, high = sorted((draw(numbers), draw(numbers)))
    share = Fraction(draw(st.integers(0, 16)), 16)
    return Bounds(low, high), Fraction(low) + share * (Fraction(high) - Fraction(low))


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv])
@given(intervals_with_point(), intervals_with_point())
def test_arithmetic_contains_the_exact_result(
    operation: Callable[[Any, Any], Any],
    left: tuple[Bounds, Fraction],
    right: tuple[Bounds, Fraction],
) -> None:
    (a, x), (b, y) = left, right
    if operation is operator.truediv and 0.0 in b:
        with pytest.raises(InvalidInputError, match="divisor"):
            a / b
        return
    assert operation(x, y) in operation(a, b)


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_arithmetic_on_single_floats_is_two_steps_wide_at_most(
    operation: Callable[[Any, Any], Any],
) -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(2, 1000))
    image = operation(Bounds.exact(a), Bounds.exact(b))
    assert np.all(image.width <= 4.0 * np.spacing(np.abs(image.midpoint)))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("exp", -700.0, 700.0),
        ("expm1", -40.0, 40.0),
        ("log", 1e-300, 1e300),
        ("log1p", -0.999, 1e3),
        ("sqrt", 0.0, 1e300),
    ],
)
def test_functions_contain_the_exact_value(name: str, low: float, high: float) -> None:
    generator = np.random.default_rng(2)
    points = low + (high - low) * generator.beta(0.3, 0.3, size=400)
    points = np.concatenate([points, np.abs(generator.normal(size=100)) * 1e-8])
    image = getattr(Bounds.exact(points), name)()
    with mpmath.workdps(40):
        for point, lower, upper in zip(points, image.lower, image.upper, strict=True):
            exact = getattr(mpmath, name)(mpmath.mpf(point))
            assert lower <= exact <= upper
    # The slack is the stated one: 2 * ELEMENTARY_ULPS steps apart plus the rounding itself.
    scale = np.spacing(np.maximum(np.abs(image.lower), np.abs(image.upper)))
    assert np.all(image.width <= (2 * ELEMENTARY_ULPS + 1) * scale)


def test_monotone_functions_take_the_right_end() -> None:
    interval = Bounds(1.0, 2.0)
    assert interval.decreasing(lambda x: -x, ulps=0) == Bounds(-2.0, -1.0)
    assert interval.increasing(lambda x: x + 1.0, ulps=0) == Bounds(2.0, 3.0)


def test_underflow_and_zero_never_change_a_sign() -> None:
    tiny = Bounds.exact(1e-200)
    assert (tiny * tiny).lower == 0.0
    assert (tiny * tiny).upper > 0.0
    assert (tiny * -tiny).upper == 0.0
    assert (Bounds(0.0, 1.0) * Bounds(0.0, np.inf)) == Bounds(0.0, np.inf)
    assert Bounds(1.0, 2.0) - 1.0 == Bounds(0.0, 1.0000000000000002)
    assert Bounds.exact(-800.0).exp().lower == 0.0


def test_unknown_ends_become_infinite() -> None:
    whole = Bounds(-np.inf, np.inf)
    assert Bounds.exact(np.inf) - np.inf == whole
    assert Bounds(1.0, np.inf) / Bounds(1.0, np.inf) == whole


def test_scalars_arrays_and_numpy_operands_mix() -> None:
    stack = Bounds(np.zeros(3), 1.0)
    assert stack.shape == (3,)
    assert (np.arange(3.0) + stack).shape == (3,)
    assert isinstance(2.0 * stack, Bounds)
    assert stack[1] == Bounds(0.0, 1.0)
    assert isinstance(Bounds(1, 2).lower, float)
    with pytest.raises(ValueError, match="read-only"):
        stack.lower[0] = -1.0


def test_membership_is_exact_for_numbers_between_floats() -> None:
    point = Bounds.exact(0.1)
    assert Fraction(1, 10) not in point
    assert 0.1 in point
    assert Fraction(1, 10) in Bounds.exact(1.0) / 10.0
    assert Bounds(0.2, 0.3) in Bounds(0.1, 0.4)
    assert Bounds(0.2, 0.5) not in Bounds(0.1, 0.4)


def test_comparisons_say_surely_or_overlap() -> None:
    low, high = Bounds(0.0, 1.0), Bounds(1.0, 2.0)
    assert low.surely_less(1.5)
    assert not low.surely_less(high)
    assert low.overlaps(high)
    assert high.surely_greater(0.5)
    with pytest.raises(TypeError):
        low < high  # noqa: B015
    assert low.hull(high) == Bounds(0.0, 2.0)
    assert low.intersection(high) == Bounds(1.0, 1.0)
    assert low.maximum(0.5) == Bounds(0.5, 1.0)
    assert low.minimum(0.5) == Bounds(0.0, 0.5)


def test_widths_and_midpoints() -> None:
    wide = Bounds(2.0, 3.0)
    assert wide.midpoint == 2.5
    assert wide.width == np.nextafter(1.0, 2.0)
    # Rounded up twice, once for the width and once for the ratio.
    assert wide.relative_width == pytest.approx(0.5, rel=1e-15, abs=0.0)
    assert Bounds(-1.0, 1.0).relative_width == np.inf
    assert Bounds.exact(np.inf).width == 0.0
    assert Bounds(-np.inf, np.inf).midpoint == 0.0
    assert Bounds.around(3.0, absolute=1.0).lower <= 2.0
    assert 99.0 in Bounds.around(100.0, relative=0.01)


def test_equality_and_hash_follow_the_values() -> None:
    assert Bounds(0.0, 1.0) == Bounds(-0.0, 1.0)
    assert hash(Bounds(0.0, 1.0)) == hash(Bounds(-0.0, 1.0))
    assert Bounds(0.0, 1.0) != Bounds(0.0, 2.0)
    assert Bounds(0.0, 1.0) != "an interval"


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [(1.0, 0.0, "ordered"), (np.nan, 0.0, "NaN"), ([0.0, 2.0], [1.0, 1.0], r"\(2\.0, 1\.0\)")],
)
def test_ends_must_be_ordered_numbers(lower: Any, upper: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Bounds(lower, upper)


def test_functions_refuse_intervals_outside_their_domain() -> None:
    for name in ("log", "sqrt"):
        with pytest.raises(InvalidInputError, match=name):
            getattr(Bounds(-1.0, 1.0), name)()
    with pytest.raises(InvalidInputError, match="error"):
        Bounds.around(1.0, relative=-0.1)
