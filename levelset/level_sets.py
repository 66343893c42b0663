"""Level sets of the profile g, compiled: where g takes a value, where a set has kinks.

The Neyman-Pearson set is {g(t) < g(s) - log kappa}; given s it is a union of intervals of t.
"""

from __future__ import annotations

import numpy as np

from levelset.laws import between
from numerics.jit import kernel

__all__ = ["find_kinks", "level_set", "profile_value"]


@kernel
def profile_value(cells, j, z):
    total = 0.0
    for k in range(cells.terms[j] - 1, -1, -1):
        total = total * z + cells.coefficients[j, k]
    return total


@kernel
def _profile(cells, s):
    """g at a plain radius, clamped to the table."""
    j = min(max(np.searchsorted(cells.left, s, side="right") - 1, 0), cells.left.shape[0] - 1)
    z = (s - cells.left[j]) / cells.half[j] - 1.0
    return profile_value(cells, j, min(max(z, -1.0), 1.0))


@kernel
def _find_cell(cells, run, c, hint):
    """The cell of the run in which g takes the value c, tried first at and next to `hint`."""
    rising = cells.sign[run] >= 0
    low, high = cells.first[run], cells.last[run]
    j = min(max(hint, low), high)
    for _ in range(3):
        if (cells.end[j] < c) == rising and j < high:
            j += 1
        elif j > low and (cells.end[j - 1] < c) != rising:
            j -= 1
        else:
            return j
    while low < high:
        middle = (low + high) // 2
        if (cells.end[middle] < c) == rising:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _invert(cells, j, rising, c):
    """Offset in cell j at which g = c."""
    g0, g1 = cells.start[j], cells.end[j]
    y = 2.0 * (c - g0) / (g1 - g0) - 1.0 if g1 != g0 else 0.0
    y = min(max(y, -1.0), 1.0)
    z = y
    n = cells.inverse_terms[j]
    if n > 0:
        z = 0.0
        for k in range(n - 1, -1, -1):
            z = z * y + cells.inverse[j, k]
        return cells.half[j] * (1.0 + min(max(z, -1.0), 1.0))
    a, b = -1.0, 1.0
    for _ in range(60):
        value, slope = 0.0, 0.0
        for k in range(cells.terms[j] - 1, -1, -1):
            slope = slope * z + value
            value = value * z + cells.coefficients[j, k]
        if (value < c) == rising:
            a = z
        else:
            b = z
        moved = z + (c - value) / slope if slope != 0.0 else 0.5 * (a + b)
        done = abs(moved - z) < 3e-9
        if not (a <= moved <= b):
            moved = 0.5 * (a + b)
            done = b - a < 1e-15
        z = moved
        if done:
            break
    return cells.half[j] * (1.0 + z)


@kernel
def level_set(law, cells, open_end, edge, offset, s, r, c, below, hint):
    """P[g(t) < c | s] if `below`, else P[g(t) > c | s]; t outside the support has g = oo.

    Also returns the last cell used, a hint for the next point.
    """
    infinity = np.inf
    total = 0.0
    runs = cells.first.shape[0]
    for run in range(runs):
        first, last = cells.first[run], cells.last[run]
        low = (cells.left[first] - edge) - offset
        high = (cells.left[last] - edge) + (2.0 * cells.half[last] - offset)
        start, stop = low, high
        if run == 0 and (open_end[0] or not below):
            low = -infinity
        if run == runs - 1 and (open_end[1] or not below):
            high = infinity
        # Outside the support g is infinite, hence above c whatever c is.
        hidden = 0.0
        if not below and run == 0 and not open_end[0]:
            hidden += between(law, s, -infinity, start, r)
        if not below and run == runs - 1 and not open_end[1]:
            hidden += between(law, s, stop, infinity, r)
        rising = cells.sign[run] >= 0
        g0, g1 = cells.start[first], cells.end[last]
        bottom, top = (g0, g1) if rising else (g1, g0)
        # With `below` the part next to the low end of g is wanted.
        if c <= bottom:
            if not below:
                total += between(law, s, low, high, r)
            continue
        if c >= top:
            total += between(law, s, low, high, r) if below else hidden
            continue
        hint = _find_cell(cells, run, c, hint)
        cut = (cells.left[hint] - edge) + (_invert(cells, hint, rising, c) - offset)
        if rising == below:
            total += between(law, s, low, cut, r)
            if not below and run == runs - 1 and not open_end[1]:
                total += between(law, s, stop, infinity, r)
        else:
            total += between(law, s, cut, high, r)
            if not below and run == 0 and not open_end[0]:
                total += between(law, s, -infinity, start, r)
    return total, hint


@kernel
def _condition(cells, which, s, r, shift):
    """Changes sign where the conditional probability has a kink or a jump in s."""
    c = _profile(cells, s) + shift
    if which == 0:
        return c - _profile(cells, s + r)
    if which == 1:
        return c - _profile(cells, abs(s - r))
    run = (which - 2) // 2
    if which % 2 == 0:
        return c - cells.start[cells.first[run]]
    return c - cells.end[cells.last[run]]


@kernel
def find_kinks(cells, left, width, r, shift, found, steps):
    """Offsets of kinks inside a panel, sorted into `found`; returns their number."""
    count = 0
    cut = r - left
    inside = 0.0 < cut < width
    if inside:
        found[0] = cut
        count = 1
    for which in range(2 + 2 * cells.first.shape[0]):
        for piece in range(2 if inside else 1):
            begin = 0.0 if piece == 0 else cut
            stop = cut if inside and piece == 0 else width
            a = begin
            # The end of a piece at s = r is approached, not reached: g may be infinite at 0.
            margin = 1e-13 * (stop - begin)
            fa = _condition(cells, which, left + a + margin, r, shift)
            for k in range(1, steps + 1):
                b = begin + (stop - begin) * k / steps
                fb = _condition(cells, which, left + b - margin, r, shift)
                if fa * fb < 0.0 and count < found.shape[0]:
                    found[count] = _root(cells, which, left, a, b, fa, r, shift)
                    count += 1
                a, fa = b, fb
    found[:count].sort()
    return count


@kernel
def _root(cells, which, left, a, b, fa, r, shift):
    low, high = a, b
    fb = _condition(cells, which, left + b, r, shift)
    side = 0
    flow, fhigh = fa, fb
    middle = 0.5 * (low + high)
    for step in range(200):
        middle = low + (high - low) * flow / (flow - fhigh) if flow != fhigh else 0.5 * (low + high)
        if not (low < middle < high) or step % 4 == 3:
            middle = 0.5 * (low + high)
        f = _condition(cells, which, left + middle, r, shift)
        if f == 0.0 or high - low < 1e-16 * (left + high):
            break
        if (f < 0.0) == (fa < 0.0):
            low, flow = middle, f
            if side == 1:
                fhigh *= 0.5
            side = 1
        else:
            high, fhigh = middle, f
            if side == -1:
                flow *= 0.5
            side = -1
    return middle
