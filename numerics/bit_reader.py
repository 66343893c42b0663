"""Reading a bit-indexed table: arguments checked, any shape, radii rounded toward zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bit_table import CompiledRadius
from numerics.bounds import Bounds
from numerics.errors import invalid

__all__ = ["SCALE_ROUNDING", "elementwise", "enclosures", "lower_values", "numbers"]

Array = NDArray[np.float64]

#: The product with the scale rounds once in each direction.
SCALE_ROUNDING = 4 * np.finfo(np.float64).eps
_LEGAL = "probabilities in [0, 1]"


def lower_values(
    compiled: CompiledRadius, scale: float, prob_lower: ArrayLike | None, tail: ArrayLike | None
) -> Any:
    """Radii, rounded toward zero, at probabilities or at tails (exactly one of the two).

    Parameters
    ----------
    compiled : CompiledRadius
        The table at scale 1.
    scale : float
        Factor on the radii.
    prob_lower, tail : array_like or None
        Probabilities in [0, 1], any shape.

    Raises
    ------
    InvalidInputError
        A value outside [0, 1] or not a number; neither or both arguments.
    """
    from numerics.bit_lookup import lower_radii

    points, is_tail = _one_of(prob_lower, tail)
    flat = np.ascontiguousarray(points).ravel()
    out = np.empty_like(flat)
    arrays = compiled.arrays
    legal = lower_radii(
        flat,
        is_tail,
        scale * (1 - SCALE_ROUNDING),
        compiled.limit,
        compiled.smallest_tail,
        arrays.bins,
        arrays.offsets,
        arrays.rows,
        out,
    )
    if not legal:
        bad = flat[~((flat >= 0) & (flat <= 1))][0]
        name = "tail" if is_tail else "prob_lower"
        raise invalid(name, _LEGAL, float(bad), "check for NaN and percent")
    return out.reshape(points.shape)[()]


def enclosures(
    compiled: CompiledRadius, scale: float, prob_lower: ArrayLike | None, tail: ArrayLike | None
) -> Bounds:
    """Enclosures of what was tabulated; arguments as for `lower_values`."""
    from numerics.bit_lookup import radius_bounds

    points, is_tail = _one_of(prob_lower, tail)
    lower = np.atleast_1d(np.asarray(lower_values(compiled, scale, prob_lower, tail))).ravel()
    upper = lower.copy()
    tails = np.atleast_1d(points).ravel() if is_tail else 1 - np.atleast_1d(points).ravel()
    inner = (tails > 0) & (tails < 0.5)
    low, high = np.empty(inner.sum()), np.empty(inner.sum())
    arrays = compiled.arrays
    table = (compiled.smallest_tail, arrays.bins, arrays.offsets, arrays.rows, arrays.errors)
    radius_bounds(tails[inner], *table, low, high)
    # A relative error says nothing about what was rounded down to 0.
    upper[inner] = np.where(low == 0, np.inf, high * scale * (1 + SCALE_ROUNDING))
    upper[(tails > 0) & (tails < compiled.smallest_tail)] = np.inf
    upper[tails == 0] = upper[tails == 0] * (1 + 2e-3)
    return Bounds(lower.reshape(points.shape)[()], upper.reshape(points.shape)[()])


def numbers(name: str, legal: str, value: ArrayLike | None) -> Array:
    """Return `value` as a float64 array; text and objects are refused by name."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise invalid(name, legal, value, "pass numbers, not text") from error


def elementwise(function: Callable[[float], float], radius: ArrayLike) -> Any:
    """Apply a function of one radius to radii of any shape."""
    values = numbers("radius", "numbers >= 0", radius)
    if not np.all(values >= 0):
        raise invalid("radius", "numbers >= 0", radius, "check for NaN and signs")
    return np.array([function(float(r)) for r in values.ravel()]).reshape(values.shape)[()]


def _one_of(prob_lower: ArrayLike | None, tail: ArrayLike | None) -> tuple[Array, bool]:
    if (prob_lower is None) == (tail is None):
        raise invalid(
            "the argument",
            "exactly one of prob_lower and tail",
            (prob_lower, tail),
            "call R(rho) or R(tail=1 - rho)",
        )
    name, given = ("prob_lower", prob_lower) if tail is None else ("tail", tail)
    return numbers(name, _LEGAL, given), tail is not None
