"""Laws of t = ||x - v|| given s = ||x||, compiled: all that a geometry contributes.

Distances are carried as delta = t - s (see `profile`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = [
    "AXIS",
    "EQUAL",
    "SPHERE",
    "Law",
    "add_hidden",
    "add_probabilities",
    "between",
    "conditional",
]

#: Laws of t given s: l2 and any shift, l_oo along an axis, and the one that l_oo with equal shifts
#: and l1 along an axis share.
SPHERE, AXIS, EQUAL = 0, 1, 2


class Law(NamedTuple):
    """Law of t given s; the table belongs to SPHERE (see `spherical`)."""

    kind: int
    dim: int
    step: float
    table: FloatArray


@kernel
def _sphere_tail(law, tau, complement):
    """P[T > tau] for tau >= 0, with complement = 1 - tau^2, from the table of the Mills ratio."""
    power = 0.5 * (law.dim - 1)
    if complement <= 0.0:
        return 0.0
    log_factor = np.log1p(-tau * tau) if tau < 0.7 else np.log(complement)
    theta = np.arcsinh(tau * np.sqrt(2.0 * power)) / law.step
    i = min(int(theta), law.table.shape[0] - 1)
    z = 2.0 * (theta - i) - 1.0
    ratio = 0.0
    for k in range(law.table.shape[1] - 1, -1, -1):
        ratio = ratio * z + law.table[i, k]
    return np.exp(power * log_factor + ratio)


@kernel
def conditional(law, s, delta, r):
    """(P[t <= s + delta], P[t > s + delta]) given s, for a shift of length r."""
    if delta >= r:
        return 1.0, 0.0
    if delta < -r or 2.0 * s + delta - r <= 0.0:
        return 0.0, 1.0
    if law.kind == 0:
        near = (delta + r) * (2.0 * s + delta - r) / (2.0 * s * r)
        far = (r - delta) * (2.0 * s + delta + r) / (2.0 * s * r)
        tau = (r * r - delta * (2.0 * s + delta)) / (2.0 * s * r)
        tail = _sphere_tail(law, abs(tau), near * far)
        return (tail, 1.0 - tail) if tau >= 0.0 else (1.0 - tail, tail)
    if law.kind == 2:
        below = 0.5 * np.exp((law.dim - 1) * np.log1p(-0.5 * (r - delta) / s))
        return below, 1.0 - below
    # One face is moved towards the origin, one away from it (1/(2d) each); on the others
    # x_1 is uniform and t = max(s, r - x_1).
    face = 0.5 / law.dim
    log_inner = (law.dim - 1) * np.log1p(delta / s) if -s < delta < 0.0 else 0.0
    if delta <= -s:
        log_inner = -np.inf
    side = min(max(0.5 * (r - delta) / s, 0.0), 1.0) if delta >= 0.0 else 1.0
    below = face * np.exp(log_inner) + (1.0 - 2.0 * face) * (1.0 - side)
    above = -face * np.expm1(log_inner) + face + (1.0 - 2.0 * face) * side
    return below, above


@kernel
def between(law, s, low, high, r):
    """P[low < t - s <= high], from the smaller tail."""
    below_low, above_low = conditional(law, s, low, r)
    below_high, above_high = conditional(law, s, high, r)
    if above_low < 0.5:
        return max(above_low - above_high, 0.0)
    return max(below_high - below_low, 0.0)


@kernel
def add_probabilities(law, radius, low, high, count, r, out):
    """Add P[low < t - s <= high] to `out`; a loop, for arrays are slow to hand over one by one."""
    for k in range(count):
        if low[k] >= high[k]:
            continue
        if low[k] == -np.inf:
            out[k] += conditional(law, radius[k], high[k], r)[0] if high[k] < np.inf else 1.0
        elif high[k] == np.inf:
            out[k] += conditional(law, radius[k], low[k], r)[1]
        else:
            out[k] += between(law, radius[k], low[k], high[k], r)


@kernel
def add_hidden(law, radius, start, stop, count, r, out):
    """Add P[t - s <= start] + P[t - s > stop] to `out`."""
    for k in range(count):
        if start[k] > -np.inf:
            out[k] += conditional(law, radius[k], start[k], r)[0]
        if stop[k] < np.inf:
            out[k] += conditional(law, radius[k], stop[k], r)[1]
