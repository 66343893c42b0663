"""Where g(s) passes a level that moves with s, compiled: the conditions of `kinks` and their roots.

`which` names a condition: 0 compares with g(s + r), 1 with g(|s - r|), others with a fixed value.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

from numerics.jit import kernel

__all__ = [
    "cell_at",
    "condition",
    "near_profile",
    "profile_at",
    "profile_value",
    "root_between",
    "steepness",
    "two_roots",
]


@kernel
def profile_value(coefficients, terms, j, z):
    """g in cell j minus its value at the left end."""
    total = 0.0
    for k in range(terms - 1, -1, -1):
        total = total * z + coefficients[j, k]
    return total


@kernel
def cell_at(left, s):
    """The last cell that begins at or before s, else the first; np.searchsorted compiles long."""
    low, high = 0, left.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if left[middle] <= s:
            low = middle
        else:
            high = middle
    return low


@kernel
def profile_at(left, half, start, coefficients, terms, base, depth):
    """g at the radius base + depth, clamped to the table."""
    j = cell_at(left, base + depth)
    z = ((base - left[j]) + depth) / half[j] - 1.0
    return start[j] + profile_value(coefficients, terms[j], j, min(max(z, -1.0), 1.0))


@kernel
def near_profile(left, half, start, coefficients, terms, base, depth, r):
    """g at |base + depth - r|."""
    if base + depth >= r:
        return profile_at(left, half, start, coefficients, terms, base, depth - r)
    return profile_at(left, half, start, coefficients, terms, r - base, -depth)


@kernel
def condition(left, half, start, coefficients, terms, which, fixed, base, depth, r, shift):
    """Changes sign where the conditional probability has a kink or a jump in s."""
    c = profile_at(left, half, start, coefficients, terms, base, depth) + shift
    if which >= 2:
        return c - fixed
    if which == 0:
        return c - profile_at(left, half, start, coefficients, terms, base, depth + r)
    return c - near_profile(left, half, start, coefficients, terms, base, depth, r)


@kernel
def _slope(left, half, coefficients, terms, base, depth):
    """g' at the radius base + depth, clamped to the table."""
    j = cell_at(left, base + depth)
    z = min(max(((base - left[j]) + depth) / half[j] - 1.0, -1.0), 1.0)
    total = 0.0
    for k in range(terms[j] - 1, 0, -1):
        total = total * z + k * coefficients[j, k]
    return total / half[j]


@kernel
def steepness(left, half, coefficients, terms, which, base, depth, r):
    """Derivative of `_condition` in s, which no multiplier changes."""
    own = _slope(left, half, coefficients, terms, base, depth)
    if which < 0 or which >= 2:
        return own
    if which == 0:
        return own - _slope(left, half, coefficients, terms, base, depth + r)
    if base + depth >= r:
        return own - _slope(left, half, coefficients, terms, base, depth - r)
    return own + _slope(left, half, coefficients, terms, r - base, -depth)


@kernel
def root_between(cells, which, fixed, left, a, b, fa, fb, r, shift):
    """Zero of a condition between two offsets: regula falsi with halved ends, and bisection
    where that does not halve the interval, as at a jump.
    """
    edges, half, start, series, terms = (
        cells.left,
        cells.half,
        cells.start,
        cells.coefficients,
        cells.terms,
    )
    low, high, flow, fhigh = a, b, fa, fb
    side, before = 0, 2.0 * (b - a)
    middle = 0.5 * (low + high)
    # A kink misplaced by 1e-15 of the panel is of no account.
    closest = 1e-15 * (b - a)
    for step in range(160):
        middle = low + (high - low) * flow / (flow - fhigh) if flow != fhigh else 0.5 * (low + high)
        slow = step % 3 == 2 and high - low > 0.5 * before
        if step % 3 == 2:
            before = high - low
        if slow or not (low < middle < high):
            middle = 0.5 * (low + high)
        if high - low < closest:
            break
        f = condition(edges, half, start, series, terms, which, fixed, left, middle, r, shift)
        if f == 0.0:
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
def two_roots(cells, which, fixed, base, a, b, fa, fb, da, r, shift, found, count):
    """Zeros in pairs: the condition has one sign at a and b, falls towards 0 from both, slope da
    at a, and turns over in between.

    An extremum that stops short of 0 is a cut too: what is nearly a kink is felt like one, unless
    the condition varies less than it is away from 0.
    """
    left, half, start, series, terms = (
        cells.left,
        cells.half,
        cells.start,
        cells.coefficients,
        cells.terms,
    )
    if count + 3 > found.shape[0]:
        return count
    low, high = a, b
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (steepness(left, half, series, terms, which, base, middle, r) < 0.0) == (da < 0.0):
            low = middle
        else:
            high = middle
    turn = 0.5 * (low + high)
    ft = condition(left, half, start, series, terms, which, fixed, base, turn, r, shift)
    if (ft < 0.0) != (fa < 0.0):
        found[count] = root_between(cells, which, fixed, base, a, turn, fa, ft, r, shift)
        found[count + 1] = root_between(cells, which, fixed, base, turn, b, ft, fb, r, shift)
        count += 2
    elif abs(ft) > 0.25 * max(abs(fa - ft), abs(fb - ft)):
        return count
    found[count] = turn
    return count + 1
