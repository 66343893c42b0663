"""The shape of a function on an interval: constant, rising, falling, or one turn.

Shapes are read off the sign of the derivative at many points. A wrong reading cannot make a wrong
radius: whatever is derived from it is compared with a computation that does not use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Symbol

__all__ = ["Shape", "shape_of"]

Interval = tuple[Expr, Expr]

#: Sample points per shape; e^-16 ... e^16 spans every feature of potentials written by hand.
_POINTS = 192
_LOG_RANGE = 16.0
#: A relative slope below this is rounding of a constant.
_FLAT = 1e-11


@dataclass(frozen=True)
class Shape:
    """`turns` is one of "constant", "rising", "falling", "rising-falling", "falling-rising" or
    "other"; `sign` is "nonnegative", "nonpositive" or "mixed".
    """

    turns: str
    sign: str


def shape_of(function: Expr, variable: Symbol, interval: Interval) -> Shape:
    """Return the shape of a function on an open interval.

    Examples
    --------
    >>> z = Symbol("z", positive=True)
    >>> shape_of(2 * z / (1 + z**2), z, (sympy.S.Zero, sympy.oo))
    Shape(turns='rising-falling', sign='nonnegative')
    """
    points = _sample(interval)
    values = _evaluate(function, variable, points)
    slope = sympy.diff(function, variable)
    if slope.has(sympy.DiracDelta):
        return Shape("other", _sign(values[np.isfinite(values)]))  # it jumps
    slopes = _evaluate(slope, variable, points)
    seen = np.isfinite(values) & np.isfinite(slopes)
    values, slopes, points = values[seen], slopes[seen], points[seen]
    # A slope is compared with the value over the distance to the nearer end of the interval.
    steep = np.abs(slopes) * np.maximum(np.abs(points), 1e-6) > _FLAT * np.abs(values)
    signs = np.sign(slopes[steep])
    runs = signs[np.flatnonzero(np.diff(signs, prepend=0.0))]
    names = {1.0: "rising", -1.0: "falling"}
    turns = "-".join(names[float(run)] for run in runs) if len(runs) <= 2 else "other"
    return Shape(turns or "constant", _sign(values))


def _sign(values: NDArray[np.float64]) -> str:
    if np.all(values >= 0):
        return "nonnegative"
    return "nonpositive" if np.all(values <= 0) else "mixed"


def _sample(interval: Interval) -> NDArray[np.float64]:
    low, high = (float(end) for end in interval)
    away = np.exp(np.linspace(-_LOG_RANGE, _LOG_RANGE, _POINTS))
    if np.isfinite(low) and np.isfinite(high):
        inside = np.arctan(away) * (2 / np.pi)
        return low + (high - low) * inside
    if np.isfinite(low):
        return low + away
    if np.isfinite(high):
        return high - away[::-1]
    return np.concatenate([-away[::-1], away])


def _evaluate(function: Expr, variable: Symbol, points: NDArray[np.float64]) -> NDArray[np.float64]:
    if not function.has(variable):
        return np.full(points.shape, float(function))
    call = sympy.lambdify(variable, function, "numpy")
    with np.errstate(all="ignore"):
        return np.asarray(call(points), dtype=np.float64) * np.ones_like(points)
