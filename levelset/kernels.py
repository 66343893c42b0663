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

from levelset.laws import Law
from levelset.level_sets import find_kinks, level_set, profile_value
from numerics.jit import kernel
from numerics.panel_kernels import series
from numerics.rounding import FloatArray

__all__ = ["Law", "Nodes", "probabilities"]


class Nodes(NamedTuple):
    """Gauss nodes on the panels of the radius density, shared by all shifts and multipliers.

    Row i belongs to panel i; `cell`, `offset` and `g` say where a node is in the profile table.
    """

    left: FloatArray
    width: FloatArray
    density: FloatArray
    mass: FloatArray
    first_cell: NDArray[np.int64]
    cell: NDArray[np.int64]
    offset: FloatArray
    radius: FloatArray
    weight: FloatArray
    g: FloatArray
    margin: FloatArray
    unit_nodes: FloatArray
    unit_weights: FloatArray


@kernel
def _piece(law, cells, open_end, nodes, i, start, stop, r, shift, sign, below):
    """Integral over [start, stop] of panel i with nodes that crowd like squares at both ends.

    A kink of the law of t is a power (k - 1/2) or k of the distance, which the substitution
    makes smooth.
    """
    total = 0.0
    hint = nodes.first_cell[i]
    length = stop - start
    for k in range(nodes.unit_nodes.shape[0]):
        u = nodes.unit_nodes[k]
        sine = np.sin(0.5 * np.pi * u)
        x = start + length * sine * sine
        jacobian = 0.5 * np.pi * np.sin(np.pi * u) * length
        j = nodes.first_cell[i]
        while j + 1 < cells.left.shape[0] and cells.left[j + 1] - nodes.left[i] <= x:
            j += 1
        offset = x - (cells.left[j] - nodes.left[i])
        z = min(max(offset / cells.half[j] - 1.0, -1.0), 1.0)
        # The density table is of f times half the width, in the local variable.
        density = series(nodes.density[i], 2.0 * x / nodes.width[i] - 1.0) * 2.0 / nodes.width[i]
        c = profile_value(cells, j, z) + shift - sign * (nodes.margin[j] + 4e-16 * abs(shift))
        p, hint = level_set(
            law, cells, open_end, cells.left[j], offset, nodes.left[i] + x, r, c, below, hint
        )
        total += nodes.unit_weights[k] * jacobian * density * p
    return total


@kernel
def _split_panel(law, cells, open_end, nodes, i, cuts, count, r, shift, sign, below):
    total = 0.0
    start = 0.0
    for k in range(count + 1):
        stop = cuts[k] if k < count else nodes.width[i]
        if stop > start:
            total += _piece(law, cells, open_end, nodes, i, start, stop, r, shift, sign, below)
            start = stop
    return total


@kernel
def _grade(cuts, width, before, after):
    """Cuts that double their distance from kinks at -before and at width + after."""
    count = 0
    if before < width:
        x = max(before, 1e-9 * width)
        while x < 0.5 * width and count < cuts.shape[0]:
            cuts[count] = x
            count += 1
            x = 2.0 * x + before
    if after < width:
        x = max(after, 1e-9 * width)
        while x < 0.5 * width and count < cuts.shape[0]:
            cuts[count] = width - x
            count += 1
            x = 2.0 * x + after
    cuts[:count].sort()
    return count


@kernel
def _expectation(law, cells, open_end, nodes, r, shift, sign, below, negligible, sharp, kinked):
    """E_s of the level set probability; `sign` moves the threshold by the error of g."""
    m = nodes.left.shape[0]
    cuts = np.empty((m, 24))
    counts = np.zeros(m, dtype=np.int64)
    graded = np.empty(90)
    if kinked:
        for i in range(m):
            if nodes.mass[i] > negligible:
                counts[i] = find_kinks(
                    cells, nodes.left[i], nodes.width[i], r, shift, cuts[i], 4 if sharp else 1
                )
    total = 0.0
    hint = nodes.first_cell[0]
    for i in range(m):
        if nodes.mass[i] <= negligible:
            continue
        if counts[i] > 0:
            total += _split_panel(
                law, cells, open_end, nodes, i, cuts[i], counts[i], r, shift, sign, below
            )
            continue
        if sharp:
            before, after = np.inf, np.inf
            if i > 0 and counts[i - 1] > 0:
                before = nodes.width[i - 1] - cuts[i - 1, counts[i - 1] - 1]
            if i + 1 < m and counts[i + 1] > 0:
                after = cuts[i + 1, 0]
            if before < nodes.width[i] or after < nodes.width[i]:
                n = _grade(graded, nodes.width[i], before, after)
                total += _split_panel(
                    law, cells, open_end, nodes, i, graded, n, r, shift, sign, below
                )
                continue
        for k in range(nodes.weight.shape[1]):
            j = nodes.cell[i, k]
            c = nodes.g[i, k] + shift - sign * (nodes.margin[j] + 4e-16 * abs(shift))
            p, hint = level_set(
                law, cells, open_end, cells.left[j], nodes.offset[i, k], nodes.radius[i, k],
                r, c, below, hint,
            )  # fmt: skip
            total += nodes.weight[i, k] * p
    return total


@kernel
def probabilities(law, cells, open_end, nodes, r, log_kappa, sign):
    """(p0, p1) of the set {L > kappa} for a shift of length r at scale 1.

    sign = 1 rounds the set so that p1 - kappa p0 >= D in spite of the error of g, sign = -1 so
    that it is <= D, sign = 0 takes the table as it is.
    """
    sharp = (law.kind == 0 and law.dim < 60) or cells.first.shape[0] > 1
    kinked = sharp or law.kind != 0
    smallest = 1e-19 * np.exp(-max(log_kappa, 0.0))
    p0 = _expectation(
        law, cells, open_end, nodes, r, -log_kappa, sign, True, smallest, sharp, kinked
    )
    p1 = _expectation(law, cells, open_end, nodes, r, log_kappa, sign, False, 1e-19, sharp, kinked)
    return p0, p1
