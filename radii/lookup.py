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

__all__ = ["BITS", "LookupArrays", "lower_radii", "radius_bounds"]

Array = NDArray[np.float64]

#: Leading mantissa bits of an index: 2**BITS bins per octave.
BITS = 4


@dataclass(frozen=True)
class LookupArrays:
    """One side of the table; z is the tail or the margin 1/2 - tail.

    Attributes
    ----------
    first_key : int
        Key (bits of z >> (52 - BITS)) of the first bin.
    start : int array (bins + 1,)
        Pieces of bin k are start[k] ... start[k + 1] - 1.
    left, middle, inverse_half : arrays (pieces,)
        Where a piece begins, its centre and the reciprocal of its half width.
    coefficients : array (pieces, degree + 1)
        Monomials in (z - middle) * inverse_half; of R on the tail side, of R / z on the other.
    error : array (pieces,)
        Relative error bound of the polynomial.
    floor, ceiling : arrays (pieces,)
        Lower bounds of R at the two ends of the piece, which keep the table monotone.
    """

    first_key: int
    start: NDArray[np.int64]
    left: Array
    middle: Array
    inverse_half: Array
    coefficients: Array
    error: Array
    floor: Array
    ceiling: Array


@kernel
def _piece(z, key, first_key, start, left):  # type: ignore[no-untyped-def]
    k = min(max(key - first_key, 0), start.shape[0] - 2)
    i = start[k]
    last = start[k + 1] - 1
    while i < last and z >= left[i + 1]:
        i += 1
    return i


@kernel
def _polynomial(z, i, middle, inverse_half, coefficients):  # type: ignore[no-untyped-def]
    u = (z - middle[i]) * inverse_half[i]
    value = coefficients[i, coefficients.shape[1] - 1]
    for j in range(coefficients.shape[1] - 2, -1, -1):
        value = value * u + coefficients[i, j]
    return value


@kernel
def lower_radii(tails, keys, scale, limit, smallest,
                key0, start0, left0, middle0, half0, coef0, error0, floor0, ceiling0,
                key1, start1, left1, middle1, half1, coef1, error1, floor1, ceiling1,
                out):  # type: ignore[no-untyped-def]
    """Radii rounded toward zero; arrays 0 belong to the tail side, arrays 1 to the margin side."""
    shift = 52 - 4
    for n in range(tails.shape[0]):
        tail = tails[n]
        if tail <= 0.25:
            if tail <= 0.0:
                out[n] = limit
                continue
            z = max(tail, smallest)
            keys[0] = z
            i = _piece(z, keys.view(np.int64)[0] >> shift, key0, start0, left0)
            value = _polynomial(z, i, middle0, half0, coef0) * (1.0 - error0[i])
            value = min(max(value, floor0[i]), ceiling0[i])
        elif tail < 0.5:
            z = 0.5 - tail
            keys[0] = z
            i = _piece(z, keys.view(np.int64)[0] >> shift, key1, start1, left1)
            value = z * _polynomial(z, i, middle1, half1, coef1) * (1.0 - error1[i])
            value = min(max(value, floor1[i]), ceiling1[i])
        else:
            value = 0.0
        out[n] = scale * value
    return out


@kernel
def radius_bounds(tails, keys, smallest,
                  key0, start0, left0, middle0, half0, coef0, error0,
                  key1, start1, left1, middle1, half1, coef1, error1,
                  lower, upper):  # type: ignore[no-untyped-def]
    """Lower and upper bounds at scale 1 for tails in (0, 1/2)."""
    shift = 52 - 4
    for n in range(tails.shape[0]):
        tail = tails[n]
        if tail <= 0.25:
            z = max(tail, smallest)
            keys[0] = z
            i = _piece(z, keys.view(np.int64)[0] >> shift, key0, start0, left0)
            value = _polynomial(z, i, middle0, half0, coef0)
            error = error0[i]
        else:
            z = 0.5 - tail
            keys[0] = z
            i = _piece(z, keys.view(np.int64)[0] >> shift, key1, start1, left1)
            value = z * _polynomial(z, i, middle1, half1, coef1)
            error = error1[i]
        lower[n] = value * (1.0 - error)
        upper[n] = value * (1.0 + error)
    return lower, upper
