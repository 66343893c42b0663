"""Compiled look-ups in a table of tail and excess over thresholds."""

from __future__ import annotations

import numpy as np

from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["look_up", "mixture_sums", "thresholds"]


@kernel
def _at(c, edges, tail_series, excess_series, tail_beyond, beyond):
    """Tail and excess at one threshold; beyond the table its last values, an upper bound."""
    m = tail_series.shape[0]
    if c >= edges[m]:
        return tail_beyond, beyond
    k = max(np.searchsorted(edges, c, side="right") - 1, 0)
    z = 2.0 * (c - edges[k]) / (edges[k + 1] - edges[k]) - 1.0
    return max(series(tail_series[k], z), 0.0), max(series(excess_series[k], z), 0.0)


@kernel
def look_up(points, edges, tail_series, excess_series, tail_beyond, beyond):
    """Tail and excess at each threshold."""
    tail = np.zeros(points.shape[0])
    excess = np.zeros(points.shape[0])
    for i in range(points.shape[0]):
        tail[i], excess[i] = _at(points[i], edges, tail_series, excess_series, tail_beyond, beyond)
    return tail, excess


@kernel
def mixture_sums(
    points,
    factors,
    weights,
    sum_weights,
    sum_moments,
    full,
    mass,
    mean,
    edges,
    tail_series,
    excess_series,
    tail_beyond,
    beyond,
):
    """Tail and excess of a_k X with probability w_k, X tabulated; the factors a_k decrease.

    `sum_weights[k]` and `sum_moments[k]` add up w and w a before k. Below `full` X is certain to
    exceed its threshold, and above the table nothing but `beyond` is left: both ends are sums.
    """
    tail = np.zeros(points.shape[0])
    excess = np.zeros(points.shape[0])
    n = factors.shape[0]
    for i in range(points.shape[0]):
        c = points[i]
        # y = c / a_k grows with k
        first = np.searchsorted(-factors * full, -c, side="left")
        last = np.searchsorted(-factors * edges[-1], -c, side="left")
        tail[i] = mass * sum_weights[first] + tail_beyond * (sum_weights[n] - sum_weights[last])
        excess[i] = mean * sum_moments[first] - c * mass * sum_weights[first]
        excess[i] += beyond * (sum_moments[n] - sum_moments[last])
        for k in range(first, last):
            y = c / factors[k]
            p, e = _at(y, edges, tail_series, excess_series, tail_beyond, beyond)
            tail[i] += weights[k] * p
            excess[i] += weights[k] * factors[k] * e
    return tail, excess


@kernel
def _root(coefficients, p):
    """Local z where a decreasing series takes the value p, by false position with bisection."""
    a, b = -1.0, 1.0
    fa, fb = series(coefficients, a) - p, series(coefficients, b) - p
    if fa <= 0.0:
        return a
    if fb >= 0.0:
        return b
    side = 0
    z = 0.0
    for step in range(100):
        z = (a * fb - b * fa) / (fb - fa)
        if step % 4 == 3 or not (a < z < b):
            z = 0.5 * (a + b)
        gap = series(coefficients, z) - p
        if abs(gap) <= 1e-13 * p or b - a <= 1e-15:
            break
        if gap > 0.0:
            a, fa = z, gap
            if side == 1:
                fb *= 0.5
            side = 1
        else:
            b, fb = z, gap
            if side == -1:
                fa *= 0.5
            side = -1
    return z


@kernel
def thresholds(targets, edges, tail_left, tail_right, tail_series, excess_series, beyond):
    """A threshold near the upper quantile of each target, and the excess there."""
    n = targets.shape[0]
    m = tail_left.shape[0]
    quantile = np.zeros(n)
    excess = np.zeros(n)
    for i in range(n):
        p = targets[i]
        # The first panel at whose right end the tail is at most p.
        lo, hi = -1, m
        while hi - lo > 1:
            middle = (lo + hi) // 2
            if tail_right[middle] <= p:
                hi = middle
            else:
                lo = middle
        if hi == m:
            k, z = m - 1, 1.0
        elif tail_left[hi] <= p:
            k, z = hi, -1.0
        else:
            k, z = hi, _root(tail_series[hi], p)
        width = edges[k + 1] - edges[k]
        if z > -1.0 and width <= 1e-14 * edges[k + 1]:
            z = 1.0  # a panel of a few ulps: Phi(p) = c p, and its series are rounding
        quantile[i] = edges[k] + 0.5 * width * (1.0 + z) if z < 1.0 else edges[k + 1]
        excess[i] = beyond if k == m - 1 and z == 1.0 else max(series(excess_series[k], z), 0.0)
    return quantile, excess
