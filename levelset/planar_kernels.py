"""Excess of a shifted mixed density over its multiple, over the pair of extremes, compiled.

The plane of a = (M - m)/2 and b = (M + m)/2 is cut into cells, one Gauss rule in b on each. What
is known of a cell are the logarithms of both densities at its nodes; where the edge of the set
crosses it they are continued as polynomials between the nodes, cut at the edge, and both parts
are integrated again. Their sum against the sum over the nodes, and the last coefficients of each
integrand, tell the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from levelset.planar_cells import mass_between, offset, threshold
from numerics.jit import kernel
from numerics.panel_kernels import series
from numerics.rounding import FloatArray

__all__ = ["NOTHING", "Block", "excess"]

_STEPS = 60
#: Logarithm below which the density of a coordinate is 0.
NOTHING = -600.0


class Block(NamedTuple):
    """Rows of one a each: (n,), (n, cells) or (n, cells, nodes).

    Logarithms of q and of q(. - v) with the Jacobian; `enters` and `fills` are log L for the inner
    coordinates at the largest and at the least, where the set begins and fills the cell, with the
    values at both ends of the cell before and after those at the nodes.
    """

    a: FloatArray
    plain: FloatArray
    shifted: FloatArray
    enters: FloatArray
    fills: FloatArray
    whole: FloatArray
    """Integrals (n, cells, 4) of q and q(. - v) over the cells, and their errors."""


@kernel
def _value(inner, rule, level, a, cell, z, plain, shifted, both):
    """The excess inside the set at a point of the plane and, for `both`, what is outside too."""
    kept, paid = np.exp(shifted), np.exp(plain + level)
    if inner.others == 0:
        return (kept - paid if shifted - plain > level else 0.0), kept - paid
    at_zero, at_r, _ = offset(rule, cell, z, a)
    low, high = at_zero - a, at_zero + a
    cut = threshold(inner, level - shifted + plain)
    near = min(max(cut - rule.r, at_r - a), at_r + a)
    if cut <= low or cut >= high:
        near = at_r - a if cut <= low else at_r + a
        cut = low if cut <= low else high
    inside = kept * mass_between(inner, rule, near, at_r + a) - paid * mass_between(
        inner, rule, cut, high
    )
    whole = inside
    if both:
        whole += kept * mass_between(inner, rule, at_r - a, near) - paid * mass_between(
            inner, rule, low, cut
        )
    return inside, whole


@kernel
def _root(coefficients, level, low, high):
    """Where a series crosses the level between two places of different sign."""
    below = series(coefficients, low) < level
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if not low < middle < high or high - low < 1e-13:
            break
        if (series(coefficients, middle) < level) == below:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def _edges(rule, values, level, found, count):
    """Add the crossings of one cell to a list of places."""
    n = rule.nodes.shape[0]
    coefficients = rule.to_coefficients @ values[1 : n + 1]
    for j in range(n + 1):
        if (values[j] > level) != (values[j + 1] > level) and count < found.shape[0]:
            low = -1.0 if j == 0 else rule.nodes[j - 1]
            high = 1.0 if j == n else rule.nodes[j]
            found[count] = _root(coefficients, level, low, high)
            count += 1
    return count


@kernel
def _last(rule, values):
    """Error of the Gauss rule: coefficients go on falling to degree 2n as they did to degree n."""
    n = rule.nodes.shape[0]
    last, size = 0.0, 1e-300
    for j in range(n):
        size = max(size, abs(values[j]))
    for k in range(n - 2, n):
        c = 0.0
        for j in range(n):
            c += rule.to_coefficients[k, j] * values[j]
        last += 2.0 * abs(c)
    return last * min(1.0, 4.0 * last / size)


@kernel
def _cut_cell(inner, rule, level, a, cell, plain, shifted, enters, fills):
    """Excess on a cell that an edge of the set may cross, and how far the parts miss the whole."""
    n = rule.nodes.shape[0]
    places = np.empty(16)
    places[0] = -1.0
    count = 1
    # Where a density ends its logarithm is no polynomial, but there is next to nothing to cut.
    if min(np.min(plain), np.min(shifted)) > NOTHING:
        count = _edges(rule, enters, level, places, count)
        if inner.others > 0:
            count = _edges(rule, fills, level, places, count)
    values = np.empty(n)
    total, whole = 0.0, 0.0
    for j in range(n):
        z = rule.nodes[j]
        values[j], both = _value(inner, rule, level, a, cell, z, plain[j], shifted[j], count > 1)
        total += rule.weights[j] * values[j]
        whole -= rule.weights[j] * both
    if count == 1:
        return total, _last(rule, values)
    places[count] = 1.0
    places[: count + 1] = np.sort(places[: count + 1])
    log_plain, log_shifted = rule.to_coefficients @ plain, rule.to_coefficients @ shifted
    total, error = 0.0, 0.0
    for part in range(count):
        low, half = places[part], 0.5 * (places[part + 1] - places[part])
        for j in range(n):
            z = low + half * (1.0 + rule.nodes[j])
            inside, both = _value(
                inner, rule, level, a, cell, z, series(log_plain, z), series(log_shifted, z), True
            )
            values[j] = half * inside
            total += rule.weights[j] * values[j]
            whole += rule.weights[j] * half * both
        error += _last(rule, values)
    return total, error + abs(whole)


@kernel
def excess(level, block, inner, rule):
    """Excess over exp(level) times q in each row, and its error, shape (n, 2)."""
    rows, cells, _ = block.whole.shape
    out = np.zeros((rows, 2))
    for i in range(rows):
        for c in range(cells):
            if np.max(block.enters[i, c]) <= level:
                continue
            if np.min(block.fills[i, c]) > level:
                out[i, 0] += block.whole[i, c, 1] - np.exp(level) * block.whole[i, c, 0]
                out[i, 1] += block.whole[i, c, 3] + np.exp(level) * block.whole[i, c, 2]
                continue
            value, error = _cut_cell(
                inner,
                rule,
                level,
                block.a[i],
                c,
                block.plain[i, c],
                block.shifted[i, c],
                block.enters[i, c],
                block.fills[i, c],
            )
            out[i, 0] += value
            out[i, 1] += error
    return out
