"""Compiled convolution of a tabulated sum with one more term."""

from __future__ import annotations

import numpy as np

from differential.part_kernels import crossing
from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["convolve"]

_MAX_CUTS = 256


@kernel
def _half_line(c, edges, log_tail, log_excess, bounded):  # type: ignore[no-untyped-def]
    """P[S > c] and E(S - c)+ for c >= 0."""
    last = edges.shape[0] - 2
    if last < 0 or (bounded and c >= edges[last + 1]):
        return 0.0, 0.0
    c = min(c, edges[last + 1])
    k = min(max(np.searchsorted(edges, c, side="right") - 1, 0), last)
    z = 2.0 * (c - edges[k]) / (edges[k + 1] - edges[k]) - 1.0
    return np.exp(series(log_tail[k], z)), np.exp(series(log_excess[k], z))


@kernel
def _line(c, upper, lower):  # type: ignore[no-untyped-def]
    """P[S > c] and E(S - c)+ for any c, of a centred S."""
    if c >= 0.0:
        return _half_line(c, upper[0], upper[1], upper[2], upper[3])
    tail, excess = _half_line(-c, lower[0], lower[1], lower[2], lower[3])
    return 1.0 - tail, excess - c


@kernel
def _piece(c, a, b, log_density, value, scale, shift, upper, lower, nodes, weights, bent):  # type: ignore[no-untyped-def]
    """Integrals over local coordinates [a, b] of one panel; `bent` crowds nodes at both ends."""
    tail, excess = 0.0, 0.0
    for j in range(nodes.shape[0]):
        s = 0.5 * (1.0 + nodes[j])
        w = 0.5 * weights[j]
        if bent:
            # s -> s^4 (35 - 84 s + 70 s^2 - 20 s^3) lifts an end singularity |z|^e to |s|^(4e)
            w *= 140.0 * (s * (1.0 - s)) ** 3
            s = s**4 * (35.0 + s * (-84.0 + s * (70.0 - 20.0 * s)))
        z = a + (b - a) * s
        t, e = _line(c - scale * series(value, z) + shift, upper, lower)
        f = w * (b - a) * np.exp(series(log_density, z))
        tail += f * t
        excess += f * e
    return tail, excess


@kernel
def convolve(points, term, atoms, upper, lower, breaks, rule, wide):  # type: ignore[no-untyped-def]
    """P[S + Y > c] and E(S + Y - c)+ for Y = scale (h(X) - mean) independent of S.

    Integrals over X are cut where c - Y meets a break of the law of S.
    """
    scale, mean, panel, start, stop, low, high, log_density, value = term
    level, mass = atoms
    shift = scale * mean
    tails, excesses = np.zeros(points.shape[0]), np.zeros(points.shape[0])
    cuts = np.empty(_MAX_CUTS)
    for i in range(points.shape[0]):
        c = points[i]
        tail, excess = 0.0, 0.0
        for j in range(level.shape[0]):
            t, e = _line(c - scale * (level[j] - mean), upper, lower)
            tail += mass[j] * t
            excess += mass[j] * e
        for j in range(panel.shape[0]):
            count, near = 0, False
            width = high[j] - low[j]
            for k in range(breaks.shape[0]):
                y = (c - breaks[k]) / scale + mean
                if y <= low[j] or y >= high[j]:
                    near = near or (low[j] - width < y < high[j] + width)
                elif count < _MAX_CUTS:
                    cuts[count] = crossing(value[panel[j]], start[j], stop[j], y)
                    count += 1
            cuts[:count].sort()
            a = start[j]
            for k in range(count + 1):
                b = cuts[k] if k < count else stop[j]
                if b > a:
                    bent = count > 0 or near
                    nodes = wide[0] if bent else rule[0]
                    weights = wide[1] if bent else rule[1]
                    t, e = _piece(
                        c, a, b, log_density[panel[j]], value[panel[j]], scale, shift, upper, lower,
                        nodes, weights, bent,
                    )  # fmt: skip
                    tail += t
                    excess += e
                a = b
        tails[i] = tail
        excesses[i] = excess
    return tails, excesses
