"""Compiled loops that lay the law of one log ratio out on a grid of log ratios.

A mass s = sqrt(p q) at log ratio l, p of it under the density and q = e^l p under the shifted one,
inside the cell [a, a + h] is written as s sinh((a + h - l)/2)/sinh(h/2) at a and
s sinh((l - a)/2)/sinh(h/2) at a + h: two masses with the same p and the same q.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = ["BRIEF", "PIECE", "Coordinate", "Intervals", "contract", "deposit", "survey", "turns"]

#: Gauss nodes per piece; a piece is at most an eleventh of a panel, on which 20 are exact.
PIECE = 6
#: Nodes of the shorter rule, for pieces below this part of a panel.
BRIEF, _SHORT_PART = 3, 0.02
#: The edge of a cell is found to this part of the cell; the square of it enters the law.
_CROSSING = 1e-4


class Coordinate(NamedTuple):
    """Panels of the density of one coordinate, its shift, and Gauss rules on [-1, 1].

    The density on a panel is a Chebyshev series: evaluating it takes no division.
    """

    anchor: FloatArray
    left: FloatArray
    half: FloatArray
    coefficients: FloatArray
    shift: float
    nodes: FloatArray
    weights: FloatArray
    short_nodes: FloatArray
    short_weights: FloatArray


class Intervals(NamedTuple):
    """Intervals of the coordinate, and the panels of x and of x - shift on each."""

    start: FloatArray
    stop: FloatArray
    row: NDArray[np.int64]
    moved: NDArray[np.int64]


@kernel
def _density(one: Coordinate, row: int, x: float) -> float:
    """The density by the series of one panel; 0 where rounding leaves nothing."""
    z = (x - one.anchor[row] - one.left[row]) / one.half[row] - 1.0
    z = min(max(z, -1.0), 1.0)
    b1, b2 = 0.0, 0.0
    for k in range(one.coefficients.shape[1] - 1, 0, -1):
        b1, b2 = one.coefficients[row, k] + 2.0 * z * b1 - b2, b1
    return max(one.coefficients[row, 0] + z * b1 - b2, 0.0)


@kernel
def _log_ratio(one: Coordinate, row: int, moved: int, x: float) -> float:
    """log of the shifted over the plain density, infinite where one of them vanishes."""
    plain = _density(one, row, x)
    shifted = _density(one, moved, x - one.shift)
    if shifted <= 0.0:
        return -math.inf
    return math.inf if plain <= 0.0 else math.log(shifted / plain)


@kernel
def turns(one: Coordinate, parts: Intervals, variation: FloatArray) -> FloatArray:
    """Where the log ratio turns inside an interval, and nan where it does not.

    The slopes at the two ends tell, and a golden-section search finds the turn as exactly as
    matters: next to it the log ratio changes by the square of the distance.
    """
    out = np.full(parts.start.shape[0], np.nan)
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for i in range(out.shape[0]):
        x0, x1 = parts.start[i], parts.stop[i]
        row, moved, near = parts.row[i], parts.moved[i], 1e-3 * (x1 - x0)
        first = _log_ratio(one, row, moved, x0 + near) - _log_ratio(one, row, moved, x0)
        final = _log_ratio(one, row, moved, x1) - _log_ratio(one, row, moved, x1 - near)
        # slopes that rounding of the log ratio may have turned are left alone
        if not (first * final < 0.0 and variation[i] > 1e-12):
            continue
        sign = 1.0 if first > 0.0 else -1.0
        a, b = x0, x1
        for _ in range(60):
            c, d = b - golden * (b - a), a + golden * (b - a)
            left, right = _log_ratio(one, row, moved, c), _log_ratio(one, row, moved, d)
            if sign * left > sign * right:
                b = d
            else:
                a = c
        out[i] = 0.5 * (a + b)
    return out


@kernel
def survey(one: Coordinate, parts: Intervals) -> FloatArray:
    """Row i: log ratio at start, middle and end of interval i, and its masses p and q."""
    count = parts.start.shape[0]
    out = np.zeros((count, 5))
    for i in range(count):
        x0, x1 = parts.start[i], parts.stop[i]
        row, moved = parts.row[i], parts.moved[i]
        for k in range(3):
            out[i, k] = _log_ratio(one, row, moved, x0 + 0.5 * k * (x1 - x0))
        half = 0.5 * (x1 - x0)
        for n in range(one.nodes.shape[0]):
            x = x0 + half * (1.0 + one.nodes[n])
            out[i, 3] += half * one.weights[n] * _density(one, row, x)
            out[i, 4] += half * one.weights[n] * _density(one, moved, x - one.shift)
    return out


@kernel
def _crossing(
    one: Coordinate,
    row: int,
    moved: int,
    x0: float,
    x1: float,
    guess: float,
    target: float,
    near: float,
) -> float:
    """Where the log ratio passes `target` between x0 and x1: regula falsi, Illinois."""
    g0 = _log_ratio(one, row, moved, x0) - target
    if abs(g0) <= near:
        return x0  # rounding may have put the start beyond the edge
    g1 = _log_ratio(one, row, moved, guess) - target
    if (g0 < 0.0) == (g1 < 0.0):
        x0, g0 = guess, g1
        g1 = _log_ratio(one, row, moved, x1) - target
    else:
        x1 = guess
    kept = 0
    for _ in range(60):
        if g0 == g1:
            break
        x = x1 - g1 * (x1 - x0) / (g1 - g0)
        if not (min(x0, x1) < x < max(x0, x1)):
            x = 0.5 * (x0 + x1)
        if x in (x0, x1):
            break
        g = _log_ratio(one, row, moved, x) - target
        if abs(g) <= near:
            return x
        if (g < 0.0) == (g1 < 0.0):
            x1, g1 = x, g
            g0 = 0.5 * g0 if kept == 1 else g0
            kept = 1
        else:
            x0, g0 = x, g
            g1 = 0.5 * g1 if kept == -1 else g1
            kept = -1
    return x1


@kernel
def deposit(
    one: Coordinate,
    parts: Intervals,
    ends: FloatArray,
    step: float,
    origin: float,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Add the law of l on the intervals to the ends of cells; cell 0 begins at `origin`.

    `ends` are the log ratios at the ends of each interval, between which l is monotone. Returned
    are the masses p and q that were laid out, and the mass times the distance by which log
    ratios had to be moved into their cell.
    """
    totals = np.zeros(3)
    whole = math.sinh(0.5 * step)
    near = max(_CROSSING * step, 4e-16)
    last = low.shape[0] - 1
    for i in range(parts.start.shape[0]):
        row, moved = parts.row[i], parts.moved[i]
        begin, stop = parts.start[i], parts.stop[i]
        first, final = ends[i, 0] - origin, ends[i, 1] - origin
        rising = final >= first
        cell = math.floor(first / step) if rising else math.ceil(first / step) - 1
        length = stop - begin
        while True:
            edge = (cell + 1) * step if rising else cell * step
            done = final <= edge if rising else final >= edge
            end = stop
            if not done:
                # the next piece is about as long as the last
                guess = begin + 1.02 * length if length < 0.9 * (stop - begin) else stop
                end = _crossing(one, row, moved, begin, stop, guess, origin + edge, near)
            length = end - begin
            half = 0.5 * length
            brief = length < _SHORT_PART * min(one.half[row], one.half[moved])
            nodes = one.short_nodes if brief else one.nodes
            weights = one.short_weights if brief else one.weights
            index = min(max(cell, 0), last)
            for n in range(nodes.shape[0]):
                x = begin + half * (1.0 + nodes[n])
                plain = _density(one, row, x)
                shifted = _density(one, moved, x - one.shift)
                if plain <= 0.0 or shifted <= 0.0:
                    continue
                weight = half * weights[n]
                totals[0] += weight * plain
                totals[1] += weight * shifted
                mass = weight * math.sqrt(plain * shifted)
                offset = math.log(shifted / plain) - origin - index * step
                inside = min(max(offset, 0.0), step)
                totals[2] += mass * abs(offset - inside)
                low[index] += mass * math.sinh(0.5 * (step - inside)) / whole
                high[index] += mass * math.sinh(0.5 * inside) / whole
            if done:
                break
            begin = end
            cell += 1 if rising else -1
    return totals


@kernel
def contract(
    low: FloatArray, high: FloatArray, atom_low: FloatArray, atom_high: FloatArray, step: float
) -> FloatArray:
    """A law on the grid from merging masses of the cells, so that every p and q stays.

    The mass of a cell is merged into one point, its atom into another, and these are swept upwards:
    what is carried has its mean log ratio at or below an edge and is merged with as much of the
    next cells as brings the mean onto that edge; the rest of the last one is carried to the edge
    above it. u = s cosh and w = s sinh of half the signed distance from the edge add up under
    merging. What lacks partners at the top is rounded up with its p kept, which adds to q.
    """
    count = low.shape[0]
    out = np.zeros(count + 1)
    edge, u, w = 0, 0.0, 0.0
    for j in range(count):
        for k in range(2):
            a, b = (low[j], high[j]) if k == 0 else (atom_low[j], atom_high[j])
            far = 0.5 * (j - edge) * step
            size = a * math.cosh(far) + b * math.cosh(far + 0.5 * step)
            lift = a * math.sinh(far) + b * math.sinh(far + 0.5 * step)
            if 0.0 < lift >= -w:
                part = -w / lift
                out[edge] += u + part * size
                edge, u = j + 1, (1.0 - part) * (a * math.cosh(0.5 * step) + b)
                w = -(1.0 - part) * a * math.sinh(0.5 * step)
            else:
                u, w = u + size, w + lift
    out[edge] += u - w
    return out
