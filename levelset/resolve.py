"""Cutting a smooth branch of g into cells on which a short series reproduces it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from flint import arb
from numpy.polynomial import legendre
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule
from numerics.rounding import FloatArray

__all__ = ["MAX_CELLS", "Piece", "Stretch", "resolve"]

#: Size of the last two coefficients of a cell relative to the variation of g on it; the transform
#: alone leaves (2 ORDER - 1)/2 * eps = 4.3e-15.
_RESOLUTION = 1e-14
MAX_CELLS = 20_000
#: Variation of g, relative to g, whose shape 128 bits cannot tell from rounding, and one that
#: underflows: such cells are flat, and their variation is an error of g.
_FLAT, _SMALLEST = 1e-24, 1e-290


class Piece(NamedTuple):
    """g on [left, right] as a Legendre series plus the constant high + low."""

    left: float
    right: float
    series: FloatArray
    high: float
    low: float
    flat: float = 0.0
    """What g varies where that was not resolved."""


@dataclass(frozen=True)
class Stretch:
    """A smooth branch of g in ball arithmetic, minus the reference value."""

    value: BallFunction
    slope: BallFunction
    reference: arb


def resolve(
    stretch: Stretch, points: FloatArray, overlaps: Callable[[float, float], bool], largest: float
) -> list[Piece]:
    """Halve cells until a series of degree 19 reproduces g and g is monotone on each."""
    done: list[Piece] = []
    pending = list(pairwise(points.tolist()))[::-1]
    rule = legendre_rule()
    while pending:
        a, b = pending.pop()
        start, half = arb(a), (arb(b) - arb(a)) / 2
        nodes = [start + half * (1 + arb(float(z))) for z in rule.nodes]
        middle = a + (b - a) / 2
        balls = stretch.value.balls(nodes)
        base = balls[len(balls) // 2]
        series = _exact_series([v - base for v in balls])
        if not a < middle < b or len(done) + len(pending) > MAX_CELLS:
            raise PrecisionError(
                "the profile of the density could not be resolved: write jumps with Piecewise and "
                "drop rapidly oscillating terms"
            )
        variation = np.abs(series[1:]).max()
        constant = base - stretch.reference
        high = float(constant.mid())
        if variation <= max(_FLAT * abs(float(base.mid())), _SMALLEST):
            series[1:] = 0.0
            low = float((constant - high).mid())
            done.append(Piece(a, b, series, high, low, max(2 * float(variation), _SMALLEST)))
            continue
        resolved = np.abs(series[-2:]).max() <= _RESOLUTION * variation
        if not resolved or (variation > largest and overlaps(a, b)):
            pending += [(middle, b), (a, middle)]
            continue
        turn = _turning_point(series, stretch, a, b)
        if turn is not None and a < turn < b:
            pending += [(turn, b), (a, turn)]
            continue
        done.append(Piece(a, b, series, high, float((constant - high).mid())))
    return done


def _exact_series(balls: list[arb]) -> FloatArray:
    """Legendre coefficients of values at the nodes, without the rounding of the transform.

    That rounding is 4e-15 of the variation per coefficient, and log L would keep it.
    """
    high = np.array([float(v.mid()) for v in balls])
    low = np.array([float((v - h).mid()) for v, h in zip(balls, high.tolist(), strict=True)])
    values = high.astype(np.longdouble) + low
    return np.asarray(_transform() @ values, dtype=np.float64)


@cache
def _transform() -> NDArray[np.longdouble]:
    """Inverse of the Legendre matrix at the nodes as they are stored, by Newton's iteration.

    Where long double is double, cells merely keep some rounding, which `noise` contains.
    """
    nodes = legendre_rule().nodes.astype(np.longdouble)
    columns: list[NDArray[np.longdouble]] = [np.ones_like(nodes), nodes]
    for k in range(1, ORDER - 1):
        following = ((2 * k + 1) * nodes * columns[k] - k * columns[k - 1]) / (k + 1)
        columns.append(following.astype(np.longdouble))
    matrix = np.stack(columns, axis=1)
    inverse = legendre_rule().to_coefficients.astype(np.longdouble)
    twice = 2 * np.eye(ORDER, dtype=np.longdouble)
    for _ in range(3):
        inverse = inverse @ (twice - matrix @ inverse)
    return inverse


def _turning_point(series: FloatArray, stretch: Stretch, a: float, b: float) -> float | None:
    """A zero of g' inside the cell, None where g is monotone as far as float64 sees."""
    slope = legendre.legder(series)
    z = np.linspace(-1, 1, 4 * ORDER)
    values = legendre.legval(z, slope)
    # A slope that stays below the rounding of g does not turn anything.
    values[np.abs(values) < 1e-13 * (np.abs(series).max() + 1e-300)] = 0.0
    signs = np.sign(values)
    seen = signs[signs != 0]
    if len(seen) == 0 or np.all(seen == seen[0]):
        return None
    change = int(np.flatnonzero(np.diff(seen))[0])
    at = np.flatnonzero(signs != 0)
    low, high = ((a + (b - a) * (1 + z[at[change + k]]) / 2) for k in (0, 1))
    left_sign = seen[change]
    for _ in range(200):
        middle = low + (high - low) / 2
        if not low < middle < high:
            break
        if np.sign(float(stretch.slope.ball(middle).mid())) == left_sign:
            low = middle
        else:
            high = middle
    # A zero next to an end of the cell is that end.
    close = 1e-12 * (b - a)
    return None if low - a < close or b - high < close else float(low)
