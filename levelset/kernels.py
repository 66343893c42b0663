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

from numerics.jit import kernel
from numerics.panel_kernels import series
from numerics.rounding import FloatArray

__all__ = ["AXIS", "EQUAL", "SPHERE", "Law", "Nodes", "probabilities"]

#: Laws of t given s: l2 and any shift, l_oo along an axis, and the one that l_oo with equal shifts
#: and l1 along an axis share.
SPHERE, AXIS, EQUAL = 0, 1, 2

_MAX_KINKS = 24


class Law(NamedTuple):
    """Law of t given s; the table belongs to SPHERE (see `spherical`)."""

    kind: int
    dim: int
    step: float
    table: FloatArray


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
def _value(cells, j, z):
    total = 0.0
    for k in range(cells.terms[j] - 1, -1, -1):
        total = total * z + cells.coefficients[j, k]
    return total


@kernel
def _profile(cells, s):
    """g at a plain radius, clamped to the table."""
    j = min(max(np.searchsorted(cells.left, s, side="right") - 1, 0), cells.left.shape[0] - 1)
    z = (s - cells.left[j]) / cells.half[j] - 1.0
    return _value(cells, j, min(max(z, -1.0), 1.0))


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
def _law(law, s, delta, r):
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
def _between(law, s, low, high, r):
    """P[low < t - s <= high], from the smaller tail."""
    below_low, above_low = _law(law, s, low, r)
    below_high, above_high = _law(law, s, high, r)
    if above_low < 0.5:
        return max(above_low - above_high, 0.0)
    return max(below_high - below_low, 0.0)


@kernel
def _level_set(law, cells, open_end, edge, offset, s, r, c, below, hint):
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
            hidden += _between(law, s, -infinity, start, r)
        if not below and run == runs - 1 and not open_end[1]:
            hidden += _between(law, s, stop, infinity, r)
        rising = cells.sign[run] >= 0
        g0, g1 = cells.start[first], cells.end[last]
        bottom, top = (g0, g1) if rising else (g1, g0)
        # With `below` the part next to the low end of g is wanted.
        if c <= bottom:
            if not below:
                total += _between(law, s, low, high, r)
            continue
        if c >= top:
            total += _between(law, s, low, high, r) if below else hidden
            continue
        hint = _find_cell(cells, run, c, hint)
        cut = (cells.left[hint] - edge) + (_invert(cells, hint, rising, c) - offset)
        if rising == below:
            total += _between(law, s, low, cut, r)
            if not below and run == runs - 1 and not open_end[1]:
                total += _between(law, s, stop, infinity, r)
        else:
            total += _between(law, s, cut, high, r)
            if not below and run == 0 and not open_end[0]:
                total += _between(law, s, -infinity, start, r)
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
def _find_kinks(cells, left, width, r, shift, found, steps):
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
        c = _value(cells, j, z) + shift - sign * (nodes.margin[j] + 4e-16 * abs(shift))
        p, hint = _level_set(
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
                counts[i] = _find_kinks(
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
            p, hint = _level_set(
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
