"""Directed rounding of float64 results: a few units in the last place towards either infinity.

A correctly rounded operation is off by at most half a unit in the last place (ulp), so one step
outwards encloses the exact result; a library function with a stated error of k ulps needs k steps.
"""

from __future__ import annotations

from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "FloatOrArray", "down", "up"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
FloatOrArray: TypeAlias = float | FloatArray


@overload
def down(x: float, ulps: int = 1) -> float: ...
@overload
def down(x: FloatArray, ulps: int = 1) -> FloatArray: ...
def down(x: FloatOrArray, ulps: int = 1) -> FloatOrArray:
    """Round towards minus infinity by `ulps` units in the last place.

    Parameters
    ----------
    x : float or float64 array
        Values to round. NaN stays NaN; +inf becomes the largest float, because an infinite
        result may be an overflow and the largest float is all that is then known from below.
    ulps : int, default 1
        Number of steps between neighbouring floats, >= 0.

    Returns
    -------
    float or float64 array
        Values below `x`, of the same shape.

    Examples
    --------
    >>> down(1.0)
    0.9999999999999999
    >>> down(0.0)
    -5e-324
    """
    return _step(x, -ulps)


@overload
def up(x: float, ulps: int = 1) -> float: ...
@overload
def up(x: FloatArray, ulps: int = 1) -> FloatArray: ...
def up(x: FloatOrArray, ulps: int = 1) -> FloatOrArray:
    """Round towards plus infinity by `ulps` units in the last place.

    The mirror image of `down`: ``up(x, k) == -down(-x, k)``.

    Examples
    --------
    >>> up(1.0)
    1.0000000000000002
    >>> up(float("-inf"))
    -1.7976931348623157e+308
    """
    return _step(x, ulps)


def _step(x: FloatOrArray, steps: int) -> FloatOrArray:
    """Move each value by `steps` places in the ordering of the floats, saturating at infinity."""
    values = np.asarray(x, dtype=np.float64)
    target = np.inf if steps > 0 else -np.inf
    # nextafter into the subnormals raises the underflow flag, which is no fault here.
    with np.errstate(all="ignore"):
        if abs(steps) <= 2:
            for _ in range(abs(steps)):
                values = np.nextafter(values, target)
        else:
            values = _jump(values, steps)
    return values if isinstance(x, np.ndarray) else float(values)


def _jump(values: FloatArray, steps: int) -> FloatArray:
    """Take many steps at once through the order-preserving map of floats to integers.

    Read as a signed integer, a float64 >= 0 grows with its bits and one < 0 falls with them;
    reflecting the negative half makes neighbouring floats neighbouring integers (both zeros
    share the integer 0).
    """
    smallest = np.iinfo(np.int64).min
    bits = values.view(np.int64) if values.ndim else np.int64(values[()].view(np.int64))
    ranks = np.where(bits >= 0, bits, smallest - bits)
    limit = int(np.float64(np.inf).view(np.int64))
    moved = np.clip(ranks + steps, -limit, limit)
    stepped = np.where(moved >= 0, moved, smallest - moved).astype(np.int64).view(np.float64)
    return np.where(np.isnan(values), np.nan, stepped)
