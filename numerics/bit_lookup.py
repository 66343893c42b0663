"""The compiled radius: a table of polynomials indexed by the bits of the tail.

A tail in (0, 1/4] is binned by its exponent and leading mantissa bits, a tail in (1/4, 1/2) by
those of 1/2 - tail, which float64 subtraction gives exactly; so bins shrink towards both ends
and neither a logarithm nor a search is needed. The coarse bins say how finely they are cut, and
a fine bin holds one kink at most. There is no branch: several radii are looked up at once where
the processor can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.jit import float_bits, fma, kernel, table_load, table_store

__all__ = [
    "COARSE",
    "COLUMNS",
    "DEGREE",
    "FLOOR",
    "SPLIT",
    "LookupArrays",
    "bin_key",
    "lower_radii",
    "margin_range",
    "radius_bounds",
]

Array = NDArray[np.float64]

#: Leading mantissa bits that number the coarse bins: 2**COARSE in an octave.
COARSE = 3
#: Degree of the polynomials; 5 on 64 bins in an octave interpolates what is smooth in log z to
#: 1e-14, and a row fills a cache line.
DEGREE = 5
SPLIT, FLOOR, _FIRST = 0, 1, 2
COLUMNS = DEGREE + 3

_MANTISSA = (1 << 52) - 1
_INSIDE = (1 << (52 - COARSE)) - 1
_ONE = 1023 << 52
#: 1/2 - tail is a multiple of 2^-54 for tails above 1/4.
_LEAST_MARGIN = 2.0**-54
#: Both sides stop short of 1/4; the tail or margin 1/4 itself is read from the last piece.
_GREATEST = float(np.nextafter(0.25, 0.0))


@dataclass(frozen=True)
class LookupArrays:
    """Both sides of the table; z is the tail on one and the margin 1/2 - tail on the other.

    Attributes
    ----------
    bins : int array
        One number for every coarse bin, those of the tail side first: its first row times 128,
        plus 64 if its fine bins have two rows each, plus the low mantissa bits that a fine bin
        leaves out of its number.
    offsets : int array (2,)
        What added to the bits of z >> (52 - COARSE) gives the coarse bin, for each side.
    rows : array (rows, COLUMNS)
        From where on the next row counts; a lower bound of R at the end where it is least, which
        keeps the table monotone; monomials of the lower bound of R (tail side) or R / z (margin
        side) in u, which runs over [-1, 1) in the fine bin.
    errors : array (rows,)
        The relative error that was taken off.
    """

    bins: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: Array
    errors: Array


def bin_key(z: float) -> int:
    """Exponent and leading mantissa bits: what numbers the coarse bins."""
    return int(np.array([z]).view(np.int64)[0] >> (52 - COARSE))


def margin_range() -> tuple[float, float]:
    """Least and greatest z that the lookup reads on the margin side; the tail side ends there."""
    return _LEAST_MARGIN, _GREATEST


@kernel
def _lower(tail, smallest, bins, on_tails, on_margins, rows):
    """Lower bound of R at scale 1 for a tail in (0, 1/2), its floor and where its row starts.

    Other tails give some value of the table, so that no lane ever reads outside it.
    """
    # Written with selections rather than branches: which side a tail is on is a coin flip.
    on_tail = tail <= 0.25
    z = tail if on_tail else 0.5 - tail
    least = smallest if on_tail else _LEAST_MARGIN
    z = z if z > least else least
    z = z if z < _GREATEST else _GREATEST
    bits = float_bits(z)
    offset = on_tails if on_tail else on_margins
    code = table_load(bins, (bits >> (52 - COARSE)) + offset)
    shift = code & 63
    row = (code >> 7) + (((bits & _INSIDE) >> shift) << ((code >> 6) & 1))
    start = row * COLUMNS
    start += COLUMNS if z >= table_load(rows, start + SPLIT) else 0
    # The mantissa bits below the bin's number are where in the bin z is: exact, and no division.
    fraction = np.int64(((bits << (52 - shift)) & _MANTISSA) | _ONE).view(np.float64)
    u = 2.0 * fraction - 3.0
    value = table_load(rows, start + _FIRST + DEGREE)
    for k in range(DEGREE - 1, -1, -1):
        value = fma(value, u, table_load(rows, start + _FIRST + k))
    value = (1.0 if on_tail else z) * value
    return value, table_load(rows, start + FLOOR), start


@kernel
def lower_radii(points, is_tail, scale, limit, smallest, bins, offsets, rows, out):
    """Fill `out` with radii rounded toward zero; return whether all points were probabilities.

    `scale` comes rounded down.
    """
    illegal = False
    on_tails, on_margins = offsets[0], offsets[1]
    for n in range(points.shape[0]):
        point = table_load(points, n)
        tail = point if is_tail else 1.0 - point
        # Not-a-number fails both comparisons; 1 - point would round a tiny negative point away.
        illegal = illegal | (not (point >= 0.0)) | (not (point <= 1.0))
        value, floor, _ = _lower(tail, smallest, bins, on_tails, on_margins, rows)
        value = value if value > floor else floor
        value = value if tail < 0.5 else 0.0
        value = limit if tail == 0.0 else value
        table_store(out, n, scale * value)
    return not illegal


@kernel
def radius_bounds(tails, smallest, bins, offsets, rows, errors, lower, upper):
    """Fill lower and upper bounds at scale 1 for tails in (0, 1/2)."""
    on_tails, on_margins = offsets[0], offsets[1]
    for n in range(tails.shape[0]):
        value, floor, start = _lower(tails[n], smallest, bins, on_tails, on_margins, rows)
        lower[n] = max(value, floor)
        # The polynomial is the estimate times 1 - error.
        upper[n] = value * (1.0 + 2.5 * errors[start // COLUMNS])
