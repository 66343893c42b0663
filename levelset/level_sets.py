"""Level sets of the profile g, compiled: the Neyman-Pearson set given s is a union of intervals.

The set is {g(t) < g(s) - log kappa} for p0 and {g(t) > g(s) + log kappa} for p1. All functions
work on a `Batch` of points s: handing the many arrays of a table to a function costs several times
what one point costs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from levelset.laws import add_hidden, add_probabilities
from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = ["Batch", "add_up", "new_batch"]

#: Just below 0, where an atom at 0 is not counted.
_BELOW_ZERO = -1e-300


class Batch(NamedTuple):
    """Points s = left end of `cell` + offset with weights.

    `level` is g(s) -+ log kappa minus g at the left end of the cell of s.
    """

    cell: NDArray[np.int64]
    offset: FloatArray
    radius: FloatArray
    weight: FloatArray
    level: FloatArray
    low: FloatArray
    high: FloatArray
    probability: FloatArray


@kernel
def new_batch(size):
    return Batch(
        np.empty(size, dtype=np.int64),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
    )


@kernel
def _find_cell(end, first, last, rising, c, hint):
    """The cell of a run in which g takes the value c, tried first at and next to `hint`."""
    low, high = first, last
    j = min(max(hint, low), high)
    for _ in range(3):
        if (end[j] < c) == rising and j < high:
            j += 1
        elif j > low and (end[j - 1] < c) != rising:
            j -= 1
        else:
            return j
    while low < high:
        middle = (low + high) // 2
        if (end[middle] < c) == rising:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _solve(coefficients, terms, j, rising, c, z):
    """z in [-1, 1] at which the series of cell j is c, by bracketed Newton steps."""
    a, b = -1.0, 1.0
    for _ in range(60):
        value, slope = 0.0, 0.0
        for k in range(terms - 1, -1, -1):
            slope = slope * z + value
            value = value * z + coefficients[j, k]
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
    return z


@kernel
def _intervals(cells, run, open_left, open_right, batch, count, sign, below, shift, atom):
    """Interval of t - s that a run of g contributes at each point, into low and high.

    The level moves by the error of g in the cells next to the cut, and the cut by the rounding of
    t - s. An atom at t = s has the exact ratio 1, so that no such error may put it on the wrong
    side.
    """
    first, last = cells.first[run], cells.last[run]
    rising = cells.sign[run] >= 0
    # Whether the left part of the run is wanted.
    from_left = rising == below
    inside = shift > 0.0 if below else shift < 0.0
    begin, length = cells.left[first], 2.0 * cells.half[last]
    hint = first
    for k in range(count):
        edge, offset = cells.left[batch.cell[k]], batch.offset[k]
        start, stop = (begin - edge) - offset, (cells.left[last] - edge) + (length - offset)
        low = -np.inf if open_left else start
        high = np.inf if open_right else stop
        g, more = cells.start[batch.cell[k]], cells.low[batch.cell[k]]
        level = batch.level[k]
        hint = _find_cell(cells.end, first, last, rising, g + level, hint)
        level -= sign * cells.near_noise[hint]
        hint = _find_cell(cells.end, first, last, rising, g + level, hint)
        c = level + ((g - cells.start[hint]) + (more - cells.low[hint]))
        # The cell was chosen by rounded values.
        if hint > first and (c < 0.0 if rising else c > 0.0):
            hint -= 1
            c = level + ((g - cells.start[hint]) + (more - cells.low[hint]))
        elif hint < last and (c > cells.change[hint] if rising else c < cells.change[hint]):
            hint += 1
            c = level + ((g - cells.start[hint]) + (more - cells.low[hint]))
        change = cells.change[hint]
        before = hint == first and (c <= 0.0 if rising else c >= 0.0)
        beyond = hint == last and (c >= change if rising else c <= change)
        if before or beyond:
            if before == from_left:
                if from_left:
                    high = -np.inf
                else:
                    low = np.inf
        else:
            y = 2.0 * c / change - 1.0 if change != 0.0 else 0.0
            y = min(max(y, -1.0), 1.0)
            n = cells.inverse_terms[hint]
            if n > 0:
                z = 0.0
                for i in range(n - 1, -1, -1):
                    z = z * y + cells.inverse[hint, i]
                z = min(max(z, -1.0), 1.0)
            else:
                z = _solve(cells.coefficients, cells.terms[hint], hint, rising, c, y)
            apart = cells.left[hint] - edge
            cut = apart + (cells.half[hint] * (1.0 + z) - offset)
            rounding = sign * 2.3e-16 * abs(apart)
            if from_left:
                high = cut - rounding if below else cut + rounding
            else:
                low = cut + rounding if below else cut - rounding
        if atom and start < 0.0 <= stop:
            if from_left:
                high = max(high, 0.0) if inside else min(high, _BELOW_ZERO)
            else:
                low = min(low, _BELOW_ZERO) if inside else max(low, 0.0)
        batch.low[k], batch.high[k] = low, high


@kernel
def _ends(cells, open_left, open_right, batch, count):
    """Ends of the support relative to s, into low and high."""
    last = cells.left.shape[0] - 1
    for k in range(count):
        edge, offset = cells.left[batch.cell[k]], batch.offset[k]
        stop = (cells.left[last] - edge) + (2.0 * cells.half[last] - offset)
        batch.low[k] = -np.inf if open_left else (cells.left[0] - edge) - offset
        batch.high[k] = np.inf if open_right else stop


@kernel
def add_up(law, cells, open_end, batch, count, r, shift, sign, below):
    """Sums of w P, w (P - 1/2) and w |P - 1/2| over the batch.

    P is the probability of {g(t) < level} given s if `below`, else of {g(t) > level}; outside the
    support g is infinite.
    """
    batch.probability[:count] = 0.0
    runs = cells.first.shape[0]
    for run in range(runs):
        _intervals(
            cells, run, run == 0 and open_end[0], run == runs - 1 and open_end[1],
            batch, count, sign, below, shift, law.kind == 1,
        )  # fmt: skip
        add_probabilities(law, batch.radius, batch.low, batch.high, count, r, batch.probability)
    if not below and not (open_end[0] and open_end[1]):
        _ends(cells, open_end[0], open_end[1], batch, count)
        add_hidden(law, batch.radius, batch.low, batch.high, count, r, batch.probability)
    total, centred, spread = 0.0, 0.0, 0.0
    for k in range(count):
        total += batch.weight[k] * batch.probability[k]
        gap = batch.weight[k] * (batch.probability[k] - 0.5)
        centred += gap
        spread += abs(gap)
    return total, centred, spread
