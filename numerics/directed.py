"""Basic operations on the ends of intervals, rounded towards a chosen side.

Kept apart from `numerics.bounds` because the special cases of IEEE 754 (zeros, infinities,
underflow) are all that needs thought here, and nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from numerics.rounding import FloatArray, FloatOrArray, down, up

__all__ = ["add", "corners", "difference_up"]

Ends = tuple[FloatOrArray, FloatOrArray]


def difference_up(a: FloatOrArray, b: FloatOrArray) -> FloatArray:
    """Return a - b rounded up; NaN for the difference of equal infinities."""
    with np.errstate(invalid="ignore", over="ignore"):
        return up(np.asarray(np.subtract(a, b)))


def add(a: FloatOrArray, b: FloatOrArray, outwards: Callable[..., Any]) -> FloatArray:
    """Add two ends and round outwards; a sum of exactly 0 has no rounding error to cover."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.asarray(np.add(a, b))
    unknown = outwards(0.0) * np.inf  # inf - inf says nothing: the infinite end on this side
    rounded = np.where(total == 0.0, 0.0, outwards(total))
    return np.where(np.isnan(total), unknown, rounded)


def corners(operation: Callable[..., Any], a: Ends, b: Ends) -> tuple[FloatArray, FloatArray]:
    """Range of a product or quotient: both are monotone in each argument, so corners decide."""
    ends = [(x, y) for x in a for y in b]
    lower = [_corner(x, y, operation, down) for x, y in ends]
    upper = [_corner(x, y, operation, up) for x, y in ends]
    return np.minimum.reduce(lower), np.maximum.reduce(upper)


def _corner(
    x: FloatOrArray, y: FloatOrArray, operation: Callable[..., Any], outwards: Callable[..., Any]
) -> FloatArray:
    """One product or quotient of ends, rounded outwards but never across 0.

    The sign of the exact result is known, so an underflow to 0 cannot push a bound to the wrong
    side. 0 * inf counts as 0 (every finite value times 0 is); inf / inf is unknown.
    """
    with np.errstate(all="ignore"):
        value = np.asarray(operation(x, y))
        sign = np.sign(x) * np.sign(y)
    rounded = np.asarray(outwards(value))
    rounded = np.where(sign > 0, np.maximum(rounded, 0.0), rounded)
    rounded = np.where(sign < 0, np.minimum(rounded, 0.0), rounded)
    rounded = np.where(np.isnan(value), outwards(0.0) * np.inf, rounded)
    return np.where(sign == 0, 0.0, rounded)
