"""Where the probability of a level set given s has kinks or jumps in s, compiled.

They are where the cut leaves the range of t, g(s) -+ log kappa = g(|s -+ r|), where the level
passes a corner of g, and where s = r or |s -+ r| is an end of the support. What does not depend
on kappa is looked up once per shift: a `Sight`.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from levelset.conditions import (
    cell_at,
    condition,
    near_profile,
    profile_at,
    root_between,
    steepness,
    two_roots,
)
from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = ["PLACES", "Sight", "find_kinks", "grade", "look"]

#: Points of a panel, as parts of its width, between which a kink shows as a change of sign. Ends
#: are approached, not reached: g may jump or be infinite there.
PLACES = np.array([1e-13, 0.25, 0.5, 0.75, 1.0 - 1e-13])


class Sight(NamedTuple):
    """g(s + r) and g(|s - r|) at the `PLACES` of each panel, slopes of the three `conditions`
    (fixed, far, near) there, shape (panels, 3, places), and the error of a comparison.
    """

    far: FloatArray
    near: FloatArray
    slope: FloatArray
    error: FloatArray


@kernel
def _sort(values, count):
    """Insertion sort of the first entries: few and nearly sorted; np.sort compiles for a second."""
    for k in range(1, count):
        x, at = values[k], k
        while at > 0 and values[at - 1] > x:
            values[at] = values[at - 1]
            at -= 1
        values[at] = x


@kernel
def look(cells, nodes, r, sharp):
    """The sight of a shift of length r; only the ends of panels unless `sharp`."""
    m, n = nodes.test_g.shape
    far, near, error = np.zeros((m, n)), np.zeros((m, n)), np.zeros(m)
    slope = np.zeros((m, 3, n))
    left, half, start, coefficients, terms = (
        cells.left,
        cells.half,
        cells.start,
        cells.coefficients,
        cells.terms,
    )
    for i in range(m):
        if nodes.mass[i] <= 1e-19:
            continue
        base = nodes.left[i]
        for k in range(0, n, 1 if sharp else n - 1):
            x = nodes.test_offset[i, k]
            far[i, k] = profile_at(left, half, start, coefficients, terms, base, x + r)
            near[i, k] = near_profile(left, half, start, coefficients, terms, base, x, r)
            for j in range(3):
                slope[i, j, k] = steepness(left, half, coefficients, terms, j - 1, base, x, r)
            for t in (base + x + r, abs(base + x - r)):
                j = cell_at(left, t)
                # No more than g varies on the cell: next to 0 it may be steep without end.
                moved = min(4e-16 * r * cells.steep[j], abs(cells.change[j]))
                error[i] = max(error[i], cells.near_noise[j] + moved)
        noise, largest = 0.0, 0.0
        for k in range(nodes.noise.shape[1]):
            noise = max(noise, nodes.noise[i, k])
        for k in range(n):
            largest = max(largest, abs(nodes.test_g[i, k]), abs(far[i, k]), abs(near[i, k]))
        # Here g is compared with all its digits.
        error[i] += noise + 4.5e-16 * largest
    return Sight(far, near, slope, error)


@kernel
def _known_kinks(cells, open_end, left, width, r, found):
    """Offsets where s = r or where |s -+ r| is an end of the support, sorted into `found`."""
    count = 0
    if 0.0 < r - left < width:
        found[0] = r - left
        count = 1
    last = cells.left.shape[0] - 1
    for which in range(2):
        if open_end[which]:
            continue
        end = cells.left[0] if which == 0 else cells.left[last] + 2.0 * cells.half[last]
        for x in ((end - left) - r, (end - left) + r, (r - end) - left):
            if 0.0 < x < width:
                found[count] = x
                count += 1
    _sort(found, count)
    return count


@kernel
def find_kinks(cells, open_end, nodes, sight, i, r, shift, found, sharp):
    """Offsets of kinks inside panel i, sorted into `found`; returns their number."""
    left, width = nodes.left[i], nodes.width[i]
    kinds = 2 + cells.marks.shape[0]
    known = _known_kinks(cells, open_end, left, width, r, found)
    count = known
    if known > 0:
        begin = 0.0
        for k in range(known + 1):
            stop = found[k] if k < known else width
            for which in range(kinds):
                fixed = cells.marks[which - 2] if which >= 2 else 0.0
                count = _scan(cells, which, fixed, left, begin, stop, r, shift, found, count, sharp)
            begin = stop
        _sort(found, count)
        return count
    step = 1 if sharp else 4
    for which in range(kinds):
        fixed = cells.marks[which - 2] if which >= 2 else 0.0
        for k in range(0, 4, step):
            fa, fb = nodes.test_g[i, k] + shift, nodes.test_g[i, k + step] + shift
            if which >= 2:
                fa -= fixed
                fb -= fixed
            elif which == 0:
                fa -= sight.far[i, k]
                fb -= sight.far[i, k + step]
            else:
                fa -= sight.near[i, k]
                fb -= sight.near[i, k + step]
            if (fa < 0.0) != (fb < 0.0) and count < found.shape[0]:
                a, b = nodes.test_offset[i, k], nodes.test_offset[i, k + step]
                found[count] = root_between(cells, which, fixed, left, a, b, fa, fb, r, shift)
                count += 1
                continue
            kind = which + 1 if which < 2 else 0
            da, db = sight.slope[i, kind, k], sight.slope[i, kind, k + step]
            if fa * da < 0.0 < fb * db:
                a, b = nodes.test_offset[i, k], nodes.test_offset[i, k + step]
                count = two_roots(
                    cells, which, fixed, left, a, b, fa, fb, da, r, shift, found, count
                )
    _sort(found, count)
    return count


@kernel
def grade(cuts, count, width, before, after):
    """Append cuts that double their distance from kinks at -before and width + after, and sort."""
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
    _sort(cuts, count)
    return count


@kernel
def _scan(cells, which, fixed, left, begin, stop, r, shift, found, count, sharp):
    """Kinks between two offsets of a panel, appended to `found`."""
    edges, half, start, series, terms = (
        cells.left,
        cells.half,
        cells.start,
        cells.coefficients,
        cells.terms,
    )
    steps = 4 if sharp else 1
    margin = 1e-13 * (stop - begin)
    a = begin + margin
    fa = condition(edges, half, start, series, terms, which, fixed, left, a, r, shift)
    for k in range(1, steps + 1):
        b = begin + (stop - begin) * k / steps - margin
        fb = condition(edges, half, start, series, terms, which, fixed, left, b, r, shift)
        if (fa < 0.0) != (fb < 0.0) and count < found.shape[0]:
            found[count] = root_between(cells, which, fixed, left, a, b, fa, fb, r, shift)
            count += 1
        else:
            da = steepness(edges, half, series, terms, which, left, a, r)
            db = steepness(edges, half, series, terms, which, left, b, r)
            if fa * da < 0.0 < fb * db:
                count = two_roots(
                    cells, which, fixed, left, a, b, fa, fb, da, r, shift, found, count
                )
        a, fa = b, fb
    return count
