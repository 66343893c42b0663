"""Extremes of g' and g'' over intervals of t, from samples on the panels that resolve the density.

A profile may rise or bend on a stretch much narrower than what an integral over its law samples.
The panels of the density are narrow wherever it varies, so that samples on them miss nothing that
its values show; the extremes of any interval are then read from maxima over powers of two of them.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import sympy

from numerics.branches import SmoothBranch
from numerics.jit import kernel
from numerics.panels import PanelDensity
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_branches
from smoothing.structure import RADIUS, Radial

__all__ = ["Steepness", "extremes", "profile_steepness"]

#: Samples on each panel, and the ratio of those beyond the last one.
_SAMPLES, _RATIO = 32, 1.02

_Function = Callable[[FloatArray], FloatArray]


class Steepness(NamedTuple):
    """Samples at `points`, ascending; row j of a table holds maxima over 2^j of them."""

    points: FloatArray
    minus_first: FloatArray
    first: FloatArray
    minus_second: FloatArray


def profile_steepness(
    radial: Radial, panels: PanelDensity, low: float, high: float
) -> Steepness | None:
    """Samples of g' and (-g'')_+ from `low` to `high`.

    None for a profile with jumps, concave kinks or an end, whose second derivative is unbounded.
    """
    if np.isfinite(float(radial.support[1])):
        return None
    branches = radius_branches(radial)
    derivatives = [[_numeric(b.expr.diff(RADIUS, k)) for k in range(3)] for b in branches]
    if not _bends_upwards(branches, derivatives):
        return None
    seams = np.array([float(b.upper) for b in branches[:-1]])
    points = np.unique(np.append(_points(panels, low, high), seams))
    first, second = (_sampled(seams, [d[k] for d in derivatives], points) for k in (1, 2))
    return Steepness(
        points,
        _maxima(-first[0]),
        _maxima(first[1]),
        _maxima(np.maximum(-second[0], 0.0)),
    )


@kernel
def extremes(steepness, low, high):
    """Least and largest g' and largest (-g'')_+ on [low, high] and to the samples beside it."""
    points = steepness.points
    first = max(np.searchsorted(points, low, side="right") - 1, 0)
    last = min(np.searchsorted(points, high), points.shape[0] - 1)
    row, width = 0, 1
    while 2 * width <= last - first + 1:
        row, width = row + 1, 2 * width
    other = last - width + 1
    return (
        -max(steepness.minus_first[row, first], steepness.minus_first[row, other]),
        max(steepness.first[row, first], steepness.first[row, other]),
        max(steepness.minus_second[row, first], steepness.minus_second[row, other]),
    )


def _points(panels: PanelDensity, low: float, high: float) -> FloatArray:
    """Samples inside panels and, where there are none, in geometric progression."""
    edges = np.asarray(panels.edges, dtype=np.float64)
    share = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    inside = (edges[:-1, None] + np.diff(edges)[:, None] * share).ravel()
    inside = inside[inside > 0]

    def progression(start: float, stop: float) -> FloatArray:
        if start >= stop:
            return np.empty(0)
        count = int(np.ceil(np.log(stop / start) / np.log(_RATIO))) + 1
        return np.asarray(np.geomspace(start, stop, count))

    return np.concatenate([progression(low, inside[0]), inside, progression(inside[-1], high)])


def _sampled(
    seams: FloatArray, functions: Sequence[_Function], points: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Smaller and larger one-sided value at each point; both count where two branches meet."""
    values = []
    for side in ("left", "right"):
        branch = np.searchsorted(seams, points, side=side)
        value = np.empty_like(points)
        for i, function in enumerate(functions):
            value[branch == i] = function(points[branch == i])
        values.append(value)
    low, high = np.minimum(*values), np.maximum(*values)
    # nan: nothing is known there.
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def _maxima(values: FloatArray) -> FloatArray:
    rows, width = [values], 1
    while 2 * width <= len(values):
        before = rows[-1]
        row = before.copy()
        row[:-width] = np.maximum(before[:-width], before[width:])
        rows.append(row)
        width *= 2
    return np.stack(rows)


def _bends_upwards(
    branches: Sequence[SmoothBranch], derivatives: Sequence[Sequence[_Function]]
) -> bool:
    """Whether g is continuous where branches meet, and its slope does not drop there."""
    for (_, right), (before, after) in zip(pairwise(branches), pairwise(derivatives), strict=True):
        seam = np.array([float(right.lower)])
        left, there = (np.array([f(seam)[0] for f in side[:2]]) for side in (before, after))
        if not np.all(np.isfinite(left) & np.isfinite(there)):
            return False
        slack = 1e-9 * (1 + np.abs(left))
        if abs(there[0] - left[0]) > slack[0] or there[1] < left[1] - slack[1]:
            return False
    return True


def _numeric(expr: sympy.Expr) -> _Function:
    call = sympy.lambdify(RADIUS, expr, "numpy", cse=True)

    def evaluate(x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return np.asarray(call(x), dtype=np.float64) + np.zeros_like(x)

    return evaluate
