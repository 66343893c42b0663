"""Cells of the plane of extreme coordinates, and the law of the coordinate in between, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numerics.jit import kernel
from numerics.panel_kernels import series
from numerics.rounding import FloatArray

__all__ = ["Inner", "Rule", "mass_between", "masses", "offset", "offsets", "threshold"]


class Inner(NamedTuple):
    """The other coordinate, in three dimensions: tails of its law and the inverse of its log ratio.

    `others` is the number of other coordinates, 0 or 1. Its density times half a width and
    P[X > x], x >= 0, are series on panels;
    `points` and `ratios` tabulate log f(x - r) - log f(x), which does not decrease.
    """

    others: int
    starts: FloatArray
    widths: FloatArray
    density: FloatArray
    tails: FloatArray
    points: FloatArray
    ratios: FloatArray


class Rule(NamedTuple):
    """Geometry of the cells, and Gauss nodes, weights and the matrix to Legendre coefficients."""

    r: float
    end: float
    cells: int
    nodes: FloatArray
    weights: FloatArray
    to_coefficients: FloatArray


@kernel
def offset(rule, cell, z, a):
    """(b, b - r, db/dz) at z in [-1, 1] of a cell, each distance from its own end.

    Two pieces start at 0 and two at r, where norms have kinks and h may be infinite if a is small:
    at a distance s from there a + s is an exponential of the variable.
    """
    piece = cell // rule.cells
    t = (cell - piece * rule.cells + 0.5 * (1.0 + z)) / rule.cells
    rate = np.log1p((0.5 * rule.r if piece == 1 or piece == 2 else rule.end) / a)
    away = a * np.expm1(rate * t)
    jacobian = 0.5 * (a + away) * rate / rule.cells
    if piece == 0:
        return -away, -rule.r - away, jacobian
    if piece == 1:
        return away, away - rule.r, jacobian
    if piece == 2:
        return rule.r - away, -away, jacobian
    return rule.r + away, away, jacobian


@kernel
def offsets(rule, a, places):
    """`offset` in rows (n,) at places (m,) of all cells, shape (3, n, cells, m)."""
    cells = 4 * rule.cells
    out = np.empty((3, a.shape[0], cells, places.shape[0]))
    for i in range(a.shape[0]):
        for c in range(cells):
            for j in range(places.shape[0]):
                b, near, jacobian = offset(rule, c, places[j], a[i])
                out[0, i, c, j], out[1, i, c, j], out[2, i, c, j] = b, near, jacobian
    return out


@kernel
def _panel(inner, x):
    last = inner.starts.shape[0] - 1
    return min(max(np.searchsorted(inner.starts, x, side="right") - 1, 0), last)


@kernel
def _tail(inner, x):
    """P[X > x] for x >= 0."""
    j = _panel(inner, x)
    z = 2.0 * (x - inner.starts[j]) / inner.widths[j] - 1.0
    return max(series(inner.tails[j], z), 0.0) if z < 1.0 else 0.0


@kernel
def _short(inner, rule, low, high):
    """P[low < X < high] of an interval right of 0 that is short, without cancellation."""
    first, last = _panel(inner, low), _panel(inner, high)
    total = 0.0
    for j in range(first, last + 1):
        start = max(low, inner.starts[j]) if j > first else low
        stop = high if j == last else inner.starts[j] + inner.widths[j]
        share = (stop - start) / inner.widths[j]
        left = 2.0 * (start - inner.starts[j]) / inner.widths[j] - 1.0
        for k in range(rule.nodes.shape[0]):
            z = min(left + share * (1.0 + rule.nodes[k]), 1.0)
            total += share * rule.weights[k] * series(inner.density[j], z)
    return total


@kernel
def mass_between(inner, rule, low, high):
    """P[low < X < high] of an even law, from tails unless they nearly cancel."""
    if high <= low:
        return 0.0
    if high <= 0.0:
        low, high = -high, -low
    if low >= 0.0:
        first = _tail(inner, low)
        found = first - _tail(inner, high)
        return found if found > 1e-4 * first else _short(inner, rule, low, high)
    found = 1.0 - _tail(inner, high) - _tail(inner, -low)
    if found > 1e-4:
        return found
    return _short(inner, rule, 0.0, high) + _short(inner, rule, 0.0, -low)


@kernel
def masses(inner, rule, low, high):
    """P[low < X < high] at many pairs (n,)."""
    out = np.empty(low.shape[0])
    for i in range(low.shape[0]):
        out[i] = mass_between(inner, rule, low[i], high[i])
    return out


@kernel
def threshold(inner, level):
    """Least x at which log f(x - r) - log f(x) exceeds the level; an error counts squared."""
    count = inner.points.shape[0]
    j = np.searchsorted(inner.ratios, level)
    if j == 0:
        return -np.inf
    if j == count:
        return np.inf
    step = inner.ratios[j] - inner.ratios[j - 1]
    share = (level - inner.ratios[j - 1]) / step if step > 0.0 else 0.0
    return inner.points[j - 1] + share * (inner.points[j] - inner.points[j - 1])
