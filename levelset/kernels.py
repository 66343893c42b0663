"""Compiled integrals over a radial density: the probability of a likelihood-ratio set.

With s = ||x|| and t = ||x - v||, q(x - v)/q(x) = exp(g(s) - g(t)), so that the Neyman-Pearson set
is {g(t) < g(s) - log kappa}. A geometry enters only through the law of t given s, and

    p0 = E_s P[g(t) < g(s) - log kappa | s],    p1 = E_s P[g(t) > g(s) + log kappa | s],

the second because x - v -> x exchanges the two norms and -v has the law of v. Distances are
carried as delta = t - s (see `profile`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from levelset.conditions import profile_value
from levelset.kinks import find_kinks, grade
from levelset.laws import Law
from levelset.level_sets import add_up
from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = ["Law", "Nodes", "is_sharp", "probabilities"]

#: Largest number of cuts in a panel.
_CUTS = 80


class Nodes(NamedTuple):
    """Gauss nodes on the panels of the radius density, shared by all shifts and multipliers.

    Row i belongs to panel i; `cell` and `offset` say where a node is in the profile table, `g` what
    g is there beyond its value at the left end of the cell, `noise` how exactly it is known.
    `series` are Chebyshev coefficients of the density in the local variable. Panels with kinks take
    the nodes and weights of `piece` instead; the `test` points are those of `kinks.PLACES`. `jump`
    says whether g jumps at an end of a panel.
    """

    left: FloatArray
    width: FloatArray
    series: FloatArray
    mass: FloatArray
    first_cell: NDArray[np.int64]
    cell: NDArray[np.int64]
    offset: FloatArray
    radius: FloatArray
    weight: FloatArray
    g: FloatArray
    noise: FloatArray
    piece_nodes: FloatArray
    piece_weights: FloatArray
    test_offset: FloatArray
    test_g: FloatArray
    jump_before: NDArray[np.bool_]
    jump_after: NDArray[np.bool_]


@kernel
def _density(series, i, z):
    """Clenshaw's recurrence for the Chebyshev series in row i."""
    b1, b2 = 0.0, 0.0
    for k in range(series.shape[1] - 1, 0, -1):
        b1, b2 = series[i, k] + 2.0 * z * b1 - b2, b1
    return series[i, 0] + z * b1 - b2


@kernel
def _fill_panel(nodes, batch, i, count, shift, sign):
    """Append the nodes of panel i; the level moves by the error of g at s."""
    n = nodes.weight.shape[1]
    slack = shift - sign * 4e-16 * abs(shift)
    for k in range(n):
        at = count + k
        batch.cell[at] = nodes.cell[i, k]
        batch.offset[at] = nodes.offset[i, k]
        batch.radius[at] = nodes.radius[i, k]
        batch.weight[at] = nodes.weight[i, k]
        batch.level[at] = nodes.g[i, k] + slack - sign * nodes.noise[i, k]
    return count + n


@kernel
def _fill_piece(cells, nodes, batch, i, start, stop, count, shift, sign):
    """Append nodes of [start, stop] in panel i that crowd like squares at both ends.

    A kink of the law of t is a power (k - 1/2) or k of the distance, which the substitution
    makes smooth.
    """
    n = nodes.piece_nodes.shape[0]
    slack = shift - sign * 4e-16 * abs(shift)
    left, length = nodes.left[i], stop - start
    j, last = nodes.first_cell[i], cells.left.shape[0] - 1
    for k in range(n):
        x = start + length * nodes.piece_nodes[k]
        while j < last and cells.left[j + 1] - left <= x:
            j += 1
        at = count + k
        offset = x - (cells.left[j] - left)
        z = min(max(offset / cells.half[j] - 1.0, -1.0), 1.0)
        batch.cell[at] = j
        batch.offset[at] = offset
        batch.radius[at] = left + x
        density = _density(nodes.series, i, 2.0 * x / nodes.width[i] - 1.0)
        batch.weight[at] = nodes.piece_weights[k] * length * density
        g = profile_value(cells.coefficients, cells.terms[j], j, z)
        batch.level[at] = g + slack - sign * cells.noise[j]
    return count + n


@kernel
def _cut_panels(law, cells, open_end, nodes, sight, r, shift, sign, least, sharp, cuts, counts):
    """Where panels are cut, because of kinks in them or of jumps of g at their ends.

    Kinks move with the level, by a little more than it moves at the nodes.
    """
    for i in range(nodes.left.shape[0]):
        if nodes.mass[i] <= least:
            continue
        moved = shift - sign * (2.0 * sight.error[i] + 8e-16 * abs(shift))
        n = find_kinks(cells, open_end, nodes, sight, i, r, moved, cuts[i], sharp)
        if nodes.jump_before[i] or nodes.jump_after[i]:
            # t is on one side of the jump for s a little below, on the other for s above.
            scale = r / np.sqrt(law.dim) if law.kind == 0 else min(r, nodes.left[i] / law.dim)
            before = 0.25 * scale if nodes.jump_before[i] else np.inf
            after = 0.25 * scale if nodes.jump_after[i] else np.inf
            n = grade(cuts[i], n, nodes.width[i], before, after)
        counts[i] = n


@kernel
def _expectation(law, cells, open_end, nodes, sight, batch, r, shift, sign, below, least, sharp):
    """E_s of the level set probability and E |P - 1/2|.

    `sign` moves the level by the error of g. Panels of mass up to `least` are left out; where the
    set is rounded upwards their whole mass is added.
    """
    m = nodes.left.shape[0]
    bounded = not (open_end[0] and open_end[1])
    kinked = sharp or law.kind != 0 or bounded or cells.marks.shape[0] > 2
    cuts = np.empty((m if kinked else 1, _CUTS))
    counts = np.zeros(m, dtype=np.int64)
    graded = np.empty(90)
    if kinked:
        _cut_panels(law, cells, open_end, nodes, sight, r, shift, sign, least, sharp, cuts, counts)
    total, centred, spread, left_out = 0.0, 0.0, 0.0, 0.0
    size = batch.cell.shape[0]
    room = max(nodes.weight.shape[1], nodes.piece_nodes.shape[0])
    filled = 0
    for i in range(m):
        if nodes.mass[i] <= least:
            left_out += nodes.mass[i]
            continue
        n, own = counts[i], counts[i] > 0
        if sharp and not own and law.dim > 1:
            before, after = np.inf, np.inf
            if i > 0 and counts[i - 1] > 0:
                before = nodes.width[i - 1] - cuts[i - 1, counts[i - 1] - 1]
            if i + 1 < m and counts[i + 1] > 0:
                after = cuts[i + 1, 0]
            if before < nodes.width[i] or after < nodes.width[i]:
                n = grade(graded, 0, nodes.width[i], before, after)
            else:
                n = 0
        start = 0.0
        for k in range(n + 1):
            if filled + room > size:
                sums = add_up(law, cells, open_end, batch, filled, r, shift, sign, below)
                total, centred, spread = total + sums[0], centred + sums[1], spread + sums[2]
                filled = 0
            if n == 0:
                filled = _fill_panel(nodes, batch, i, filled, shift, sign)
                continue
            stop = nodes.width[i]
            if k < n:
                stop = cuts[i, k] if own else graded[k]
            if stop > start:
                filled = _fill_piece(cells, nodes, batch, i, start, stop, filled, shift, sign)
                start = stop
    sums = add_up(law, cells, open_end, batch, filled, r, shift, sign, below)
    total, centred, spread = total + sums[0], centred + sums[1], spread + sums[2]
    if (sign > 0.0) != below:
        total, centred = total + left_out, centred + left_out
    # The density integrates to 1 whatever its error: the sum with fewer digits lost.
    return 0.5 + centred if spread < 0.2 else total, spread


@kernel
def is_sharp(law, cells):
    """Whether kinks are felt beside the panel that they are in."""
    # On the line every kink is a jump.
    return law.dim == 1 or (law.kind == 0 and law.dim < 60) or cells.first.shape[0] > 1


@kernel
def probabilities(law, cells, open_end, nodes, sight, batch, r, log_kappa, sign):
    """(p0, p1) of the set {L > kappa} for a shift of length r at scale 1.

    sign = 1 rounds the set so that p1 - kappa p0 >= D in spite of the error of g, sign = -1 so
    that it is <= D, sign = 0 takes the table as it is. Behind p0 and p1 follow for each how much
    the error of the density counts in it: the least mean distance of P from a constant.
    """
    sharp = is_sharp(law, cells)
    least = 1e-19 * np.exp(-max(log_kappa, 0.0))
    p0, spread0 = _expectation(
        law, cells, open_end, nodes, sight, batch, r, -log_kappa, sign, True, least, sharp
    )
    p1, spread1 = _expectation(
        law, cells, open_end, nodes, sight, batch, r, log_kappa, sign, False, 1e-19, sharp
    )
    return p0, p1, min(p0, abs(1.0 - p0), spread0), min(p1, abs(1.0 - p1), spread1)
