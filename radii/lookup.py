"""The compiled radius: a table of polynomials indexed by the bits of the tail.

A tail in (0, 1/4] is binned by its exponent and leading mantissa bits, a tail in (1/4, 1/2) by
those of 1/2 - tail, which float64 subtraction gives exactly; so bins shrink towards both ends
and neither a logarithm nor a search is needed. A bin with a kink inside is split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.jit import kernel

__all__ = ["BITS", "DEGREE", "LookupArrays", "lower_radii", "radius_bounds"]

Array = NDArray[np.float64]

#: Leading mantissa bits of an index: 2**BITS bins per octave.
BITS = 5
#: Degree of the polynomials, and the columns of a row before its coefficients.
DEGREE = 7
_RIGHT, _MIDDLE, _INVERSE_HALF, _FLOOR, _CEILING, _ERROR = range(6)


@dataclass(frozen=True)
class LookupArrays:
    """Both sides of the table; z is the tail on one and the margin 1/2 - tail on the other.

    Attributes
    ----------
    start : int array (2, bins)
        First piece of every bin on the tail side (row 0) and the margin side (row 1).
    first_key : int array (2,)
        Key (bits of z >> (52 - BITS)) of the first bin of each side.
    rows : array (pieces, 6 + degree + 1)
        One piece: where it ends, its centre, the reciprocal of its half width, lower bounds of R
        at its two ends (which keep the table monotone), its relative error, and the monomials in
        (z - middle) * inverse_half of the lower bound of R (tail side) or of R / z (margin side).
    """

    start: NDArray[np.int64]
    first_key: NDArray[np.int64]
    rows: Array


@kernel
def _lower(tail, smallest, start, first_key, rows):  # type: ignore[no-untyped-def]
    """Lower bound of R at scale 1 for a tail in (0, 1/2), and the row it came from."""
    # Written with selections rather than branches: which side a tail is on is a coin flip.
    on_tail = tail <= 0.25
    z = max(tail, smallest) if on_tail else 0.5 - tail
    side = 0 if on_tail else 1
    factor = 1.0 if on_tail else z
    i = start[side, (np.float64(z).view(np.int64) >> (52 - BITS)) - first_key[side]]
    while z >= rows[i, _RIGHT]:
        i += 1
    u = (z - rows[i, _MIDDLE]) * rows[i, _INVERSE_HALF]
    # Degree 7 by Estrin's scheme: four independent products instead of a chain of seven.
    square = u * u
    low = (rows[i, 6] + rows[i, 7] * u) + (rows[i, 8] + rows[i, 9] * u) * square
    high = (rows[i, 10] + rows[i, 11] * u) + (rows[i, 12] + rows[i, 13] * u) * square
    value = low + high * (square * square)
    return factor * value, i


@kernel
def lower_radii(points, is_tail, scale, limit, smallest, start, first_key, rows, out):  # type: ignore[no-untyped-def]
    """Fill `out` with radii rounded toward zero; return whether all points were probabilities.

    `scale` comes rounded down.
    """
    legal = True
    for n in range(points.shape[0]):
        tail = points[n] if is_tail else 1.0 - points[n]
        if 0.0 < tail < 0.5:
            value, i = _lower(tail, smallest, start, first_key, rows)
            out[n] = scale * min(max(value, rows[i, _FLOOR]), rows[i, _CEILING])
        else:
            # Not-a-number fails every comparison and ends here too.
            legal = legal and 0.0 <= tail <= 1.0
            out[n] = scale * limit if tail == 0.0 else 0.0
    return legal


@kernel
def radius_bounds(tails, smallest, start, first_key, rows, lower, upper):  # type: ignore[no-untyped-def]
    """Fill lower and upper bounds at scale 1 for tails in (0, 1/2)."""
    for n in range(tails.shape[0]):
        value, i = _lower(tails[n], smallest, start, first_key, rows)
        lower[n] = min(max(value, rows[i, _FLOOR]), rows[i, _CEILING])
        # The polynomial is the estimate times 1 - error.
        upper[n] = value * (1.0 + 2.5 * rows[i, _ERROR])
