"""What enclosed values of a convex function say about its minimum."""

from __future__ import annotations

import numpy as np

from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["least_of_convex"]


def least_of_convex(x: FloatArray, values: Bounds) -> float | None:
    """Bound below on a convex function enclosed at increasing places; None if noise hides it.

    Where the outer two values on each side are seen to rise outwards, the minimum lies in between.
    There the function stays above the chords of the neighbouring pairs on both sides, continued.

    Examples
    --------
    >>> x = np.array([-2.0, -1.0, 1.0, 2.0])
    >>> least_of_convex(x, Bounds.exact(x**2))
    -2.0
    >>> least_of_convex(x, Bounds(x**2 - 2, x**2 + 2)) is None
    True
    """
    low, high = np.asarray(values.lower), np.asarray(values.upper)
    if not (low[0] > high[1] and low[-1] > high[-2]):
        return None
    step = np.diff(x)
    # Lower bounds on the slopes right of each pair, upper bounds on those left of it.
    right_of, left_of = (low[1:] - high[:-1]) / step, (high[1:] - low[:-1]) / step
    from_left, from_right = np.append(-np.inf, right_of[:-1]), np.append(left_of[1:], np.inf)
    # In each cell the larger of two lines, from its ends, is least at an end or where they cross.
    with np.errstate(invalid="ignore"):
        crossing = (low[1:] - low[:-1] - from_right * step) / (from_left - from_right)
    crossing = np.clip(np.where(np.isfinite(crossing), crossing, 0.0), 0.0, step)
    least = np.inf
    for place in (0 * step, crossing, step):
        with np.errstate(invalid="ignore"):
            first = np.where(place > 0, low[:-1] + from_left * place, low[:-1])
            other = np.where(place < step, low[1:] - from_right * (step - place), low[1:])
        least = min(least, float(np.min(np.maximum(first, other))))
    return least
