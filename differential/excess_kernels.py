"""Compiled reading of excess tables."""

from __future__ import annotations

import numpy as np

from differential.part_kernels import crossing
from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["read", "solve"]


@kernel
def read(points, edges, log_tail, log_excess):  # type: ignore[no-untyped-def]
    """P[S > c] and E(S - c)+ at thresholds; beyond the last edge, the values there."""
    n = points.shape[0]
    tail, excess = np.empty(n), np.empty(n)
    last = edges.shape[0] - 2
    for i in range(n):
        c = min(points[i], edges[last + 1])
        k = min(max(np.searchsorted(edges, c, side="right") - 1, 0), last)
        z = 2.0 * (c - edges[k]) / (edges[k + 1] - edges[k]) - 1.0
        tail[i] = np.exp(series(log_tail[k], z))
        excess[i] = np.exp(series(log_excess[k], z))
    return tail, excess


@kernel
def solve(log_p, edges, left, right, log_tail, log_excess):  # type: ignore[no-untyped-def]
    """Threshold c with log P[S > c] = log_p (about), and E(S - c)+ there.

    `left`, `right` are log P at the ends of the panels; a jump between panels is an atom.
    """
    n = log_p.shape[0]
    quantile, excess = np.empty(n), np.empty(n)
    m = left.shape[0]
    for i in range(n):
        target = log_p[i]
        # the last panel with left > target
        lo, hi = -1, m
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if left[mid] > target:
                lo = mid
            else:
                hi = mid
        if lo < 0:
            z, k = -1.0, 0
        elif right[lo] >= target:
            z, k = 1.0, lo
        else:
            k = lo
            z = crossing(log_tail[k], -1.0, 1.0, target)
        quantile[i] = edges[k] + (edges[k + 1] - edges[k]) * 0.5 * (1.0 + z)
        excess[i] = np.exp(series(log_excess[k], z))
    return quantile, excess
