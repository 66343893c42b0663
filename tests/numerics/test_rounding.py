"""Directed rounding: one step, many steps, and the edges of float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.rounding import down, up

finite = st.floats(allow_nan=False, allow_infinity=False)
LARGEST = float(np.finfo(np.float64).max)


@given(finite, st.integers(1, 40))
def test_a_jump_equals_that_many_steps_to_the_neighbour(value: float, ulps: int) -> None:
    walked = value
    for _ in range(ulps):
        walked = float(np.nextafter(walked, np.inf))
    assert up(value, ulps) == walked
    assert down(-value, ulps) == -walked


@pytest.mark.parametrize("ulps", [1, 2, 3, 100])
def test_rounding_saturates_at_infinity_and_keeps_nan(ulps: int) -> None:
    edges = np.array([np.inf, -np.inf, np.nan, LARGEST])
    rounded = up(edges, ulps)
    assert rounded[0] == np.inf
    assert rounded[1] < -1e308
    assert np.isfinite(rounded[1])
    assert np.isnan(rounded[2])
    assert rounded[3] == np.inf


def test_steps_cross_zero_through_the_subnormals() -> None:
    tiny = float(np.nextafter(0.0, 1.0))
    assert up(-tiny, 4) == 3 * tiny
    assert down(0.0, 4) == -4 * tiny


def test_zero_steps_change_nothing_and_shapes_are_kept() -> None:
    values = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
    np.testing.assert_array_equal(down(values, 0), values)
    assert down(values, 7).shape == (2, 3)
    assert isinstance(down(1.0), float)
